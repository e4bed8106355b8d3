"""Who reads, and what stands between them and a course.

It is theirs until …, or it waits in an unpaid order of theirs; else it can be bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from shigu.catalogue.models import Kind, Product
from shigu.orders.buying import courses_in_hand


def me(request: HttpRequest) -> int:
    """The signed-in reader's id, behind a guard that let nobody else in."""
    return int(request.user.pk or 0)


@dataclass(frozen=True, slots=True)
class InHand:
    """Whether it `runs`, and `until` when (None: for ever); the number of the unpaid order it waits in."""

    runs: bool = False
    until: datetime | None = None
    order: str = ""

    @property
    def blocks(self) -> bool:
        """Can the course not be bought now?"""
        return self.runs or bool(self.order)


def in_hand(user_id: int | None, product: Product, now: datetime) -> InHand:
    """How the reader stands to a course; nothing for goods and for visitors."""
    if user_id is None or product.kind != Kind.COURSE:
        return InHand()
    pair = (user_id, product.pk)
    found = courses_in_hand([pair], now=now)
    return InHand(pair in found.running, found.running.get(pair), found.waiting.get(pair, ""))
