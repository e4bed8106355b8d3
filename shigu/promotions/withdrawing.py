"""A coupon is not on offer any more: nobody can claim it or get it by code. Whoever has one keeps it.

`withdraw` waits for whoever is claiming at this moment; saying it twice changes nothing.
"""

from __future__ import annotations

from django.db import transaction

from shigu.promotions.models import Coupon


def withdraw(coupon_id: int) -> None:
    """Take it off the coupon centre; operators can still give it."""
    with transaction.atomic(durable=True):
        Coupon.objects.filter(pk=coupon_id).update(on_offer=False)
