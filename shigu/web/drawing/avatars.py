"""Avatars drawn from a name: one letter on a hill under a sun, colours by the name.

`avatar_svg(name)` is standalone SVG, 96 by 96.
"""

from __future__ import annotations

from django.utils.html import escape

from shigu.web.drawing.chance import Chance
from shigu.web.drawing.tones import TONES

FIELD = 96


def avatar_svg(name: str) -> str:
    """A round portrait without a face; the same name always gives the same picture."""
    chance = Chance("avatar " + name)
    tone = TONES[chance.pick(sorted(TONES))]
    letter = escape(name.strip()[:1].upper() or "·")
    sun, hill = chance.pick((18, 78)), chance.between(58, 66)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{FIELD}" height="{FIELD}"'
        f' viewBox="0 0 {FIELD} {FIELD}" aria-hidden="true" focusable="false">'
        f'<rect width="96" height="96" fill="{tone.near}"/>'
        f'<circle cx="{sun}" cy="{chance.between(20, 28):.0f}" r="11" fill="{tone.sun}"/>'
        f'<path d="M0 {hill:.0f}Q24 {hill - 22:.0f} 48 {hill - 4:.0f}T96 {hill - 10:.0f}V96H0z"'
        f' fill="{tone.deep}"/>'
        '<text x="48" y="50" font-size="42" font-weight="600" text-anchor="middle"'
        ' dominant-baseline="central" font-family="Songti SC,Noto Serif CJK SC,Georgia,serif"'
        f' fill="{tone.sky}">{letter}</text></svg>'
    )
