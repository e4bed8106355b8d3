"""The shop gives a coupon to many people: afterwards everybody meant has one, as far as the number goes.

`start` writes an `Issuing`; the clock takes it on, a batch at a time, and `step` does the same for whoever
drives it by hand. Only people without the coupon get one, so pressing twice, two operators at once, or a
process that dies in between change nothing: the next batch begins where the last commit was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Q

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.promotions.errors import CouponOver, NobodyMeant, NoneLeft
from shigu.promotions.models import Audience, Coupon, Issuing
from shigu.promotions.recipients import people

BATCH = 500
"""People a batch: it holds the coupon's row, and those who claim the coupon wait meanwhile."""

GIVE = """
WITH meant AS (SELECT * FROM unnest(%(people)s::bigint[]) AS meant(id)),
     missing AS MATERIALIZED (
       SELECT id FROM meant WHERE NOT EXISTS (SELECT FROM promotions_grant g
                                               WHERE g.coupon_id = %(coupon)s AND g.user_id = meant.id)),
     given AS (INSERT INTO promotions_grant (coupon_id, user_id, nth, state, way, got_at, valid_from,
                                             valid_until, due_at, reason)
               SELECT %(coupon)s, id, 1, 'unused', 'operator', %(now)s, %(valid_from)s, %(valid_until)s,
                      %(valid_until)s, '' FROM missing ORDER BY id LIMIT %(left)s RETURNING 1),
     counted AS (UPDATE promotions_coupon SET issued = issued + (SELECT count(*) FROM given)
                  WHERE id = %(coupon)s)
SELECT (SELECT count(*) FROM missing), (SELECT count(*) FROM given)
"""


def start(
    coupon_id: int, audience: Audience, *, by: int | None, listed: Sequence[int] = ()
) -> Issuing:
    """Begin to give a coupon; the first batch is due at once. CouponOver, NoneLeft, NobodyMeant."""
    with transaction.atomic(durable=True):
        coupon, now = Coupon.objects.get(pk=coupon_id), clock.now()
        if now >= coupon.valid_until:
            raise CouponOver
        if not coupon.left:
            raise NoneLeft
        meant = people(audience, listed).aggregate(count=Count("pk"), last=Max("pk"))
        if not meant["count"]:
            raise NobodyMeant
        issuing = Issuing.objects.create(
            coupon=coupon,
            audience=audience,
            listed=list(listed),
            by_id=by,
            until_id=meant["last"],
            people=meant["count"],
            started_at=now,
            due_at=now,
        )
        clock.hint(issue)
    return issuing


@clock.rings(Issuing, due="due_at", among=Q(ended_at=None))
def issue(issuing_ids: list[int], *, now: datetime) -> int:
    """The next batch of each of these, which the clock has locked; one that is not done is due again."""
    # Two that give the same coupon wait for its row in one order.
    for issuing in Issuing.objects.filter(pk__in=issuing_ids).order_by("coupon_id", "pk"):
        _batch(issuing)
    return len(issuing_ids)


def step(issuing_id: int) -> Issuing:
    """One batch by hand; an issuing that is done is returned as it is."""
    with transaction.atomic(durable=True):
        issuing = Issuing.objects.select_for_update(no_key=True).get(pk=issuing_id)
        if issuing.ended_at is None:
            _batch(issuing)
    return issuing


def _batch(issuing: Issuing) -> None:
    """The next people after the last one done, and how far that brings it.

    1. Read who is next. 2. Lock the coupon; from here on nobody else gives or claims it.
    3. Give to those who have none, as many as are left. 4. Count, and be due again until all are done.
    """
    meant = people(Audience(issuing.audience), issuing.listed).order_by("pk")
    after = meant.filter(pk__gt=issuing.after_id, pk__lte=issuing.until_id)
    ids = list(after.values_list("pk", flat=True)[:BATCH])
    if ids:
        missing, gave = _give(issuing.coupon_id, ids)
        issuing.gave += gave
        issuing.had += len(ids) - missing
        issuing.short += missing - gave
        issuing.after_id = ids[-1]
    now = clock.now()
    is_done = len(ids) < BATCH
    issuing.due_at, issuing.ended_at = (None, now) if is_done else (now, None)
    issuing.save(update_fields=["gave", "had", "short", "after_id", "due_at", "ended_at"])
    reached("promotions.issue.done")


def _give(coupon_id: int, ids: list[int]) -> tuple[int, int]:
    """How many of these people had none, and how many of those got one."""
    coupon, now = Coupon.objects.select_for_update(no_key=True).get(pk=coupon_id), clock.now()
    reached("promotions.issue.locked")
    left = coupon.left if now < coupon.valid_until else 0
    values: dict[str, Any] = {
        "people": ids,
        "coupon": coupon_id,
        "now": now,
        "valid_from": coupon.valid_from,
        "valid_until": coupon.valid_until,
        "left": left,
    }
    with connection.cursor() as cursor:
        cursor.execute(GIVE, values)
        [(missing, gave)] = cursor.fetchall()
    return missing, gave
