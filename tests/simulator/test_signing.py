"""Who may ask, and what the gateway says to those who may not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from alipay_simulator.control import Simulator
from tests.simulator.merchant import Merchant, Till, beijing, signature_holds

QUERY = "alipay.trade.query"


def refusal(shop: Merchant, params: dict[str, str]) -> dict[str, Any]:
    """The one node of an answer that needs no belief."""
    told = shop.post(params).json()
    return next(v for k, v in told.items() if k.endswith("_response"))  # type: ignore[no-any-return]


def test_answers_are_signed_over_the_exact_bytes_sent(shop: Merchant) -> None:
    """A merchant can verify the raw node, Chinese and all, with Alipay's public key."""
    told = shop.call(QUERY, out_trade_no="A1")
    assert (told["code"], told["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert told["sub_msg"] == "交易不存在"


def test_bad_signature_shows_the_string_that_was_verified(shop: Merchant) -> None:
    """A wrong signature is 40002 with the exact string the merchant should have signed."""
    params = shop.params(QUERY, {"out_trade_no": "茶壶"})
    params["biz_content"] = params["biz_content"].replace("茶壶", "茶杯")
    told = shop.read(QUERY, shop.post(params))
    assert (told["code"], told["sub_code"]) == ("40002", "isv.invalid-signature")
    assert (
        "app_id=" + shop.app_id + '&biz_content={"out_trade_no": "茶杯"}&charset=utf-8'
        in told["sub_msg"]
    )


@pytest.mark.parametrize("junk", ["A", "%%%", "====", "é", "A" * 344])
def test_junk_signatures_are_refused_not_stumbled_over(shop: Merchant, junk: str) -> None:
    """Anything that is not base64 of a signature is an answer 40002, never a crash."""
    params = shop.params(QUERY, {"out_trade_no": "A1"}) | {"sign": junk}
    assert refusal(shop, params)["sub_code"] == "isv.invalid-signature"


def test_blank_parameters_are_left_out_of_the_signature(shop: Merchant) -> None:
    """An empty notify_url may be sent along and does not count."""
    params = shop.params(QUERY, {"out_trade_no": "A1"}) | {"notify_url": ""}
    assert shop.read(QUERY, shop.post(params))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_get_and_split_requests_work_like_a_form(shop: Merchant) -> None:
    """Parameters may stand in the address, in the body, or some here and some there."""
    params = shop.params(QUERY, {"out_trade_no": "A1"})
    got = shop.http.get(shop.gateway, params=params)
    assert shop.read(QUERY, got)["code"] == "40004"
    content = {"biz_content": params.pop("biz_content")}
    split = shop.http.post(shop.gateway, params=params, data=content)
    assert shop.read(QUERY, split)["code"] == "40004"


def test_gbk_is_read_and_answered_in_gbk(shop: Merchant) -> None:
    """The charset a merchant names is the one its text is signed, read and answered in."""
    params = shop.params(QUERY, {"out_trade_no": "茶壶"}, charset="gbk")
    raw = shop.http.post(
        shop.gateway,
        content=urlencode(params, encoding="gbk"),
        headers={"content-type": "application/x-www-form-urlencoded"},
    ).content
    told = json.loads(raw.decode("gbk"))
    assert told["alipay_trade_query_response"]["sub_msg"] == "交易不存在"
    node = raw[len('{"alipay_trade_query_response":') : raw.rindex(b',"sign"')]
    assert signature_holds(shop.public_key.read_bytes(), node, told["sign"])


@pytest.mark.parametrize(
    ("change", "code", "sub_code"),
    [
        ({"app_id": "2021000000000001"}, "40002", "isv.invalid-app-id"),
        ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
        ({"version": "2.0"}, "40002", "isv.invalid-version"),
        ({"format": "XML"}, "40002", "isv.invalid-format"),
        ({"timestamp": "yesterday"}, "40002", "isv.invalid-timestamp"),
        ({"charset": "latin-1"}, "40002", "isv.invalid-charset"),
        ({"method": ""}, "40001", "isv.missing-method"),
        ({"app_id": ""}, "40001", "isv.missing-app-id"),
        ({"timestamp": ""}, "40001", "isv.missing-timestamp"),
        ({"biz_content": "{"}, "40002", "isv.invalid-parameter"),
        ({"biz_content": "[" * 5000}, "40002", "isv.invalid-parameter"),
        ({"biz_content": "[]"}, "40002", "isv.invalid-parameter"),
        ({"method": "alipay.trade.steal"}, "40002", "isv.invalid-method"),
        ({"notify_url": "http://example.com/n"}, "40002", "isv.invalid-notify-url"),
        ({"notify_url": "http://127.0.0.1@example.com/"}, "40002", "isv.invalid-notify-url"),
        ({"return_url": "file:///etc/passwd"}, "40002", "isv.invalid-return-url"),
    ],
)
def test_malformed_requests_have_their_own_codes(
    shop: Merchant, change: dict[str, str], code: str, sub_code: str
) -> None:
    """Each fault of the common parameters is named; none of them is a server error."""
    params = shop.params(QUERY, {"out_trade_no": "A1"}) | change
    if params["charset"] == "utf-8":
        params["sign"] = shop.sign(params)
    told = refusal(shop, params)
    assert (told["code"], told["sub_code"]) == (code, sub_code)


def test_missing_signature_is_missing(shop: Merchant) -> None:
    """No sign at all is 40001, not a wrong signature."""
    params = shop.params(QUERY, {"out_trade_no": "A1"})
    del params["sign"]
    assert refusal(shop, params)["sub_code"] == "isv.missing-signature"


def test_utc_timestamps_are_noticed(shop: Merchant) -> None:
    """A server in UTC that writes its local time is eight hours off and is told so."""
    params = shop.params(QUERY, {"out_trade_no": "A1"}, timestamp=beijing(-8 * 3600))
    assert refusal(shop, params)["sub_code"] == "isv.invalid-timestamp"


def test_contradicting_parameters_are_refused(shop: Merchant) -> None:
    """The same parameter twice with two values is not guessed at."""
    params = shop.params(QUERY, {"out_trade_no": "A1"})
    told = shop.http.post(shop.gateway, params={"app_id": "1"}, data=params).json()
    assert told["error_response"]["sub_code"] == "isv.invalid-parameter"


def test_own_merchant_key_and_numbers(tmp_path: Any, till: Till, shop: Merchant) -> None:
    """A shop may bring its own public key, bare base64 too, and its own app_id and seller_id."""
    pem = (shop.private_key.parent / "merchant_public.pem").read_text()
    bare = tmp_path / "key.txt"
    bare.write_text("".join(line for line in pem.splitlines() if "-----" not in line))
    extra = [
        "--merchant-key",
        str(bare),
        "--app-id",
        "2021000000000007",
        "--seller-id",
        "2088000000000007",
    ]
    (tmp_path / "d").mkdir()
    with Simulator.started(tmp_path / "d", extra=extra) as other:
        assert (other.app["app_id"], other.app["seller_id"]) == (
            "2021000000000007",
            "2088000000000007",
        )
        keys = shop.private_key, other.alipay_public_key
        mine = Merchant(other.gateway, "2021000000000007", "", *keys, "", shop.http)
        assert mine.call(QUERY, out_trade_no="A1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_rotated_keys_fail_with_the_old_public_key(sim: Simulator, shop: Merchant) -> None:
    """After Alipay changes its key, an answer verifies only with the new one."""
    before = shop.public_key.read_bytes()
    sim.rotate_keys()
    raw = shop.post(shop.params(QUERY, {"out_trade_no": "A1"})).content
    node = raw[len(b'{"alipay_trade_query_response":') : raw.rindex(b',"sign"')]
    signature = json.loads(raw)["sign"]
    assert not signature_holds(before, node, signature)
    assert signature_holds(shop.public_key.read_bytes(), node, signature)
