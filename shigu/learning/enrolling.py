"""A paid course line enrols its buyer until the end of its validity, exactly once.

Validity runs from settlement; a second payment for a course that still runs extends it from its end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from shigu.catalogue.stock import Change
from shigu.learning.models import Enrolment
from shigu.orders.lines import Owned

PAIRS = """
SELECT pg_advisory_xact_lock((8::bigint << 56) | ((u & 16777215) << 28) | (p & 268435455))
  FROM (SELECT DISTINCT * FROM unnest(%s::bigint[], %s::bigint[]) AS t(u, p) ORDER BY 1, 2) AS pairs
"""


class CourseLines:
    """Fulfils courses; see `orders.lines.LineKind` for each verb's promise."""

    def lock(self, pairs: Collection[tuple[int, int]]) -> None:
        """One enrolment of a buyer in a course at a time: two payments must not start on one day."""
        with connection.cursor() as cursor:
            cursor.execute(PAIRS, [[user for user, _ in pairs], [product for _, product in pairs]])

    def running(
        self, wanted: Collection[tuple[int, int]], *, now: datetime
    ) -> Mapping[tuple[int, int], datetime | None]:
        """Those pairs whose course is still valid, and until when; None is for ever."""
        return _ends(wanted, now)

    def fulfil(self, lines: Sequence[Owned], *, now: datetime) -> None:
        """One enrolment per line, from now or from the end of the one that runs."""
        pairs = {(owned.order.user_id, owned.line.product_id) for owned in lines}
        ends = _ends(pairs, now)
        rows = []
        for owned in lines:
            pair = owned.order.user_id, owned.line.product_id
            start = ends.get(pair) or now
            ends[pair] = end = _end(start, owned.line.validity_days)
            rows.append(_enrolment(owned, start, end))
        Enrolment.objects.bulk_create(rows)

    def unfulfil(self, lines: Sequence[Owned], *, now: datetime) -> Mapping[int, Change]:
        """A refunded course can no longer be studied; no pieces come back."""
        ids = [owned.line.pk for owned in lines]
        Enrolment.objects.filter(order_line_id__in=ids, revoked_at=None).update(revoked_at=now)
        return {}


def _enrolment(owned: Owned, start: datetime, end: datetime | None) -> Enrolment:
    return Enrolment(
        user_id=owned.order.user_id,
        product_id=owned.line.product_id,
        order_line_id=owned.line.pk,
        valid_from=start,
        valid_until=end,
    )


def _end(start: datetime, days: int | None) -> datetime | None:
    """None is for ever."""
    return start + timedelta(days=days) if days else None


def _ends(
    pairs: Collection[tuple[int, int]], now: datetime
) -> dict[tuple[int, int], datetime | None]:
    """The last end of each pair that still runs; None where it runs for ever."""
    rows = Enrolment.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=now),
        revoked_at=None,
        user_id__in={user for user, _ in pairs},
        product_id__in={product for _, product in pairs},
    ).order_by("valid_until")  # PostgreSQL sorts "for ever" (NULL) last, so it wins
    found = {(row.user_id, row.product_id): row.valid_until for row in rows}
    return {pair: found[pair] for pair in pairs if pair in found}
