"""What running courses would be renewed with, and for how much: `renewals_of(enrolments, labels)`.

The choice that was bought, where it is still on sale, else the first there is. Two queries for any number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shigu.catalogue.models import Sku
from shigu.learning.models import Enrolment
from shigu.orders.models import OrderLine
from shigu.web.labels import Label, Labels


class Renewal(NamedTuple):
    """A choice, and its price as a renewal now."""

    sku: Sku
    label: Label


def renewals_of(rows: Sequence[Enrolment], labels: Labels) -> dict[int, Renewal]:
    """By enrolment id; none for a course of which nothing is on sale."""
    lines = OrderLine.objects.filter(pk__in=[row.order_line_id for row in rows])
    bought = dict(lines.values_list("pk", "sku_id"))
    offered = _offered([row.product_id for row in rows])
    chosen = {
        row.pk: next((sku for sku in skus if sku.pk == bought.get(row.order_line_id)), skus[0])
        for row in rows
        if (skus := offered.get(row.product_id))
    }
    return {
        pk: Renewal(sku, labels.of_sku(sku, sku.product, renew=True)) for pk, sku in chosen.items()
    }


def _offered(product_ids: Sequence[int]) -> Mapping[int, list[Sku]]:
    rows = Sku.objects.filter(product__in=product_ids, on_sale=True, product__on_sale=True)
    found: dict[int, list[Sku]] = {}
    for sku in rows.select_related("product__category").order_by("position", "pk"):
        found.setdefault(sku.product_id, []).append(sku)
    return found
