"""How one person comes by a coupon: claims it, redeems a code, or is welcomed with it.

The coupon's row is the only hot one, and `TAKE` is all that touches it: counted up only while something is
left, and the grant written in the same statement. What the statement read of a person's own grants may be
old by the time the row is free; `UNIQUE(coupon, user, nth)` decides then, and the whole is tried again.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.promotions.errors import HaveYours, NoneLeft, NotOffered, NotYetOffered, UnknownCode
from shigu.promotions.models import Coupon, Grant, Way, plain_code

TAKE = """
WITH mine AS MATERIALIZED (SELECT count(*) AS n FROM promotions_grant
                            WHERE coupon_id = %(coupon)s AND user_id = %(user)s),
     taken AS (UPDATE promotions_coupon c SET issued = c.issued + 1 FROM mine
                WHERE c.id = %(coupon)s AND c.issued < c.total AND mine.n < least(c.per_user, %(most)s)
                  AND c.on_offer AND c.way = %(way)s
                  AND c.valid_from <= shigu_clock() AND shigu_clock() < c.valid_until
            RETURNING c.id, c.valid_from, c.valid_until, mine.n + 1 AS nth),
     given AS (INSERT INTO promotions_grant (coupon_id, user_id, nth, state, way, got_at, valid_from,
                                             valid_until, due_at, reason)
               SELECT id, %(user)s, nth, 'unused', %(way)s, shigu_clock(), valid_from, valid_until,
                      valid_until, '' FROM taken
               ON CONFLICT (coupon_id, user_id, nth) DO NOTHING RETURNING id)
SELECT (SELECT count(*) FROM taken), (SELECT id FROM given)
"""

MANY = 32_767
TRIES = 8


class _Stale(Exception):
    """Another tab of the same person was first: nothing of this one stays."""


def claim(coupon_id: int, user_id: int) -> Grant:
    """One more of a coupon of the coupon centre; NoneLeft, HaveYours, NotYetOffered or NotOffered."""
    return _got(coupon_id, user_id, Way.CLAIM)


def redeem(code: str, user_id: int) -> Grant:
    """The coupon behind a code, typed in whatever case. A code of no running offer is an UnknownCode."""
    coupon = Coupon.objects.filter(way=Way.CODE, code=plain_code(code) or None).first()
    if coupon is None:
        raise UnknownCode
    try:
        return _got(coupon.pk, user_id, Way.CODE)
    except (NotOffered, NotYetOffered):
        raise UnknownCode from None  # whether such a code exists is nobody's business yet, or any more


def welcome(user_id: int, now: datetime) -> None:
    """Somebody signs up, in this transaction: one of each coupon there is for that, while any is left."""
    coupons = Coupon.objects.filter(
        way=Way.SIGN_UP, on_offer=True, valid_from__lte=now, valid_until__gt=now
    )
    for coupon_id in coupons.order_by("pk").values_list("pk", flat=True):
        take(coupon_id, user_id, Way.SIGN_UP, most=1)


def take(coupon_id: int, user_id: int, way: Way, *, most: int = MANY) -> int | None:
    """The id of a new grant, or None where the coupon gives none; inside the caller's transaction."""
    values: dict[str, int | str] = {
        "coupon": coupon_id,
        "user": user_id,
        "way": way.value,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        [(counted, grant_id)] = cursor.fetchall()
    if counted and grant_id is None:
        raise _Stale
    reached("promotions.claim.taken")
    return int(grant_id) if grant_id else None


def _got(coupon_id: int, user_id: int, way: Way) -> Grant:
    """Take one, or say why not; where the reason is gone by the time it is looked for, take again."""
    for _ in range(TRIES):
        try:
            with transaction.atomic(durable=True):
                grant_id = take(coupon_id, user_id, way)
        except _Stale:
            continue
        if grant_id:
            return Grant.objects.select_related("coupon").get(pk=grant_id)
        _say_why(coupon_id, user_id, way)
    raise NoneLeft


def _say_why(coupon_id: int, user_id: int, way: Way) -> None:
    coupon = Coupon.objects.filter(pk=coupon_id, way=way, on_offer=True).first()
    now = clock.now()
    if coupon is None or now >= coupon.valid_until:
        raise NotOffered
    if now < coupon.valid_from:
        raise NotYetOffered
    if coupon.grants.filter(user_id=user_id).count() >= coupon.per_user:
        raise HaveYours
    if not coupon.left:
        raise NoneLeft
