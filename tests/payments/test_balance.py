"""Paying from the balance: at once or not at all, decided where everything is decided; and the way back."""

from __future__ import annotations

from datetime import date

import pytest

from shigu import clock
from shigu.clock.drain import drain, drain_all
from shigu.kit.errors import Refusal
from shigu.ledger.models import Book, account
from shigu.orders.cancelling import cancel
from shigu.orders.errors import NotUnpaid, TimeIsUp
from shigu.orders.models import Order, Status
from shigu.orders.refunding import refund
from shigu.payments import notices, refunding
from shigu.payments.errors import NoSuchWay, NotEnoughBalance, NotYours
from shigu.payments.models import Attempt, Money, NoticeTally, Outcome, Refund, RefundState, State
from shigu.payments.opening import Way, open_attempt
from shigu.payments.paying import pay_from_balance
from shigu.payments.provider import Answer, Fate, NoBill, Standing, Unverified, providers
from shigu.payments.reconciling import differences
from shigu.payments.settling import settle
from tests import people
from tests.auditing import assert_audit_holds
from tests.payments.shopfront import PRICE, Shop, everything, now_of
from tests.wallet.purse import NOWHERE, has, story, topped_up


@pytest.fixture
def order(shop: Shop) -> Order:
    """Alice's unpaid order of ¥99, and ¥150 on her balance."""
    topped_up(shop.alice, 15_000)
    return shop.order()


def pay(order: Order) -> Attempt:
    return pay_from_balance("order", order.pk, user_id=order.user_id)


def test_an_order_is_paid_at_once(shop: Shop, order: Order) -> None:
    """One applied attempt, the order paid, the money in the house's sales: all of it when the verb returns."""
    attempt = pay(order)
    assert (attempt.provider, attempt.state, attempt.money) == (
        "balance",
        State.PAID,
        Money.APPLIED,
    )
    assert attempt.out_trade_no == f"{order.number}_1"
    assert now_of(order).status == Status.PAID
    assert has(shop.alice) == 15_000 - PRICE
    assert story() == [("top-up", 15_000), ("payment", PRICE)]
    assert_audit_holds()


def test_saying_it_twice_pays_once(shop: Shop, order: Order) -> None:
    """A second click, another tab: the same payment is the answer, and nothing changes."""
    first, before = pay(order), everything()
    assert pay(order) == first
    assert everything() == before


def test_to_the_last_fen(shop: Shop) -> None:
    """Exactly enough is enough; nothing is left."""
    topped_up(shop.alice, PRICE)
    pay(shop.order())
    assert has(shop.alice) == 0
    assert_audit_holds()


def refused(order: Order, refusal: type[Refusal], user_id: int | None = None) -> Refusal:
    before = everything()
    with pytest.raises(refusal) as said:
        pay_from_balance("order", order.pk, user_id=user_id or order.user_id)
    assert everything() == before
    return said.value


def test_not_enough_names_what_is_missing(shop: Shop) -> None:
    """One fen short: refused, and nothing is written."""
    topped_up(shop.alice, PRICE - 1)
    assert refused(shop.order(), NotEnoughBalance).fill == {"missing": "0.01"}


def test_somebody_who_never_had_anything(shop: Shop) -> None:
    """No account at all is an empty one; asking opens none for good."""
    assert refused(shop.order(), NotEnoughBalance).fill == {"missing": "99.00"}


def test_refusals(shop: Shop, order: Order) -> None:
    """Somebody else's order, one that is cancelled, one whose time is up."""
    bob = people.bob()
    topped_up(bob, 20_000)
    refused(order, NotYours, bob.pk)
    cancelled, over = shop.order(), shop.order()
    cancel(cancelled.pk, by=shop.alice.pk)
    refused(cancelled, NotUnpaid)
    with clock.shifted(over.pay_by - clock.now()):
        refused(over, TimeIsUp)


def test_no_cashier_is_opened_for_it(shop: Shop, order: Order) -> None:
    """An open attempt of the balance does not exist: there is no page to go to."""
    before = everything()
    way = Way("balance", "page")
    with pytest.raises(NoSuchWay):
        open_attempt("order", order.pk, user_id=order.user_id, way=way, addresses=NOWHERE)
    assert everything() == before


def test_a_code_still_on_a_screen_is_closed(shop: Shop, order: Order) -> None:
    """Alipay's cashier was open: it is wanted no more, and closed there."""
    alipay = shop.cashier(order)
    shop.gate.scan(alipay.out_trade_no)
    pay(order)
    assert now_of(alipay).unwanted_at
    shop.ring()
    assert shop.gate.trade(alipay.out_trade_no)["status"] == "TRADE_CLOSED"  # type: ignore[index]
    assert_audit_holds()


def test_alipays_money_for_it_goes_back(shop: Shop, order: Order) -> None:
    """Paid at Alipay all the same: that money returns by Alipay, the balance stays spent once."""
    alipay = shop.open(order).attempt
    pay(order)
    told = Answer(alipay.out_trade_no, Standing.PAID, amount=PRICE, trade_no="t")
    assert settle("alipay", told) == Outcome.RETURNED
    assert Refund.objects.get().attempt == alipay
    assert has(shop.alice) == 15_000 - PRICE
    assert_audit_holds()


def test_what_alipay_paid_is_not_paid_again(shop: Shop, order: Order) -> None:
    """The order waits for nothing any more: a stale tab's button moves no money."""
    alipay = shop.open(order).attempt
    settle("alipay", Answer(alipay.out_trade_no, Standing.PAID, amount=PRICE, trade_no="t"))
    refused(order, NotUnpaid)


def test_its_refund_comes_to_the_balance(shop: Shop, order: Order) -> None:
    """Decided: in transit. Sent by the clock: on the balance, and the order is refunded."""
    pay(order)
    refund(order.pk, by=order.user_id)
    assert has(shop.alice) == 15_000 - PRICE
    assert story()[-1] == ("refund", PRICE)
    drain_all()
    assert has(shop.alice) == 15_000
    assert story()[-1] == ("refunded", PRICE)
    assert now_of(order).status == Status.REFUNDED
    assert Refund.objects.get().state == RefundState.SENT
    assert_audit_holds()


def test_its_refund_is_sent_once(shop: Shop, order: Order) -> None:
    """The clock comes again and again; the same answer told twice is stale."""
    pay(order)
    refund(order.pk, by=order.user_id)
    row = Refund.objects.get()
    assert refunding.send(row).fate is Fate.SENT
    assert has(shop.alice) == 15_000 - PRICE, "sending alone moves nothing"
    drain(refunding.send)
    drain_all()
    with pytest.raises(clock.StaleClaim):
        refunding.sent(row.pk, refunding.send(row), tries=row.tries)
    assert has(shop.alice) == 15_000
    assert_audit_holds()


def test_a_refund_of_alipays_money_never_comes_to_the_balance(shop: Shop, order: Order) -> None:
    """The original route: what Alipay paid goes back to Alipay."""
    alipay = shop.cashier(order)
    shop.pay(alipay)
    shop.told(alipay)
    refund(order.pk, by=order.user_id)
    shop.ring()
    assert shop.gate.trade(alipay.out_trade_no)["refunded"] == PRICE  # type: ignore[index]
    assert has(shop.alice) == 15_000
    assert_audit_holds()


def test_what_it_is_not_it_says(shop: Shop, order: Order) -> None:
    """No notify, no return, no page, no bill; a question is answered from what is certain."""
    balance = providers["balance"]
    for parse in (balance.parse_notify, balance.parse_return):
        with pytest.raises(Unverified):
            parse(b"out_trade_no=1")  # type: ignore[operator]
    with pytest.raises(NoBill):
        balance.download_bill(date(2026, 11, 21))
    with pytest.raises(NoBill):
        differences("balance", date(2026, 11, 21))
    with pytest.raises(NoSuchWay):
        balance.create(Attempt(), return_url="", notify_url="")
    assert balance.query("7_1").standing is Standing.NOT_CREATED
    assert balance.close("7_1") is Standing.CLOSED
    assert balance.query_refund(Refund(state=RefundState.SENDING)).fate is Fate.NOT_SENT
    assert balance.query_refund(Refund(state=RefundState.SENT)).fate is Fate.SENT


def test_nobody_tells_us_that_a_balance_paid(shop: Shop, order: Order) -> None:
    """A notify at its address is junk: counted, answered with nothing, and nothing changes."""
    before = everything()
    assert not notices.hear("balance", f"out_trade_no={order.number}_1".encode())
    assert everything() == before
    assert NoticeTally.objects.get().why == "no-notify"


def test_its_account_is_the_payers(shop: Shop) -> None:
    """Source of a balance's money is whoever pays, of Alipay's what Alipay owes."""
    attempt = Attempt(user_id=7)
    assert providers["balance"].source(attempt) == account(Book.BALANCE, 7)
    assert providers["alipay"].source(attempt) == account(Book.CLEARING)
