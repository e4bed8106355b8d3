"""Each morning yesterday's bill is compared with the books: what differs waits for an operator, as rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from shigu import clock
from shigu.clock import periodic
from shigu.clock.drain import drain
from shigu.clock.models import Periodic, Quarantine
from shigu.payments import comparing
from shigu.payments.comparing import again, compare, each_morning, look_at
from shigu.payments.errors import NothingToSay
from shigu.payments.models import BillDay, BillState, Discrepancy
from shigu.payments.provider import NoBill
from shigu.payments.reconciling import BEIJING, Difference
from tests.payments.shopfront import Shop
from tests.people import alice, operator

DAY = date(2027, 5, 20)
SURPLUS = Difference("surplus", "X_1", "", None, 500)
UNEQUAL = Difference("unequal", "Y_1", "Y_1_r1", -900, -800)


class Bill:
    """What a provider's bill of each day would show; a day that is not in it has no bill."""

    def __init__(self) -> None:
        self.days: dict[date, list[Difference]] = {}
        self.asked: list[date] = []

    def differences(self, provider: str, day: date) -> list[Difference]:
        assert provider == "alipay"
        self.asked.append(day)
        if day not in self.days:
            raise NoBill("not yet")
        return self.days[day]


@pytest.fixture
def bill(clone: str, monkeypatch: pytest.MonkeyPatch) -> Bill:
    """The shop's clock says eleven in the morning of the 21st in Beijing."""
    clock.shift(datetime(2027, 5, 21, 11, tzinfo=BEIJING) - clock.now())
    found = Bill()
    monkeypatch.setattr(comparing, "differences", found.differences)
    return found


def morning() -> int:
    return each_morning(now=clock.now())


def run() -> None:
    drain(compare)


def states() -> dict[str, str]:
    return {str(row.day): row.state for row in BillDay.objects.order_by("day")}


def rows() -> list[tuple[Any, ...]]:
    return list(Discrepancy.objects.order_by("pk").values_list("pk", "kind", "ours", "theirs"))


def test_a_day_that_agrees(bill: Bill) -> None:
    """One row for yesterday, of the provider that keeps books and of no other; asked once."""
    bill.days[DAY] = []
    assert morning() == 1
    run(), run()
    assert states() == {"2027-05-20": BillState.AGREES}
    assert bill.asked == [DAY]
    assert morning() == 0


def test_what_differs_is_kept(bill: Bill) -> None:
    """Row by row; compared again with the same end, the very same rows stand."""
    bill.days[DAY] = [SURPLUS, UNEQUAL]
    morning(), run()
    assert states() == {"2027-05-20": BillState.DIFFERS}
    found = rows()
    assert [row[1:] for row in found] == [("surplus", None, 500), ("unequal", -900, -800)]
    look_at(found[0][0], by=operator().pk, note="tested with a coin")
    assert again([BillDay.objects.get().pk]) == 1
    run()
    assert rows() == found
    assert Discrepancy.objects.exclude(looked_at=None).count() == 1


def test_what_agrees_later_is_not_deleted(bill: Bill) -> None:
    """It says since when; another amount is to be looked at anew."""
    bill.days[DAY] = [SURPLUS, UNEQUAL]
    morning(), run()
    look_at(rows()[1][0], by=operator().pk, note="asked them")
    bill.days[DAY] = [Difference("unequal", "Y_1", "Y_1_r1", -900, -700)]
    again([BillDay.objects.get().pk])
    run()
    gone, changed = Discrepancy.objects.order_by("pk")
    assert gone.gone_at is not None
    assert (changed.theirs, changed.looked_at, changed.note) == (-700, None, "asked them")
    bill.days[DAY] = [SURPLUS]
    again([BillDay.objects.get().pk])
    run()
    back, away = Discrepancy.objects.order_by("pk")
    assert back.gone_at is None
    assert away.gone_at is not None


def test_a_bill_that_is_not_there_yet(bill: Bill) -> None:
    """Asked again a while later, without a word to operators; then compared."""
    morning(), run()
    row = BillDay.objects.get()
    assert (row.state, row.tries) == (BillState.WAITING, 1)
    assert timedelta(minutes=7) < (row.try_at or clock.now()) - clock.now() <= timedelta(minutes=10)
    assert not Quarantine.objects.exists()
    bill.days[DAY] = []
    with clock.shifted(timedelta(minutes=11)):
        run()
    assert states() == {"2027-05-20": BillState.AGREES}


def test_a_bill_that_never_comes(bill: Bill) -> None:
    """After five days it is not asked for any more; by hand it can be, and patience begins anew."""
    morning()
    with clock.shifted(comparing.PATIENCE + timedelta(hours=1)):
        run()
        row = BillDay.objects.get()
        assert (row.state, row.try_at) == (BillState.MISSING, None)
        again([row.pk])
        run()
        assert states() == {"2027-05-20": BillState.WAITING}


def test_mornings_that_were_missed(bill: Bill) -> None:
    """Every day since the last one that is over; of a long standstill, the last month."""
    morning()
    with clock.shifted(timedelta(days=3)):
        assert morning() == 3
    assert list(states()) == ["2027-05-20", "2027-05-21", "2027-05-22", "2027-05-23"]
    with clock.shifted(timedelta(days=300)):
        assert morning() == comparing.MOST_DAYS


def test_before_the_bill_can_be_there(bill: Bill) -> None:
    """Run by hand at nine: yesterday's bill does not exist yet, so it is the day before's turn."""
    with clock.shifted(timedelta(hours=-2)):
        assert morning() == 1
    assert list(states()) == ["2027-05-19"]


def test_an_answer_of_an_earlier_claim(bill: Bill) -> None:
    """Is dropped, and writes nothing."""
    morning(), run()
    row = BillDay.objects.get()
    BillDay.objects.update(tries=7)
    with pytest.raises(clock.StaleClaim):
        comparing.compared(row.pk, [SURPLUS], tries=1)
    assert not Discrepancy.objects.exists()


def test_the_clock_does_it_in_the_morning_in_beijing(bill: Bill) -> None:
    """Half past ten there, whatever zone the shop is in; two missed mornings are one run."""
    periodic.ensure()
    row = Periodic.objects.get(name="payments.reconcile")
    assert row.moment.astimezone(UTC) == datetime(2027, 5, 22, 2, 30, tzinfo=UTC)
    clock.shift(timedelta(days=2))
    assert drain("payments.reconcile").affected == 1
    assert drain("payments.reconcile").claimed == 0
    assert list(states()) == ["2027-05-22"]


def test_nothing_to_say_is_refused(bill: Bill) -> None:
    """And the difference still waits."""
    bill.days[DAY] = [SURPLUS]
    morning(), run()
    with pytest.raises(NothingToSay):
        look_at(rows()[0][0], by=operator().pk, note="  ")
    assert Discrepancy.objects.get().looked_at is None


@pytest.fixture
def office(bill: Bill) -> Client:
    bill.days[DAY] = [SURPLUS, UNEQUAL]
    morning(), run()
    client = Client(headers={"accept-language": "en"})
    client.force_login(operator(), "django.contrib.auth.backends.ModelBackend")
    return client


def test_operators_look_at_a_difference(office: Client) -> None:
    """It asks what came of it, refuses an empty word, then is off the list and on record."""
    row, listed = Discrepancy.objects.order_by("pk")[0], "/ops/payments/discrepancy/?odd=1"
    assert office.get(listed).content.decode().count("X_1") > 0
    page = reverse("admin:payments_discrepancy_look", args=[row.pk])
    assert office.get(page).status_code == 200
    assert office.post(page, {"note": ""}).status_code == 200
    assert Discrepancy.objects.filter(looked_at=None).count() == 2
    assert office.post(page, {"note": "paid at the counter"}).status_code == 302
    row.refresh_from_db()
    assert (row.looked_by, row.note) == (operator(), "paid at the counter")
    assert "X_1" not in office.get(listed).content.decode().split('id="result_list"')[-1]
    assert LogEntry.objects.get().object_id == str(row.pk)


def test_operators_compare_again(office: Client, bill: Bill) -> None:
    """From the list of bills; the list says how many differ and leads to them."""
    row = BillDay.objects.get()
    text = office.get("/ops/payments/billday/?odd=1").content.decode()
    assert f"bill__id__exact={row.pk}" in text
    assert office.get(f"/ops/payments/discrepancy/?bill__id__exact={row.pk}").status_code == 200
    assert office.get(f"/ops/payments/billday/{row.pk}/change/").status_code == 200
    bill.days[DAY] = []
    chosen = {"action": "compare_again", "_selected_action": [row.pk]}
    assert office.post("/ops/payments/billday/", chosen).status_code == 302
    run()
    assert states() == {"2027-05-20": BillState.AGREES}


def test_nobody_else_sees_them(office: Client) -> None:
    """A buyer is refused, and nothing is looked at."""
    client = Client()
    client.force_login(alice(), "django.contrib.auth.backends.ModelBackend")
    page = reverse("admin:payments_discrepancy_look", args=[Discrepancy.objects.all()[0].pk])
    assert client.post(page, {"note": "mine"}).status_code in {302, 403}
    assert client.get("/ops/payments/discrepancy/").status_code in {302, 403}
    assert not Discrepancy.objects.exclude(looked_at=None).exists()


def test_against_the_real_simulator(shop: Shop) -> None:
    """A wrong amount on Alipay's own bill is a row; compared again without the fault, it agrees."""
    attempt = shop.attempt()
    shop.pay(attempt)
    shop.told(attempt)
    shop.gate.fault("bill_wrong_amount")
    here = clock.now().astimezone(BEIJING)
    noon = datetime.combine(here.date() + timedelta(days=1), time(12), BEIJING)
    with shop.later(noon - here):
        assert morning() == 1
        run()
        row = Discrepancy.objects.get()
        assert (row.kind, row.out_trade_no) == ("unequal", attempt.out_trade_no)
        assert (row.ours, row.theirs) == (attempt.amount, attempt.amount + 1)
        shop.gate.clear_faults("bill_wrong_amount")
        again([row.bill_id])
        run()
    row.refresh_from_db()
    assert row.gone_at is not None
    assert BillDay.objects.get().state == BillState.AGREES
