"""A lot ends: sold to its leader or passed in, with award, order, totals and deposits, whoever is late."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.auctions import bidding, closing, opening
from shigu.auctions.errors import NoSuchLot
from shigu.auctions.models import AwardState, Deposit, DepositState, LotState, SessionState
from shigu.clock.claiming import claim_query
from shigu.clock.drain import drain, drain_all
from shigu.clock.kinds import find, known
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments.models import Refund, Why
from tests.auctions.sale import (
    HOME,
    HOUR,
    Sale,
    at,
    award,
    deposit,
    go_to,
    later,
    opened,
    paid,
    people,
    person,
    state,
    status,
)
from tests.races.market import assert_audit_holds

pytestmark = pytest.mark.usefixtures("house")


def test_a_whole_session_in_seconds() -> None:
    """Three lots from draft to paid, passed in and overdue, by moving the clock, in under ten seconds."""
    began = time.monotonic()
    sale = Sale({"deposit": 20_000}, {"reserve": 90_000}, {})
    bob, carol = person("bob"), person("carol")
    first, second, third = sale.lots
    sale.publish()
    seen = [sale.state()]
    for moment in ("preview_from", "opens_at"):
        go_to(getattr(sale.session, moment))
        seen.append(sale.state())
    bobs, carols = deposit(bob, lot=first), deposit(carol, lot=first)
    sale.bid(first, carol, 30_000)
    sale.bid(first, bob, 50_000)
    sale.bid(second, carol, 80_000)
    sale.bid(third, carol, 1000)
    go_to(sale.session.closes_at)
    seen.append(sale.state())
    assert seen == [
        SessionState.SCHEDULED,
        SessionState.PREVIEW,
        SessionState.LIVE,
        SessionState.ENDED,
    ]
    assert [state(lot) for lot in sale.lots] == [
        LotState.SOLD,
        LotState.PASSED_IN,
        LotState.SOLD,
    ]
    assert_audit_holds()
    carols.refresh_from_db()
    assert (carols.state, carols.returned) == (DepositState.DECIDED, 20_000)
    won = award(first)
    assert (won.user, won.price, won.deposit) == (bob, 50_000, bobs)
    assert won.pay_by == won.at + timedelta(days=1)
    Order.objects.filter(pk=won.order_id).update(sent_to=HOME)
    paid(opened("order", won.order_id, bob))
    go_to(won.pay_by + timedelta(minutes=1))
    assert [state(lot) for lot in (first, third)] == [LotState.PAID, LotState.OVERDUE]
    sale.session.refresh_from_db()
    assert (sale.session.hammer_total, sale.session.paid_total) == (51_000, 50_000)
    bobs.refresh_from_db()
    assert (bobs.state, bobs.returned) == (DepositState.DECIDED, 20_000)
    assert_audit_holds()
    assert time.monotonic() - began < 10


def test_what_a_sale_leaves_behind() -> None:
    """An order from a lot: unpaid, its line the lot, payable the hammer price, nobody's cart involved."""
    sale = Sale({}).live()
    bob = person("bob")
    won = sale.sold(sale.lots[0], bob)
    order = won.order
    assert (order.origin, order.status, order.user) == ("lot", Status.UNPAID, bob)
    assert (order.list_total, order.payable, order.sent_to) == (50_000, 50_000, "")
    assert order.placed_at == won.at == at(won.lot).ended_at
    assert order.due_at == order.pay_by == won.pay_by
    assert order.number.endswith(f"{bob.pk:04d}{order.pk:06d}")
    line = order.lines.get()
    assert (line.kind, line.name_en, line.quantity, line.price) == ("lot", "Lot 1", 1, 50_000)
    assert list(OrderEvent.objects.values_list("why", "by_id")) == [("awarded", None)]
    assert_audit_holds()


@pytest.mark.parametrize(
    ("bid", "reserve", "expected"),
    [
        (None, None, LotState.PASSED_IN),
        (5000, 5001, LotState.PASSED_IN),
        (5000, 5000, LotState.SOLD),
        (5000, None, LotState.SOLD),
    ],
)
def test_sold_or_passed_in(bid: int | None, reserve: int | None, expected: LotState) -> None:
    """No bid, or a reserve that was not met, passes in; a reserve met to the fen sells."""
    sale = Sale({"reserve": reserve}).live()
    [lot] = sale.lots
    if bid:
        sale.bid(lot, person("bob"), bid)
    go_to(sale.session.closes_at)
    assert state(lot) == expected
    assert Order.objects.count() == (expected == LotState.SOLD)
    assert at(lot).hammer == (bid if expected == LotState.SOLD else None)
    assert_audit_holds()


def test_lots_close_one_after_the_other() -> None:
    """Staggered by ten minutes: each has its own end, and the last one ends the session."""
    sale = Sale({}, {}, {}, stagger=600).live()
    ends = [at(lot).closes_at - sale.session.closes_at for lot in sale.lots]
    assert ends == [timedelta(minutes=minutes) for minutes in (0, 10, 20)]
    for lot, left in zip(sale.lots, (2, 1, 0), strict=True):
        assert sale.state() == SessionState.LIVE
        go_to(at(lot).closes_at)
        sale.session.refresh_from_db()
        assert (state(lot), sale.session.open_lots) == (LotState.PASSED_IN, left)
    assert sale.state() == SessionState.ENDED
    assert_audit_holds()


def test_a_soft_close_moves_the_end_of_its_lot_alone() -> None:
    """A late bid keeps its lot open past the time; the clock closes it at the moved end."""
    sale = Sale({}, {}, soft_window=120, soft_extension=120).live()
    first, second = sale.lots
    go_to(sale.session.closes_at - timedelta(seconds=30))
    sale.bid(first, person("bob"), 5000)
    go_to(sale.session.closes_at)
    assert (state(first), state(second)) == (LotState.PREVIEW, LotState.PASSED_IN)
    assert sale.state() == SessionState.LIVE
    go_to(at(first).closes_at)
    assert (state(first), sale.state()) == (LotState.SOLD, SessionState.ENDED)
    assert_audit_holds()


def no_opener_ever_came() -> None:
    """Bids count by the columns, the lot closes, the session ends."""
    sale = Sale({})
    sale.publish()
    go_to(sale.session.opens_at, ring=False)
    assert sale.bid(sale.lots[0], person("bob"), 5000).verdict == "accepted"
    go_to(sale.session.closes_at, ring=False)
    assert drain("auctions.close").affected == 1
    assert sale.state() == SessionState.SCHEDULED
    assert state(sale.lots[0]) == LotState.SOLD
    drain("auctions.turn")
    assert sale.state() == SessionState.ENDED
    assert_audit_holds()


def test_a_lot_whose_opening_never_ran_is_sold_all_the_same() -> None:
    """Nobody asks what the session's own state says."""
    no_opener_ever_came()


def test_control_a_bid_that_asks_the_sessions_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where a session must have been opened, nobody can bid on time."""
    live = "(SELECT s.state FROM auctions_session s WHERE s.id = session_id) = 3"
    asking = bidding.LOCK.replace(" state,", f" CASE WHEN {live} THEN state ELSE 0 END,")
    assert asking != bidding.LOCK
    monkeypatch.setattr(bidding, "LOCK", asking)
    with pytest.raises(NoSuchLot):
        no_opener_ever_came()


def the_opener_comes_late() -> None:
    """After the first of two lots has closed: the session is live, no lot is touched."""
    sale = Sale({}, {}, stagger=600)
    sale.publish()
    go_to(sale.session.opens_at, ring=False)
    sale.bid(sale.lots[1], person("bob"), 5000)
    go_to(sale.session.closes_at, ring=False)
    drain("auctions.close")
    before = [vars(at(lot)) for lot in sale.lots]
    drain("auctions.turn")
    assert state(sale.lots[0]) == LotState.PASSED_IN, "the opener opened a closed lot"
    assert state(sale.lots[0]) == LotState.PASSED_IN, "the opener opened a closed lot"
    assert sale.state() == SessionState.LIVE
    after = [vars(at(lot)) for lot in sale.lots]
    assert [_rows(row) for row in after] == [_rows(row) for row in before]
    assert_audit_holds()


def test_a_late_opener_changes_nothing() -> None:
    """What is over stays over."""
    the_opener_comes_late()


OPENS_LOTS = """
WITH lots AS (
  UPDATE auctions_bidding SET state = 2, due_at = closes_at WHERE session_id = ANY(%(ids)s::bigint[])
)"""


def test_control_an_opener_that_opens_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: an opener that turns lots live opens the closed one again."""
    monkeypatch.setattr(opening, "TURN", OPENS_LOTS + opening.TURN)
    with pytest.raises(AssertionError, match="opened a closed lot"):
        the_opener_comes_late()


def _rows(found: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in found.items() if name != "_state"}


def test_a_late_closer_sells_to_whoever_led_at_the_end() -> None:
    """The closer comes an hour late: nobody could bid meanwhile, and the winner is who led at the end."""
    sale = Sale({}).live()
    [lot] = sale.lots
    sale.bid(lot, person("bob"), 5000)
    go_to(sale.session.closes_at + HOUR, ring=False)
    assert sale.bid(lot, person("carol"), 90_000).verdict == "ended"
    drain_all()
    assert award(lot).user == person("bob")
    assert_audit_holds()


def test_the_deposit_that_covers_a_lot() -> None:
    """The lot's own deposit goes before the session's; without either an award has none."""
    sale = Sale({"deposit": 5000}, {"deposit": 5000}, deposit=100_000)
    sale.publish()
    bob = person("bob")
    whole = deposit(bob, session=sale.session)
    own = deposit(bob, lot=sale.lots[0])
    go_to(sale.session.opens_at)
    for lot in sale.lots:
        sale.bid(lot, bob, 50_000)
    go_to(sale.session.closes_at)
    assert [award(lot).deposit for lot in sale.lots] == [own, whole]
    held = Deposit.objects.filter(state=DepositState.HELD)
    assert set(held) == {own, whole}
    assert_audit_holds()


def test_losers_of_a_lot_get_their_deposit_back_at_once() -> None:
    """Also who never bid, also where the lot passed in: once each, by the way it came."""
    sale = Sale({"deposit": 5000}, {"deposit": 7000})
    sale.publish()
    bob, carol, alice = (person(name) for name in ("bob", "carol", "alice"))
    rows = [deposit(who, lot=sale.lots[0]) for who in (bob, carol, alice)]
    rows.append(deposit(alice, lot=sale.lots[1]))
    go_to(sale.session.opens_at)
    sale.bid(sale.lots[0], bob, 5000)
    sale.bid(sale.lots[0], carol, 6000)
    go_to(sale.session.closes_at)
    back = Refund.objects.filter(why=Why.DEPOSIT).values_list("attempt__user__username", "amount")
    assert sorted(back) == [("alice", 5000), ("alice", 7000), ("bob", 5000)]
    rows[1].refresh_from_db()
    assert rows[1].state == DepositState.HELD
    assert_audit_holds()


def test_a_deposit_that_counts_is_off_the_price() -> None:
    """Where the session says so the order costs so much less, and the payment moves the deposit."""
    sale = Sale({"deposit": 20_000}, deposit_counts=True)
    sale.publish()
    bob = person("bob")
    held = deposit(bob, lot=sale.lots[0])
    go_to(sale.session.opens_at)
    won = sale.sold(sale.lots[0], bob)
    assert (won.counted, won.order.payable, won.order.list_total) == (20_000, 30_000, 50_000)
    line = won.order.lines.get()
    assert (line.unit_price, line.price, line.activity_en != "") == (50_000, 30_000, True)
    Order.objects.filter(pk=won.order_id).update(sent_to=HOME)
    paid(opened("order", won.order_id, bob))
    drain_all()
    held.refresh_from_db()
    assert (held.state, held.applied, held.returned) == (DepositState.DECIDED, 20_000, 0)
    assert_audit_holds()


def test_a_shared_deposit_counts_no_more_than_it_has() -> None:
    """Shares 300/500/400 of a deposit of 1000 that counts: 300, 500 and what is left, 200."""
    shares = (30_000, 50_000, 40_000)
    sale = Sale(*[{"deposit": share} for share in shares], deposit=100_000, deposit_counts=True)
    sale.publish()
    bob = person("bob")
    deposit(bob, session=sale.session)
    go_to(sale.session.opens_at)
    for lot in sale.lots:
        sale.bid(lot, bob, 60_000)
    go_to(sale.session.closes_at)
    assert [award(lot).counted for lot in sale.lots] == [30_000, 50_000, 20_000]
    assert_audit_holds()


def test_many_lots_take_as_few_statements_as_one() -> None:
    """Sixty lots close in the same number of statements as two."""
    counts = []
    for many in (2, 60):
        sale = Sale(*[{} for _ in range(many)]).live()
        bidders = people(2)
        for lot in sale.lots[::2]:
            sale.bid(lot, bidders[lot.number % 2], 5000)
        go_to(sale.session.closes_at, ring=False)
        with CaptureQueriesContext(connection) as asked:
            assert drain("auctions.close").affected == many
        counts.append(sum("auctions_" in one["sql"] for one in asked.captured_queries))
        drain_all()
    assert counts[0] == counts[1]
    assert_audit_holds()


def test_nothing_of_a_hammer_waits_behind_sweeping() -> None:
    """Each kind has the queue of those who wait for it; operators hear of a late hammer at once."""
    found = {kind.name: kind for kind in known() if kind.name.startswith("auctions.")}
    assert {name: kind.urgency for name, kind in found.items()} == {
        "auctions.close": "auction",
        "auctions.turn": "auction",
        "auctions.outbid": "auction",
        "auctions.ending": "order",
        "auctions.decide_deposits": "order",
        "auctions.lapse": "order",
    }
    assert found["auctions.close"].alarm == timedelta(seconds=5)


def test_the_claim_walks_the_index_while_a_hundred_thousand_lots_wait() -> None:
    """A hundred thousand lots wait for their end: the claim of the ten that are due stays an index scan."""
    sale = Sale({})
    sale.publish()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "INSERT INTO auctions_bidding (lot_id, session_id, sku_id, state, opens_at, closes_at,"
            " due_at, bids, decisions, extensions, version)"
            " SELECT 1000000 + n, 1, 1000000 + n, 1, now(), now() + n * interval '1 minute',"
            " now() + (n - 10) * interval '1 minute', 0, 0, 0, 0 FROM generate_series(1, 100000) n"
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("ANALYZE auctions_bidding")
        query, values = claim_query(find("auctions.close"), 500, None)
        cursor.execute("EXPLAIN (ANALYZE, FORMAT TEXT) " + query, values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using bidding_due" in plan, plan
    assert "Index Cond: (due_at <= " in plan, plan


def test_closing_again_does_nothing() -> None:
    """The handler called with lots that are over changes nothing."""
    sale = Sale({}).live()
    won = sale.sold(sale.lots[0], person("bob"))
    before = vars(at(won.lot))
    assert closing.close([won.lot_id], now=clock.now()) == 0
    assert _rows(vars(at(won.lot))) == _rows(before)
    assert Order.objects.count() == 1
    assert won.state == AwardState.PENDING
    later(HOUR)
    assert status(won.order) == Status.UNPAID
    assert_audit_holds()
