"""One test for each thing that may go wrong between the shop and Alipay, named after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings as shop_settings
from django.urls import reverse

from shigu.clock.drain import drain
from shigu.kit import breakpoints
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments import asking, polling
from shigu.payments.models import Attempt, Money, Notice, NoticeTally, Outcome, Refund, State
from shigu.payments.reconciling import differences
from tests.auditing import assert_audit_holds
from tests.payments.shopfront import (
    Shop,
    everything,
    notify_fields,
    now_of,
    private_key,
    signed_notify,
)

OVER = timedelta(minutes=15, seconds=1)
"""Just past the time to pay."""

FINAL = OVER + timedelta(seconds=31)
"""Past the margin too, after which nothing can come into being at Alipay."""


def order_of(attempt: Attempt) -> Order:
    return Order.objects.get(pk=attempt.subject_id)


def assert_paid(attempt: Attempt) -> None:
    """Settled once: the money applied, the order paid, nothing on its way back."""
    row = now_of(attempt)
    assert (row.state, row.money) == (State.PAID, Money.APPLIED)
    assert order_of(attempt).status == Status.PAID
    assert OrderEvent.objects.filter(order=attempt.subject_id, was=Status.UNPAID).count() == 1
    assert not Refund.objects.exists()
    assert_audit_holds()


def assert_money_back(shop: Shop, attempt: Attempt) -> None:
    """All of it went back, once, by Alipay's own books."""
    trade = shop.gate.trade(attempt.out_trade_no)
    assert trade is not None
    assert (trade["status"], trade["refunded"]) == ("TRADE_CLOSED", trade["fen"])
    refund = Refund.objects.get(attempt=attempt)
    assert (refund.state, refund.amount) == ("sent", attempt.amount)
    assert_audit_holds()


def test_nothing_goes_wrong(shop: Shop) -> None:
    """Paid at the cashier, told by one notify, settled once."""
    attempt = shop.attempt()
    shop.pay(attempt)
    assert shop.told(attempt) == ["success"]
    assert_paid(attempt)


def test_notify_duplicated(shop: Shop) -> None:
    """Eight equal notifies at the same moment settle once and are all answered success."""
    attempt = shop.attempt()
    shop.gate.fault("notify_duplicate", count=8)
    shop.pay(attempt)
    assert shop.told(attempt, least=8) == ["success"] * 8
    assert Notice.objects.count() == 1
    assert_paid(attempt)


def test_notify_before_return(shop: Shop) -> None:
    """The notify is through before the browser comes back: the order is paid when it arrives."""
    attempt = shop.attempt()
    shop.gate.fault("notify_before_return")
    told = shop.pay(attempt)
    assert_paid(attempt)
    assert come_back(told["return_url"]).endswith(reverse("result", args=[attempt.number]))
    assert_paid(attempt)


def come_back(url: str) -> str:
    """The browser follows Alipay's return; where the shop sends it."""
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]


def test_return_lost(shop: Shop) -> None:
    """The browser never comes back: the notify alone is enough."""
    attempt = shop.attempt()
    shop.gate.fault("return_lost")
    assert not shop.pay(attempt)["return_url"]
    shop.told(attempt)
    assert_paid(attempt)


def test_notify_lost_and_return_comes(shop: Shop) -> None:
    """Without a notify the return makes the shop ask, and that settles."""
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    url = shop.pay(attempt)["return_url"]
    assert order_of(attempt).status == Status.UNPAID
    come_back(url)
    assert_paid(attempt)


def test_notify_lost_and_page_polls(shop: Shop) -> None:
    """Without notify and return the waiting page's poll settles."""
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    shop.pay(attempt)
    assert polling.poll("order", attempt.subject_id)
    assert_paid(attempt)


def test_notify_lost_and_clock_asks(shop: Shop) -> None:
    """Without anybody at all the clock asks when the time is over, and that settles."""
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    shop.pay(attempt)
    with shop.later(OVER):
        shop.ring()
        assert_paid(attempt)


def test_notify_delayed_past_expiry_revives(shop: Shop) -> None:
    """Money that arrives after the order lapsed revives it while the piece is still there."""
    attempt = shop.attempt()
    lapse_unheard(shop, attempt)
    shop.gate.release()
    assert shop.told(attempt)[-1] == "success"
    assert now_of(attempt).money == Money.APPLIED
    assert order_of(attempt).status == Status.PAID
    assert_audit_holds()


def lapse_unheard(shop: Shop, attempt: Attempt) -> None:
    """Alice paid, Alipay is silent past the backstop, and the order lapses."""
    shop.gate.fault("notify_delayed")
    shop.pay(attempt)
    shop.gate.fault("gateway_500")
    with shop.later(timedelta(minutes=46)):
        shop.ring()
    assert order_of(attempt).status == Status.EXPIRED
    assert now_of(attempt).state == State.OPEN
    shop.gate.clear_faults()


def test_notify_delayed_past_expiry_returns_the_money(shop: Shop) -> None:
    """Money that arrives after the order lapsed and the piece is gone goes back by itself."""
    attempt = shop.attempt()
    lapse_unheard(shop, attempt)
    shop.order(10)
    shop.gate.release()
    assert shop.told(attempt)[-1] == "success"
    assert now_of(attempt).money == Money.RETURNING
    shop.ring()
    assert_money_back(shop, attempt)
    assert order_of(attempt).status == Status.EXPIRED


def test_payment_for_a_cancelled_order_returns(shop: Shop) -> None:
    """Money for an order that its buyer cancelled always goes back."""
    attempt = shop.attempt()
    shop.gate.fault("notify_delayed")
    shop.pay(attempt)
    cancel(attempt.subject_id, by=shop.alice.pk)
    shop.gate.release()
    shop.told(attempt)
    shop.ring()
    assert_money_back(shop, attempt)
    assert order_of(attempt).status == Status.CANCELLED


def test_paid_during_the_close(shop: Shop) -> None:
    """Alice pays between the question and the close: the close fails, the shop asks again, settles."""
    attempt = shop.attempt()
    shop.gate.scan(attempt.out_trade_no)
    cancel_in_mind(attempt)
    shop.gate.fault("notify_lost")
    with breakpoints.at("payments.ask.queried", lambda: shop.pay(attempt)):
        drain(asking.ask)
    calls = [call["method"] for call in reversed(shop.gate.calls(attempt.out_trade_no))]
    assert calls[1:] == ["alipay.trade.query", "alipay.trade.close", "alipay.trade.query"]
    assert_paid(attempt)


def cancel_in_mind(attempt: Attempt) -> None:
    """The attempt is to be asked for and closed now, its order still unpaid."""
    from django.db import transaction

    from shigu import clock
    from shigu.payments import locks
    from shigu.payments.cancelling import ask_now

    with transaction.atomic():
        locks.attempts_of([("order", attempt.subject_id)])
        ask_now("order", [attempt.subject_id], now=clock.now())


def test_close_of_a_trade_that_never_was(shop: Shop) -> None:
    """No such trade is no end: the attempt stays watched until Alipay itself would refuse."""
    attempt = shop.attempt()
    cancel(attempt.subject_id, by=shop.alice.pk)
    shop.ring()
    assert now_of(attempt).state == State.OPEN
    shop.gate.scan(attempt.out_trade_no)
    with shop.later(timedelta(seconds=61)):
        shop.ring()
    assert now_of(attempt).state == State.CLOSED
    assert shop.gate.trade(attempt.out_trade_no)["status"] == "TRADE_CLOSED"  # type: ignore[index]


def test_cashier_never_opened(shop: Shop) -> None:
    """Nobody ever scanned: at the end of the time plus the margin the order lapses at once."""
    attempt = shop.attempt()
    with shop.later(OVER):
        shop.ring()
        assert (now_of(attempt).state, order_of(attempt).status) == (State.OPEN, Status.UNPAID)
    with shop.later(FINAL):
        shop.ring()
        assert (now_of(attempt).state, order_of(attempt).status) == (State.CLOSED, Status.EXPIRED)
    assert_audit_holds()


def test_scanned_and_left(shop: Shop) -> None:
    """Scanned but not paid: closed at Alipay when the time is over, and the order lapses at once."""
    attempt = shop.attempt()
    shop.gate.scan(attempt.out_trade_no)
    with shop.later(OVER):
        shop.ring()
    assert (now_of(attempt).state, order_of(attempt).status) == (State.CLOSED, Status.EXPIRED)
    assert_audit_holds()


STRANGE = {
    "notify_wrong_amount": Outcome.WRONG_AMOUNT,
    "notify_app_id": Outcome.FOREIGN,
    "notify_seller_id": Outcome.FOREIGN,
    "notify_out_trade_no": Outcome.UNKNOWN,
}


@pytest.mark.parametrize("fault", STRANGE)
def test_notify_tells_something_strange(shop: Shop, fault: str) -> None:
    """Wrong amount, another app or seller, an unknown number: fail, recorded, nothing else changes."""
    attempt = shop.attempt()
    before = everything()
    shop.gate.fault(fault)
    shop.pay(attempt)
    assert shop.told(attempt)[0] == "fail"
    assert Notice.objects.get().outcome == STRANGE[fault]
    after = everything()
    del before["payments_notice"], after["payments_notice"]
    assert after == before


UNSIGNED = {
    "notify_sign_bad": "signature",
    "notify_sign_missing": "no-signature",
    "notify_sign_junk": "signature",
    "notify_sign_type_rsa": "sign-type",
    "notify_tampered": "signature",
}


@pytest.mark.parametrize("fault", UNSIGNED)
def test_notify_is_not_alipays(shop: Shop, fault: str) -> None:
    """A bad, missing, junk or retired signature, or a changed field: fail, counted, nothing stored."""
    attempt = shop.attempt()
    before = everything()
    shop.gate.fault(fault)
    shop.pay(attempt)
    assert shop.told(attempt)[0] == "fail"
    assert shop.gate.attempts(attempt.out_trade_no)[0]["status_code"] == 200
    assert NoticeTally.objects.get().why == UNSIGNED[fault]
    assert everything() == before
    shop.gate.clear_faults()
    shop.gate.resend(out_trade_no=attempt.out_trade_no)
    shop.gate.wait(lambda: "success" in shop.told(attempt))
    assert_paid(attempt)


@pytest.mark.parametrize("title", ["杯 + 茶 & {tea} =100%", "}{:-}", "{", '"\\', "🍵 emoji"])
def test_odd_characters_in_the_subject(shop: Shop, title: str) -> None:
    """Whatever stands in a title, the page opens, the answers verify and the payment settles."""
    from shigu.catalogue.models import Product

    Product.objects.update(name_zh=title, name_en=title)
    attempt = shop.attempt()
    shop.pay(attempt)
    assert shop.told(attempt)[-1] == "success"
    assert_paid(attempt)


def test_charset_of_the_notify(shop: Shop) -> None:
    """A notify in GBK is verified over its own bytes."""
    attempt = shop.attempt()
    fields = notify_fields(attempt, shop.gate.app, charset="GBK", subject="青瓷杯")
    assert post(shop, gbk(shop, fields)) == "success"
    assert_paid(attempt)


def gbk(shop: Shop, fields: dict[str, str]) -> bytes:
    from urllib.parse import urlencode

    from alipay_simulator.signing import notice_string, sign

    key = private_key((shop.gate.data / "alipay_private.pem").read_bytes())  # type: ignore[operator]
    signature = sign(key, notice_string(fields).encode("gbk"))
    return urlencode(
        fields | {"sign_type": "RSA2", "sign": signature}, encoding="gbk", errors="strict"
    ).encode()


def post(shop: Shop, body: bytes) -> str:
    url = f"{shop_settings.SITE_URL}/pay/notify/alipay/"
    form = {"content-type": "application/x-www-form-urlencoded; charset=GBK"}
    answer = httpx.post(url, content=body, headers=form, trust_env=False)
    assert answer.status_code == 200
    return answer.text


def test_partial_refund_says_paid_again(shop: Shop) -> None:
    """TRADE_SUCCESS that tells of a refund settles nothing a second time."""
    attempt = paid(shop)
    refund_at_alipay(shop, attempt, "10.00")
    assert shop.told(attempt, least=2) == ["success", "success"]
    assert Notice.objects.order_by("-pk")[0].outcome == Outcome.NO_PAYMENT
    assert_paid(attempt)


def paid(shop: Shop, channel: str = "page") -> Attempt:
    attempt = shop.attempt(channel)
    shop.pay(attempt)
    shop.told(attempt)
    return attempt


def refund_at_alipay(shop: Shop, attempt: Attempt, amount: str) -> None:
    """Somebody refunds in Alipay's own console, past the shop."""
    from shigu.payments.providers.alipay import gateway, keys

    content = {"out_trade_no": attempt.out_trade_no, "refund_amount": amount, "out_request_no": "x"}
    assert gateway.call(keys.load(), "alipay.trade.refund", content).ok


def test_closed_after_it_was_paid(shop: Shop) -> None:
    """TRADE_CLOSED of a payment that went back whole cancels nothing and settles nothing."""
    attempt = paid(shop, "wap")
    refund_at_alipay(shop, attempt, "99.00")
    assert shop.told(attempt, least=2) == ["success", "success"]
    last = Notice.objects.order_by("-pk")[0]
    assert (last.trade_status, last.outcome) == ("TRADE_CLOSED", Outcome.NO_PAYMENT)
    assert order_of(attempt).status == Status.PAID
    assert now_of(attempt).money == Money.APPLIED


def test_closed_at_alipay_before_its_time(shop: Shop) -> None:
    """A wap trade's TRADE_CLOSED closes the attempt; the order lives on and can be paid anew."""
    from shigu.payments.providers.alipay.adapter import Alipay

    attempt = shop.attempt("wap")
    shop.gate.scan(attempt.out_trade_no)
    Alipay().close(attempt.out_trade_no)
    assert shop.told(attempt) == ["success"]
    assert (now_of(attempt).state, order_of(attempt).status) == (State.CLOSED, Status.UNPAID)
    again = shop.cashier(order_of(attempt), "wap")
    assert again.out_trade_no == f"{attempt.number}_2"
    shop.pay(again)
    shop.told(again)
    assert_paid(again)


GATEWAY = [
    "gateway_500",
    "gateway_timeout",
    "gateway_truncated",
    "gateway_html",
    "gateway_unsigned_error",
    "gateway_system_error",
    "gateway_answer_lost",
    "gateway_sign_bad",
]


@pytest.mark.parametrize("fault", GATEWAY)
def test_gateway_answers_nothing_to_believe(shop: Shop, fault: str, settings: Any) -> None:
    """Silence or nonsense keeps everything as it was; the next question settles."""
    settings.ALIPAY_TIMEOUT = timedelta(seconds=0.5)
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    shop.pay(attempt)
    shop.gate.fault(fault, times=1)
    with shop.later(OVER):
        shop.ring()
        assert (now_of(attempt).state, order_of(attempt).status) == (State.OPEN, Status.UNPAID)
        assert now_of(attempt).asks == 1
        settings.ALIPAY_TIMEOUT = timedelta(seconds=8)  # what must be answered has time
        with shop.later(timedelta(seconds=11)):
            shop.ring()
            assert_paid(attempt)


def late_money(shop: Shop) -> Attempt:
    """A cancelled order was paid: its money is on its way back, not yet sent."""
    attempt = shop.attempt()
    shop.gate.fault("notify_delayed")
    shop.pay(attempt)
    cancel(attempt.subject_id, by=shop.alice.pk)
    shop.gate.release()
    shop.told(attempt)
    assert now_of(attempt).money == Money.RETURNING
    return attempt


REFUND = "alipay.trade.refund"


@pytest.mark.parametrize("fault", ["gateway_timeout", "gateway_answer_lost", "gateway_truncated"])
def test_refund_carried_out_and_its_answer_lost(shop: Shop, fault: str) -> None:
    """The refund went through, its answer did not: asked about it, found, never sent twice."""
    attempt = late_money(shop)
    shop.gate.fault(fault, method=REFUND, times=1)
    shop.ring()
    assert_money_back(shop, attempt)
    assert [c["method"] for c in shop.gate.calls(attempt.out_trade_no)].count(REFUND) == 1


@pytest.mark.parametrize("fault", ["gateway_500", "gateway_system_error", "gateway_unsigned_error"])
def test_refund_not_carried_out_and_unknown(shop: Shop, fault: str) -> None:
    """A refund nobody knows of is tried again later, with the same number."""
    attempt = late_money(shop)
    shop.gate.fault(fault, method=REFUND, times=1)
    shop.ring()
    refund = Refund.objects.get()
    assert (refund.state, refund.tries) == ("sending", 1)
    with shop.later(timedelta(seconds=6)):
        shop.ring()
    assert Refund.objects.get().request_no == refund.request_no
    assert_money_back(shop, attempt)


def test_refund_says_no_money_moved(shop: Shop) -> None:
    """A reply without moved money is not believed: the refund is looked up."""
    attempt = late_money(shop)
    shop.gate.fault("refund_fund_change_n")
    shop.ring()
    assert_money_back(shop, attempt)


def test_refund_refused(shop: Shop) -> None:
    """A real refusal waits for an operator; tried again with the same number it goes through."""
    from shigu.kit.auditing import offending
    from shigu.payments.auditing import NOTHING_REFUSED
    from shigu.payments.refunding import send_again

    attempt = late_money(shop)
    shop.gate.fault(
        "gateway_sub_code", value="ACQ.SELLER_BALANCE_NOT_ENOUGH", method=REFUND, execute=False
    )
    shop.ring()
    refund = Refund.objects.get()
    assert (refund.state, refund.last_answer) == ("refused", "40004 ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert [row["request_no"] for row in offending(NOTHING_REFUSED)] == [refund.request_no]
    shop.gate.clear_faults()
    assert send_again([refund.pk]) == 1
    shop.ring()
    assert_money_back(shop, attempt)


def test_shop_fails_while_it_is_told(shop: Shop) -> None:
    """Whatever breaks in the shop is a plain fail, never an error page; Alipay comes again."""
    attempt = shop.attempt()
    broken = [True]

    def trouble() -> None:
        if broken and broken.pop():
            raise RuntimeError("power cut")

    with breakpoints.at("payments.settle.locked", trouble):
        shop.pay(attempt)
        assert shop.told(attempt, least=2) == ["fail", "success"]
    assert shop.gate.attempts(attempt.out_trade_no)[0]["status_code"] == 200
    assert_paid(attempt)


def test_clocks_disagree(shop: Shop) -> None:
    """An hour between the clocks: Alipay refuses every request, nothing is concluded from that."""
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    shop.pay(attempt)
    from shigu import clock

    with clock.shifted(OVER):
        shop.gate.clock(-3600)
        before = now_of(attempt)
        drain(asking.ask)
        assert now_of(attempt).state == State.OPEN
        assert order_of(attempt).status == Status.UNPAID
        assert now_of(attempt).ask_at > before.ask_at
        shop.gate.clock(OVER.total_seconds())
    with shop.later(OVER + timedelta(seconds=30)):
        shop.ring()
        assert_paid(attempt)


def test_alipay_changes_its_key(shop: Shop, settings: Any, tmp_path: Any) -> None:
    """A notify under a new key is refused until the operator adds it; then the next try settles."""
    public = tmp_path / "alipay.pem"
    public.write_bytes(shop.gate.alipay_public_key.read_bytes())
    settings.ALIPAY_APP_ID, settings.ALIPAY_SELLER_ID = (
        shop.gate.app["app_id"],
        shop.gate.app["seller_id"],
    )
    settings.ALIPAY_PRIVATE_KEY_FILE = str(shop.gate.merchant_private_key)
    settings.ALIPAY_PUBLIC_KEY_FILE = str(public)
    attempt = shop.attempt()
    shop.gate.rotate_keys()
    shop.pay(attempt)
    assert shop.told(attempt)[0] == "fail"
    assert order_of(attempt).status == Status.UNPAID
    public.write_bytes(public.read_bytes() + shop.gate.alipay_public_key.read_bytes())
    shop.gate.resend(out_trade_no=attempt.out_trade_no)
    shop.gate.wait(lambda: shop.told(attempt)[-1] == "success")
    assert_paid(attempt)


def test_bill_agrees(shop: Shop) -> None:
    """A day's bill and a day's payments are the same, refunds included."""
    paid(shop)
    late_money(shop)
    shop.ring()
    assert today_differs(shop) == []


def today_differs(shop: Shop) -> list[tuple[str, str]]:
    from shigu import clock
    from shigu.payments.providers.alipay.gateway import BEIJING

    shop.gate.fault("bill_early")
    found = differences("alipay", clock.now().astimezone(BEIJING).date())
    return [(difference.kind, difference.out_trade_no) for difference in found]


@pytest.mark.parametrize("kind", ["missing", "surplus", "unequal"])
def test_bill_differs(shop: Shop, kind: str) -> None:
    """A row too few, too many or of another amount on the bill is found."""
    attempt = paid(shop)
    faults = {
        "missing": "bill_missing_row",
        "surplus": "bill_surplus_row",
        "unequal": "bill_wrong_amount",
    }
    shop.gate.fault(faults[kind])
    number = "SURPLUS0000000001" if kind == "surplus" else attempt.out_trade_no
    assert today_differs(shop) == [(kind, number)]


def test_money_of_another_key_is_refused(shop: Shop) -> None:
    """A notify signed by somebody else, correct in every field, changes nothing."""
    attempt = shop.attempt()
    before = everything()
    fields = notify_fields(attempt, shop.gate.app)
    own = private_key(shop.gate.merchant_private_key.read_bytes())
    assert post(shop, signed_notify(own, **fields)) == "fail"
    assert everything() == before
