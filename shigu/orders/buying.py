"""A course is bought once: not while it runs, not while it stands in the buyer's own unpaid order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shigu.catalogue.models import Kind
from shigu.kit.errors import Refusal
from shigu.orders.errors import AlreadyYours, AwaitingPayment
from shigu.orders.lines import line_kinds
from shigu.orders.models import OrderLine, Status

Pair = tuple[int, int]


def courses_in_hand(pairs: Iterable[Pair], *, now: datetime) -> tuple[set[Pair], dict[Pair, str]]:
    """Of (user, product) pairs: those whose course still runs, and those in an unpaid order by number."""
    wanted = set(pairs)
    if not wanted:
        return set(), {}
    running = line_kinds[Kind.COURSE].running(wanted, now=now)
    rows = OrderLine.objects.filter(
        kind=Kind.COURSE,
        order__status=Status.UNPAID,
        order__user_id__in={user for user, _ in wanted},
        product_id__in={product for _, product in wanted},
    ).values_list("order__user_id", "product_id", "order__number")
    waiting = {(user, product): number for user, product, number in rows}
    return running & wanted, {pair: waiting[pair] for pair in waiting.keys() & wanted}


def refusal(pair: Pair, name: str, running: set[Pair], waiting: dict[Pair, str]) -> Refusal | None:
    """Why this course cannot be bought now, if so."""
    if pair in waiting:
        return AwaitingPayment(name=name, number=waiting[pair])
    return AlreadyYours(name=name) if pair in running else None


def refuse_courses_in_hand(courses: Iterable[tuple[int, int, str]], *, now: datetime) -> None:
    """Raise for the first of (user, product, name) that cannot be bought now."""
    named = {(user, product): name for user, product, name in courses}
    running, waiting = courses_in_hand(named, now=now)
    for pair, name in named.items():
        if found := refusal(pair, name, running, waiting):
            raise found
