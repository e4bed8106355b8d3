"""The drum, the one picture that says what Shigu is: sixty studs around a skin.

`studs(lit)` gives the ring with the first `lit` studs on, `lit_studs(left, window)` how many those
are, `MARK` the sign in the top bar. `static/web/js/countdown.js` moves the same studs.
"""

from __future__ import annotations

import math

STUDS = 60

MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">'
    '<circle cx="16" cy="16" r="14.3" fill="none" stroke="currentColor" stroke-width="2.8"'
    ' stroke-dasharray="0 4.492" stroke-linecap="round"/>'
    '<circle cx="16" cy="16" r="9.6" fill="currentColor"/></svg>'
)


def lit_studs(left: float, window: float) -> int:
    """How many of sixty studs still stand for `left` of `window` seconds; none at the end."""
    if window <= 0 or left <= 0:
        return 0
    return min(STUDS, math.ceil(STUDS * left / window))


def studs(lit: int) -> str:
    """The ring as SVG, every fifth stud larger, clockwise from the top."""
    return (
        '<svg viewBox="0 0 100 100" aria-hidden="true" focusable="false">'
        + "".join(_stud(place, place < lit) for place in range(STUDS))
        + "</svg>"
    )


def _stud(place: int, on: bool) -> str:
    angle = place / STUDS * 2 * math.pi - math.pi / 2
    x, y = 50 + 45.8 * math.cos(angle), 50 + 45.8 * math.sin(angle)
    radius = 2.2 if place % 5 == 0 else 1.45
    lit = ' class="on"' if on else ""
    return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius}"{lit}/>'


def still_svg() -> str:
    """A drum on its stand, at rest, in the colours of the page."""
    return (
        '<svg class="still" viewBox="0 0 160 150" aria-hidden="true" focusable="false" fill="none"'
        ' stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round">'
        '<path d="M34 132 46 108M126 132 114 108M26 132h20M114 132h20M22 62h-8M146 62h-8"/>'
        '<circle cx="80" cy="66" r="58"/><circle cx="80" cy="66" r="44"/>'
        '<circle cx="80" cy="66" r="51" stroke-width="5" stroke-dasharray="0 10.68"/>'
        '<path d="M96 40 132 14M64 40 28 14" stroke-width="3"/>'
        '<circle cx="94.5" cy="41.5" r="4.5" fill="currentColor"/>'
        '<circle cx="65.5" cy="41.5" r="4.5" fill="currentColor"/></svg>'
    )
