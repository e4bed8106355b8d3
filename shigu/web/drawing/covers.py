"""Covers drawn for courses and goods: layered hills in mist, a sun, and what the thing is about.

`cover_svg(slug, kind=…, motif=…, tone=…, square=…)` is pure: the same arguments give the same picture
everywhere. Motifs are the files in `art/goods` and `art/course`, palettes are in `tones.py`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from shigu.web.drawing.art import drawings, painted
from shigu.web.drawing.chance import Chance
from shigu.web.drawing.ridges import layer, ridge
from shigu.web.drawing.tones import TONES, Tone

EDITION = "1"  # part of every cover's address: raise it when drawings change

THINGS = {"goods", "lot"}
"""Kinds that are things on a shelf; the others are about something."""

Size = tuple[int, int]


@lru_cache(maxsize=512)
def cover_svg(slug: str, *, kind: str, motif: str, tone: str, square: bool) -> str:
    """A standalone picture of 400 by 400 or 640 by 400; unknown motif or tone: one chosen by slug."""
    chance = Chance(slug)
    paint = TONES[tone if tone in TONES else chance.pick(sorted(TONES))]
    things = kind in THINGS
    signs = drawings("goods" if things else "course")
    sign = signs[motif if motif in signs else chance.pick(sorted(signs))]
    size = (400, 400) if square else (640, 400)
    mark = (
        "c"
        + hashlib.blake2b(
            f"{slug} {kind} {motif} {tone} {square}".encode(), digest_size=5
        ).hexdigest()
    )
    draw = _shelf if things else _scene
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}"'
        f' viewBox="0 0 {size[0]} {size[1]}" preserveAspectRatio="xMidYMid slice">'
        f"{_mists(mark, paint)}{_sky(mark, chance, paint, size)}"
        f"{draw(mark, chance, paint, size, painted(sign, paint))}</svg>"
    )


def _mists(mark: str, paint: Tone) -> str:
    """Gradients: the sky, and for each layer its colour fading to mist at the foot."""
    fades = "".join(
        _fade(f"{mark}{name}", (0, colour, 1), (depth, colour, 0.25))
        for name, colour, depth in (
            ("a", paint.far, 0.75),
            ("b", paint.near, 0.8),
            ("c", paint.near, 1.1),
        )
    )
    sky = _fade(f"{mark}s", (0, paint.sky, 1), (0.75, paint.haze, 1))
    return f"<defs>{sky}{fades}</defs>"


def _fade(name: str, *stops: tuple[float, str, float]) -> str:
    inner = "".join(
        f'<stop offset="{min(at, 1):g}" stop-color="{colour}"'
        + (f' stop-opacity="{opacity:g}"' if opacity < 1 else "")
        + "/>"
        for at, colour, opacity in stops
    )
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{inner}</linearGradient>'


def _sky(mark: str, chance: Chance, paint: Tone, size: Size) -> str:
    width, height = size
    x, y = chance.between(0.62, 0.86) * width, chance.between(0.17, 0.27) * height
    radius = chance.between(26, 38)
    return (
        f'<rect width="{width}" height="{height}" fill="url(#{mark}s)"/>'
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius * 1.7:.0f}" fill="{paint.sun}" opacity=".16"/>'
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="{paint.sun}"/>'
        f"{_clouds(chance, paint, x, y)}{_birds(chance, paint, size)}"
    )


def _clouds(chance: Chance, paint: Tone, x: float, y: float) -> str:
    """Bars of mist across the sun, round at both ends, as on old lacquer."""
    bars = []
    for row in range(3):
        left = x + chance.between(-130, -30)
        bars.append(
            f"M{left:.0f} {y + 4 + row * 13:.0f}h{chance.between(60, 150) * (1 - row * 0.2):.0f}"
        )
    return (
        f'<path d="{"".join(bars)}" stroke="{paint.light}" stroke-width="7" stroke-linecap="round"'
        ' opacity=".75"/>'
    )


def _birds(chance: Chance, paint: Tone, size: Size) -> str:
    x, y = chance.between(0.1, 0.4) * size[0], chance.between(0.14, 0.26) * size[1]
    flock = "".join(
        f"M{x + dx:.0f} {y + dy:.0f}q5-6 9 0 4-6 9 0"
        for dx, dy in ((0, 0), (24, -9), (45, 4))[: 1 + int(chance.between(0, 3))]
    )
    return f'<path d="{flock}" fill="none" stroke="{paint.deep}" stroke-width="2" opacity=".55"/>'


def _scene(mark: str, chance: Chance, paint: Tone, size: Size, sign: str) -> str:
    """A course: its sign stands in the middle distance, the nearest hills before its foot."""
    width, height = size
    scale = 1.02
    x, y = width / 2 - 120 * scale, height * 0.2
    return (
        layer(ridge(chance, width, height * 0.66, 150, 3), size, f"url(#{mark}a)", 0.75)
        + layer(ridge(chance, width, height * 0.78, 130, 4), size, f"url(#{mark}b)", 0.8)
        + f'<g transform="translate({x:.0f} {y:.0f}) scale({scale:g})">{sign}</g>'
        + layer(ridge(chance, width, height * 0.86, 64, 5), size, f"url(#{mark}c)")
        + layer(ridge(chance, width, height * 0.97, 48, 4), size, paint.deep)
    )


def _shelf(mark: str, chance: Chance, paint: Tone, size: Size, sign: str) -> str:
    """Goods: the thing itself on a table, the hills far behind it."""
    width, height = size
    table = height * 0.83
    scale = 1.38
    x, y = width / 2 - 100 * scale, table + 22 - 186 * scale
    return (
        layer(ridge(chance, width, height * 0.62, 140, 3), size, f"url(#{mark}a)", 0.6)
        + layer(ridge(chance, width, height * 0.76, 120, 4), size, f"url(#{mark}a)", 0.85)
        + f'<rect y="{table:.0f}" width="{width}" height="{height - table:.0f}" fill="{paint.near}"/>'
        + f'<path d="M0 {table:.0f}h{width}" stroke="{paint.light}" stroke-width="2" opacity=".5"/>'
        + f'<ellipse cx="{width / 2:.0f}" cy="{table + 24:.0f}" rx="128" ry="12" fill="{paint.deep}"'
        + f' opacity=".38"/><g transform="translate({x:.0f} {y:.0f}) scale({scale:g})">{sign}</g>'
    )
