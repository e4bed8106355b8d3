"""One request and its answer: what is sent, and what is believed. Each known defect of the usual SDKs once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from alipay_simulator.signing import request_string, verify
from shigu.payments.models import Attempt, Refund
from shigu.payments.provider import Fate, Standing
from shigu.payments.providers.alipay import gateway as asking
from shigu.payments.providers.alipay import keys
from shigu.payments.providers.alipay.adapter import Alipay
from shigu.payments.providers.alipay.gateway import Silence
from tests.payments.alipay.conftest import NOW, Gateway

QUERY = "alipay.trade.query"
OK = {"code": "10000", "msg": "Success"}
PAID = OK | {
    "out_trade_no": "7_1",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "0.30",
    "send_pay_date": "2026-11-22 00:29:00",
    "trade_no": "2026112222001",
}


def test_what_is_sent(gateway: Gateway, pairs: Any) -> None:
    """A POST with everything in its body, signed over the raw values, sign_type among them."""
    gateway.says(QUERY, PAID)
    Alipay().query("7_1")
    (sent,) = gateway.asked
    assert gateway.methods == ["POST /gateway.do"]
    assert verify(pairs[1].public_key(), request_string(sent).encode(), sent["sign"])
    assert "sign_type=RSA2" in request_string(sent)
    assert json.loads(sent["biz_content"]) == {"out_trade_no": "7_1"}


def test_timestamp_is_beijing_time(gateway: Gateway) -> None:
    """Whatever zone the machine is in (SDK: naive local time)."""
    gateway.says(QUERY, PAID)
    Alipay().query("7_1")
    assert gateway.asked[0]["timestamp"] == "2026-11-22 00:30:15"


def test_amounts_are_exact_text(gateway: Gateway) -> None:
    """30 fen are "0.30" on the wire (SDK: floats become 0.30000000000000004, Decimal fails)."""
    gateway.says("alipay.trade.refund", OK | {"fund_change": "Y"})
    refund = Refund(attempt=Attempt(out_trade_no="7_1"), amount=10 + 20, request_no="7_1_r1")
    assert Alipay().refund(refund).fate is Fate.SENT
    content = json.loads(gateway.asked[0]["biz_content"])
    assert content["refund_amount"] == "0.30"
    assert content["out_request_no"] == "7_1_r1"


def test_answer_is_read(gateway: Gateway) -> None:
    """Fen, UTC, the provider's number."""
    gateway.says(QUERY, PAID)
    answer = Alipay().query("7_1")
    assert (answer.standing, answer.amount) == (Standing.PAID, 30)
    assert answer.paid_at is not None
    assert answer.paid_at.isoformat() == "2026-11-21T16:29:00+00:00"


@pytest.mark.parametrize("text", [":-}", "{", "}}}{{", '\\"}', "\\\\", '"{"', "茶}", '\\u007d"'])
def test_braces_in_a_text(gateway: Gateway, text: str) -> None:
    """Braces and quotes in a string end nothing (SDK: counts them and refuses valid answers)."""
    gateway.says(QUERY, PAID | {"subject": text})
    assert Alipay().query("7_1").standing is Standing.PAID


def test_signature_is_over_the_bytes_that_came(gateway: Gateway) -> None:
    """Odd spacing, escapes and order are verified as they are, not written anew."""
    raw = (
        b'{ "trade_status":"TRADE_SUCCESS" ,"code":"10000","subject":"\\u8336 \\/",'
        b'"total_amount":"0.30","out_trade_no":"7_1"}'
    )
    gateway.says(QUERY, raw)
    assert Alipay().query("7_1").standing is Standing.PAID


def test_business_refusal_is_not_an_answer(gateway: Gateway) -> None:
    """Code 40004 is told apart (SDK: returned like a success)."""
    gateway.says(QUERY, {"code": "40004", "msg": "x", "sub_code": "ACQ.TRADE_NOT_EXIST"})
    assert Alipay().query("7_1").standing is Standing.NOT_CREATED
    gateway.says(QUERY, {"code": "40004", "msg": "x", "sub_code": "ACQ.SYSTEM_ERROR"})
    assert Alipay().query("7_1").standing is Standing.UNKNOWN
    gateway.says(QUERY, {"code": "20000", "msg": "x", "sub_code": "isp.unknow-error"})
    answer = Alipay().query("7_1")
    assert (answer.standing, answer.said) == (Standing.UNKNOWN, "20000 isp.unknow-error")


def test_answer_about_another_number(gateway: Gateway) -> None:
    """A genuine answer about another payment, replayed, says nothing of this one."""
    gateway.says(QUERY, PAID)
    assert Alipay().query("8_1").standing is Standing.UNKNOWN


NONSENSE = {
    "empty": b"",
    "html": b"<html>502</html>",
    "truncated": b'{"alipay_trade_query_response":{"code":"10000","ms',
    "list": b"[]",
    "number": b"1",
    "null": b"null",
    "deep": b"[" * 100_000,
    "not utf-8": b'{"alipay_trade_query_response":{"a":"\xff"},"sign":"A"}',
    "unsigned": b'{"alipay_trade_query_response":{"code":"10000"}}',
    "sign is a list": b'{"alipay_trade_query_response":{"code":"10000"},"sign":["A"]}',
    "sign is junk": b'{"alipay_trade_query_response":{"code":"10000"},"sign":"A"}',
    "sign is no ascii": '{"alipay_trade_query_response":{"code":"10000"},"sign":"茶"}'.encode(),
    "unsigned error": b'{"error_response":{"code":"20000","sub_code":"isp.unknow-error"}}',
    "another node": b'{"alipay_trade_close_response":{"code":"10000"},"sign":"QQ=="}',
    "node is text": b'{"alipay_trade_query_response":"{}","sign":"QQ=="}',
    "node is null": b'{"alipay_trade_query_response":null,"sign":"QQ=="}',
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_silence(gateway: Gateway, kind: str) -> None:
    """Whatever comes instead of a signed answer is unknown, and no exception (SDK: half a dozen kinds)."""
    gateway.body = NONSENSE[kind]
    assert Alipay().query("7_1").standing is Standing.UNKNOWN
    assert Alipay().close("7_1") is Standing.UNKNOWN
    refund = Refund(attempt=Attempt(out_trade_no="7_1"), amount=1, request_no="7_1_r1")
    assert Alipay().refund(refund).fate is Fate.UNKNOWN
    assert Alipay().query_refund(refund).fate is Fate.UNKNOWN


def test_changed_answer_is_silence(gateway: Gateway) -> None:
    """One changed figure breaks the signature."""
    gateway.says(QUERY, PAID)
    gateway.body = gateway.body.replace(b'"0.30"', b'"9.30"')
    answer = Alipay().query("7_1")
    assert (answer.standing, answer.said) == (Standing.UNKNOWN, "the answer's signature is wrong")


def test_second_node_is_not_read(gateway: Gateway) -> None:
    """What is verified is what is read, even if the name stands in the answer twice."""
    gateway.says(QUERY, PAID | {"trade_status": "WAIT_BUYER_PAY"})
    lie = json.dumps(PAID).encode()
    gateway.body = gateway.body[:-1] + b',"alipay_trade_query_response":' + lie + b"}"
    assert Alipay().query("7_1").standing is Standing.WAITING


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 502, 504])
def test_other_statuses_are_silence(gateway: Gateway, status: int) -> None:
    """No redirect is followed, no error page is read."""
    gateway.says(QUERY, PAID)
    gateway.status, gateway.headers = status, {"location": gateway.url}
    assert Alipay().query("7_1").said == f"HTTP {status}"
    assert len(gateway.asked) == 1


def test_nobody_there(gateway: Gateway, settings: Any) -> None:
    """A refused connection is unknown, not an exception."""
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:1/gateway.do"
    assert Alipay().query("7_1").standing is Standing.UNKNOWN


@pytest.mark.parametrize("slow", ["wait", "drip"])
def test_slow_answers_end(gateway: Gateway, slow: str) -> None:
    """Neither a late answer nor one that drips byte by byte holds anybody longer than the time-out."""
    gateway.says(QUERY, PAID)
    setattr(gateway, slow, {"wait": 5.0, "drip": 0.05}[slow])
    began = time.monotonic()
    assert Alipay().query("7_1").standing is Standing.UNKNOWN
    assert time.monotonic() - began < 2


def test_too_long_an_answer(gateway: Gateway) -> None:
    """Two megabytes are no answer."""
    gateway.body = b"x" * (2 * asking.MOST_BYTES)
    assert Alipay().query("7_1").said == "the answer is too long"


def test_environment_proxies_are_ignored(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Money goes to the gateway, whatever the environment says (SDK: honours them)."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    gateway.says(QUERY, PAID)
    assert Alipay().query("7_1").standing is Standing.PAID


def test_nothing_secret_is_said(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    """Neither keys nor signatures nor addresses with parameters reach a log."""
    with caplog.at_level("DEBUG", logger="httpx"):
        gateway.says(QUERY, PAID)
        Alipay().query("7_1")
    assert gateway.asked[0]["sign"] not in caplog.text
    assert "biz_content" not in caplog.text


def test_silence_names_no_secret(gateway: Gateway, settings: Any, tmp_path: Any) -> None:
    """A broken key file is named, its content is not."""
    (tmp_path / "broken.pem").write_text("-----BEGIN PRIVATE KEY-----\nsecret\n")
    settings.ALIPAY_PRIVATE_KEY_FILE = str(tmp_path / "broken.pem")
    with pytest.raises(keys.NoKeys) as told:
        keys.load()
    assert str(told.value) == "broken.pem is not an RSA private key"
    assert Alipay().query("7_1").standing is Standing.UNKNOWN


def test_call_raises_only_silence(gateway: Gateway) -> None:
    """The one exception of this floor."""
    with pytest.raises(Silence):
        asking.call(keys.load(), QUERY, {})


def test_stamp_ignores_fractions() -> None:
    """To the second, never later than the moment itself."""
    assert asking.stamp(NOW.replace(microsecond=999_999)) == "2026-11-22 00:30:15"
