"""Ten thousand pieces of junk into notify and return: never an error page, never a change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alipay_simulator.control import Simulator
from shigu.payments.models import Attempt, Notice, NoticeTally
from tests.payments.shopfront import (
    Shop,
    everything,
    notify_fields,
    private_key,
    signed_notify,
)

NOTIFY, RETURN = "/pay/notify/alipay/", "/pay/return/alipay/"
FORM = "application/x-www-form-urlencoded"
RANDOM, BY_HYPOTHESIS = 9_000, 1_000
SEED = 20261121


@pytest.fixture
def attempt(db: None, simulator: Simulator, settings: Any) -> Attempt:
    """Alice's open attempt, in a database that forgets."""
    settings.ALIPAY_TIMEOUT = timedelta(seconds=2)
    shop = Shop(simulator)
    return shop.open(shop.order()).attempt


@pytest.fixture
def genuine(attempt: Attempt, simulator: Simulator) -> bytes:
    """A notify that would settle it, if it were sent as it is."""
    assert simulator.data is not None
    key = private_key((simulator.data / "alipay_private.pem").read_bytes())
    return signed_notify(key, **notify_fields(attempt, simulator.app))


def tell(body: bytes, content_type: str = FORM) -> tuple[int, bytes]:
    client = Client(raise_request_exception=False)
    answer = client.generic("POST", NOTIFY, body, content_type=content_type)
    return answer.status_code, answer.content


def test_the_genuine_one_would_settle(genuine: bytes) -> None:
    """The junk below is made of something that works."""
    assert tell(genuine) == (200, b"success")
    assert Notice.objects.get().outcome == "settled"


def junk(genuine: bytes, rounds: int) -> Iterator[bytes]:
    """Bodies that are not the genuine one: noise, and every way to damage it."""
    dice = random.Random(SEED)
    same = sorted(parse_qsl(genuine.decode(), keep_blank_values=True))
    made = 0
    while made < rounds:
        body = dice.choice(DAMAGES)(dice, genuine)
        text = body.decode("latin-1")
        try:
            equal = sorted(parse_qsl(text, keep_blank_values=True)) == same
        except ValueError:
            equal = False
        if not equal:
            made += 1
            yield body


def noise(dice: random.Random, genuine: bytes) -> bytes:
    return dice.randbytes(dice.randrange(400))


def flipped(dice: random.Random, genuine: bytes) -> bytes:
    body = bytearray(genuine)
    body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    return bytes(body)


def cut(dice: random.Random, genuine: bytes) -> bytes:
    return genuine[: dice.randrange(len(genuine))]


def _pairs(genuine: bytes) -> list[tuple[str, str]]:
    return parse_qsl(genuine.decode())


def dropped(dice: random.Random, genuine: bytes) -> bytes:
    pairs = _pairs(genuine)
    pairs.pop(dice.randrange(len(pairs)))
    return urlencode(pairs).encode()


def doubled(dice: random.Random, genuine: bytes) -> bytes:
    pairs = _pairs(genuine)
    name, value = dice.choice(pairs)
    return urlencode([*pairs, (name, dice.choice([value, value + "x", ""]))]).encode()


def rewritten(dice: random.Random, genuine: bytes) -> bytes:
    pairs = _pairs(genuine)
    place = dice.randrange(len(pairs))
    pairs[place] = (pairs[place][0], dice.choice(ODD))
    return urlencode(pairs).encode()


def added(dice: random.Random, genuine: bytes) -> bytes:
    return genuine + b"&" + quote_plus(dice.choice(ODD)).encode() + b"=" + dice.randbytes(5)


ODD = [
    "", "A", "=", "==", "\x00", "%", "1e9", "-1", "99999999999999999999", "NaN", "é", "茶", "\ud7ff",
    "RSA", "rsa2", "RSA2", "null", "[]", "{}", "' OR 1=1 --", "x" * 5000, "0.01", "１００.00", "\u202e",
]  # fmt: skip
DAMAGES = [noise, flipped, cut, dropped, doubled, rewritten, added]


def test_nine_thousand_pieces_of_junk(genuine: bytes) -> None:
    """Noise and damaged notifies: always a plain fail, nothing stored, nothing changed, all counted."""
    before = everything()
    answers = {tell(body) for body in junk(genuine, RANDOM)}
    assert answers == {(200, b"fail")}
    assert everything() == before
    assert set(NoticeTally.objects.values_list("why", flat=True)) <= {
        "malformed", "no-signature", "sign-type", "signature", "too-big",
    }  # fmt: skip


FIELDS = st.dictionaries(
    st.sampled_from(["sign", "sign_type", "charset", "out_trade_no", "total_amount", "app_id"])
    | st.text(max_size=12),
    st.text(max_size=60) | st.sampled_from(["RSA2", "utf-8", "TRADE_SUCCESS"]),
    max_size=12,
)


def test_a_thousand_more_that_nobody_thought_of(attempt: Attempt) -> None:
    """Whatever Hypothesis makes up, in body, form or type: never an error page, never a change."""
    before = everything()

    @settings(
        max_examples=BY_HYPOTHESIS,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.binary(max_size=300) | FIELDS.map(lambda f: urlencode(f, errors="replace").encode()),
        st.sampled_from([FORM, f"{FORM}; charset=GBK", "text/plain", "multipart/form-data", "x"]),
    )
    def never_believed(body: bytes, content_type: str) -> None:
        assert tell(body, content_type) == (200, b"fail")

    never_believed()
    assert everything() == before


def test_signed_nonsense(attempt: Attempt, simulator: Simulator) -> None:
    """Even under Alipay's own signature, nonsense in the fields is a fail and changes nothing."""
    assert simulator.data is not None
    key = private_key((simulator.data / "alipay_private.pem").read_bytes())
    before = everything()
    fields = notify_fields(attempt, simulator.app)
    for name in ("notify_id", "out_trade_no", "trade_status"):
        for value in ("", "x" * 129, "a\0b"):
            assert tell(signed_notify(key, **fields | {name: value})) == (200, b"fail")
    assert everything() == before
    for value in ("", "1e3", "-99.00", "99", "99.001", "９９.00"):
        body = signed_notify(key, **fields | {"notify_id": f"n{value}", "total_amount": value})
        expected = b"success" if value == "99" else b"fail"
        assert tell(body) == (200, expected), value


def test_too_big(attempt: Attempt) -> None:
    """A body without end is not read to its end."""
    before = everything()
    assert tell(b"a=" + b"x" * 300_000) == (200, b"fail")
    assert everything() == before


def test_only_posts_are_notifies(attempt: Attempt) -> None:
    """GET, PUT and an unknown provider are refused without touching anything."""
    before = everything()
    assert Client().get(NOTIFY).status_code == 405
    assert Client().put(NOTIFY, b"x").status_code == 405
    assert Client().post("/pay/notify/nobody/", b"x", content_type=FORM).status_code == 404
    assert everything() == before


def test_no_cookie_no_session(genuine: bytes) -> None:
    """The answer is the bare word: no cookie, no session, no redirect."""
    client = Client(enforce_csrf_checks=True)
    answer = client.post(NOTIFY, genuine, content_type=FORM)
    assert (answer.status_code, answer.content) == (200, b"success")
    assert not answer.cookies
    assert "set-cookie" not in answer.headers


def test_junk_into_the_return(attempt: Attempt) -> None:
    """A made-up return leads to the orders with a plain word, and changes nothing."""
    before = everything()
    dice = random.Random(SEED)
    genuine = urlencode({"out_trade_no": attempt.out_trade_no, "sign_type": "RSA2", "sign": "A"})
    for body in [genuine.encode(), *(noise(dice, b"") for _ in range(200))]:
        answer = Client(raise_request_exception=False).get(
            RETURN, QUERY_STRING=body.decode("latin-1")
        )
        assert (answer.status_code, answer.headers["location"]) == (302, reverse("orders"))
    assert everything() == before
