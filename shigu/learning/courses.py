"""My courses: what a buyer may study, until when."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F, QuerySet

from shigu.learning.models import Enrolment


def mine(user_id: int) -> QuerySet[Enrolment]:
    """The last enrolment of each course, the newest first; lapsed ones included, revoked ones not."""
    latest = (
        Enrolment.objects.filter(user_id=user_id, revoked_at=None)
        .order_by("product_id", F("valid_until").desc(nulls_first=True))
        .distinct("product_id")
    )
    found: QuerySet[Enrolment] = Enrolment.objects.filter(pk__in=latest.values("pk"))
    return found.select_related("product__category").order_by("-pk")


def of_lines(line_ids: Collection[int]) -> dict[int, Enrolment]:
    """What these order lines gave, by line id; revoked ones not."""
    rows = Enrolment.objects.filter(order_line_id__in=line_ids, revoked_at=None)
    return {row.order_line_id: row for row in rows}
