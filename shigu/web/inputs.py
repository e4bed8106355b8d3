"""What people and robots write into addresses and forms, made harmless before anything else sees it.

`whole`, `fen_of`, `words` and `name_of` answer a clean value or None/empty, never an error: plain ASCII
digits within what the database can hold, no control characters, a length. Whoever reads decides whether
nothing falls back or is said; `one_of` falls back by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from shigu.kit import money
from shigu.kit.money import Fen

LARGEST = 2**63 - 1

_DIGITS = re.compile(r"[0-9]{1,19}")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,50}")


def whole(text: str | None, *, least: int = 0, most: int = LARGEST) -> int | None:
    """A whole number in ASCII digits between `least` and `most`."""
    if not text or not _DIGITS.fullmatch(text.strip(" ")):
        return None
    number = int(text)
    return number if least <= number <= most else None


def one_of(text: str | None, choices: Sequence[int]) -> int:
    """The one of these numbers that is meant; the first for anything else."""
    number = whole(text)
    return number if number is not None and number in choices else choices[0]


def fen_of(text: str | None) -> Fen | None:
    """Yuan as people type them (`99`, `99.5`, `¥ 1,200`) in fen."""
    plain = unicodedata.normalize("NFKC", (text or "")[:30])
    try:
        return money.fen("".join(ch for ch in plain if ch not in " ,¥") or "-")
    except ValueError:
        return None


def words(text: str | None, *, most: int = 80) -> str:
    """One line of words: control characters and line breaks are gaps, gaps are single."""
    visible = (
        " " if unicodedata.category(ch)[0] in "CZ" else ch for ch in (text or "")[: 4 * most]
    )
    return " ".join("".join(visible).split())[:most].rstrip()


def name_of(text: str | None) -> str:
    """A slug or an identifier; empty where it is none."""
    return text if text and _NAME.fullmatch(text) else ""
