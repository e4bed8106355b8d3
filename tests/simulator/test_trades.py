"""The life of a trade over the wire: not there, waiting, paid, closed, refunded, finished, billed."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
from typing import Any

import pytest

from alipay_simulator.control import Simulator, SimulatorError
from tests.simulator.merchant import Merchant, Till, beijing

QUERY, CLOSE, CANCEL = "alipay.trade.query", "alipay.trade.close", "alipay.trade.cancel"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
BILL = "alipay.data.dataservice.bill.downloadurl.query"
DAY = 86_400


def test_no_trade_before_the_buyer_joins(sim: Simulator, shop: Merchant) -> None:
    """An open page is no trade: query and close know nothing, and yet it is paid afterwards."""
    shop.page("A1")
    assert shop.call(QUERY, out_trade_no="A1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert shop.call(CLOSE, out_trade_no="A1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    sim.scan("A1")
    assert shop.call(QUERY, out_trade_no="A1")["trade_status"] == "WAIT_BUYER_PAY"
    sim.pay("A1")
    told = shop.call(QUERY, out_trade_no="A1")
    assert (told["trade_status"], told["total_amount"]) == ("TRADE_SUCCESS", "12.30")
    assert "send_pay_date" in told
    assert "app_id" not in told


def test_trade_no_wins_over_out_trade_no(sim: Simulator, shop: Merchant) -> None:
    """Given both numbers, Alipay's own is the one that counts."""
    shop.page("A1")
    shop.page("A2")
    first = sim.pay("A1")["trade_no"]
    sim.scan("A2")
    assert shop.call(QUERY, trade_no=first, out_trade_no="A2")["out_trade_no"] == "A1"
    assert shop.call(QUERY)["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_close_ends_an_unpaid_trade(sim: Simulator, shop: Merchant) -> None:
    """A waiting trade can be closed once; then nobody pays it and it cannot be begun anew."""
    shop.page("A1")
    sim.scan("A1")
    assert shop.call(CLOSE, out_trade_no="A1")["code"] == "10000"
    assert shop.call(CLOSE, out_trade_no="A1")["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    with pytest.raises(SimulatorError) as refused:
        sim.pay("A1")
    assert refused.value.code == "ACQ.TRADE_HAS_CLOSE"
    told = shop.call(QUERY, out_trade_no="A1")
    assert told["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" not in told


def test_close_of_a_paid_trade_is_refused(sim: Simulator, shop: Merchant) -> None:
    """Closing comes too late after the payment and changes nothing."""
    shop.page("A1")
    sim.pay("A1")
    assert shop.call(CLOSE, out_trade_no="A1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert shop.call(QUERY, out_trade_no="A1")["trade_status"] == "TRADE_SUCCESS"


def test_close_and_pay_at_once_have_one_winner(sim: Simulator, shop: Merchant) -> None:
    """Of a close and a payment in the same instant exactly one happens, whichever it is."""
    for place in range(6):
        number = f"R{place}"
        shop.page(number)
        sim.scan(number)
        both = threading.Barrier(2)
        told: dict[str, Any] = {}

        def pay(
            number: str = number, both: threading.Barrier = both, told: dict[str, Any] = told
        ) -> None:
            both.wait()
            try:
                told["pay"] = sim.pay(number)["trade_status"]
            except SimulatorError as error:
                told["pay"] = error.code

        payer = threading.Thread(target=pay)
        payer.start()
        both.wait()
        closed = shop.call(CLOSE, out_trade_no=number)["code"] == "10000"
        payer.join()
        status = shop.call(QUERY, out_trade_no=number)["trade_status"]
        assert (closed, told["pay"] == "TRADE_SUCCESS") in ((True, False), (False, True))
        assert status == ("TRADE_CLOSED" if closed else "TRADE_SUCCESS")


def test_time_expire_ends_page_and_trade(sim: Simulator, shop: Merchant) -> None:
    """Past time_expire an unopened page cannot begin a trade, and a waiting one is closed."""
    shop.page("A1", time_expire=beijing(60))
    shop.page("A2", time_expire=beijing(60))
    sim.scan("A2")
    sim.clock(61)
    for number in ("A1", "A2"):
        with pytest.raises(SimulatorError) as refused:
            sim.pay(number)
        assert refused.value.code == "SIM.EXPIRED"
    assert shop.call(QUERY, out_trade_no="A1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert shop.call(QUERY, out_trade_no="A2")["trade_status"] == "TRADE_CLOSED"


@pytest.mark.parametrize(
    ("term", "seconds"),
    [("1m", 60), ("2h", 7200), ("15d", 15 * DAY), ("1c", DAY), (None, 15 * DAY)],
)
def test_timeout_express_is_honoured(
    sim: Simulator, shop: Merchant, term: str | None, seconds: int
) -> None:
    """Relative terms in minutes, hours, days or to the end of the day; fifteen days without any."""
    shop.page("A1", **({"timeout_express": term} if term else {}))
    page = sim.state("A1")["pages"][0]
    life = page["expires_at"] - page["opened_at"]
    if term == "1c":
        assert 0 < life <= seconds
        assert (page["expires_at"] + 8 * 3600) % DAY == 0
    else:
        assert life == pytest.approx(seconds, abs=1)


def test_time_expire_wins_over_timeout_express(sim: Simulator, shop: Merchant) -> None:
    """Given both, the absolute moment counts; the older form without seconds is read too."""
    shop.page("A1", timeout_express="2h", time_expire=beijing(600)[:16])
    page = sim.state("A1")["pages"][0]
    assert 500 < page["expires_at"] - page["opened_at"] <= 600


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount": "0"}, {"total_amount": "0.001"}, {"total_amount": "-1"}, {"total_amount": "1e3"},
        {"total_amount": "100000000.01"}, {"total_amount": 0.1 + 0.2}, {"total_amount": "１.00"},
        {"out_trade_no": "no-dash"}, {"out_trade_no": "A" * 65}, {"out_trade_no": ""}, {"out_trade_no": {}},
        {"subject": ""}, {"subject": "x" * 257}, {"product_code": "QUICK_WAP_WAY"},
        {"timeout_express": "0m"}, {"timeout_express": "16d"}, {"timeout_express": "1.5h"},
        {"time_expire": "soon"}, {"time_expire": "2099-01-01 00:00:00"},
    ],
)  # fmt: skip
def test_senseless_purchases_are_refused(
    sim: Simulator, shop: Merchant, wrong: dict[str, Any]
) -> None:
    """A page is opened for a good amount, number, subject, product and term only."""
    content = {"number": "A1"} | wrong
    number, amount = content.pop("out_trade_no", "A1"), content.pop("total_amount", "1.00")
    content.pop("number")
    response = shop.post(shop.page_params(number, amount, **content))
    assert response.status_code == 400
    assert "ACQ.INVALID_PARAMETER" in response.text
    assert sim.state()["pages"] == []


def test_the_same_number_with_another_amount_is_inconsistent(
    sim: Simulator, shop: Merchant
) -> None:
    """Once a trade exists its number cannot be used for another purchase; the same one may be reopened."""
    shop.page("A1", "12.30")
    sim.scan("A1")
    other = shop.post(shop.page_params("A1", "0.01"))
    assert "ACQ.CONTEXT_INCONSISTENT" in other.text
    again = shop.page("A1", "12.30")
    assert sim.pay(token=again.rsplit("/", 1)[1])["trade_status"] == "TRADE_SUCCESS"
    assert shop.call(QUERY, out_trade_no="A1")["total_amount"] == "12.30"


def test_partial_refunds_are_capped_and_idempotent(
    sim: Simulator, shop: Merchant, till: Till
) -> None:
    """A request number moves money once; the sum never passes what was paid; each is told of."""
    shop.page("A1", "10.00")
    sim.pay("A1")
    first = shop.call(REFUND, out_trade_no="A1", refund_amount="4.00", out_request_no="r1")
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "4.00")
    again = shop.call(REFUND, out_trade_no="A1", refund_amount="4.00", out_request_no="r1")
    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "4.00")
    other = shop.call(REFUND, out_trade_no="A1", refund_amount="5.00", out_request_no="r1")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    over = shop.call(REFUND, out_trade_no="A1", refund_amount="6.01", out_request_no="r2")
    assert over["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    unnamed = shop.call(REFUND, out_trade_no="A1", refund_amount="1.00")
    assert unnamed["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert sim.trade("A1")["refunded"] == 400  # type: ignore[index]
    rest = shop.call(REFUND, out_trade_no="A1", refund_amount="6.00", out_request_no="r2")
    assert rest["refund_fee"] == "10.00"
    told = shop.call(QUERY, out_trade_no="A1")
    assert told["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" in told
    sim.wait(lambda: len(till.of("A1")) == 2)
    partial = next(post for post in till.of("A1") if "refund_fee" in post)
    assert (partial["trade_status"], partial["refund_fee"]) == ("TRADE_SUCCESS", "4.00")
    assert partial["out_biz_no"] == "r1"


def test_refund_query_says_nothing_of_an_unknown_request(sim: Simulator, shop: Merchant) -> None:
    """A known refund is REFUND_SUCCESS with its reason, an unknown one is 10000 and silence."""
    shop.page("A1", "10.00")
    sim.pay("A1")
    shop.call(REFUND, out_trade_no="A1", refund_amount="10.00", refund_reason="{缺货}")
    told = shop.call(
        REFUND_QUERY, out_trade_no="A1", out_request_no="A1", query_options=["gmt_refund_pay"]
    )
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "10.00")
    assert told["refund_reason"] == "{缺货}"
    assert "gmt_refund_pay" in told
    unknown = shop.call(REFUND_QUERY, out_trade_no="A1", out_request_no="r9")
    assert unknown["code"] == "10000"
    assert "refund_status" not in unknown
    nowhere = shop.call(REFUND_QUERY, out_trade_no="A9", out_request_no="r9")
    assert nowhere["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_nothing_is_refunded_of_an_unpaid_trade(sim: Simulator, shop: Merchant) -> None:
    """A refund needs a payment, and an amount that is one."""
    shop.page("A1")
    sim.scan("A1")
    refused = shop.call(REFUND, out_trade_no="A1", refund_amount="1.00", out_request_no="r1")
    assert refused["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    senseless = shop.call(REFUND, out_trade_no="A1", refund_amount="1.001", out_request_no="r1")
    assert senseless["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert sim.trade("A1")["refunds"] == []  # type: ignore[index]


def test_refund_window_ends_in_trade_finished(sim: Simulator, shop: Merchant) -> None:
    """After the refund window the trade is finished and keeps its money."""
    shop.page("A1")
    sim.pay("A1")
    sim.clock(91 * DAY)
    assert shop.call(QUERY, out_trade_no="A1")["trade_status"] == "TRADE_FINISHED"
    late = shop.call(REFUND, out_trade_no="A1", refund_amount="12.30", out_request_no="r1")
    assert late["sub_code"] == "ACQ.TRADE_HAS_FINISHED"


def test_cancel_undoes_what_there_is(sim: Simulator, shop: Merchant) -> None:
    """Cancel refunds a paid trade, closes a waiting one, and takes nothing amiss."""
    shop.page("A1")
    shop.page("A2")
    sim.pay("A1")
    sim.scan("A2")
    actions = [shop.call(CANCEL, out_trade_no=number)["action"] for number in ("A1", "A2", "A3")]
    assert actions == ["refund", "close", ""]
    assert sim.trade("A1")["refunded"] == 1230  # type: ignore[index]
    assert sim.trade("A2")["status"] == "TRADE_CLOSED"  # type: ignore[index]


def bill_of(shop: Merchant, sim: Simulator, kind: str = "trade") -> dict[str, list[list[str]]]:
    """The downloaded bill of today: file name to rows, comment lines left out."""
    told = shop.call(BILL, bill_type=kind, bill_date=beijing()[:10])
    content = shop.http.get(told["bill_download_url"]).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        texts = {name: archive.read(name).decode("gbk") for name in archive.namelist()}
    return {
        name: [
            [f.strip() for f in row]
            for row in csv.reader(io.StringIO(t))
            if not row[0].startswith("#")
        ]
        for name, t in texts.items()
    }


def test_bill_lists_payments_and_refunds(sim: Simulator, shop: Merchant) -> None:
    """The day after, the bill has a row for each movement, in GBK, and a sum that agrees."""
    shop.page("A1", "10.00", subject="茶壶, 一把")
    sim.pay("A1")
    shop.call(REFUND, out_trade_no="A1", refund_amount="4.00", out_request_no="r1")
    early = shop.call(BILL, bill_type="trade", bill_date=beijing()[:10])
    assert early["sub_code"] == "isp.bill_not_exist"
    sim.clock(2 * DAY)
    files = bill_of(shop, sim)
    details, sums = (files[name] for name in sorted(files, key=lambda name: "汇总" in name))
    rows = [dict(zip(details[0], row, strict=True)) for row in details[1:]]
    assert [(r["商户订单号"], r["业务类型"], r["订单金额（元）"]) for r in rows] == [
        ("A1", "交易", "10.00"),
        ("A1", "退款", "-4.00"),
    ]
    assert rows[0]["商品名称"] == "茶壶, 一把"
    assert rows[1]["退款批次号/请求号"] == "r1"
    assert sums[1][2:] == ["1", "1", "6.00", "6.00"]
    account = bill_of(shop, sim, "signcustomer")
    assert any(row[5:9] for rows in account.values() for row in rows)


def test_bill_address_lives_thirty_seconds(sim: Simulator, shop: Merchant) -> None:
    """The download address is good for thirty seconds and cannot be guessed."""
    sim.fault("bill_early")
    url = shop.call(BILL, bill_type="trade", bill_date=beijing()[:10])["bill_download_url"]
    assert shop.http.get(url).status_code == 200
    sim.clock(31)
    assert shop.http.get(url).status_code == 403
    assert shop.http.get(f"{sim.url}/bill/guess.zip").status_code == 403


@pytest.mark.parametrize("day", ["2026-13-01", "2026-02-30", "today", "", "2026-1-1"])
def test_senseless_bill_dates_are_refused(shop: Merchant, day: str) -> None:
    """Only a day or a month has a bill."""
    told = shop.call(BILL, bill_type="trade", bill_date=day)
    assert told["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize(
    ("switch", "amounts"),
    [
        ("bill_missing_row", ["20.00"]),
        ("bill_surplus_row", ["10.00", "20.00", "1.00"]),
        ("bill_wrong_amount", ["10.01", "20.00"]),
    ],
)
def test_bill_switches_make_rows_disagree(
    sim: Simulator, shop: Merchant, switch: str, amounts: list[str]
) -> None:
    """A row missing, a row too many, a row off by one fen: food for reconciliation."""
    for number, amount in (("A1", "10.00"), ("A2", "20.00")):
        shop.page(number, amount)
        sim.pay(number)
    sim.fault("bill_early")
    sim.fault(switch, times=1)
    files = bill_of(shop, sim)
    details = next(rows for name, rows in files.items() if "汇总" not in name)
    assert [row[11] for row in details[1:]] == amounts
