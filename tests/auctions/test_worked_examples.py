"""The design's own examples, told by people who bid, pay or do not pay: what is forfeited, what goes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu.accounts.models import User
from shigu.auctions.models import AwardState, Bidding, DepositState, LotState, Verdict
from shigu.payments.models import Outcome, Refund, Why
from tests.auctions.desk import Life, assert_audit_holds, held, life, passes, pays, story, won
from tests.auctions.saleroom import HOUR, Saleroom

pytestmark = pytest.mark.usefixtures("house")

DAY = timedelta(days=1, seconds=1)
HELD, DECIDED = DepositState.HELD, DepositState.DECIDED


def person(name: str) -> User:
    return User.objects.create(username=name, email=f"{name}@shigu.test")


def three_lots(room: Saleroom, *shares: int) -> list[Bidding]:
    """One lot for each share, in yuan."""
    return [room.lot(deposit=share * 100) for share in shares]


# -- 1. one session deposit of 1000, shares of 300, 500 and 400 -----------------------------------


@pytest.fixture
def all_won() -> tuple[Saleroom, list[Bidding], object]:
    """Alice has won all three lots with one deposit of ¥1 000 for the session."""
    room = Saleroom(deposit=100_000)
    alice, lots = person("alice"), three_lots(room, 300, 500, 400)
    deposit = held(room, alice)
    for lot in lots:
        assert room.bid(lot, alice, 1000).verdict == Verdict.ACCEPTED
    passes(HOUR)
    assert [won(lot).deposit_id for lot in lots] == [deposit.pk] * 3
    assert life(deposit) == Life(HELD, held=1000)
    return room, lots, deposit


def test_three_unpaid_take_300_then_500_then_200(all_won: tuple) -> None:
    """The last lot gets what is left of its 400, and nothing goes back."""
    _, lots, deposit = all_won
    passes(DAY)
    assert life(deposit) == Life(DECIDED, forfeited=1000)
    assert [won(lot).forfeited for lot in lots] == [30_000, 50_000, 20_000]
    assert story("forfeit", "refund") == [("forfeit", 300), ("forfeit", 500), ("forfeit", 200)]
    assert_audit_holds()


def test_one_unpaid_takes_its_share_and_the_rest_waits_for_the_others(all_won: tuple) -> None:
    """¥500 forfeited; the other ¥500 go back once both other lots are decided, and not before."""
    _, (first, second, third), deposit = all_won
    assert pays(won(first)) == Outcome.SETTLED
    passes(timedelta())
    assert life(deposit) == Life(HELD, held=1000), "two lots are still to be decided"
    assert pays(won(third)) == Outcome.SETTLED
    passes(timedelta())
    assert life(deposit) == Life(HELD, held=1000), "one lot is still to be decided"
    passes(DAY)
    assert life(deposit) == Life(DECIDED, returned=500, forfeited=500)
    assert won(second).state == AwardState.OVERDUE
    [refund] = Refund.objects.all()
    assert (refund.amount, refund.why) == (50_000, Why.DEPOSIT)
    assert_audit_holds()


# -- 2. the tutorial's own ---------------------------------------------------------------------------


class Tutorial:
    """白, 华 and 朱 at three lots: who deposits what, who bids what, and what is refused."""

    def __init__(self) -> None:
        self.room = Saleroom(deposit=100_000)
        self.bai, self.hua, self.zhu = person("bai"), person("hua"), person("zhu")
        self.a = self.lot(10_000, 20_000)
        self.b = self.lot(5_000, 90_000)
        self.c = self.lot(10_000, 10_000)
        self.for_all = held(self.room, self.bai)
        self.hua_on_a = held(self.room, self.hua, self.a)
        self.zhu_on_a = held(self.room, self.zhu, self.a)
        self.zhu_on_c = held(self.room, self.zhu, self.c)

    def lot(self, start: int, deposit: int) -> Bidding:
        return self.room.lot(start_price=start, deposit=deposit, steps=[[0, 100]])

    def bid(self, lot: Bidding, bidder: User, yuan: int) -> str:
        """With the jump confirmed: 白 means his ¥10 000."""
        return self.room.bid(lot, bidder, yuan * 100, None, True).verdict

    def sold(self) -> None:
        """All that was bid, and the end of the session."""
        on_a = [(self.bai, 100), (self.hua, 200), (self.zhu, 300), (self.hua, 400), (self.bai, 500)]
        assert [self.bid(self.a, *bid) for bid in on_a] == [Verdict.ACCEPTED] * 5
        assert self.bid(self.b, self.bai, 50) == Verdict.ACCEPTED
        assert self.bid(self.b, self.bai, 150) == Verdict.LEADING, "nobody outbids themselves"
        assert self.bid(self.b, self.zhu, 200) == Verdict.NO_DEPOSIT, "朱 has no deposit for B"
        # The tutorial's ¥10 000 are reached by somebody who may bid against him.
        li = person("li")
        held(self.room, li, self.b)
        assert self.bid(self.b, li, 9_999) == Verdict.ACCEPTED
        assert self.bid(self.b, self.bai, 10_000) == Verdict.ACCEPTED
        passes(HOUR)


@pytest.fixture
def tutorial() -> Tutorial:
    """After the session has ended."""
    told = Tutorial()
    told.sold()
    return told


def test_the_session_ends_as_the_tutorial_says(tutorial: Tutorial) -> None:
    """A at 500 and B at 10 000 to 白, C passed in, 10 500 in all; everyone else's deposits are back."""
    lots = {lot: Bidding.objects.get(pk=lot.pk) for lot in (tutorial.a, tutorial.b, tutorial.c)}
    states = [(row.state, row.hammer) for row in lots.values()]
    assert states == [
        (LotState.SOLD, 50_000),
        (LotState.SOLD, 1_000_000),
        (LotState.PASSED_IN, None),
    ]
    tutorial.room.session.refresh_from_db()
    assert tutorial.room.session.hammer_total == 1_050_000
    assert life(tutorial.hua_on_a) == Life(DECIDED, returned=200)
    assert life(tutorial.zhu_on_a) == Life(DECIDED, returned=200)
    assert life(tutorial.zhu_on_c) == Life(DECIDED, returned=100), "C passed in"
    assert life(tutorial.for_all) == Life(HELD, held=1000), "白 has to pay first"
    assert Refund.objects.filter(attempt__user=tutorial.zhu).count() == 2
    assert_audit_holds()


def test_bai_pays_neither(tutorial: Tutorial) -> None:
    """200 for A, then the 800 that are left of B's 900; nothing goes back."""
    passes(DAY)
    assert life(tutorial.for_all) == Life(DECIDED, forfeited=1000)
    assert [won(lot).forfeited for lot in (tutorial.a, tutorial.b)] == [20_000, 80_000]
    assert not Refund.objects.filter(attempt__user=tutorial.bai).exists()
    assert_audit_holds()


def test_bai_pays_only_b(tutorial: Tutorial) -> None:
    """200 forfeited for A; with B paid the other 800 go back."""
    assert pays(won(tutorial.b)) == Outcome.SETTLED
    passes(timedelta())
    assert life(tutorial.for_all) == Life(HELD, held=1000), "A may still be paid"
    passes(DAY)
    assert life(tutorial.for_all) == Life(DECIDED, returned=800, forfeited=200)
    assert_audit_holds()


def test_bai_pays_both(tutorial: Tutorial) -> None:
    """All of his deposit goes back, once, when the second one is paid."""
    pays(won(tutorial.a))
    passes(timedelta())
    assert life(tutorial.for_all) == Life(HELD, held=1000)
    pays(won(tutorial.b))
    passes(timedelta())
    assert life(tutorial.for_all) == Life(DECIDED, returned=1000)
    assert Refund.objects.filter(attempt__user=tutorial.bai).count() == 1
    assert_audit_holds()
