"""From rows to the price engine: what a quote of some SKUs stands on at a moment, for pages and placing.

`terms(users, now)` reads the running activities and who is a student; `wanted(sku, …)` is a line;
`vouchers(grants)` are coupons. Pages and placing share these, so both mean the same price.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from shigu.accounts.models import User
from shigu.catalogue import activities
from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind, Sku
from shigu.catalogue.scopes import scopes_of
from shigu.kit.money import Fen
from shigu.orders import pricing
from shigu.orders.credits import worth
from shigu.orders.pricing import Quote, Voucher, Wanted
from shigu.promotions.models import Coupon, Grant


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for prices at one moment, besides the goods themselves."""

    activities: tuple[Running, ...] = ()
    students: frozenset[int] = frozenset()

    def quote(
        self,
        user_id: int | None,
        lines: Collection[Wanted],
        *,
        coupon: Voucher | None = None,
        credits: int = 0,
    ) -> Quote:
        """What these lines cost this buyer (None: a visitor). See `pricing.quote` for its refusals."""
        return pricing.quote(
            list(lines),
            activities=self.activities,
            is_student=user_id in self.students,
            coupon=coupon,
            credits=credits,
            credit_worth=credit_worth(),
        )


def terms(user_ids: Iterable[int], now: datetime) -> Terms:
    """Activities that run at `now`, and which of these users are students, where that matters."""
    running = activities.running(now)
    if not any(activity.kind == ActivityKind.STUDENT for activity in running):
        return Terms(running)
    found = User.objects.filter(pk__in=set(user_ids), is_student=True)
    return Terms(running, frozenset(found.values_list("pk", flat=True)))


def wanted(sku: Sku, quantity: int, *, renew: bool = False) -> Wanted:
    """One line; `sku` was read with its product and category."""
    return Wanted(
        sku_id=sku.pk,
        unit_price=unit_price(sku, renew=renew),
        quantity=quantity,
        product_id=sku.product_id,
        category_id=sku.product.category_id,
        direction_id=sku.product.category.direction_id,
        most_credits=sku.product.most_credits,
    )


def unit_price(sku: Sku, *, renew: bool = False) -> Fen:
    """The price of one piece; a renewal has its own where the validity option names one."""
    return sku.renewal_price if renew and sku.renewal_price is not None else sku.price


def vouchers(grants: Iterable[Grant]) -> dict[int, Voucher]:
    """What each of these grants (read with its coupon) is worth, by grant id, in one query."""
    rows = list(grants)
    scopes = scopes_of(Coupon, {row.coupon_id for row in rows}) if rows else {}
    return {
        row.pk: Voucher(
            name_zh=row.coupon.name_zh,
            name_en=row.coupon.name_en,
            scope=scopes[row.coupon_id],
            amount=row.coupon.amount or 0,
            percent=row.coupon.percent or 100,
            least=row.coupon.least,
            on_all_lines=row.coupon.on_all_lines,
        )
        for row in rows
    }


def credit_worth() -> Fen:
    """What one credit takes off, in fen."""
    return worth(1)
