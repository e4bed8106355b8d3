"""Covers drawn for courses and goods. `cover_svg(slug, kind=…, motif=…, tone=…, square=…)`."""

from __future__ import annotations

from functools import lru_cache

from shigu.web.drawing.chance import Chance
from shigu.web.drawing.tones import TONES

EDITION = "1"  # part of every cover's address: raise it when drawings change


@lru_cache(maxsize=512)
def cover_svg(slug: str, *, kind: str, motif: str, tone: str, square: bool) -> str:
    """A standalone picture, the same for the same arguments."""
    chance = Chance(slug)
    paint = TONES[tone if tone in TONES else chance.pick(sorted(TONES))]
    width, height = (400, 400) if square else (640, 400)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}"><rect width="100%" height="100%" fill="{paint.sky}"/>'
        f'<circle cx="{chance.between(100, 300):.0f}" cy="110" r="40" fill="{paint.sun}"/></svg>'
    )
