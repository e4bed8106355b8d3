"""The peer's shop furnished and counted: a crew's role that runs with the settings of django-oscar.

`answer` takes `{"do": "furnish", "people": …, "skus": …}` and gives the sessions, addresses and products;
`{"do": "count"}` gives what stands in its tables.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Sum
from oscar.core.loading import get_model

from shigu.bench.sessions import session_of

ON_HAND = 10_000_000
PATH = "/basket/add/{}/"

Address, Country = get_model("address", "UserAddress"), get_model("address", "Country")
Product, ProductClass = get_model("catalogue", "Product"), get_model("catalogue", "ProductClass")
Partner, StockRecord = get_model("partner", "Partner"), get_model("partner", "StockRecord")
Order, Line = get_model("order", "Order"), get_model("order", "Line")


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked."""
    try:
        if job["do"] == "furnish":
            return _furnish(job["people"], job["skus"])
        return _count()
    finally:
        connection.close()


def _furnish(people: int, skus: int) -> dict[str, Any]:
    call_command("migrate", run_syncdb=True, verbosity=0)
    with transaction.atomic():
        Site.objects.update(domain="127.0.0.1", name="peer")
        return {"people": _people(people), "products": _goods(skus)}


def _people(count: int) -> list[dict[str, Any]]:
    """Their sessions and the address in their book."""
    land = Country.objects.create(
        iso_3166_1_a2="GB", printable_name="Great Britain", name="Great Britain"
    )
    user = get_user_model()
    users = user.objects.bulk_create(
        user(username=f"buyer-{n}", email=f"buyer-{n}@bench.test", password="!")
        for n in range(count)
    )
    return [{"session": session_of(one), "address": _address(one, land)} for one in users]


def _address(user: Any, land: Any) -> int:
    names = {"first_name": "Alice", "last_name": "Bench", "postcode": "N1 9RT", "country": land}
    return int(Address.objects.create(user=user, line1="1 West Market", line4="X", **names).pk)


def _goods(count: int) -> list[int]:
    """Products of one piece each, plenty in stock."""
    kind = ProductClass.objects.create(name="Goods", requires_shipping=True, track_stock=True)
    partner = Partner.objects.create(name="Bench")
    products = [
        Product.objects.create(product_class=kind, title=f"Goods {n}", slug=f"bench-{n}")
        for n in range(count)
    ]
    StockRecord.objects.bulk_create(
        StockRecord(
            product=product,
            partner=partner,
            partner_sku=product.slug,
            price=Decimal("99.00") + n,
            price_currency="GBP",
            num_in_stock=ON_HAND,
        )
        for n, product in enumerate(products)
    )
    return [product.pk for product in products]


def _count() -> dict[str, Any]:
    """Orders, lines, pieces that are allocated to them."""
    whole = Order.objects.filter(shipping_address__isnull=False, total_incl_tax__gt=0)
    held = StockRecord.objects.aggregate(held=Sum("num_allocated"))["held"]
    return {"orders": whole.count(), "lines": Line.objects.count(), "held": held or 0}
