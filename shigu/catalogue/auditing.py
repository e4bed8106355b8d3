"""What must be true of the shelves alone; how stock agrees with orders is asked where orders are known."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

INVARIANTS = [
    Invariant(
        number="1",
        title=_("Goods have a validity never and their counts always, courses the other way round"),
        sql="""
        SELECT s.id AS sku, s.code, p.kind, s.validity_days, t.sku_id IS NOT NULL AS has_counts
          FROM catalogue_sku s
          JOIN catalogue_product p ON p.id = s.product_id
          LEFT JOIN catalogue_stock t ON t.sku_id = s.id
         WHERE (p.kind = 'goods') <> (t.sku_id IS NOT NULL)
            OR (p.kind = 'course') <> (s.validity_days IS NOT NULL)
        """,
    ),
    Invariant(
        number="1",
        title=_("Every stock movement is of goods that exist"),
        sql="""
        SELECT m.id AS movement, m.sku_id, m.kind, m.pieces, m.subject
          FROM catalogue_stockmovement m
          LEFT JOIN catalogue_stock t ON t.sku_id = m.sku_id
         WHERE m.id BETWEEN %(first)s AND %(last)s AND t.sku_id IS NULL
        """,
        table="catalogue_stockmovement",
    ),
]
