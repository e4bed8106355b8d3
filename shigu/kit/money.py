"""Money is an integer number of fen; it becomes yuan only where a person or a provider reads it.

`yuan(27930)` is `"279.30"`, `fen("279.30")` is `27930`. There is no float anywhere.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Fen: TypeAlias = int

_YUAN = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?")


def yuan(amount: Fen) -> str:
    """Amount in fen as yuan with two decimals, as providers and pages write it."""
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{rest // 100}.{rest % 100:02d}"


def grouped(amount: Fen) -> str:
    """The same as people read it in a sentence: `1,700.00`."""
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{rest // 100:,}.{rest % 100:02d}"


def fen(text: str) -> Fen:
    """Yuan as a provider writes them ("279.3", "279.30") in fen; ValueError on anything else."""
    found = _YUAN.fullmatch(text)
    if not found:
        raise ValueError(f"not an amount in yuan: {text!r}")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def shown(amount: Fen | None) -> str:
    """An amount in fen as operators read it."""
    if amount is None:
        return "–"
    return f"{'−' if amount < 0 else ''}¥{grouped(abs(amount))}"
