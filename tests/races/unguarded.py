"""The code without one of its guards: what a negative control puts in the place of the real thing.

Each control plays a meeting with one of these and must fail by the very fault that the guard keeps away,
named in its `match`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from shigu.clock import claiming
from shigu.orders import credits
from shigu.orders.models import Order
from shigu.payments.models import Attempt
from shigu.promotions.models import Grant

CLAIMS = "FOR NO KEY UPDATE SKIP LOCKED"


def unlocked_orders(ids: Collection[int]) -> list[Order]:
    """What `orders.locks.locked_orders` would be without its lock."""
    return list(Order.objects.filter(pk__in=ids).order_by("pk"))


def unlocked_attempts(purpose: str, subject_ids: Sequence[int]) -> list[Attempt]:
    """What `payments.locks.attempts_of_locked` would be without its lock."""
    return list(Attempt.objects.filter(purpose=purpose, subject_id__in=subject_ids).order_by("pk"))


def unlocked_grants(ids: Collection[int]) -> dict[int, Grant]:
    """What `promotions.holding.locked` would be without its lock."""
    return {row.pk: row for row in Grant.objects.select_related("coupon").filter(pk__in=ids)}


def unlocked_credits(user_ids: Collection[int]) -> dict[int, int]:
    """What `orders.credits.locked` would be without its lock; the accounts must be there."""
    return {user: credits.of(user) for user in user_ids}


def loose_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock's claims lock nothing: what somebody else has in hand is taken all the same."""
    real = claiming.claim_query

    def loose(*arguments: Any) -> tuple[str, list[Any]]:
        query, values = real(*arguments)
        assert CLAIMS in query
        return query.replace(CLAIMS, ""), values

    monkeypatch.setattr(claiming, "claim_query", loose)


def with_other(module: ModuleType, **others: Callable[..., Any]) -> Any:
    """A module with some of its verbs exchanged, for one of those who import it; the rest keep the real one."""
    return SimpleNamespace(**{**vars(module), **others})
