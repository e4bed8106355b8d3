"""The palettes of the drawings, named after Chinese colours; a category has one.

Each `Tone` runs from the sky to the nearest hill, with a sun that stands out from it.
"""

from __future__ import annotations

from typing import NamedTuple


class Tone(NamedTuple):
    """Colours from far to near, then the sun and the light of drawn lines."""

    sky: str
    haze: str
    far: str
    near: str
    deep: str
    sun: str
    light: str


TONES: dict[str, Tone] = {
    "qing": Tone("#f0e9d8", "#bfd0cf", "#7fa6b1", "#3b748c", "#1f465e", "#dd8c3c", "#f8f2e4"),
    "zhu": Tone("#f9ead8", "#f0c7a8", "#d98260", "#b94a31", "#7e2117", "#f3b64f", "#fdf3e4"),
    "cang": Tone("#f1ecd6", "#c6d3b4", "#88a98a", "#4a7a62", "#23463a", "#d9973f", "#f6f1df"),
    "mo": Tone("#ece7dd", "#c8c3be", "#8f8b96", "#565368", "#2a2933", "#bd4632", "#f3efe7"),
    "huang": Tone("#fcf2d8", "#f0d596", "#dcae52", "#b07d22", "#6d4a10", "#c4512f", "#fdf6e3"),
    "zi": Tone("#f5e9e6", "#dcc2cf", "#b08cb0", "#7c527f", "#472a50", "#e09a3e", "#faf1ee"),
    "dai": Tone("#e9ece8", "#b5c6c9", "#7893a3", "#3f5a75", "#1f2f45", "#e0a24a", "#f1f3ef"),
    "fen": Tone("#fbeeea", "#f2cdc4", "#df9a92", "#b8606a", "#6f2f42", "#e7a33f", "#fdf3ef"),
}
