"""Products to show an activity with: `featured(ids, most)`, the most popular on sale of each, in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db import connection

FEATURED = """
SELECT a.id, p.id FROM catalogue_activity a CROSS JOIN LATERAL (
  SELECT p.id, p.popularity FROM catalogue_product p JOIN catalogue_category c ON c.id = p.category_id
   WHERE p.on_sale AND EXISTS (SELECT FROM catalogue_sku s WHERE s.product_id = p.id AND s.on_sale)
     AND CASE a.reach
         WHEN 'product' THEN
           p.id IN (SELECT product_id FROM catalogue_activity_products WHERE activity_id = a.id)
         WHEN 'category' THEN
           c.id IN (SELECT category_id FROM catalogue_activity_categories WHERE activity_id = a.id)
         WHEN 'direction' THEN
           c.direction_id IN (SELECT direction_id FROM catalogue_activity_directions WHERE activity_id = a.id)
         ELSE true END
   ORDER BY p.popularity DESC, p.id DESC LIMIT %s) p
 WHERE a.id = ANY(%s) ORDER BY p.popularity DESC, p.id DESC
"""


def featured(activity_ids: Collection[int], most: int) -> dict[int, list[int]]:
    """At most so many product ids of each activity, the most popular first; none for one without products."""
    found: dict[int, list[int]] = defaultdict(list)
    if not activity_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(FEATURED, [most, list(activity_ids)])
        for activity, product in cursor.fetchall():
            found[activity].append(product)
    return {pk: found[pk] for pk in activity_ids}
