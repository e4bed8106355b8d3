"""The provider's verbs: pages for desk and phone, what each word of Alipay means, notify and return."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from alipay_simulator.signing import notice_string, request_string, sign, sign_sha1, verify
from shigu.payments.errors import NoSuchWay
from shigu.payments.models import Attempt, Refund
from shigu.payments.provider import Answer, Fate, NoBill, Standing, Unverified
from shigu.payments.providers.alipay import bill, keys, reading
from shigu.payments.providers.alipay.adapter import Alipay, subject
from shigu.payments.providers.alipay.checks import check_alipay
from shigu.payments.providers.alipay.gateway import Reply
from shigu.payments.providers.alipay.signing import signed_node
from tests.payments.alipay.conftest import NOW, Gateway, private_pem, public_pem


def page(channel: str) -> tuple[dict[str, str], dict[str, str]]:
    attempt = Attempt(
        out_trade_no="7_1",
        amount=9900,
        title="青瓷杯 / {a}=&",
        channel=channel,
        expires_at=NOW + timedelta(minutes=15),
    )
    url = Alipay().create(attempt, return_url="http://s/r/", notify_url="http://s/n/").url
    params = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return params, json.loads(params["biz_content"])


@pytest.mark.parametrize(
    ("channel", "method", "product"),
    [
        ("page", "alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
        ("wap", "alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    ],
)
def test_page_for_desk_and_phone(
    gateway: Gateway, pairs: Any, channel: str, method: str, product: str
) -> None:
    """Signed, to the fen, until the very moment promised; the wap product as documented (SDK: wrong)."""
    params, content = page(channel)
    assert verify(pairs[1].public_key(), request_string(params).encode(), params["sign"])
    assert (params["method"], content["product_code"]) == (method, product)
    assert (params["return_url"], params["notify_url"]) == ("http://s/r/", "http://s/n/")
    assert (content["total_amount"], content["time_expire"]) == ("99.00", "2026-11-22 00:45:15")
    assert content["subject"] == "青瓷杯 {a}"
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("青瓷杯", "青瓷杯"),
        ("a/b=c&d", "a b c d"),
        ("🍵 tea\0\n\u202e", "tea"),
        ('<b>"x"\'\\', "b x"),
        ("x" * 300, "x" * 128),
        ("🍵", ""),
    ],
)
def test_subject_is_cleaned(title: str, expected: str) -> None:
    """What Alipay refuses in a title is left out."""
    assert subject(title) == expected


def test_no_keys_is_a_refusal(gateway: Gateway, settings: Any) -> None:
    """Without keys there is no such way to pay; nobody sees a traceback."""
    settings.ALIPAY_PRIVATE_KEY_FILE = "/nonexistent.pem"
    with pytest.raises(NoSuchWay):
        page("page")


FIELDS = {
    "notify_id": "n1",
    "charset": "utf-8",
    "out_trade_no": "7_1",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "99.00",
    "app_id": "2021000000000001",
    "seller_id": "2088000000000001",
    "gmt_payment": "2026-11-22 00:29:00",
}


def notify(key: Any, **changes: str) -> bytes:
    fields = FIELDS | changes
    signature = sign(key, notice_string(fields).encode())
    return urlencode(fields | {"sign": signature, "sign_type": "RSA2"}).encode()


def test_notify_is_read(configured: Any, pairs: Any) -> None:
    """A genuine one."""
    event = Alipay().parse_notify(notify(pairs[0]))
    assert (event.notify_id, event.answer.standing, event.answer.amount) == ("n1", "paid", 9900)
    assert Alipay().is_ours(event.answer)


def test_blank_fields_are_signed_as_they_came(configured: Any, pairs: Any) -> None:
    """A blank value that was signed with is verified with."""
    assert Alipay().parse_notify(notify(pairs[0], body="")).notify_id == "n1"


STANDINGS = [
    ({"trade_status": "TRADE_SUCCESS"}, Standing.PAID),
    ({"trade_status": "TRADE_FINISHED"}, Standing.PAID),
    ({"trade_status": "TRADE_SUCCESS", "refund_fee": "1.00"}, Standing.NO_PAYMENT),
    ({"trade_status": "TRADE_SUCCESS", "gmt_refund": "x"}, Standing.NO_PAYMENT),
    ({"trade_status": "TRADE_SUCCESS", "out_biz_no": "x"}, Standing.NO_PAYMENT),
    ({"trade_status": "TRADE_CLOSED"}, Standing.GIVEN_BACK),
    ({"trade_status": "TRADE_CLOSED", "gmt_payment": ""}, Standing.CLOSED),
    ({"trade_status": "WAIT_BUYER_PAY", "gmt_payment": ""}, Standing.WAITING),
    ({"trade_status": "TRADE_EXPLODED"}, Standing.UNKNOWN),
]


@pytest.mark.parametrize(("changes", "standing"), STANDINGS)
def test_what_a_status_means(
    configured: Any, pairs: Any, changes: dict[str, str], standing: Standing
) -> None:
    """Paid is paid; a refund's echo is no payment; closed after payment is not closed unpaid."""
    assert Alipay().parse_notify(notify(pairs[0], **changes)).answer.standing is standing


def refusal(body: bytes) -> str:
    with pytest.raises(Unverified) as told:
        Alipay().parse_notify(body)
    return told.value.why


def test_junk_never_raises_anything_else(configured: Any, pairs: Any) -> None:
    """Missing, junk or foreign signatures and broken forms are one typed refusal (SDK: three kinds)."""
    good = dict(parse_qsl(notify(pairs[0]).decode()))
    assert (
        refusal(urlencode({k: v for k, v in good.items() if k != "sign"}).encode())
        == "no-signature"
    )
    assert refusal(urlencode(good | {"sign": "A"}).encode()) == "signature"
    assert refusal(urlencode(good | {"sign": "茶"}).encode()) == "signature"
    assert refusal(notify(pairs[1])) == "signature"
    assert refusal(urlencode(good | {"total_amount": "0.01"}).encode()) == "signature"
    assert refusal(notify(pairs[0]) + b"&total_amount=99.00") == "malformed"
    assert refusal(b"&".join(b"k%d=v" % n for n in range(200))) == "malformed"
    assert refusal(b"x" * 70_000) == "too-big"
    assert refusal(b"") == "sign-type"


def test_sign_type_is_not_negotiable(configured: Any, pairs: Any) -> None:
    """SHA-1, or none named, is refused even where the signature fits (SDK: absent is taken as RSA2)."""
    message = notice_string(FIELDS).encode()
    old = FIELDS | {"sign": sign_sha1(pairs[0], message), "sign_type": "RSA"}
    assert refusal(urlencode(old).encode()) == "sign-type"
    weak = FIELDS | {"sign": sign_sha1(pairs[0], message), "sign_type": "RSA2"}
    assert refusal(urlencode(weak).encode()) == "signature"
    unnamed = FIELDS | {"sign": sign(pairs[0], message)}
    assert refusal(urlencode(unnamed).encode()) == "sign-type"


def test_return_is_verified_like_a_notify(configured: Any, pairs: Any) -> None:
    """A return gives our number and nothing else."""
    assert Alipay().parse_return(notify(pairs[0])) == "7_1"
    with pytest.raises(Unverified):
        Alipay().parse_return(b"out_trade_no=7_1&sign=A&sign_type=RSA2")


def test_whose_money_it_is(configured: Any) -> None:
    """Another app or seller is foreign; an answer that does not say is of the app that asked."""
    provider, ours = Alipay(), {"app_id": "2021000000000001", "seller_id": "2088000000000001"}
    assert provider.is_ours(Answer("7_1", Standing.PAID))
    assert provider.is_ours(Answer("7_1", Standing.PAID, **ours))
    for name in ours:
        for other in ("", "2088999999999999"):
            assert not provider.is_ours(Answer("7_1", Standing.PAID, **ours | {name: other}))


@pytest.mark.parametrize(
    ("code", "sub_code", "standing"),
    [
        ("10000", "", Standing.CLOSED),
        ("40004", "ACQ.TRADE_HAS_CLOSE", Standing.CLOSED),
        ("40004", "ACQ.TRADE_NOT_EXIST", Standing.NOT_CREATED),
        ("40004", "ACQ.TRADE_STATUS_ERROR", Standing.PAID),
        ("40004", "ACQ.REASON_TRADE_STATUS_INVALID", Standing.PAID),
        ("40004", "ACQ.SYSTEM_ERROR", Standing.UNKNOWN),
        ("40002", "isv.invalid-signature", Standing.UNKNOWN),
    ],
)
def test_what_became_of_a_close(code: str, sub_code: str, standing: Standing) -> None:
    """Only a real yes is closed; a lost race says paid."""
    assert reading.closing(Reply(code, sub_code, {})) is standing


@pytest.mark.parametrize(
    ("code", "fields", "fate"),
    [
        ("10000", {"fund_change": "Y"}, Fate.SENT),
        ("10000", {"fund_change": "N"}, Fate.UNKNOWN),
        ("10000", {}, Fate.UNKNOWN),
        ("40004", {"sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"}, Fate.REFUSED),
        ("40004", {"sub_code": "ACQ.SYSTEM_ERROR"}, Fate.UNKNOWN),
        ("20000", {"sub_code": "isp.unknow-error"}, Fate.UNKNOWN),
        ("40006", {"sub_code": "isv.insufficient-isv-permissions"}, Fate.UNKNOWN),
    ],
)
def test_what_became_of_a_refund(code: str, fields: dict[str, str], fate: Fate) -> None:
    """Accepted is not sent; a system error is not a refusal."""
    assert reading.refunding(Reply(code, fields.get("sub_code", ""), fields)).fate is fate


FOUND = {"out_request_no": "r", "refund_amount": "1.00", "refund_status": "REFUND_SUCCESS"}


@pytest.mark.parametrize(
    ("fields", "fate"),
    [
        (FOUND, Fate.SENT),
        (FOUND | {"refund_status": ""}, Fate.SENT),
        ({}, Fate.NOT_SENT),
        (FOUND | {"refund_amount": "2.00"}, Fate.UNKNOWN),
        (FOUND | {"out_request_no": "s"}, Fate.UNKNOWN),
        (FOUND | {"refund_status": "REFUND_PROCESSING"}, Fate.UNKNOWN),
    ],
)
def test_was_it_sent(fields: dict[str, str], fate: Fate) -> None:
    """Only this refund, of this amount, counts as sent."""
    assert reading.refund_found("r", 100, Reply("10000", "", fields)).fate is fate


def test_node_is_cut_out_exactly() -> None:
    """The bytes between the braces that belong together; None where there are none."""
    body = b'{"x_response" : {"a":{"b":"}\\"{"}} ,"sign":"s"}'
    assert signed_node(body, "x_response") == b'{"a":{"b":"}\\"{"}}'
    assert signed_node(b'{"x_response":{"a":1', "x_response") is None
    assert signed_node(b'{"x_response":[{}]}', "x_response") is None
    assert signed_node(b"", "x_response") is None


# -- keys ------------------------------------------------------------------------------------


def test_bare_base64_keys(configured: Any, pairs: Any, tmp_path: Path) -> None:
    """What Alipay's own key tool writes is read as well as PEM (SDK: refuses)."""

    def bare(pem: bytes) -> bytes:
        return b"".join(pem.splitlines()[1:-1])

    (tmp_path / "alipay.pem").write_bytes(bare(public_pem(pairs[0])))
    (tmp_path / "shop.pem").write_bytes(bare(private_pem(pairs[1])))
    read = keys.load()
    assert read.private.private_numbers() == pairs[1].private_numbers()
    assert read.public[0].public_numbers() == pairs[0].public_key().public_numbers()
    assert base64.b64decode(bare(public_pem(pairs[0])))


def test_simulators_keys_only_without_any(configured: Any) -> None:
    """One configured name is enough that the simulator's folder is not looked at; production never does."""
    assert not keys.from_simulator()
    for name in keys.NAMES:
        setattr(configured, name, "")
    assert keys.from_simulator()
    configured.PRODUCTION = True
    assert not keys.from_simulator()
    with pytest.raises(keys.NoKeys, match="not set: ALIPAY_APP_ID"):
        keys.load()


@pytest.mark.parametrize(
    ("gateway", "well"),
    [
        ("https://openapi.alipay.com/gateway.do", True),
        ("https://openapi-sandbox.dl.alipaydev.com/gateway.do", True),
        ("http://openapi.alipay.com/gateway.do", False),
        ("http://127.0.0.1:8003/gateway.do", False),
        ("https://alipay.com.example.org/gateway.do", False),
        ("https://notalipay.com/gateway.do", False),
        ("", False),
    ],
)
def test_production_refuses_other_gateways(configured: Any, gateway: str, well: bool) -> None:
    """Only https on Alipay's own hosts."""
    configured.PRODUCTION, configured.ALIPAY_GATEWAY = True, gateway
    assert (check_alipay() == []) is well


def test_production_refuses_missing_keys(configured: Any) -> None:
    """With a word on what is missing."""
    configured.PRODUCTION, configured.ALIPAY_SELLER_ID = True, ""
    configured.ALIPAY_GATEWAY = "https://openapi.alipay.com/gateway.do"
    assert [error.msg for error in check_alipay()] == ["Alipay: not set: ALIPAY_SELLER_ID"]


# -- the bill --------------------------------------------------------------------------------


def test_bill_that_is_none(configured: Any) -> None:
    """What cannot be read whole is no bill, and nothing else is raised."""
    import io
    import zipfile

    for content in (b"", b"PK", b"x" * 1000):
        with pytest.raises(NoBill):
            bill.read(content)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.csv", "支付宝交易号,商户订单号\nx,y\n".encode("gb18030"))
    with pytest.raises(NoBill, match="KeyError"):
        bill.read(out.getvalue())


def test_bill_from_elsewhere(configured: Any) -> None:
    """An address that is neither TLS nor the gateway's own is not fetched."""
    configured.ALIPAY_GATEWAY = "https://openapi.alipay.com/gateway.do"
    with pytest.raises(NoBill):
        bill.download("http://169.254.169.254/latest/meta-data")


def test_bill_is_refused(gateway: Gateway) -> None:
    """Not there yet is said as it is."""
    method = "alipay.data.dataservice.bill.downloadurl.query"
    gateway.says(method, {"code": "40004", "msg": "x", "sub_code": "isp.bill_not_exist"})
    with pytest.raises(NoBill, match="bill_not_exist"):
        Alipay().download_bill(NOW.date())


def test_refund_carries_its_number(gateway: Gateway) -> None:
    """Asking what became of a refund names that very refund."""
    gateway.says("alipay.trade.fastpay.refund.query", {"code": "10000", "msg": "x"} | FOUND)
    refund = Refund(attempt=Attempt(out_trade_no="7_1"), amount=100, request_no="r")
    assert Alipay().query_refund(refund).fate is Fate.SENT
    assert json.loads(gateway.asked[0]["biz_content"]) == {
        "out_trade_no": "7_1",
        "out_request_no": "r",
    }
