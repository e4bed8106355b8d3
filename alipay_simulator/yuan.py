"""Amounts: yuan with at most two decimals on the wire, integer fen inside."""

from __future__ import annotations

import re

LARGEST = 100_000_000 * 100
_YUAN = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)


def read_yuan(text: object) -> int | None:
    """Fen of `"12.30"`, None when it is no amount Alipay takes (0.01 to 100 000 000)."""
    found = _YUAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    fen = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
    return fen if 0 < fen <= LARGEST else None


def yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"
