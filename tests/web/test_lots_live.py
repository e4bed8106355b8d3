"""Where pages follow lots, and what they are told where no stream gets through."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu.auctions import snapshots
from shigu.auctions.models import LotState
from shigu.web.limits import taken
from shigu.web.lots_live import ASK
from tests.auctions.saleroom import Saleroom
from tests.people import alice, bob

pytestmark = pytest.mark.usefixtures("clone")


def ask(lots: str, **headers: str) -> Any:
    """What a page without a stream asks."""
    return Client().get(reverse("lots_now"), {"ids": lots}, headers=headers)


def test_the_answer_is_the_streams_own_words() -> None:
    """The same snapshots, for several lots at once; drafts and what is no lot are left out."""
    room = Saleroom()
    lots = [room.lot(), room.lot(reserve=9_876_543)]
    draft = room.lot(state=LotState.DRAFT)
    room.bid(lots[1], alice(), 1000, 765_400)
    answer = ask(f"{lots[0].pk},{lots[1].pk},{draft.pk},999999,x")
    said = answer.json()
    assert said["lots"] == [json.loads(one.said) for one in snapshots.of([x.pk for x in lots])]
    text = answer.content.decode()
    assert "9876543" not in text
    assert "765400" not in text


def test_nothing_new_is_304_and_a_bid_is() -> None:
    """The ETag follows the versions, whoever asks; the answer may be kept for a second by a cache between."""
    room = Saleroom()
    lot = room.lot()
    first = ask(str(lot.pk))
    assert "s-maxage=1" in first["Cache-Control"]
    tag = first["ETag"]
    assert ask(str(lot.pk), **{"If-None-Match": tag}).status_code == 304
    room.bid(lot, bob(), 1000)
    fresh = ask(str(lot.pk), **{"If-None-Match": tag})
    assert (fresh.status_code, fresh.json()["lots"][0]["price"]) == (200, 1000)
    assert fresh["ETag"] != tag


def test_a_cache_may_keep_it_for_those_who_are_signed_in() -> None:
    """No session is read: nothing varies by cookie, it costs what a visitor's poll costs, 304 or not."""
    address = reverse("lots_now") + f"?ids={Saleroom().lot().pk}"
    member, guest = Client(), Client()
    member.force_login(alice())
    tag = guest.get(address)["ETag"]
    for headers, status in (({}, 200), ({"If-None-Match": tag}, 304)):
        asked = []
        for client in (guest, member):
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(address, headers=headers)
            assert (answer.status_code, answer["ETag"]) == (status, tag)
            assert "cookie" not in answer.get("Vary", "").lower()
            asked.append([query["sql"] for query in queries])
        assert asked[0] == asked[1]


def test_nonsense_is_an_empty_answer() -> None:
    """No ids, junk and a thousand ids: never an error, at most a hundred lots."""
    for ids in ("", "x,y", "1" * 40, ",".join(["999999"] * 1000)):
        answer = ask(ids)
        assert (answer.status_code, answer.json()["lots"]) == (200, [])
    assert Client().post(reverse("lots_now")).status_code == 405


def test_a_hall_behind_one_address_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred pages that ask every 1.6 seconds are; far beyond it is 429, which says for how long."""
    monkeypatch.setattr("shigu.web.limits.time", SimpleNamespace(time=lambda: 0.0))
    pk = str(Saleroom().lot().pk)
    for _ in range(100 * 38):
        taken(ASK, "a127.0.0.1")
    assert ask(pk).status_code == 200
    for _ in range(ASK.most):
        taken(ASK, "a127.0.0.1")
    answer = ask(pk)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    member = Client()
    member.force_login(alice())
    assert member.get(reverse("lots_now"), {"ids": pk}).status_code == 429, "from there, too"
    monkeypatch.setattr("shigu.web.limits.time", SimpleNamespace(time=lambda: 59.4))
    assert ask(pk)["Retry-After"] == "1", "until the window ends, not a whole one"


def test_the_tag_names_both_addresses(settings: Any) -> None:
    """Where lots are told live and where they are asked about; nothing at all for no lots."""
    settings.EVENTS_URL = "http://shop.test:8001/"
    shown = Template("{% load lots_live %}{% lots_live ids %}").render(Context({"ids": [7, 8]}))
    assert 'data-lots-stream="http://shop.test:8001/events/lots/7,8"' in shown
    assert 'data-lots-now="/auctions/lots/now/?ids=7,8"' in shown
    assert Template("{% load lots_live %}{% lots_live ids %}").render(Context({"ids": []})) == ""
