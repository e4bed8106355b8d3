"""Bidding: one door, every verdict with its sentence and its row, and nothing else changed by a refusal."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import committing, limits, news
from shigu.auctions.bidding import ADMITTED, BIDDERS, LOCK, REPEATS, RULES, decide_many
from shigu.auctions.deciding import Decision
from shigu.auctions.errors import (
    AlreadyLeading,
    BadAmount,
    BadKey,
    BadMaximum,
    Barred,
    BiddingOver,
    BidRefused,
    DepositMissing,
    KeyReused,
    LotBusy,
    NoSuchLot,
    NotOpenYet,
    OfTheHouse,
    TooLow,
    TooManyBids,
    WildJump,
)
from shigu.auctions.models import Ban, Bid, Bidding, DepositState, LotState, Paddle, Verdict
from shigu.auctions.sentences import praise
from tests.auctions.saleroom import HOUR, STEPS, Saleroom, log, standing
from tests.people import alice, bob, carol, operator


@pytest.fixture
def room(clone: str) -> Saleroom:
    """A live session, in a database of its own: bids commit."""
    return Saleroom()


def refused(room: Saleroom, lot: Bidding, bidder: User, amount: int, *more: object) -> BidRefused:
    """The refusal of a bid that must not count; price, leader, end and paddles of others stay."""
    lot.refresh_from_db()
    kept = ("price", "leader_id", "maximum", "bids", "extensions", "version", "closes_at", "due_at")
    before = {name: getattr(lot, name) for name in kept}
    with pytest.raises(BidRefused) as caught:
        committing.bid(room.offer(lot, bidder, amount, *more))
    lot.refresh_from_db()
    assert {name: getattr(lot, name) for name in kept} == before
    return caught.value


def test_the_first_bid_leads_at_the_start_price(room: Saleroom) -> None:
    """Alice bids the start price: she leads, the log has one row, the page something new."""
    lot = room.lot()
    found = room.bid(lot, alice(), 1000)
    assert (found.verdict, found.n, found.price, found.leads) == (Verdict.ACCEPTED, 1, 1000, True)
    assert (found.least, found.next_least) == (1000, 1100)
    assert standing(lot) == (1000, alice().pk)
    assert (lot.bids, lot.decisions, lot.version, lot.decided_at) == (1, 1, 1, found.at)
    row = Bid.objects.get()
    assert (row.at, row.met_end, row.closes_at) == (found.at, lot.closes_at, lot.closes_at)


def test_a_proxy_goes_further_for_its_bidder(room: Saleroom) -> None:
    """Alice would go to ¥50: Bob's ¥20 counts and is outbid at once; Carol's ¥60 wins at one step above."""
    lot = room.lot()
    room.bid(lot, alice(), 1000, 5000)
    assert standing(lot) == (1000, alice().pk)
    found = room.bid(lot, bob(), 2000)
    assert (found.verdict, found.leads, found.price) == (Verdict.ACCEPTED, False, 2100)
    assert standing(lot) == (2100, alice().pk)
    assert room.bid(lot, carol(), 2200, 6000).price == 5100
    assert standing(lot) == (5100, carol().pk)
    assert lot.bids == 3


def test_the_earlier_of_two_equal_maxima_leads(room: Saleroom) -> None:
    """Bob goes exactly as far as Alice went before him: she leads, at that amount."""
    lot = room.lot()
    room.bid(lot, alice(), 1000, 5000)
    assert not room.bid(lot, bob(), 5000, None, True).leads
    assert standing(lot) == (5000, alice().pk)


def test_ones_own_maximum_can_only_be_raised(room: Saleroom) -> None:
    """A leader's higher maximum moves nothing that is seen; a lower one, or a bare amount, is refused."""
    lot = room.lot()
    room.bid(lot, alice(), 1000, 2000)
    found = room.bid(lot, alice(), 1100, 3000)
    assert (found.verdict, found.price) == (Verdict.RAISED, 1000)
    lot.refresh_from_db()
    assert (lot.maximum, lot.bids, lot.version, lot.decisions) == (3000, 1, 1, 2)
    assert isinstance(refused(room, lot, alice(), 1500, 3000), AlreadyLeading)
    assert isinstance(refused(room, lot, alice(), 9000), AlreadyLeading)
    assert "more" not in praise(found)


def test_a_maximum_that_reaches_the_reserve_pays_it(room: Saleroom) -> None:
    """Hidden reserve ¥30: a bid of ¥10 up to ¥40 stands at ¥30; one up to ¥20 stands at its amount."""
    lot, other = room.lot(reserve=3000), room.lot(reserve=3000)
    assert room.bid(lot, alice(), 1000, 4000).price == 3000
    assert room.bid(other, alice(), 1000, 2000).price == 1000
    raised = room.bid(other, alice(), 1100, 3500)
    assert (raised.verdict, raised.price) == (Verdict.RAISED, 3000)
    other.refresh_from_db()
    assert other.version == 2


def test_too_low_says_the_least(room: Saleroom) -> None:
    """One step above ¥100 is ¥5: ¥104 is refused with ¥105 as the least, and written down."""
    lot = room.lot(start_price=10_000)
    room.bid(lot, alice(), 10_000)
    found = refused(room, lot, bob(), 10_499)
    assert isinstance(found, TooLow)
    with translation.override("en"):
        assert found.message == "That was not enough: bid at least ¥105.00."
    assert log(lot) == [(1, "accepted"), (2, "too-low")]
    assert Bid.objects.get(n=2).least == 10_500


def test_a_thing_is_not_given_away(room: Saleroom) -> None:
    """A lot that starts from nothing begins with one step."""
    lot = room.lot(start_price=0)
    assert refused(room, lot, bob(), 99).decision.least == 100
    assert room.bid(lot, bob(), 100).leads


def test_before_its_opening_nothing_counts(clone: str) -> None:
    """A bid in the preview is refused, though the lot may be seen."""
    soon = clock.now() + timedelta(minutes=5)
    room = Saleroom(opens_at=soon, preview_until=soon, closes_at=soon + HOUR)
    lot = room.lot(state=LotState.PREVIEW)
    assert isinstance(refused(room, lot, alice(), 1000), NotOpenYet)


def test_a_lot_whose_opening_never_ran_is_open(room: Saleroom) -> None:
    """Nobody turned preview into live; its columns say that it is open."""
    lot = room.lot(state=LotState.PREVIEW)
    assert room.bid(lot, alice(), 1000).leads


def test_after_its_end_nothing_counts(room: Saleroom) -> None:
    """Its time is over and nobody closed it yet: refused, written; closed: the log has ended."""
    lot = room.lot(closes_in=timedelta(seconds=-1))
    assert isinstance(refused(room, lot, alice(), 1000), BiddingOver)
    assert log(lot) == [(1, "ended")]
    Bidding.objects.update(state=LotState.PASSED_IN, due_at=None)
    found = refused(room, lot, alice(), 1000)
    assert isinstance(found, BiddingOver)
    assert found.decision.n == 0
    assert log(lot) == [(1, "ended")]


def test_a_draft_is_nobodys_business(room: Saleroom) -> None:
    """A lot that is not published, or none at all, is not there."""
    draft = room.lot(state=LotState.DRAFT)
    for pk in (draft.pk, 10**9):
        with pytest.raises(NoSuchLot):
            committing.bid(room.offer(Bidding(lot_id=pk), alice(), 1000))
    assert not Bid.objects.exists()


@pytest.mark.parametrize("scope", ["lot", "session"])
def test_without_a_deposit_the_amount_due_is_named(clone: str, scope: str) -> None:
    """Refused with the deposit's amount; admitted at once by one held for the lot, or for the session."""
    room = Saleroom(deposit=100_000)
    lot = room.lot(deposit=30_000)
    found = refused(room, lot, alice(), 1000)
    assert isinstance(found, DepositMissing)
    with translation.override("en"):
        assert found.message == "Pay the deposit of ¥300.00 first; then bid at least ¥10.00."
    row = room.deposit(alice(), lot=lot if scope == "lot" else None)
    assert room.bid(lot, alice(), 1000).leads
    type(row).objects.update(state=DepositState.DECIDED)
    assert isinstance(refused(room, lot, alice(), 2000, 3000), DepositMissing)


def test_a_deposit_for_another_lot_or_session_admits_nobody(room: Saleroom) -> None:
    """Deposits of another lot, of another session, and of another bidder open no door here."""
    lot, other = room.lot(deposit=30_000), room.lot(deposit=30_000)
    elsewhere = Saleroom(slug="spring", deposit=1)
    elsewhere.deposit(alice())
    room.deposit(alice(), lot=other)
    room.deposit(bob(), lot=lot)
    assert isinstance(refused(room, lot, alice(), 1000), DepositMissing)
    assert room.bid(lot, bob(), 1000).leads


def test_where_no_deposit_is_asked_everybody_may(room: Saleroom) -> None:
    """Zero means no gate."""
    assert room.bid(room.lot(), alice(), 1000).leads


def test_who_did_not_pay_is_barred_for_a_time(room: Saleroom) -> None:
    """A ban refuses while it lasts; one that is over or was lifted does not."""
    lot, now = room.lot(), clock.now()
    ban = Ban.objects.create(user=alice(), since=now, until=now + HOUR)
    assert isinstance(refused(room, lot, alice(), 1000), Barred)
    Ban.objects.update(lifted_at=now)
    assert room.bid(lot, alice(), 1000).leads
    Ban.objects.filter(pk=ban.pk).update(lifted_at=None, until=now)
    assert room.bid(lot, alice(), 1000, 2000).verdict == Verdict.RAISED


def test_the_house_may_not_bid(room: Saleroom) -> None:
    """Neither the session's maker, nor an operator, nor staff with a right on auctions; other staff may."""
    lot = room.lot()
    type(room.session).objects.update(made_by=bob())
    clerk = User.objects.create(username="clerk", email="clerk@example.org", is_staff=True)
    for person in (bob(), operator()):
        assert isinstance(refused(room, lot, person, 1000), OfTheHouse)
    assert room.bid(lot, clerk, 1000).leads
    clerk.user_permissions.add(Permission.objects.get(codename="view_bidding"))
    assert isinstance(refused(room, lot, clerk, 2000, 3000), OfTheHouse)


def test_a_wild_jump_is_asked_about_once(room: Saleroom) -> None:
    """Twenty steps above the least may be meant; one fen more is confirmed first, under a key of its own."""
    lot = room.lot()
    found = refused(room, lot, alice(), 3001)
    assert isinstance(found, WildJump)
    with translation.override("en"):
        assert found.message.startswith("¥30.01 is far above the least bid of ¥10.00.")
    assert room.bid(lot, alice(), 3001, None, True).leads
    assert room.bid(lot, bob(), 3101 + 20 * 100).leads


def test_the_same_key_gets_the_same_answer(room: Saleroom) -> None:
    """A lost answer is asked for again, also after others bid, also where it was a refusal."""
    lot = room.lot()
    first = room.bid(lot, alice(), 1000, key="mine")
    low = room.bid(lot, bob(), 1050, key="low")
    room.bid(lot, bob(), 1100)
    for was in (first, low):
        again = committing.decided(was.offer)
        assert again.repeated
        assert (again.n, again.verdict, again.at) == (was.n, was.verdict, was.at)
        assert (again.price, again.leader, again.least) == (was.price, was.leader, was.least)
        assert (again.met_end, again.closes_at) == (was.met_end, was.closes_at)
    assert len(log(lot)) == 3


def test_the_same_key_for_another_bid_is_refused(room: Saleroom) -> None:
    """Other amount, other maximum, or confirmed meanwhile: another body, and nothing is written."""
    lot = room.lot()
    room.bid(lot, alice(), 1000, key="mine")
    for body in [(1100,), (1000, 2000), (1000, None, True)]:
        with pytest.raises(KeyReused):
            room.bid(lot, alice(), *body, key="mine")
    assert room.bid(lot, bob(), 1100, key="mine").leads
    assert room.bid(room.lot(), alice(), 1000, key="mine").leads
    assert len(log(lot)) == 2


def test_the_same_key_twice_in_one_group(room: Saleroom) -> None:
    """A double click that arrives together is one bid with two answers."""
    lot = room.lot()
    room.bid(lot, bob(), 1000)
    one = room.offer(lot, bob(), 1100, 5000, key="twice")
    answers = decide_many([one, one])
    assert all(isinstance(answer, Decision) for answer in answers)
    assert [(a.n, a.repeated) for a in answers if isinstance(a, Decision)] == [
        (2, False),
        (2, True),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ((0,), BadAmount),
        ((-5,), BadAmount),
        ((10**14,), BadAmount),
        ((1000, 10**14), BadAmount),
        ((1000, 999), BadMaximum),
    ],
)
def test_nonsense_is_refused_before_anything(
    room: Saleroom, body: tuple[int, ...], kind: type[Exception]
) -> None:
    """Nothing is decided or written, and nobody draws a number for it."""
    lot = room.lot()
    with pytest.raises(kind):
        room.bid(lot, alice(), *body)
    with pytest.raises(BadKey):
        room.bid(lot, alice(), 1000, key="x" * 65)
    assert not Bid.objects.exists()
    assert not Paddle.objects.exists()


def test_haste_is_told_when_to_come_back(room: Saleroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twenty-first bid in ten seconds is not taken and says when; others are not delayed."""
    lot, other = room.lot(), room.lot()
    monkeypatch.setattr(time, "time", lambda: 1_000_003.0)
    for _ in range(20):
        limits.count(alice().pk, lot.pk)
    with pytest.raises(TooManyBids) as caught:
        room.bid(lot, alice(), 1000)
    assert caught.value.seconds == 7
    assert str(caught.value.seconds) in caught.value.message
    assert not Bid.objects.exists()
    assert room.bid(lot, bob(), 1000).leads
    assert room.bid(other, alice(), 1000).leads
    monkeypatch.setattr(time, "time", lambda: 1_000_010.0)
    assert room.bid(lot, alice(), 1100).leads


def test_a_full_lane_says_when_to_come_back(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lot that too many wait for answers so; nothing was bid."""
    lot = room.lot()
    monkeypatch.setattr(committing.lanes, "_most_waiting", 0)
    with pytest.raises(LotBusy) as caught:
        room.bid(lot, alice(), 1000)
    assert caught.value.seconds == 1
    assert not Bid.objects.exists()


def test_late_bids_move_the_end_a_few_times(clone: str) -> None:
    """Within the last two minutes a bid moves the end to two minutes after it, here at most twice."""
    room = Saleroom(soft_window=120, soft_extension=120, most_extensions=2)
    lot = room.lot(closes_in=timedelta(seconds=60))
    planned = lot.closes_at
    first = room.bid(lot, alice(), 1000)
    assert first.closes_at == first.at + timedelta(seconds=120) > planned
    second = room.bid(lot, bob(), 1100)
    third = room.bid(lot, alice(), 1200)
    assert second.closes_at == second.at + timedelta(seconds=120)
    assert third.closes_at == second.closes_at
    lot.refresh_from_db()
    assert (lot.extensions, lot.closes_at, lot.due_at) == (
        2,
        second.closes_at,
        second.closes_at,
    )
    refusal = refused(room, lot, bob(), 1)
    assert refusal.decision.closes_at == second.closes_at


def test_no_decision_is_before_the_one_it_follows(room: Saleroom) -> None:
    """A clock that was set back makes the next decision as late as the last one, never earlier."""
    lot = room.lot()
    with clock.shifted(timedelta(minutes=10)):
        first = room.bid(lot, alice(), 1000)
    assert room.bid(lot, bob(), 1100).at == first.at


def test_everybody_has_one_number_in_a_session(room: Saleroom) -> None:
    """Drawn with the first bid, kept for all lots; another session, another number of their own."""
    lots = [room.lot(), room.lot()]
    for lot in lots:
        room.bid(lot, alice(), 1000)
        room.bid(lot, bob(), 1100)
    other = Saleroom(slug="spring")
    other.bid(other.lot(), alice(), 1000)
    here = Paddle.objects.filter(session=room.session)
    assert sorted(here.values_list("user_id", flat=True)) == sorted([alice().pk, bob().pk])
    assert all(100 < number < 1000 for number in here.values_list("number", flat=True))
    assert Paddle.objects.filter(user=alice()).count() == 2


def test_numbers_grow_longer_where_the_short_ones_are_taken(room: Saleroom) -> None:
    """All three-digit numbers are gone: somebody still gets one."""
    people = room.bidders(900)
    Paddle.objects.bulk_create(
        Paddle(session=room.session, user=person, number=101 + n)
        for n, person in enumerate(people[:899])
    )
    room.bid(room.lot(), people[899], 1000)
    assert 1000 < Paddle.objects.get(user=people[899]).number < 10_000


def test_listeners_hear_what_a_page_shows(room: Saleroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the commit, once a group, for what is seen; a listener that fails harms no bid."""
    heard: list[list[int]] = []

    def broken(lots: object) -> None:
        raise ValueError

    def note(lots: object) -> None:
        assert not connection.in_atomic_block
        heard.append(list(lots))  # type: ignore[call-overload]

    monkeypatch.setattr(news, "listeners", [broken, note])
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    assert heard == [[lot.pk]]
    room.bid(lot, bob(), 1000)
    room.bid(lot, alice(), 1500, 2000)
    assert heard == [[lot.pk]]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE auctions_bid SET amount = 1",
        "DELETE FROM auctions_bid",
        "TRUNCATE auctions_bid",
    ],
)
def test_the_log_only_grows(room: Saleroom, spoil: str) -> None:
    """The database refuses to change, remove or empty what was decided."""
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(spoil)
    assert log(lot) == [(1, "accepted")]


@pytest.mark.parametrize("question", [LOCK, ADMITTED, RULES, BIDDERS, REPEATS])
def test_every_question_of_a_bid_walks_an_index(room: Saleroom, question: str) -> None:
    """With sequential scans forbidden where an index serves, no table that grows is read whole."""
    lot = room.lot()
    values = {"lot": lot.pk, "bidders": [alice().pk, bob().pk], "keys": ["a", "b"]}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {question}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on auctions_" not in plan, plan
    assert "Seq Scan on accounts_user" not in plan, plan


def test_a_bid_takes_the_same_messages_whatever_the_log_holds(room: Saleroom) -> None:
    """One message to lock and look, one to write: after fifty decisions as after one, for one bid or many."""
    lot = room.lot(steps=STEPS)
    counts = []
    for n in range(50):
        sent: list[str] = []

        def count(execute: object, sql: str, *rest: object, sent: list[str] = sent) -> object:
            sent.append(sql)
            return execute(sql, *rest)  # type: ignore[operator]

        offers = [room.offer(lot, who, 1000 + n * 100) for who in (alice(), bob())]
        if not n:
            for who in (alice(), bob()):
                room.bid(lot, who, 500)
        with connection.execute_wrapper(count):  # type: ignore[arg-type]
            decide_many(offers)
        counts.append(len(sent))
    assert set(counts) == {2}
