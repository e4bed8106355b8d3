"""An order's whole life at random, against a real provider: place with coupon and credits, open, pay, be told
(again), ask, top up, pay from the balance, lapse, cancel, restore, ship, refund, time passing in between.

After every step the audit holds, the ledger sums to zero, nobody owes anything, and every move in the history
is one that the design allows. At the end of each life time passes until nothing is due, and then every fen that
the provider took is in a paid order, on the balance or went back, by its own books, and nothing is held.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from alipay_simulator.control import Simulator, SimulatorError
from shigu import clock
from shigu.clock.drain import drain_all
from shigu.kit.errors import Refusal
from shigu.ledger.models import HOUSE, IN_CREDITS, Account, Event, Transfer
from shigu.orders import refunding, shipping
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments.models import Attempt, Money, Notice, Refund, RefundState, State
from shigu.payments.notices import hear
from shigu.payments.opening import Way, open_attempt
from shigu.payments.paying import balance_of, pay_from_balance
from shigu.payments.polling import poll
from shigu.promotions.models import Grant, GrantState
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import ask_for
from tests.auditing import assert_audit_holds
from tests.life.books import booked, withheld_from
from tests.life.length import how_long
from tests.life.wallet import HAPPENS, Wallet
from tests.payments.shopfront import notify_fields, private_key, signed_notify
from tests.races.market import NOWHERE, Market

UNPAID, PAID, CANCELLED, EXPIRED, REFUNDED = Status
ALLOWED = {
    (None, UNPAID),
    (UNPAID, PAID),
    (UNPAID, CANCELLED),
    (UNPAID, EXPIRED),
    (EXPIRED, UNPAID),
    (EXPIRED, PAID),
    (PAID, PAID),  # shipped, refund decided
    (PAID, REFUNDED),
}
REACHED = {
    "topped up",
    "told again",
    "top-up lapsed",
    "paid from the balance",
    "refused by the balance",
    "back on the balance",
} | HAPPENS
"""What all lives together must have come to, or they prove nothing of the balance, of coupons, of credits."""


@pytest.fixture(scope="module")
def gate() -> Iterator[Simulator]:
    """Alipay; its own notifies go nowhere, this room carries them by hand."""
    with Simulator.started(speed=1, extra=["--notify-timeout", "1"]) as simulator:
        yield simulator


def test_every_life_adds_up(
    clone: str,
    plain_files: None,
    gate: Simulator,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Random lives: the audit after every step, and at the end all money and all pieces have a home."""
    settings.ALIPAY_GATEWAY = gate.gateway
    settings.ALIPAY_SIMULATOR_DIR = str(gate.data)
    market = Market(pieces=3000)
    Life.market, Life.gate = market, gate
    Life.key = private_key((gate.data / "alipay_private.pem").read_bytes())
    Life.seen = Counter()
    run_state_machine_as_test(Life, settings=how_long())
    with capsys.disabled():
        print("\nreached:", ", ".join(f"{what} {many}" for what, many in Life.seen.most_common()))
    assert set(+Life.seen) == REACHED, REACHED - set(+Life.seen)


class Life(RuleBasedStateMachine):
    """One buyer's orders for scarce goods and one course, and their balance."""

    market: Market
    gate: Simulator
    key: Any
    seen: Counter[str]
    numbers = itertools.count(1)
    orders = Bundle("orders")
    top_ups = Bundle("top_ups")
    attempts = Bundle("attempts")

    @initialize(target=orders)
    def begin(self) -> Any:
        """A buyer of their own and four pieces of something, in a shop where many lived before; an order
        that holds a coupon and credits, and a top-up that nobody pays."""
        name = f"buyer{clock.now().timestamp() * 1_000_000:.0f}"
        self.buyer = self.market.buyer(name)
        self.scarce = self.market.goods(f"scarce-{name}"[:50], 9900, 4)
        self.course = self.market.a_course(f"course-{name}"[:50], 19900)
        self.mine: list[int] = []
        soon = clock.now() + timedelta(minutes=70)
        self.grants = [
            self.market.grant(self.buyer, off=500, valid_until=soon),
            self.market.grant(self.buyer, off=99_000),
        ]
        self.wallet, self.audited = Wallet(self.buyer.pk), 0
        self.market.give(self.buyer, 900)
        self.fill(60_000)
        self._opened("top-up", self.top_up(100), "page")
        return self.place(1, False, 0, 100)

    @rule(amount=st.sampled_from([100, 9_900]))
    def fill(self, amount: int) -> None:
        """Asked for, paid, and told of twice."""
        there, top_up = balance_of(self.buyer.pk), self.top_up(amount)
        attempt = self._opened("top-up", top_up, "page")
        self.pay(attempt)
        for _ in range(2):
            self.tell(attempt)
        assert TopUp.objects.get(pk=top_up).paid_at
        assert balance_of(self.buyer.pk) == there + amount

    @rule(
        target=orders,
        pieces=st.integers(0, 3),
        course=st.booleans(),
        coupon=st.sampled_from([None, None, 0, 1]),
        credits=st.sampled_from([0, 0, 1, 400, 990]),
    )
    def place(self, pieces: int, course: bool, coupon: int | None, credits: int) -> Any:
        """An order of goods, the course, or both, with what the wallet gives; or a refusal."""
        wanted = [(self.scarce, pieces)] * bool(pieces) + [(self.course, 1)] * course
        grant = None if coupon is None else self.grants[coupon]
        before = Order.objects.count()
        try:
            placed = self.market.place(self.buyer, *wanted, grant=grant, credits=credits)
        except Refusal:
            assert Order.objects.count() == before
            return multiple()
        self.mine.append(placed.order_id)
        return placed.order_id

    @rule(target=attempts, order=orders, channel=st.sampled_from(["page", "wap"]))
    def open(self, order: int, channel: str) -> Any:
        """The buyer opens the cashier in a browser."""
        return self._opened("order", order, channel)

    @rule(target=top_ups, amount=st.sampled_from([100, 9_900, 30_000]))
    def top_up(self, amount: int) -> int:
        """The buyer wants more on the balance."""
        return ask_for(self.buyer.pk, amount, key=f"key {next(self.numbers)}").pk

    @rule(target=attempts, top_up=top_ups, channel=st.sampled_from(["page", "wap"]))
    def open_top_up(self, top_up: int, channel: str) -> Any:
        """Its cashier is opened, perhaps once more."""
        return self._opened("top-up", top_up, channel)

    def _opened(self, purpose: str, subject: int, channel: str) -> Any:
        way = Way("alipay", channel)
        try:
            opened = open_attempt(
                purpose, subject, user_id=self.buyer.pk, way=way, addresses=NOWHERE
            )
        except Refusal:
            return multiple()
        assert httpx.get(opened.redirect.url, trust_env=False).status_code == 302
        return opened.attempt.pk

    @rule(attempt=attempts)
    def scan(self, attempt: int) -> None:
        """The buyer scans the code: only now the trade exists."""
        self._at_alipay(self.gate.scan, attempt)

    @rule(attempt=attempts)
    def pay(self, attempt: int) -> None:
        """The buyer pays at Alipay; the shop has not heard of it yet."""
        self._at_alipay(self.gate.pay, attempt)

    def _at_alipay(self, act: Any, attempt: int) -> None:
        try:
            act(Attempt.objects.get(pk=attempt).out_trade_no)
        except SimulatorError as refused:
            if not refused.code.startswith(("ACQ.", "SIM.EXPIRED")):
                raise

    @rule(attempt=attempts)
    def tell(self, attempt: int) -> None:
        """Alipay's notify arrives, for the first time or once more."""
        row = Attempt.objects.get(pk=attempt)
        trade = self.gate.trade(row.out_trade_no)
        if trade and trade["status"] == "TRADE_SUCCESS":
            fields = notify_fields(row, self.gate.app, trade_no=trade["trade_no"])
            before = Notice.objects.filter(notify_id=f"n{attempt}").exists()
            assert hear("alipay", signed_notify(self.key, **fields))
            assert Notice.objects.get(notify_id=f"n{attempt}").handled_at
            self.seen["told again"] += bool(before and row.purpose == "top-up")

    @rule(order=orders)
    def ask(self, order: int) -> None:
        """A waiting page asks."""
        poll("order", order, every=timedelta(0))

    @rule(top_up=top_ups)
    def ask_of_top_up(self, top_up: int) -> None:
        """So does the page of a top-up."""
        poll("top-up", top_up, every=timedelta(0))

    @rule(
        target=orders,
        pieces=st.integers(1, 2),
        coupon=st.sampled_from([None, 0]),
        credits=st.sampled_from([0, 400]),
    )
    def buy_at_once(self, pieces: int, coupon: int | None, credits: int) -> Any:
        """An order, paid from the balance before anything can happen to it; the balance may not suffice."""
        order = self.place(pieces, False, coupon, credits)
        if isinstance(order, int):
            self.pay_at_once(order)
        return order

    @rule(order=orders)
    def pay_at_once(self, order: int) -> None:
        """The buyer pays from what is there: all of it, or nothing moves."""
        there, payable = balance_of(self.buyer.pk), Order.objects.get(pk=order).payable
        before = self._paid_from_balance(order)
        self._refusable(lambda: pay_from_balance("order", order, user_id=self.buyer.pk), order)
        paid = self._paid_from_balance(order) - before
        self.seen["paid from the balance" if paid else "refused by the balance"] += 1
        assert balance_of(self.buyer.pk) == there - payable * paid

    def _paid_from_balance(self, order: int) -> int:
        mine = Attempt.objects.filter(purpose="order", subject_id=order, provider="balance")
        return mine.count()

    @rule(minutes=st.sampled_from([4, 16, 50]))
    def wait(self, minutes: int) -> None:
        """Time passes everywhere, and nobody does anything yet."""
        clock.shift(timedelta(minutes=minutes))
        self.gate.clock(clock.offset().total_seconds())

    @rule()
    def ring(self) -> None:
        """The clock does what is due."""
        drain_all()

    @rule(order=orders)
    def cancel(self, order: int) -> None:
        """The buyer cancels."""
        self._refusable(lambda: self.market.cancel(Order.objects.get(pk=order)), order)

    @rule(order=orders)
    def restore(self, order: int) -> None:
        """The buyer wants a lapsed order back."""
        self._refusable(lambda: self.market.restore(Order.objects.get(pk=order)), order)

    @rule(order=orders)
    def ship(self, order: int) -> None:
        """The operator ships."""
        self._refusable(
            lambda: shipping.ship(order, by=self.buyer.pk, carrier="SF", tracking_no="1"), order
        )

    @rule(order=orders)
    def refund(self, order: int) -> None:
        """The operator gives the money back."""
        self._refusable(lambda: refunding.refund(order, by=self.buyer.pk), order)

    @rule(target=orders, coupon=st.sampled_from([None, 0, 1]), credits=st.sampled_from([0, 50]))
    def regret(self, coupon: int | None, credits: int) -> Any:
        """Bought at once, and the operator gives the money back."""
        order = self.buy_at_once(1, coupon, credits)
        self.wallet_moves_are_allowed()
        if isinstance(order, int):
            self.refund(order)
        return order

    def _refusable(self, act: Any, order: int) -> None:
        """A refusal changes nothing of the order."""
        before = Order.objects.filter(pk=order).values().get()
        try:
            act()
        except Refusal:
            assert Order.objects.filter(pk=order).values().get() == before

    @rule(credits=st.integers(1, 300))
    def adjust(self, credits: int) -> None:
        """The shop gives some credits."""
        self.market.give(self.buyer, credits)

    @invariant()
    def ledger_sums_to_zero(self) -> None:
        """In each unit, what people and the house hold together is nothing."""
        sums = {0: 0, IN_CREDITS: 0}
        for pk, balance in Account.objects.values_list("pk", "balance"):
            sums[pk & IN_CREDITS] += balance
        for debit, credit, amount in Transfer.objects.values_list("debit", "credit", "amount"):
            sums[debit & IN_CREDITS] += amount * (bool(credit & HOUSE) - bool(debit & HOUSE))
        assert sums == {0: 0, IN_CREDITS: 0}

    @invariant()
    def nobody_owes(self) -> None:
        """Whatever a person has, of fen or of credits, is nothing or more."""
        assert not Account.objects.filter(balance__lt=0).exists()

    @invariant()
    def wallet_moves_are_allowed(self) -> None:
        """So are coupons; what became of them and of credits is counted."""
        self.seen.update(self.wallet.look())

    @invariant()
    def audit_holds(self) -> None:
        """Every invariant of every app."""
        self.audited += assert_audit_holds()

    @invariant()
    def moves_are_allowed(self) -> None:
        """Nothing ever moved in a way that the design does not draw."""
        rows = OrderEvent.objects.filter(order_id__in=self.mine)
        moves = set(rows.values_list("was", "status"))
        assert moves <= ALLOWED, moves - ALLOWED

    def teardown(self) -> None:
        """Time passes until nothing is due: no order waits, nothing is held, all money has a home."""
        if not hasattr(self, "wallet"):
            return  # it did not begin, and that error is told
        assert self.audited, "nothing was audited in this life"
        for _ in range(4):
            self.wait(50)
            drain_all()
        self.wallet_moves_are_allowed()
        orders = Order.objects.filter(pk__in=self.mine)
        assert not orders.filter(status=UNPAID).exists()
        assert self.market.counts(self.scarce)[1] == 0
        assert self.market.credits(self.buyer)[1] == 0
        assert not Grant.objects.filter(user=self.buyer, state=GrantState.HELD).exists()
        attempts = list(Attempt.objects.filter(user=self.buyer))
        for attempt in attempts:
            assert attempt.state != State.OPEN
            kept = self._kept(attempt)
            assert kept == self._due(attempt), (attempt.state, attempt.money)
        for refund in Refund.objects.filter(attempt__in=attempts):
            assert refund.state == RefundState.SENT
        self._balance_adds_up(attempts)
        assert_audit_holds()

    def _kept(self, attempt: Attempt) -> int:
        """What was taken for this number and did not go back: by Alipay's books, or by the ledger's."""
        if attempt.provider == "balance":
            refunds = Refund.objects.filter(attempt=attempt).values_list("pk", flat=True)
            back = booked(Event.REFUNDED, *refunds)
            self.seen["back on the balance"] += bool(back)
            return booked(Event.PAYMENT, attempt.pk) - back
        trade = self.gate.trade(attempt.out_trade_no)
        return trade["fen"] - trade["refunded"] if trade and trade["paid_at"] else 0

    def _due(self, attempt: Attempt) -> int:
        """What is to be kept: all of it for a paid order or a top-up, what is withheld for one refunded."""
        if attempt.money != Money.APPLIED:
            return 0
        if attempt.purpose == "top-up":
            assert TopUp.objects.get(pk=attempt.subject_id).paid_at
            return attempt.amount
        order = Order.objects.get(pk=attempt.subject_id)
        withheld = min(attempt.amount, withheld_from(order))
        return {PAID: attempt.amount, REFUNDED: withheld}.get(Status(order.status), 0)

    def _balance_adds_up(self, attempts: list[Attempt]) -> None:
        """What is there is what was topped up less what paid orders kept."""
        paid = TopUp.objects.filter(user=self.buyer, paid_at__isnull=False)
        came = sum(paid.values_list("amount", flat=True))
        went = sum(self._due(one) for one in attempts if one.provider == "balance")
        assert balance_of(self.buyer.pk) == came - went
        self.seen["topped up"] += paid.count() - 1
        lapsed = TopUp.objects.filter(user=self.buyer, paid_at=None)
        tried = {one.subject_id for one in attempts if one.purpose == "top-up"}
        self.seen["top-up lapsed"] += lapsed.filter(pk__in=tried).count()
