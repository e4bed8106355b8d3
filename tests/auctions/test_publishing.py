"""A draft is published whole or not at all; saving again moves what has not begun, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shigu import clock
from shigu.auctions import composing, deposits, extending, publishing, withdrawing
from shigu.auctions.errors_life import (
    BadFigures,
    BadSteps,
    FrozenNow,
    InThePast,
    IsOver,
    NoLots,
    NotALot,
    NotLater,
    NotOpen,
    NotOpenedYet,
    NumberTaken,
    Promised,
    ShareMissing,
    SoldAlready,
    TimesInDisorder,
    UnderHammer,
)
from shigu.auctions.models import (
    Bidding,
    DepositState,
    Extension,
    Lot,
    LotState,
    Session,
    SessionState,
)
from shigu.clock.drain import drain
from shigu.kit.horizon import TooFar
from shigu.orders.cart import add
from shigu.orders.errors import TakenDown
from shigu.orders.models import CartLine, Order
from tests.auctions.sale import (
    HOME,
    HOUR,
    STEPS,
    Sale,
    at,
    deposit,
    go_to,
    later,
    opened,
    paid,
    person,
    state,
    thing,
)
from tests.goods import sku, teapot
from tests.races.market import assert_audit_holds

pytestmark = pytest.mark.usefixtures("house")


def test_time_does_the_rest() -> None:
    """Scheduled, preview, live, ended: each at its own moment, each in one claim."""
    sale = Sale({})
    assert sale.state() == SessionState.DRAFT
    assert not Bidding.objects.exists()
    sale.publish()
    sale.publish()
    assert (sale.state(), sale.session.open_lots) == (SessionState.SCHEDULED, 1)
    moments = ["preview_from", "opens_at", "closes_at"]
    states = [SessionState.PREVIEW, SessionState.LIVE, SessionState.ENDED]
    for moment, expected in zip(moments, states, strict=True):
        go_to(getattr(sale.session, moment) - timedelta(minutes=5))
        assert sale.state() != expected
        go_to(getattr(sale.session, moment))
        assert sale.state() == expected
    assert_audit_holds()


def test_published_after_its_opening_it_is_live_at_once() -> None:
    """What has passed already happens now, in one step."""
    sale = Sale({})
    go_to(sale.session.opens_at, ring=False)
    sale.publish()
    drain("auctions.turn")
    assert sale.state() == SessionState.LIVE
    assert sale.bid(sale.lots[0], person("bob"), 1000).verdict == "accepted"


@pytest.mark.parametrize(
    ("lot", "session", "refusal"),
    [
        (None, {}, NoLots),
        ({"steps": []}, {}, BadSteps),
        ({"steps": [[1, 100]]}, {}, BadSteps),
        ({"steps": [[0, 0]]}, {}, BadSteps),
        ({"steps": [[0, 100], [0, 200]]}, {}, BadSteps),
        ({"steps": [[0, "100"]]}, {}, BadSteps),
        ({}, {"deposit": 100_000}, ShareMissing),
    ],
)
def test_what_is_missing_is_named(
    lot: dict[str, Any] | None, session: dict[str, Any], refusal: type[Exception]
) -> None:
    """Each refusal says what, and nothing is half published."""
    sale = Sale(*([] if lot is None else [{}, lot]), **session)
    with pytest.raises(refusal):
        sale.publish()
    assert (sale.state(), Bidding.objects.count()) == (SessionState.DRAFT, 0)


def test_only_lots_that_are_free_are_published() -> None:
    """Goods of the shop, the same thing twice, a thing under another hammer, one that was sold and paid."""
    with pytest.raises(NotALot):
        Sale({"sku": sku(teapot())}).publish()
    same = thing()
    with pytest.raises(UnderHammer):
        Sale({"sku": same}, {"sku": same}).publish()
    sale = Sale({"sku": same}).live()
    again = Sale({"sku": same})
    with pytest.raises(UnderHammer):
        again.publish()
    found = sale.sold(sale.lots[0], person("bob"))
    with pytest.raises(UnderHammer):
        again.publish()
    Order.objects.update(sent_to=HOME)
    paid(opened("order", found.order_id, found.user))
    with pytest.raises(SoldAlready):
        again.publish()
    assert Bidding.objects.count() == 1
    assert_audit_holds()


def test_a_session_that_would_be_over_is_not_published() -> None:
    """Its first lot would have closed already."""
    sale = Sale({})
    go_to(sale.session.closes_at, ring=False)
    with pytest.raises(IsOver):
        sale.publish()


def moved(sale: Sale, **changes: Any) -> None:
    """An operator saves the session again."""
    sale.session = publishing.change(sale.session.pk, changes)


def test_saving_again_moves_the_columns() -> None:
    """Later by a day: nothing happens at the old times, everything at the new ones."""
    sale = Sale({}, {}, stagger=60)
    sale.publish()
    old = [getattr(sale.session, name) for name in ("opens_at", "closes_at")]
    day = timedelta(days=1)
    moved(sale, opens_at=old[0] + day, closes_at=old[1] + day, stagger=30)
    assert [at(lot).closes_at - old[1] - day for lot in sale.lots] == [
        timedelta(0),
        timedelta(seconds=30),
    ]
    go_to(old[1] + HOUR)
    assert sale.state() == SessionState.PREVIEW
    assert {state(lot) for lot in sale.lots} == {LotState.PREVIEW}
    go_to(old[0] + day)
    assert sale.state() == SessionState.LIVE
    go_to(old[1] + day + timedelta(minutes=1))
    assert sale.state() == SessionState.ENDED
    assert_audit_holds()


def test_a_lot_past_its_opening_is_never_touched_by_saving() -> None:
    """Whoever opened it or did not: its times are frozen; only extending moves its end."""
    sale = Sale({})
    sale.publish()
    go_to(sale.session.opens_at, ring=False)
    before = at(sale.lots[0]).closes_at
    for changes in (
        {"closes_at": before + HOUR},
        {"opens_at": before},
        {"stagger": 5},
        {"soft_window": 60},
    ):
        with pytest.raises(FrozenNow):
            moved(sale, **changes)
    moved(sale, video_url="https://example.org/v.mp4", story_zh="预展")
    assert at(sale.lots[0]).closes_at == before
    extending.extend(sale.lots[0].pk, until=before + HOUR, by=person("operator").pk)
    assert at(sale.lots[0]).closes_at == before + HOUR
    assert_audit_holds()


def test_what_may_change_shrinks() -> None:
    """Before the preview all; in the preview words and times; after the first bid only looks."""
    sale = Sale({})
    sale.publish()
    moved(sale, pay_seconds=3600)
    publishing.change_lot(sale.lots[0].pk, {"start_price": 2000, "story_zh": "一"})
    go_to(sale.session.preview_from)
    moved(sale, name_zh="冬拍", closes_at=sale.session.closes_at + HOUR)
    publishing.change_lot(sale.lots[0].pk, {"story_zh": "二"})
    with pytest.raises(FrozenNow):
        moved(sale, pay_seconds=60)
    with pytest.raises(FrozenNow):
        publishing.change_lot(sale.lots[0].pk, {"reserve": 9000})
    go_to(sale.session.opens_at)
    publishing.change_lot(sale.lots[0].pk, {"story_zh": "三"})
    sale.bid(sale.lots[0], person("bob"), 2000)
    with pytest.raises(FrozenNow):
        publishing.change_lot(sale.lots[0].pk, {"story_zh": "四"})
    with pytest.raises(FrozenNow):
        moved(sale, name_zh="春拍")
    moved(sale, tone="zhu")
    sale.lots[0].refresh_from_db()
    sale.session.refresh_from_db()
    assert (sale.lots[0].story_zh, sale.lots[0].reserve) == ("三", None)
    assert (sale.session.name_zh, sale.session.pay_seconds) == ("冬拍", 3600)
    assert_audit_holds()


TERMS = [
    ("session", {"deposit": 500_000}),
    ("session", {"deposit_counts": True}),
    ("session", {"pay_seconds": 60}),
    ("lot", {"deposit": 100_000}),
    ("lot", {"start_price": 9_000}),
]


@pytest.mark.parametrize(("row", "changes"), TERMS)
def test_rules_stand_while_anybody_has_a_deposit(row: str, changes: dict[str, Any]) -> None:
    """Asked for, or paid, before the preview; words and times may change."""
    sale = Sale({"deposit": 20_000}, deposit=100_000)
    sale.publish()
    [lot] = sale.lots
    save = {
        "session": lambda: publishing.change(sale.session.pk, changes),
        "lot": lambda: publishing.change_lot(lot.pk, changes),
    }[row]
    before = [list(model.objects.order_by("pk").values()) for model in (Session, Lot)]
    asked = deposits.ask_for_session(person("bob").pk, sale.session.pk, key="first")
    with pytest.raises(Promised):
        save()
    later(timedelta(minutes=16))
    paid_one = deposit(person("carol"), lot=lot)
    asked.refresh_from_db()
    assert (asked.state, paid_one.state) == (DepositState.LAPSED, DepositState.HELD)
    with pytest.raises(Promised):
        save()
    assert before == [list(model.objects.order_by("pk").values()) for model in (Session, Lot)]
    moved(sale, name_zh="冬拍", closes_at=sale.session.closes_at + HOUR)
    publishing.change_lot(lot.pk, {"story_zh": "一"})
    assert_audit_holds()


def test_rules_may_change_again_when_a_deposit_lapsed() -> None:
    """Nobody is promised anything any more; after the preview began the reason is another one."""
    sale = Sale({"deposit": 20_000}, deposit=100_000)
    sale.publish()
    deposits.ask_for_session(person("bob").pk, sale.session.pk, key="once")
    later(timedelta(minutes=16))
    moved(sale, pay_seconds=3600)
    publishing.change_lot(sale.lots[0].pk, {"deposit": 30_000})
    deposit(person("bob"), session=sale.session)
    go_to(sale.session.preview_from)
    with pytest.raises(FrozenNow) as refusal:
        moved(sale, pay_seconds=60)
    assert not isinstance(refusal.value, Promised)


def test_times_that_make_no_sense_are_refused_whole() -> None:
    """Out of order, or behind us; nothing of the save stays."""
    sale = Sale({})
    sale.publish()
    before = sale.session.closes_at
    with pytest.raises(TimesInDisorder):
        moved(sale, closes_at=sale.session.opens_at, name_zh="半")
    go_to(sale.session.preview_from)
    with pytest.raises(InThePast):
        moved(sale, preview_until=sale.session.preview_from, name_zh="半")
    sale.session.refresh_from_db()
    assert (sale.session.closes_at, sale.session.name_zh) == (before, "秋拍")
    assert_audit_holds()


def test_looks_are_saved_when_all_is_over() -> None:
    """After the end, its thing sold again elsewhere or not: a picture is no promise. Times stay as they are."""
    sale = Sale({}).live()
    [lot] = sale.lots
    go_to(at(lot).closes_at)
    assert (sale.state(), state(lot)) == (SessionState.ENDED, LotState.PASSED_IN)
    Sale({"sku": lot.sku}).publish()
    moved(sale, tone="zhu", video_url="https://example.org/v.mp4")
    moved(sale)
    publishing.change_lot(lot.pk, {})
    with pytest.raises(FrozenNow):
        moved(sale, tone="mo", closes_at=clock.now() + HOUR)
    sale.session.refresh_from_db()
    assert (sale.session.tone, sale.session.video_url) == ("zhu", "https://example.org/v.mp4")
    assert_audit_holds()


def test_looks_are_saved_past_the_planned_end() -> None:
    """A lot with more time is still open when its session's own times are over."""
    sale = Sale({}).live()
    end = at(sale.lots[0]).closes_at
    extending.extend(sale.lots[0].pk, until=end + HOUR, by=person("operator").pk)
    go_to(end)
    assert sale.state() == SessionState.LIVE
    moved(sale, tone="zhu", name_zh="冬拍")
    sale.session.refresh_from_db()
    assert (sale.session.tone, sale.session.name_zh) == ("zhu", "冬拍")


def test_a_withdrawn_lot_stands_in_nobodys_way() -> None:
    """Listed again in another session, it is no reason to refuse new rules of the one that it left."""
    sale = Sale({}, {})
    sale.publish()
    withdrawing.withdraw_lot(sale.lots[0].pk, why="Cracked")
    Sale({"sku": sale.lots[0].sku}).publish()
    moved(sale, pay_seconds=3600, closes_at=sale.session.closes_at + HOUR)
    assert sale.session.pay_seconds == 3600
    assert_audit_holds()


@pytest.mark.parametrize("year", [1, 9999])
def test_times_of_another_age_are_refused_by_every_verb(year: int) -> None:
    """Of a draft, one that is published, a new one, and more time."""
    sale = Sale({})
    moment = sale.session.closes_at.replace(year=year)
    with pytest.raises(TooFar):
        moved(sale, closes_at=moment)
    sale.publish()
    with pytest.raises(TooFar):
        moved(sale, preview_from=moment)
    names = ("preview_from", "preview_until", "opens_at", "closes_at")
    times = {name: getattr(sale.session, name) for name in names}
    with pytest.raises(TooFar):
        composing.create(times | {"name_zh": "秋拍", "opens_at": moment}, by=person("operator").pk)
    if year > sale.session.opens_at.year:
        go_to(sale.session.opens_at)
        with pytest.raises(TooFar):
            extending.extend(sale.lots[0].pk, until=moment, by=person("operator").pk)
    assert [getattr(one, name) for one in Session.objects.all() for name in names] == [
        *times.values()
    ]
    assert not Extension.objects.exists()


def test_figures_of_a_published_lot_are_checked_again() -> None:
    """A reserve below the start price is refused; the row stays as it was."""
    sale = Sale({})
    sale.publish()
    with pytest.raises(BadFigures):
        publishing.change_lot(sale.lots[0].pk, {"reserve": 5})
    assert Lot.objects.get().reserve is None


def test_a_number_is_taken_once() -> None:
    """What another operator's form took a moment ago is refused in words, also for one that is saved."""
    sale = Sale({}, {})
    one = composing.Written("扇", 1000, STEPS, number=2)
    with pytest.raises(NumberTaken):
        composing.new_lots(sale.session.pk, [one])
    with pytest.raises(NumberTaken):
        publishing.change_lot(sale.lots[0].pk, {"number": 2})
    publishing.change_lot(sale.lots[0].pk, {"number": 1, "name_zh": "壶"})
    assert sorted(sale.session.lots.values_list("number", "name_zh")) == [(1, "壶"), (2, "拍品2")]


def test_lots_join_until_the_preview() -> None:
    """A lot written into a published session gets its place; in the preview it is too late."""
    sale = Sale({}, stagger=60)
    sale.publish()
    second = sale.add()
    assert publishing.add_lots(sale.session.pk) == 1
    assert at(second).closes_at == sale.session.closes_at + timedelta(seconds=60)
    assert_audit_holds()
    go_to(sale.session.preview_from)
    sale.add()
    with pytest.raises(FrozenNow):
        publishing.add_lots(sale.session.pk)
    assert Bidding.objects.count() == 2


def test_no_more_time_before_the_opening() -> None:
    """Until then its end follows its session's times, which would take it back again."""
    sale = Sale({})
    sale.publish()
    with pytest.raises(NotOpenedYet):
        extending.extend(
            sale.lots[0].pk, until=at(sale.lots[0]).closes_at + HOUR, by=person("operator").pk
        )
    assert not Extension.objects.exists()


def test_extending() -> None:
    """Later only, open lots only; each move is on record, and the lot closes at its new end."""
    sale = Sale({}).live()
    [lot] = sale.lots
    end = at(lot).closes_at
    operator = person("operator").pk
    with pytest.raises(NotLater):
        extending.extend(lot.pk, until=end, by=operator)
    extending.extend(lot.pk, until=end + HOUR, by=operator)
    [row] = Extension.objects.all()
    assert (row.met_end, row.closes_at, row.by_id, row.why) == (
        end,
        end + HOUR,
        operator,
        "operator",
    )
    go_to(end)
    assert state(lot) == LotState.PREVIEW
    go_to(end + HOUR, ring=False)
    with pytest.raises(NotOpen):
        extending.extend(lot.pk, until=end + 2 * HOUR, by=operator)
    later(timedelta(0))
    assert (state(lot), Extension.objects.count()) == (LotState.PASSED_IN, 1)
    assert_audit_holds()


def test_a_lot_is_not_for_the_cart() -> None:
    """What is under the hammer cannot be bought from a shelf, whatever its flags say."""
    one = thing()
    type(one).objects.update(on_sale=True)
    type(one.product).objects.update(on_sale=True)
    with pytest.raises(TakenDown):
        add(person("bob").pk, one.pk)
    assert not CartLine.objects.exists()
