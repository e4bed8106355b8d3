"""What a coupon takes off and covers, in the reader's words, short enough for a list."""

from __future__ import annotations

from django.utils.translation import gettext

from shigu.catalogue.activity_words import rate, short
from shigu.catalogue.models import CHOSEN, Reach
from shigu.promotions.models import Coupon


def worth(coupon: Coupon) -> str:
    """The figure alone: "¥20", or "15% off"."""
    return f"¥{short(coupon.amount)}" if coupon.amount else rate(coupon.percent or 100)


def off(coupon: Coupon) -> str:
    """What it takes off: "¥20 off", or "15% off"."""
    if not coupon.amount:
        return worth(coupon)
    return gettext("¥%(amount)s off") % {"amount": short(coupon.amount)}


def terms(coupon: Coupon) -> str:
    """The same with its minimum: "¥20 off from ¥100 on"."""
    if not coupon.least:
        return off(coupon)
    figures = {"off": off(coupon), "least": short(coupon.least)}
    return gettext("%(off)s from ¥%(least)s on") % figures


def covered(coupon: Coupon) -> str:
    """What it covers: everything, or the names of what was chosen."""
    chosen = CHOSEN.get(Reach(coupon.reach))
    if chosen is None:
        return str(Reach.ALL.label)
    return ", ".join(row.name for row in getattr(coupon, chosen).all())
