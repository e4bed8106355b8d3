"""Each switch does what it says, as often and as narrowly as it was told to."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from alipay_simulator.control import Simulator, SimulatorError
from tests.simulator.merchant import Merchant, Till

QUERY, REFUND, CLOSE = "alipay.trade.query", "alipay.trade.refund", "alipay.trade.close"


def paid(sim: Simulator, shop: Merchant, number: str = "A1") -> str:
    shop.page(number, return_url="http://127.0.0.1:9/back")
    return str(sim.pay(number)["return_url"])


def ask(shop: Merchant, method: str = QUERY, **content: str) -> httpx.Response:
    return shop.post(shop.params(method, content or {"out_trade_no": "A1"}))


def test_duplicates_arrive_together(sim: Simulator, shop: Merchant, till: Till) -> None:
    """N copies of one notify, same id, at the same time."""
    till.slow = 0.8
    sim.fault("notify_duplicate", count=5, times=1)
    paid(sim, shop)
    sim.wait(lambda: len(sim.attempts("A1")) >= 5)  # more, where none was answered in time
    assert len({post["notify_id"] for post in till.of("A1")}) == 1
    begun = [post.at for post in till.posts[:5]]
    assert max(begun) - min(begun) < 0.8


def test_notify_before_return(sim: Simulator, shop: Merchant, till: Till) -> None:
    """The merchant has been told before the buyer's browser gets its answer."""
    till.slow = 0.2
    sim.fault("notify_before_return")
    paid(sim, shop)
    assert len(till.of("A1")) == 1
    assert sim.attempts("A1")[0]["ok"] == 1


def test_lost_notify_can_be_sent_later(sim: Simulator, shop: Merchant, till: Till) -> None:
    """A lost notify never goes by itself; sending again revives it."""
    sim.fault("notify_lost", times=1)
    paid(sim, shop)
    paid(sim, shop, "A2")
    sim.wait(lambda: till.of("A2"))
    assert (till.of("A1"), sim.notifications("A1")[0]["status"]) == ([], "lost")
    sim.resend(out_trade_no="A1")
    sim.wait(lambda: till.of("A1"))


def test_delayed_notify_waits_for_its_release(sim: Simulator, shop: Merchant, till: Till) -> None:
    """Held past any local deadline, then let go; or late by so many seconds."""
    sim.fault("notify_delayed", times=1)
    paid(sim, shop)
    sim.fault("notify_delayed", seconds=120)
    paid(sim, shop, "A2")
    sim.clock(100)
    assert (till.of("A1"), till.of("A2")) == ([], [])
    assert sim.release("A1") == 1
    sim.wait(lambda: till.of("A1"))
    sim.clock(121)
    sim.wait(lambda: till.of("A2"))


@pytest.mark.parametrize(
    ("switch", "field", "value"),
    [
        ("notify_wrong_amount", "total_amount", "0.01"),
        ("notify_app_id", "app_id", "2021999999999999"),
        ("notify_seller_id", "seller_id", "2088999999999999"),
        ("notify_out_trade_no", "out_trade_no", "UNKNOWN0000000000"),
    ],
)
def test_lies_are_well_signed(
    sim: Simulator, shop: Merchant, till: Till, switch: str, field: str, value: str
) -> None:
    """A foreign or false content carries a good signature: only the merchant's own checks help."""
    sim.fault(switch, times=1)
    till.answer = (200, b"fail", {})
    paid(sim, shop)
    sim.wait(lambda: len(sim.attempts("A1")) >= 2)
    lie, truth = till.posts[0].fields, till.posts[1].fields
    assert (lie[field], shop.believes(lie)) == (value, True)
    assert (truth[field] != value, shop.believes(truth)) == (True, True)
    assert sim.attempts("A1")[0]["faults"] == switch


@pytest.mark.parametrize(
    "switch", ["notify_sign_bad", "notify_sign_junk", "notify_sign_type_rsa", "notify_tampered"]
)
def test_forged_notifies_do_not_verify(
    sim: Simulator, shop: Merchant, till: Till, switch: str
) -> None:
    """A bad, junk or outdated signature, or a change after signing, fails an honest check."""
    sim.fault(switch, times=1)
    till.answer = (200, b"fail", {})
    paid(sim, shop)
    sim.wait(lambda: len(sim.attempts("A1")) >= 2)
    assert not shop.believes(till.posts[0].fields)
    assert shop.believes(till.posts[1].fields)


def test_missing_signature(sim: Simulator, shop: Merchant, till: Till) -> None:
    """The notify comes with no sign at all."""
    sim.fault("notify_sign_missing", times=1)
    paid(sim, shop)
    sim.wait(lambda: till.of("A1"))
    assert "sign" not in till.of("A1")[0]


def test_return_switches(sim: Simulator, shop: Merchant) -> None:
    """The browser does not come back, or comes back with a return that must not be believed."""
    sim.fault("return_lost", times=1)
    assert paid(sim, shop, "A1") == ""
    for number, switch in (("A2", "return_sign_bad"), ("A3", "return_tampered")):
        sim.fault(switch, times=1)
        told = dict(parse_qsl(urlsplit(paid(sim, shop, number)).query))
        assert not shop.believes(told)
    assert shop.believes(dict(parse_qsl(urlsplit(paid(sim, shop, "A4")).query)))


def test_gateway_that_is_down(sim: Simulator, shop: Merchant) -> None:
    """A 500, a web page and an unsigned error carry nothing out."""
    shop.page("A1")
    sim.scan("A1")
    for switch in ("gateway_500", "gateway_html", "gateway_unsigned_error", "gateway_system_error"):
        sim.fault(switch, times=1)
    broken = ask(shop, CLOSE)
    assert (broken.status_code, broken.text) == (500, "Internal Server Error")
    page = ask(shop, CLOSE)
    assert page.headers["content-type"].startswith("text/html")
    unsigned = ask(shop, CLOSE).json()
    assert unsigned["error_response"]["code"] == "20000"
    assert "sign" not in unsigned
    assert shop.call(CLOSE, out_trade_no="A1")["sub_code"] == "ACQ.SYSTEM_ERROR"
    assert sim.trade("A1")["status"] == "WAIT_BUYER_PAY"  # type: ignore[index]
    assert shop.call(CLOSE, out_trade_no="A1")["code"] == "10000"


def test_refund_done_but_its_answer_lost(sim: Simulator, shop: Merchant) -> None:
    """The money moved and nobody heard; the same request number moves nothing more."""
    paid(sim, shop)
    content = {"out_trade_no": "A1", "refund_amount": "1.00", "out_request_no": "r1"}
    sim.fault("gateway_answer_lost", times=1, method=REFUND)
    assert ask(shop, REFUND, **content).status_code == 504
    assert sim.trade("A1")["refunded"] == 100  # type: ignore[index]
    again = shop.call(REFUND, **content)
    assert (again["fund_change"], again["refund_fee"]) == ("N", "1.00")


def test_refund_that_claims_nothing_moved(sim: Simulator, shop: Merchant) -> None:
    """fund_change=N although this very call moved the money."""
    paid(sim, shop)
    sim.fault("refund_fund_change_n", times=1)
    told = shop.call(REFUND, out_trade_no="A1", refund_amount="1.00", out_request_no="r1")
    assert told["fund_change"] == "N"
    assert sim.trade("A1")["refunded"] == 100  # type: ignore[index]


def test_late_cut_and_missigned_answers(sim: Simulator, shop: Merchant) -> None:
    """An answer too late, cut off, or wrongly signed; what was asked is done all the same."""
    for number in ("A1", "A2", "A3"):
        shop.page(number)
        sim.scan(number)
    sim.fault("gateway_timeout", seconds=0.4, times=1)
    begun = time.monotonic()
    assert shop.call(CLOSE, out_trade_no="A1")["code"] == "10000"
    assert time.monotonic() - begun >= 0.4
    sim.fault("gateway_truncated", times=1)
    with pytest.raises(json.JSONDecodeError):
        ask(shop, CLOSE, out_trade_no="A2").json()
    sim.fault("gateway_sign_bad", times=1)
    missigned = ask(shop, CLOSE, out_trade_no="A3")
    with pytest.raises(AssertionError):
        shop.read(CLOSE, missigned)
    assert missigned.json()["alipay_trade_close_response"]["msg"] == "Success"
    assert [trade["status"] for trade in sim.state()["trades"]] == ["TRADE_CLOSED"] * 3


def test_timeout_does_not_hold_up_others(sim: Simulator, shop: Merchant) -> None:
    """While one caller waits for its late answer another is served at once."""
    sim.fault("gateway_timeout", seconds=5, out_trade_no="A1")
    with pytest.raises(httpx.ReadTimeout):
        shop.post(shop.params(QUERY, {"out_trade_no": "A1"}), timeout=0.3)
    begun = time.monotonic()
    shop.call(QUERY, out_trade_no="A2")
    assert time.monotonic() - begun < 4


def test_switches_can_be_narrow(sim: Simulator, shop: Merchant) -> None:
    """A switch may be limited to a method, to a purchase (by either number), and in times."""
    paid(sim, shop)
    number = sim.trade("A1")["trade_no"]  # type: ignore[index]
    sim.fault("gateway_sub_code", value="ACQ.SELLER_BALANCE_NOT_ENOUGH", method=REFUND, times=1)
    sim.fault("gateway_500", out_trade_no="A1", method=QUERY, times=2)
    assert shop.call(QUERY, out_trade_no="A2")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert ask(shop, QUERY, trade_no=number).status_code == 500
    assert ask(shop, QUERY, out_trade_no="A1").status_code == 500
    assert ask(shop, QUERY, out_trade_no="A1").status_code == 200
    content = {"out_trade_no": "A1", "refund_amount": "1.00", "out_request_no": "r1"}
    assert shop.call(REFUND, **content)["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert shop.call(REFUND, **content)["fund_change"] == "Y"
    assert [fault["hits"] for fault in sim.state()["faults"]] == [1, 2]


def test_execute_can_be_turned_round(sim: Simulator, shop: Merchant) -> None:
    """A system error may hide a refund that was carried out, a time-out one that was not."""
    paid(sim, shop)
    sim.fault("gateway_system_error", execute=True, times=1)
    told = shop.call(REFUND, out_trade_no="A1", refund_amount="1.00", out_request_no="r1")
    assert told["sub_code"] == "ACQ.SYSTEM_ERROR"
    assert sim.trade("A1")["refunded"] == 100  # type: ignore[index]
    sim.fault("gateway_answer_lost", execute=False, times=1)
    ask(shop, REFUND, out_trade_no="A1", refund_amount="2.00", out_request_no="r2")
    assert sim.trade("A1")["refunded"] == 100  # type: ignore[index]


def test_clearing_and_replacing(sim: Simulator) -> None:
    """Switches are cleared by name or all, or replaced by a list; a bad list changes nothing."""
    sim.fault("gateway_500")
    sim.fault("notify_lost")
    sim.clear_faults("gateway_500")
    assert [fault["name"] for fault in sim.state()["faults"]] == ["notify_lost"]
    with pytest.raises(SimulatorError):
        sim._post("faults", faults=[{"name": "gateway_html"}, {"name": "nonsense"}])
    assert [fault["name"] for fault in sim.state()["faults"]] == ["notify_lost"]
    sim._post("faults", faults=[{"name": "gateway_html"}])
    assert [fault["name"] for fault in sim.state()["faults"]] == ["gateway_html"]
    sim.clear_faults()
    assert sim.state()["faults"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "nonsense"}, {"name": ["gateway_500"]}, {}, {"name": "gateway_500", "times": 0},
        {"name": "gateway_500", "times": "2"}, {"name": "gateway_500", "times": True},
        {"name": "gateway_timeout", "seconds": 1e9}, {"name": "notify_duplicate", "count": 51},
        {"name": "gateway_500", "method": 5}, {"name": "gateway_500", "stray": 1},
        {"name": "gateway_500", "execute": "yes"},
    ],
)  # fmt: skip
def test_senseless_switches_are_refused(sim: Simulator, wrong: dict[str, object]) -> None:
    """An unknown name or a limit out of range is a clear refusal and sets nothing."""
    with pytest.raises(SimulatorError) as refused:
        sim._post("faults", **wrong)
    assert refused.value.code == "bad_request"
    assert sim.state()["faults"] == []
