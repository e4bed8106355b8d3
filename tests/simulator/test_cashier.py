"""The cashier as a buyer without scripts meets it: log in or scan, pay, leave, come too late."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from alipay_simulator.control import Simulator
from tests.simulator.merchant import Merchant, Till, beijing

PASSWORD = "135790"
BACK = "http://127.0.0.1:9/back"


def log_in(
    browser: httpx.Client, page: str, buyer: str = "alice", password: str = PASSWORD
) -> httpx.Response:
    form = {"buyer": f"{buyer}@sandbox.test", "password": password}
    return browser.post(f"{page}/login", data=form)


def test_a_purchase_from_page_to_return(
    sim: Simulator, shop: Merchant, till: Till, browser: httpx.Client
) -> None:
    """Open, log in, check, pay, and be sent back with a signed return; the notify arrives too."""
    page = shop.page("A1", "476.30", return_url=BACK, time_expire=beijing(900))
    first = browser.get(page)
    assert all(part in first.text for part in ("simulator, no money moves", "476", "A1", PASSWORD))
    assert "茶壶 &amp; 茶则" in first.text
    assert sim.state()["trades"] == []
    assert log_in(browser, page).status_code == 303
    assert sim.trade("A1")["status"] == "WAIT_BUYER_PAY"  # type: ignore[index]
    assert "Confirm and pay ¥476.30" in browser.get(page).text
    back = browser.post(f"{page}/pay")
    assert back.status_code == 302
    assert back.headers["location"].startswith(BACK + "?")
    assert shop.believes(dict(parse_qsl(urlsplit(back.headers["location"]).query)))
    sim.wait(lambda: till.of("A1"))
    assert "Paid at" in browser.get(page).text


def test_scanning_needs_no_password(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """A scan begins the trade as a login does, and without a return address the page says paid."""
    page = shop.page("A1")
    assert browser.post(f"{page}/scan").status_code == 303
    assert "Scanned" in browser.get(page).text
    assert browser.post(f"{page}/pay").headers["location"] == page
    assert "Paid at" in browser.get(page).text


def test_wrong_passwords_are_counted(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """Five wrong passwords lock the login of this page; nothing was begun, the scan still works."""
    page = shop.page("A1")
    told = [log_in(browser, page, password="000000") for _ in range(5)]
    assert {response.status_code for response in told} == {403}
    assert "4 tries are left" in told[0].text
    assert "One try is left" in told[3].text
    assert "locked" in told[4].text
    assert "locked" in log_in(browser, page).text
    assert sim.state()["trades"] == []
    assert browser.post(f"{page}/scan").status_code == 303


def test_an_empty_wallet_pays_nothing(
    sim: Simulator, shop: Merchant, till: Till, browser: httpx.Client
) -> None:
    """Carol has no money: the trade waits on, and another account may pay it."""
    page = shop.page("A1")
    log_in(browser, page, "carol", "112358")
    poor = browser.post(f"{page}/pay")
    assert (poor.status_code, "not enough" in poor.text) == (409, True)
    assert (sim.trade("A1")["status"], till.posts) == ("WAIT_BUYER_PAY", [])  # type: ignore[index]
    browser.post(f"{page}/switch")
    log_in(browser, page)
    assert browser.post(f"{page}/pay").status_code == 302
    assert sim.trade("A1")["status"] == "TRADE_SUCCESS"  # type: ignore[index]


def test_paying_twice_pays_once(
    sim: Simulator, shop: Merchant, till: Till, browser: httpx.Client
) -> None:
    """A double click is told that it is paid, and the merchant hears of it once."""
    page = shop.page("A1", return_url=BACK)
    log_in(browser, page)
    assert browser.post(f"{page}/pay").status_code == 302
    again = browser.post(f"{page}/pay")
    assert (again.status_code, "Paid at" in again.text) == (409, True)
    assert len(sim.notifications("A1")) == 1


def test_too_late_says_so(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """Past its time the page says 订单已超时 and takes no login, no scan and no payment."""
    page, joined = shop.page("A1", timeout_express="1m"), shop.page("A2", timeout_express="1m")
    log_in(browser, joined)
    sim.clock(61)
    chinese = browser.get(page, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "订单已超时" in chinese.text
    for response in (
        log_in(browser, page),
        browser.post(f"{page}/scan"),
        browser.post(f"{joined}/pay"),
    ):
        assert (response.status_code, "timed out" in response.text) == (409, True)
    assert [trade["status"] for trade in sim.state()["trades"]] == ["TRADE_CLOSED"]


def test_leaving_changes_nothing(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """Leaving is told to nobody; the way back to the merchant is the address it gave, if allowed."""
    page = shop.page("W1", wap=True, quit_url="http://127.0.0.1:9/cart")
    left = browser.get(f"{page}/leave").text
    assert "http://127.0.0.1:9/cart" in left
    other = shop.page("W2", wap=True, quit_url="http://example.com/")
    assert "example.com" not in browser.get(f"{other}/leave").text
    assert sim.state()["trades"] == []
    assert sim.pay("W1")["trade_status"] == "TRADE_SUCCESS"


def test_closed_by_the_merchant(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """A trade the merchant closed meanwhile cannot be paid, and the page says who closed it."""
    page = shop.page("A1")
    log_in(browser, page)
    shop.call("alipay.trade.close", out_trade_no="A1")
    late = browser.post(f"{page}/pay")
    assert (late.status_code, "The merchant closed this trade" in late.text) == (409, True)


def test_languages(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """The browser's wish, then the switch, which is remembered; Chinese where nothing is known."""
    page = shop.page("A1")
    asks = {
        "en-GB,en": "Sign in to pay",
        "fr,zh-TW;q=0.5": "登录付款",
        "fr": "登录付款",
        ";q=x,": "登录付款",
    }
    for header, words in asks.items():
        assert words in browser.get(page, headers={"accept-language": header}).text
    assert "登录付款" in browser.get(f"{page}?lang=zh").text
    assert "登录付款" in browser.get(page).text
    assert "Sign in to pay" in browser.get(f"{page}?lang=en").text


def test_pages_are_strict(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """No inline script or style, and a policy under which the form may end only here or at the merchant's."""
    page = shop.page("A1", return_url=BACK, subject="<script>alert(1)</script>")
    shown = browser.get(page)
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>alert" not in shown.text
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", shown.text)


@pytest.mark.parametrize("act", ["login", "scan", "pay", "switch"])
def test_unknown_pages_are_not_found(sim: Simulator, browser: httpx.Client, act: str) -> None:
    """A token nobody was given leads nowhere."""
    assert browser.get("/cashier/guess").status_code == 404
    assert browser.post(f"/cashier/guess/{act}").status_code == 404


def test_junk_forms_are_wrong_passwords(
    sim: Simulator, shop: Merchant, browser: httpx.Client
) -> None:
    """Bytes that are no form at all are a failed login, not a crash."""
    page = shop.page("A1")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for junk in (b"\xff\xfe", b"a=1&" * 100, b"buyer=alice@sandbox.test&password=\xe4\xb8"):
        assert browser.post(f"{page}/login", content=junk, headers=headers).status_code == 403


def test_refused_requests_are_shown_as_a_page(sim: Simulator, shop: Merchant) -> None:
    """A browser sent with a bad signature sees what was verified, safely escaped."""
    params = shop.page_params("A1", subject="<b>x</b>") | {"sign": "AAAA"}
    shown = shop.http.get(shop.gateway, params=params)
    assert shown.status_code == 400
    assert "isv.invalid-signature" in shown.text
    assert "<b>x</b>" not in shown.text
