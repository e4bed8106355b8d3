"""An operator takes unused coupons back, with a reason that their owners read.

`revoke(ids)` takes what can be taken, batch by batch, and returns the rest by the state that saved it: a
held one may be paid with at this very moment, a used one has been. `revoke_one` refuses instead. Each batch is
a transaction of its own that locks its grants and then looks, so an order that is being placed with one of them
either has it before, or finds it gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.promotions.errors import GrantHeld, NotUnused
from shigu.promotions.holding import locked
from shigu.promotions.models import Grant, GrantState

BATCH = 500


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many were revoked, and the grants that were not, with the state each was in."""

    count: int = 0
    kept: Sequence[tuple[Grant, GrantState]] = ()


def revoke(grant_ids: Iterable[int], *, by: int, reason: str) -> Revoked:
    """Revoke these as far as they are unused; whatever happens to one batch, the others are done."""
    ids = sorted(set(grant_ids))
    parts = [_revoke(ids[n : n + BATCH], by, reason) for n in range(0, len(ids), BATCH)]
    return Revoked(sum(part.count for part in parts), [one for part in parts for one in part.kept])


def revoke_one(grant_id: int, *, by: int, reason: str) -> None:
    """Revoke one. GrantHeld while an order holds it, NotUnused for every other state."""
    for _, state in revoke([grant_id], by=by, reason=reason).kept:
        raise GrantHeld if state == GrantState.HELD else NotUnused


def _revoke(ids: Sequence[int], by: int, reason: str) -> Revoked:
    """One batch: lock all of them, read the clock, take those that are unused and in their time."""
    with transaction.atomic(durable=True):
        grants = locked(ids)
        reached("promotions.revoke.locked")
        now = clock.now()
        states = {pk: grant.state_at(now) for pk, grant in grants.items()}
        free = [pk for pk, state in states.items() if state == GrantState.UNUSED]
        Grant.objects.filter(pk__in=free).update(
            state=GrantState.REVOKED, due_at=None, revoked_at=now, by_id=by, reason=reason
        )
    kept = [(grants[pk], state) for pk, state in states.items() if state != GrantState.UNUSED]
    return Revoked(len(free), kept)
