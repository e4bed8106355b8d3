"""What running courses would be renewed with, and for how much: `renewals_of(enrolments, labels)`.

The choice that was bought, where it is still on sale, else the first there is. Two queries for any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shigu.catalogue import lists
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
    offered = lists.choices_of(row.product_id for row in rows)
    chosen = {
        row.pk: next((sku for sku in skus if sku.pk == bought.get(row.order_line_id)), skus[0])
        for row in rows
        if (skus := offered.get(row.product_id))
    }
    return {
        pk: Renewal(sku, labels.of_sku(sku, sku.product, renew=True)) for pk, sku in chosen.items()
    }
