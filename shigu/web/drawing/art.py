"""The drawings as files: `art/goods`, `art/course` and `art/icon`, one SVG each, editable as they are.

A new file is a new motif or icon. Goods stand on y = 186 of a field of 200, course signs on y = 200 of
240. They are drawn in the colours of the tone `qing`; `painted` puts another tone in their place.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from shigu.web.drawing.tones import TONES, Tone

ART = Path(__file__).parent / "art"
DRAWN_IN = TONES["qing"]

_OUTER = re.compile(r"\A\s*<svg[^>]*>\s*|\s*</svg>\s*\Z")
_COLOUR = re.compile("|".join(DRAWN_IN))


@cache
def drawings(shelf: str) -> dict[str, str]:
    """What is inside each SVG of a shelf (`goods`, `course`, `icon`), by name."""
    return {
        file.stem: _OUTER.sub("", file.read_text(encoding="utf-8")).replace("\n", "")
        for file in sorted((ART / shelf).glob("*.svg"))
    }


def painted(drawing: str, tone: Tone) -> str:
    """A drawing in the colours of a tone."""
    colours = dict(zip(DRAWN_IN, tone, strict=True))
    return _COLOUR.sub(lambda found: colours[found[0]], drawing)
