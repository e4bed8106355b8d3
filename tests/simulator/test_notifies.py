"""What a merchant is told, how often, and what counts as having listened."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from alipay_simulator.control import Simulator
from tests.simulator.conftest import merchant_of
from tests.simulator.merchant import Merchant, Till

REFUND, CLOSE = "alipay.trade.refund", "alipay.trade.close"
SCHEDULE = (4, 10, 10, 60, 120, 360, 900)  # minutes


def paid(sim: Simulator, shop: Merchant, number: str = "A1", **page: object) -> str:
    """A paid purchase; where the browser was sent."""
    shop.page(number, **page)
    return str(sim.pay(number)["return_url"])


def delivered(sim: Simulator, number: str = "A1", count: int = 1) -> None:
    sim.wait(lambda: len(sim.attempts(number)) >= count, what=f"{count} deliveries")


def test_notify_is_signed_and_complete(sim: Simulator, shop: Merchant, till: Till) -> None:
    """The form carries every fact a merchant must check, and the signature holds for 中文 & {}+."""
    paid(sim, shop, passback_params="a%3D1%26b%3D%E8%8C%B6", body="")
    delivered(sim)
    told = till.of("A1")[0]
    assert shop.believes(told)
    assert told["subject"] == "柴烧茶壶 & 茶则 {一套} +1"
    assert told["passback_params"] == "a%3D1%26b%3D%E8%8C%B6"
    wanted = {
        "app_id": shop.app_id, "seller_id": shop.seller_id, "total_amount": "12.30",
        "trade_status": "TRADE_SUCCESS", "notify_type": "trade_status_sync", "sign_type": "RSA2",
    }  # fmt: skip
    assert {key: told[key] for key in wanted} == wanted
    assert all(told.values())
    assert "body" not in told


def test_return_is_signed_and_names_no_status(sim: Simulator, shop: Merchant) -> None:
    """The browser comes back with a signed GET that proves who sent it and nothing more."""
    address = paid(sim, shop, return_url="http://127.0.0.1:9/back?shop=1")
    told = dict(parse_qsl(urlsplit(address).query))
    assert told.pop("shop") == "1"
    assert shop.believes(told)
    assert told["method"] == "alipay.trade.page.pay.return"
    assert "trade_status" not in told


def test_success_ends_the_telling(sim: Simulator, shop: Merchant, till: Till) -> None:
    """After exactly `success` nothing more is sent, however far the clock moves."""
    paid(sim, shop)
    delivered(sim)
    sim.wait(lambda: sim.notifications("A1")[0]["status"] == "done")
    sim.clock(2 * 86_400)
    assert sim.notifications("A1")[0]["due_at"] is None
    assert len(till.of("A1")) == 1


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"success\n", {}), (200, b"SUCCESS", {}), (200, b"", {}), (200, b'"success"', {}),
        (200, b"\xef\xbb\xbfsuccess", {}), (500, b"success", {}), (201, b"success", {}),
        (302, b"", {"location": "/elsewhere"}), (200, b"<html>success</html>", {}),
    ],
)  # fmt: skip
def test_anything_else_is_not_success(
    sim: Simulator, shop: Merchant, till: Till, status: int, body: bytes, headers: dict[str, str]
) -> None:
    """A wrong answer is written down as it came and the notify comes again with the same id."""
    till.answer = (status, body, headers)
    paid(sim, shop)
    delivered(sim, count=2)
    first = sim.attempts("A1")[0]
    assert (first["status_code"], first["ok"]) == (status, 0)
    assert first["answer"] == body.decode()
    assert {post["notify_id"] for post in till.of("A1")} == {
        sim.notifications("A1")[0]["notify_id"]
    }


def test_slow_and_absent_merchants_are_told_again(
    sim: Simulator, shop: Merchant, till: Till
) -> None:
    """No answer in time, or nobody there, is written down and tried again."""
    till.slow = 1.3
    paid(sim, shop)
    paid(sim, shop, "A2", notify_url="http://127.0.0.1:9/nobody")
    delivered(sim, "A1")
    delivered(sim, "A2", 2)
    assert "no answer within" in sim.attempts("A1")[0]["problem"]
    assert sim.attempts("A2")[0]["problem"]
    till.slow = 0
    sim.wait(lambda: sim.notifications("A1")[0]["status"] == "done")


def test_eight_deliveries_on_the_schedule(till: Till, http: httpx.Client) -> None:
    """Four minutes, ten, ten, one hour, two, six, fifteen; then it gives up.

    A simulator of its own, slow enough for every wait to be seen; the test moves its clock past each.
    """
    till.answer = (200, b"fail", {})
    with Simulator.started(speed=60) as sim:
        paid(sim, merchant_of(sim, till, http))
        for place, minutes in enumerate(SCHEDULE, 1):
            sim.wait(
                lambda place=place: sim.notifications("A1")[0]["sent"] == place,
                what=f"delivery {place}",
            )
            told = sim.notifications("A1")[0]
            last = told["attempts"][-1]
            wait = told["due_at"] - last["at"] - last["took_ms"] / 1000
            assert wait == pytest.approx(minutes * 60 / 60, abs=2)
            sim.advance(minutes * 60 / 60)
        sim.wait(lambda: sim.notifications("A1")[0]["status"] == "given_up")
    assert len(till.of("A1")) == 8


def test_resend_uses_the_same_notify_id(sim: Simulator, shop: Merchant, till: Till) -> None:
    """Send again works after success too, and a merchant can recognise the duplicate."""
    paid(sim, shop)
    delivered(sim)
    sim.wait(lambda: sim.notifications("A1")[0]["status"] == "done")
    assert sim.resend(out_trade_no="A1") == 1
    delivered(sim, count=2)
    assert len({post["notify_id"] for post in till.of("A1")}) == 1


def test_pc_tells_of_no_close_but_wap_does(sim: Simulator, shop: Merchant, till: Till) -> None:
    """Closing, expiry and finishing are told to phone pages only."""
    for number, wap in (("P1", False), ("W1", True)):
        shop.page(number, wap=wap)
        sim.scan(number)
        shop.call(CLOSE, out_trade_no=number)
    shop.page("W2", wap=True, timeout_express="1m")
    sim.scan("W2")
    paid(sim, shop, "W3", wap=True)
    paid(sim, shop, "P3")
    sim.clock(100 * 86_400)
    sim.wait(lambda: len(till.of("W3")) == 2)
    for number in ("W1", "W2"):
        sim.wait(lambda number=number: till.of(number))
        told = till.of(number)[0]
        assert (told["trade_status"], "gmt_close" in told) == ("TRADE_CLOSED", True)
        assert "gmt_payment" not in told
    assert till.of("W3")[1]["trade_status"] == "TRADE_FINISHED"
    assert till.of("P1") == []
    assert [post["trade_status"] for post in till.of("P3")] == ["TRADE_SUCCESS"]


def test_full_wap_refund_tells_of_the_close(sim: Simulator, shop: Merchant, till: Till) -> None:
    """TRADE_CLOSED with gmt_payment means: was paid, is fully refunded."""
    paid(sim, shop, "W1", wap=True)
    shop.call(REFUND, out_trade_no="W1", refund_amount="12.30", out_request_no="r1")
    sim.wait(lambda: len(till.of("W1")) == 2)
    told = next(post for post in till.of("W1") if post["trade_status"] == "TRADE_CLOSED")
    assert (told["refund_fee"], "gmt_payment" in told) == ("12.30", True)


def test_a_restart_forgets_nothing(tmp_path: object, till: Till, http: httpx.Client) -> None:
    """Killed between two deliveries, the simulator comes back with keys, trades, clock and queue."""
    till.answer = (500, b"no", {})
    with Simulator.started(tmp_path, speed=480) as sim:  # type: ignore[arg-type]
        shop = merchant_of(sim, till, http)
        paid(sim, shop)
        shop.page("A2")
        sim.scan("A2")
        sim.fault("gateway_500", times=5)
        sim.clock(100)
        delivered(sim)
        before = sim.app, shop.public_key.read_bytes(), sim.trade("A1")
        sim.kill()
        till.answer = (200, b"success", {})
        sim.start()
        sim.wait(lambda: sim.notifications("A1")[0]["status"] == "done")
        assert (sim.app, shop.public_key.read_bytes(), sim.trade("A1")) == before
        assert sim.state()["clock"]["offset_seconds"] == 100
        assert sim.state()["faults"][0]["name"] == "gateway_500"
        assert sim.pay("A2")["trade_status"] == "TRADE_SUCCESS"
    assert len({post["notify_id"] for post in till.of("A1")}) == 1
