"""The code on the cashier, drawn as inline SVG (no style attributes, so the strict policy stands)."""

from __future__ import annotations

import functools
from itertools import groupby

import qrcode
from markupsafe import Markup


@functools.lru_cache(maxsize=64)
def code_image(text: str) -> Markup:
    """One path of horizontal runs on a grid of modules, four modules of quiet around."""
    code = qrcode.QRCode(border=2, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(text)
    code.make(fit=True)
    matrix = code.get_matrix()
    runs = [run for y, line in enumerate(matrix) for run in _runs(line, y)]
    size = len(matrix)
    return Markup(
        '<svg class="qr" viewBox="0 0 {0} {0}" aria-hidden="true" shape-rendering="crispEdges">'
        '<path fill="currentColor" d="{1}"/></svg>'
    ).format(size, "".join(runs))


def _runs(line: list[bool], y: int) -> list[str]:
    x, found = 0, []
    for dark, group in groupby(line):
        length = len(list(group))
        if dark:
            found.append(f"M{x} {y}h{length}v1h-{length}z")
        x += length
    return found
