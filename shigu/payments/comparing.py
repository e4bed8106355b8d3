"""Each day's bill is compared with the books, and what differs waits for an operator.

`each_morning` makes a row for every finished day of each provider that keeps books (`BillDay`); the clock's
`compare` fetches that day's bill, as often as it takes: a bill that is not there yet is asked for again
until `PATIENCE` is over. `again` compares a day anew; `look_at` is how an operator closes a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.payments.errors import NothingToSay
from shigu.payments.models import BillDay, BillState, Discrepancy
from shigu.payments.provider import NoBill, providers
from shigu.payments.reconciling import BEIJING, Difference, differences

PATIENCE = timedelta(days=5)
"""So long is a bill asked for; after that an operator has to say so."""

MOST_DAYS = 31
"""A shop that stood still for longer does not look further back by itself."""

AFTER_MIDNIGHT = timedelta(hours=10)
"""When a bill is there: asked earlier, it is not."""


@clock.every(
    "30 10 * * *", zone="Asia/Shanghai", name="payments.reconcile", title=_("Bills of yesterday")
)
def each_morning(*, now: datetime) -> int:
    """A row for each day that is over and has none, since the last one or for yesterday; how many."""
    made = sum(
        _open(name, day, now)
        for name, provider in providers
        if provider.has_bill
        for day in _days(name, now)
    )
    if made:
        clock.hint(compare)
    return made


def _days(provider: str, now: datetime) -> list[date]:
    local = now.astimezone(BEIJING)
    yesterday = (local - AFTER_MIDNIGHT).date() - timedelta(days=1)
    known = BillDay.objects.filter(provider=provider).order_by("-day")
    last = known.values_list("day", flat=True).first() or yesterday - timedelta(days=1)
    count = min((yesterday - last).days, MOST_DAYS)
    return [yesterday - timedelta(days=back) for back in range(count - 1, -1, -1)]


def _open(provider: str, day: date, now: datetime) -> int:
    rows = [BillDay(provider=provider, day=day, since=now, try_at=now)]
    with transaction.atomic(durable=True):
        before = BillDay.objects.filter(provider=provider, day=day).exists()
        BillDay.objects.bulk_create(rows, ignore_conflicts=True)
    return 0 if before else 1


@clock.calls(
    BillDay,
    due="try_at",
    tries="tries",
    among=Q(state=BillState.WAITING),
    lease=8 * settings.ALIPAY_TIMEOUT,
    retry=clock.Backoff(first=timedelta(minutes=10), factor=2, most=timedelta(hours=2)),
    name="payments.compare",
)
def compare(bill: BillDay) -> list[Difference] | None:
    """What differs; None while there is no bill."""
    try:
        return differences(bill.provider, bill.day)
    except NoBill:
        return None


@compare.records
def compared(bill_id: int, found: list[Difference] | None, *, tries: int) -> None:
    """Write down what differs; without a bill, it is asked for again until patience is over.

    Of what was found before, the same rows stay as they are; a changed amount is to be looked at again.
    """
    with transaction.atomic(durable=True):
        bill = BillDay.objects.select_for_update(no_key=True).get(pk=bill_id)
        clock.StaleClaim.unless(bill.tries == tries and bill.state == BillState.WAITING)
        now = clock.now()
        state = _state(bill, found, now)
        if found is not None:
            write(bill, found, now)
            bill.compared_at = now
        if state != BillState.WAITING:
            bill.state, bill.try_at = state, None
        bill.save(update_fields=["state", "try_at", "compared_at"])
    if state == BillState.WAITING:
        raise clock.Again(after=compare.retry.after(tries))


def _state(bill: BillDay, found: list[Difference] | None, now: datetime) -> BillState:
    if found is not None:
        return BillState.DIFFERS if found else BillState.AGREES
    return BillState.MISSING if now - bill.since > PATIENCE else BillState.WAITING


def write(bill: BillDay, found: list[Difference], now: datetime) -> None:
    """What differs now, over what did before; the caller has locked the bill."""
    rows = {(row.out_trade_no, row.request_no): row for row in bill.discrepancies.all()}
    for one in found:
        row = rows.pop((one.out_trade_no, one.request_no), None)
        if row is None:
            row = Discrepancy(bill=bill, out_trade_no=one.out_trade_no, request_no=one.request_no)
        elif row.gone_at is None and (row.kind, row.ours, row.theirs) == _said(one):
            continue
        row.kind, row.ours, row.theirs = _said(one)
        row.found_at, row.gone_at, row.looked_at, row.looked_by = now, None, None, None
        row.save()
    gone = [row.pk for row in rows.values() if row.gone_at is None]
    Discrepancy.objects.filter(pk__in=gone).update(gone_at=now)


def _said(one: Difference) -> tuple[str, int | None, int | None]:
    return one.kind, one.ours, one.theirs


def again(bill_ids: Sequence[int]) -> int:
    """Compare these days anew, as soon as the clock sees it; how many were not about to be anyway."""
    with transaction.atomic(durable=True):
        rows = BillDay.objects.filter(pk__in=bill_ids).exclude(state=BillState.WAITING)
        ids = list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
        now = clock.now()
        anew = {"state": BillState.WAITING, "try_at": now, "since": now}
        changed = BillDay.objects.filter(pk__in=ids).update(**anew)
        clock.hint(compare)
    return changed


def look_at(discrepancy_id: int, *, by: int, note: str) -> Discrepancy:
    """An operator has looked, and says what came of it; said again, the last word stays."""
    if not (said := " ".join(note.split())):
        raise NothingToSay
    with transaction.atomic(durable=True):
        row = Discrepancy.objects.select_for_update(no_key=True).get(pk=discrepancy_id)
        row.looked_at, row.looked_by_id, row.note = clock.now(), by, said[:200]
        row.save(update_fields=["looked_at", "looked_by", "note"])
    return row
