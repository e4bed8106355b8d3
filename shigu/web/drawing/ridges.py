"""Hills in layers, each fading into the mist at its foot: the ground of every cover.

`ridge(chance, width, base, height, peaks)` is the outline as a path, `layer(...)` the filled hill.
"""

from __future__ import annotations

import math

from shigu.web.drawing.chance import Chance

STEPS = 16


def ridge(chance: Chance, width: int, base: float, height: float, peaks: int) -> list[int]:
    """Heights (y) of a smooth skyline at evenly spaced points; a few peaks over a slow swell."""
    humps = [
        (
            (place + chance.between(0.15, 0.85)) / peaks,
            chance.between(0.45, 1.0),
            chance.between(0.35, 0.75) / peaks,
        )
        for place in range(peaks)
    ]
    swell, phase = chance.between(0.04, 0.1), chance.between(0, math.tau)
    return [
        round(
            base
            - height * _rise(step / STEPS, humps)
            - height * swell * math.sin(9 * step / STEPS + phase)
        )
        for step in range(STEPS + 1)
    ]


def _rise(place: float, humps: list[tuple[float, float, float]]) -> float:
    return max(tall * math.exp(-(((place - middle) / broad) ** 2)) for middle, tall, broad in humps)


def outline(heights: list[int], width: int) -> str:
    """The skyline as smooth curves, without the ground below it."""
    gap = width / STEPS
    path = [f"M0 {heights[0]}"]
    for step in range(STEPS):
        before, here = heights[max(step - 1, 0)], heights[step]
        there, after = heights[step + 1], heights[min(step + 2, STEPS)]
        lean_in, lean_out = here + (there - before) / 6, there - (after - here) / 6
        x = step * gap
        path.append(
            f"C{x + gap / 3:.0f} {lean_in:.0f} {x + 2 * gap / 3:.0f} {lean_out:.0f} {x + gap:.0f} {there}"
        )
    return "".join(path)


def layer(heights: list[int], size: tuple[int, int], fill: str, opacity: float = 1) -> str:
    """A hill from its skyline to the bottom of the picture."""
    width, height = size
    faint = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<path d="{outline(heights, width)}V{height}H0z" fill="{fill}"{faint}/>'
