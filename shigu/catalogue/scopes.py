"""What a promotion covers, as plain facts: read once for many rows, asked without a query.

`scopes_of(Activity, ids)` reads the reach of activities or coupons; `Scope.covers` answers for a product,
`Scope.within` says it to the database.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from shigu.catalogue.models import Reach, Scoped

COLUMNS = {
    Reach.PRODUCT: "id",
    Reach.CATEGORY: "category_id",
    Reach.DIRECTION: "category__direction_id",
}
"""Where a product has the id that a scope of this reach asks for."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything, or the products, categories or directions with these ids."""

    reach: Reach = Reach.ALL
    ids: frozenset[int] = frozenset()

    def covers(self, product_id: int, category_id: int, direction_id: int) -> bool:
        """Is a product, with its category and direction, among it?"""
        asked = {
            Reach.PRODUCT: product_id,
            Reach.CATEGORY: category_id,
            Reach.DIRECTION: direction_id,
        }
        return self.reach == Reach.ALL or asked[self.reach] in self.ids

    def within(self, before: str = "") -> Q:
        """Rows whose product is among it; `before` leads from the row to its product ("product__")."""
        if self.reach == Reach.ALL:
            return Q()
        return Q(**{f"{before}{COLUMNS[self.reach]}__in": sorted(self.ids)})


READ = """
SELECT r.id, r.reach, CASE r.reach
         WHEN 'product' THEN ARRAY(SELECT product_id FROM {table}_products WHERE {column} = r.id)
         WHEN 'category' THEN ARRAY(SELECT category_id FROM {table}_categories WHERE {column} = r.id)
         WHEN 'direction' THEN ARRAY(SELECT direction_id FROM {table}_directions WHERE {column} = r.id)
         ELSE ARRAY[]::bigint[] END
  FROM {table} r WHERE r.id = ANY(%s)
"""


def scopes_of(model: type[Scoped], ids: Collection[int]) -> dict[int, Scope]:
    """The scope of each of these rows, in one query."""
    table, column = model._meta.db_table, f"{model._meta.model_name}_id"
    with connection.cursor() as cursor:
        cursor.execute(READ.format(table=table, column=column), [list(ids)])
        return {pk: Scope(Reach(reach), frozenset(found)) for pk, reach, found in cursor.fetchall()}
