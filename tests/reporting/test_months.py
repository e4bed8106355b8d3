"""The accounts of a month: its own instants and no others, the same however often they are counted."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from shigu import clock
from shigu.clock import periodic
from shigu.clock.drain import drain
from shigu.clock.models import Periodic
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.orders import history
from shigu.orders.models import Order, OrderEvent, Status
from shigu.reporting.closing import before, close, close_month
from shigu.reporting.errors import NotOver
from shigu.reporting.models import Month
from shigu.reporting.tables import table
from tests.goods import teapot
from tests.orders.shop import choice, placed
from tests.people import alice, operator

SALES, CLEARING, BALANCE = account(Book.SALES), account(Book.CLEARING), account(Book.BALANCE, 7)
ISSUED, REDEEMED = account(Book.ISSUED), account(Book.REDEEMED)
FORFEITED = account(Book.FORFEITED)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MAY = date(2027, 5, 1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def june(clone: str) -> None:
    """The shop's clock says noon of the first of June."""
    clock.shift(datetime(2027, 6, 1, 12, tzinfo=SHANGHAI) - clock.now())


_subjects = iter(range(1, 10_000))


def moved(kind: Event, debit: int, credit: int, amount: int, at: datetime) -> None:
    with transaction.atomic():
        people = sorted(pk for pk in (debit, credit) if not pk & 16)
        if people:
            posting.lock(people)
        posting.post([Move(kind, next(_subjects), debit, credit, amount)], at=at)


def busy(at: datetime) -> None:
    """One of everything that a month counts."""
    moved(Event.PAYMENT, CLEARING, SALES, 10_000, at)
    moved(Event.TOP_UP, CLEARING, BALANCE, 5_000, at)
    moved(Event.PAYMENT, BALANCE, SALES, 700, at)
    moved(Event.REFUND, SALES, account(Book.TRANSIT), 300, at)
    moved(Event.RETURNING, CLEARING, account(Book.TRANSIT), 9_900, at)
    moved(Event.WELCOME, ISSUED, account(Book.CREDITS, 7), 100, at)
    moved(Event.SPEND, account(Book.CREDITS, 7), REDEEMED, 40, at)
    moved(Event.GIVE_BACK, REDEEMED, account(Book.CREDITS, 7), 10, at)


BUSY = {
    "takings": 10_700,
    "from_balance": 700,
    "refunds": 300,
    "forfeits": 0,
    "top_ups": 5_000,
    "credits_issued": 100,
    "credits_redeemed": 30,
}


def figures(month: Month) -> dict[str, int]:
    names = ("placed", "paid", "lapsed", "cancelled", *BUSY)
    return {name: getattr(month, name) for name in names}


@pytest.mark.usefixtures("june")
def test_what_a_month_counts() -> None:
    """Takings with what came from balances, refunds, top-ups, credits; money that goes back is none of it."""
    busy(datetime(2027, 5, 20, tzinfo=UTC))
    month = close(MAY)
    assert figures(month) == {"placed": 0, "paid": 0, "lapsed": 0, "cancelled": 0, **BUSY}
    assert month.net == 10_400


@pytest.mark.usefixtures("june")
def test_forfeited_deposits_count_less_what_was_reversed() -> None:
    """What came into the house's book of forfeits, less what left it; a part of what the month brought."""
    at = datetime(2027, 5, 20, tzinfo=UTC)
    for debit, credit, amount in ((CLEARING, FORFEITED, 900), (FORFEITED, CLEARING, 200)):
        moved(Event.ADJUST, debit, credit, amount, at)
    assert (close(MAY).forfeits, close(MAY).net) == (700, 700)


@pytest.mark.usefixtures("june")
def test_orders_by_what_became_of_them() -> None:
    """Each counts in the month in which it happened: placed in May, lapsed and revived in June."""
    order = placed(alice(), choice(teapot()))
    OrderEvent.objects.all().delete()
    may, first_of_june = (
        datetime(2027, 5, 31, tzinfo=SHANGHAI),
        datetime(2027, 6, 1, tzinfo=SHANGHAI),
    )
    history.record([order.pk], None, Status.UNPAID, why="placed", at=may)
    history.record([order.pk], Status.UNPAID, Status.EXPIRED, why="time", at=first_of_june)
    history.record([order.pk], Status.EXPIRED, Status.PAID, why="revived", at=first_of_june)
    history.record([order.pk], Status.PAID, Status.PAID, why="shipped", at=first_of_june)
    assert (close(MAY).placed, close(MAY).paid, close(MAY).lapsed) == (1, 0, 0)
    with clock.shifted(timedelta(days=31)):
        later = close(date(2027, 6, 1))
    assert (later.placed, later.paid, later.lapsed) == (0, 1, 1)


ZONES = {
    "Asia/Shanghai": ("2027-02-28T16:00", "2027-03-31T16:00"),
    "Europe/Berlin": ("2027-02-28T23:00", "2027-03-31T22:00"),
    "America/New_York": ("2027-03-01T05:00", "2027-04-01T04:00"),
}


@pytest.mark.usefixtures("june")
@pytest.mark.parametrize("zone", ZONES)
def test_a_month_is_the_shops_own(settings: Any, zone: str) -> None:
    """From its first instant to before the next month's, also where the hour changes within it."""
    settings.TIME_ZONE = zone
    since, until = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in ZONES[zone])
    for number, at in enumerate((since - SECOND, since, until - SECOND, until)):
        moved(Event.PAYMENT, CLEARING, SALES, 10**number, at)
    assert close(date(2027, 3, 1)).takings == 110
    assert close(date(2027, 2, 1)).takings == 1
    assert close(date(2027, 4, 1)).takings == 1000


@pytest.mark.usefixtures("june")
def test_counting_again_says_the_same(settings: Any) -> None:
    """One row however often, with the same figures, also after the shop moved to another zone."""
    busy(datetime(2027, 4, 30, 23, tzinfo=UTC))  # May in Shanghai, April in New York
    first = close(MAY)
    settings.TIME_ZONE = "America/New_York"
    again = close(MAY)
    assert (again.pk, again.zone, figures(again)) == (first.pk, "Asia/Shanghai", figures(first))
    assert Month.objects.count() == 1


@pytest.mark.usefixtures("june")
def test_a_month_that_runs_is_refused() -> None:
    """And leaves no row."""
    with pytest.raises(NotOver, match="2027-06"):
        close(date(2027, 6, 1))
    assert not Month.objects.exists()


@pytest.mark.usefixtures("june")
def test_months_that_were_missed() -> None:
    """The month before and every one without a row since the first; what stands stays, but for the last."""
    busy(datetime(2027, 2, 10, tzinfo=UTC))
    close(date(2027, 3, 1))
    stands = Month.objects.get().counted_at
    assert close_month(now=clock.now()) == 3
    assert [str(month) for month in Month.objects.order_by("first")] == [
        *("2027-02", "2027-03", "2027-04", "2027-05")
    ]
    assert Month.objects.get(first=date(2027, 3, 1)).counted_at == stands
    assert close_month(now=clock.now()) == 1


@pytest.mark.usefixtures("june")
def test_a_shop_in_which_nothing_happened() -> None:
    """Has a month of zeros."""
    assert close_month(now=clock.now()) == 1
    assert set(figures(Month.objects.get()).values()) == {0}


def test_the_clock_writes_it_on_the_first(clone: str) -> None:
    """At three in the morning of the shop; a clock that stood still over two firsts runs once, for both."""
    clock.shift(datetime(2027, 5, 30, 12, tzinfo=SHANGHAI) - clock.now())
    busy(clock.now())
    periodic.ensure()
    row = Periodic.objects.get(name="reporting.close_month")
    assert row.moment == datetime(2027, 6, 1, 3, tzinfo=SHANGHAI)
    assert drain("reporting.close_month").claimed == 0
    clock.shift(timedelta(days=40))
    assert drain("reporting.close_month").affected == 1
    assert drain("reporting.close_month").claimed == 0
    row.refresh_from_db()
    assert row.changed == 2
    assert [(str(month), month.takings) for month in Month.objects.order_by("first")] == [
        ("2027-05", 10_700),
        ("2027-06", 0),
    ]


@pytest.mark.parametrize(
    ("day", "first"),
    [("2027-01-31", "2026-12-01"), ("2027-03-01", "2027-02-01"), ("2028-02-29", "2028-01-01")],
)
def test_the_month_before(day: str, first: str) -> None:
    """Over New Year and from long months to short ones."""
    assert before(date.fromisoformat(day)) == date.fromisoformat(first)


@pytest.mark.django_db
def test_a_month_begins_on_its_first() -> None:
    """The database refuses anything else."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Month.objects.create(first=date(2027, 5, 2), zone="UTC", counted_at=clock.now())


@pytest.mark.usefixtures("june")
@pytest.mark.parametrize(
    ("language", "takings"), [("zh-hans", "实收（元）"), ("en", "Takings (yuan)")]
)
def test_the_table(language: str, takings: str) -> None:
    """Yuan with two decimals under words of the reader's language; a spreadsheet sees that it is UTF-8."""
    busy(datetime(2027, 5, 20, tzinfo=UTC))
    close(MAY)
    with translation.override(language):
        text = table(Month.objects.all())
    assert text[0] == "\ufeff"
    [line] = csv.DictReader(io.StringIO(text[1:]))
    assert line[takings] == "107.00"
    assert "2027-05" in line.values()


def office(language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(operator(), "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.usefixtures("june")
def test_the_back_office() -> None:
    """List, page, CSV; counting again asks, does, and is on record."""
    busy(datetime(2027, 5, 20, tzinfo=UTC))
    month, client = close(MAY), office()
    assert "¥107.00" in client.get("/ops/reporting/month/").content.decode()
    assert "¥104.00" in client.get(f"/ops/reporting/month/{month.pk}/change/").content.decode()
    answer = client.get(reverse("admin:reporting_month_download"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "107.00" in answer.content.decode()
    busy(datetime(2027, 5, 21, tzinfo=UTC))
    page = reverse("admin:reporting_month_count_again", args=[month.pk])
    assert client.get(page, follow=True).status_code == 200
    assert Month.objects.get().takings == 10_700
    assert client.post(page, follow=True).status_code == 200
    assert Month.objects.get().takings == 21_400
    assert LogEntry.objects.count() == 1


@pytest.mark.usefixtures("june")
def test_nobody_else_reads_it() -> None:
    """A buyer is refused, list and CSV alike; so is a row by hand."""
    close(MAY)
    client = Client()
    client.force_login(alice(), "django.contrib.auth.backends.ModelBackend")
    for page, args in (("changelist", []), ("download", []), ("count_again", [1])):
        answer = client.get(reverse(f"admin:reporting_month_{page}", args=args))
        assert answer.status_code in {302, 403}, page
        assert b"2027-05" not in answer.content
    assert office().get("/ops/reporting/month/add/").status_code == 403
    assert not Order.objects.exists()
