"""What a coupon takes off and covers, in the reader's words, short enough for a list."""

from __future__ import annotations

from django.utils.translation import gettext

from shigu.catalogue.activity_words import rate, short
from shigu.catalogue.models import Reach
from shigu.promotions.models import Coupon


def worth(coupon: Coupon) -> str:
    """The figure alone: "¥20", or "15% off"."""
    return f"¥{short(coupon.amount)}" if coupon.amount else rate(coupon.percent or 100)


def terms(coupon: Coupon) -> str:
    """The figure with its minimum: "¥20 off from ¥100 on"."""
    off = (
        gettext("¥%(amount)s off") % {"amount": short(coupon.amount)}
        if coupon.amount
        else worth(coupon)
    )
    if not coupon.least:
        return off
    return gettext("%(off)s from ¥%(least)s on") % {"off": off, "least": short(coupon.least)}


def covered(coupon: Coupon) -> str:
    """What it covers: everything, or the names of what was chosen."""
    rows = {
        Reach.DIRECTION.value: coupon.directions,
        Reach.CATEGORY.value: coupon.categories,
        Reach.PRODUCT.value: coupon.products,
    }
    chosen = rows.get(coupon.reach)
    return ", ".join(row.name for row in chosen.all()) if chosen else str(Reach.ALL.label)
