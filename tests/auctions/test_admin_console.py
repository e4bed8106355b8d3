"""The live console says what the ledger says; acts go through their verbs; results and the record."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.auctions import recording
from shigu.auctions.console import console
from shigu.auctions.models import (
    Award,
    Ban,
    Bid,
    Deposit,
    Extension,
    Lot,
    LotState,
    Paddle,
    Session,
)
from shigu.clock.drain import drain_all
from shigu.ledger import posting
from shigu.ledger.models import Book, account
from tests.auctions.office import office, page, plain_files, typed, words_of
from tests.auctions.sale import Sale, at, award, deposit, go_to, later, person, state
from tests.races.market import assert_audit_holds

__all__ = ["plain_files"]
pytestmark = pytest.mark.usefixtures("house", "plain_files")


def in_the_ledger() -> int:
    accounts = [account(Book.DEPOSIT, pk) for pk in Deposit.objects.values_list("pk", flat=True)]
    return sum(posting.balances(accounts).values())


def a_lively_sale() -> Sale:
    """Two lots with deposits; bob has one for all, carol one for the first lot; bob leads there."""
    sale = Sale({"deposit": 20_000}, {"deposit": 30_000}, deposit=100_000)
    sale.publish()
    bob, carol = person("bob"), person("carol")
    deposit(bob, session=sale.session)
    deposit(carol, lot=sale.lots[0])
    go_to(sale.session.opens_at)
    sale.bid(sale.lots[0], carol, 2000)
    sale.bid(sale.lots[0], bob, 9000)
    return sale


def overdue() -> Sale:
    """Bob won the first lot and did not pay: overdue, forfeited, barred."""
    sale = a_lively_sale()
    go_to(at(sale.lots[0]).closes_at)
    later(timedelta(seconds=sale.session.pay_seconds + 1))
    drain_all()
    assert state(sale.lots[0]) == LotState.OVERDUE
    return sale


def read_as_documented(data: bytes) -> dict[str, Any]:
    """A reader of its own, written from docs/auctions.md: bytes, SHA-256, JSON; no seal where it breaks."""
    lines = data.removesuffix(b"\n").split(b"\n")
    rows = [json.loads(line) for line in lines]
    chain = ["0" * 64, *(hashlib.sha256(line).hexdigest() for line in lines)]
    whole = [row["previous"] for row in rows] == chain[:-1]
    whole &= [row["line"] for row in rows] == list(range(1, len(rows) + 1))
    lot, price, results, decisions = 0, None, {}, 0
    for row in rows:
        if row["what"] == "lot":
            lot, price = row["lot"], None
        elif row["what"] == "decision":
            price, decisions = row["price"], decisions + 1
        elif row["what"] == "result":
            assert row["result"] != "sold" or row["hammer"] == price
            results[lot] = (row["result"], row["hammer"])
    assert rows[-1] == {**rows[-1], "what": "end", "decisions": decisions}
    return {"seal": chain[-1] if whole else "", "results": results, "decisions": decisions}


def test_its_numbers_are_the_ledgers() -> None:
    """Price, leader's paddle and name, bids; held is the sum of the deposits' accounts, by lot and in all."""
    sale = a_lively_sale()
    found = console(sale.session, clock.now())
    first, second = found.rows
    number = Paddle.objects.get(user=person("bob")).number
    assert (first.bidding.price, first.holder, first.paddle) == (9000, "bob", number)
    assert (first.is_open, first.bidding.bids, second.holder) == (True, 2, "")
    assert (first.deposits.held, first.deposits.count) == (20_000, 1)
    assert (second.deposits.held, found.whole.held) == (0, 100_000)
    assert found.every.held == in_the_ledger() == 120_000
    go_to(at(sale.lots[0]).closes_at)
    drain_all()
    found = console(sale.session, clock.now())
    assert found.every.held == in_the_ledger() == 100_000
    text = office().get(page("session_console", sale.session.pk)).content.decode()
    assert "¥1,000.00" in text
    assert f"{number} · bob" in text


def test_it_refreshes_by_itself_until_all_is_over() -> None:
    """The part that is fetched again asks for itself again, and stops when nothing can change."""
    sale = a_lively_sale()
    url = page("session_console_now", sale.session.pk)
    client = office()
    assert f'hx-get="{url}"' in client.get(url).content.decode()
    empty = Sale({})
    assert (
        "hx-get" not in client.get(page("session_console_now", empty.session.pk)).content.decode()
    )


def test_it_asks_no_more_for_more_lots() -> None:
    """A fixed number of queries however many lots there are."""
    counts = []
    for lots in (1, 12):
        sale = Sale(*[{} for _ in range(lots)])
        sale.publish()
        session = Session.objects.get(pk=sale.session.pk)
        with CaptureQueriesContext(connection) as asked:
            console(session, clock.now())
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_an_operator_gives_more_time() -> None:
    """A later end by the page, on record with who did it; an earlier one is a message and changes nothing."""
    sale = a_lively_sale()
    lot = sale.lots[1]
    until = at(lot).closes_at.replace(microsecond=0) + timedelta(minutes=10)
    client = office()
    client.post(page("lot_extend", lot.pk), {"until": typed(until)})
    assert at(lot).closes_at == until
    assert Extension.objects.get().by_id is not None
    assert LogEntry.objects.count() == 1
    answer = client.post(page("lot_extend", lot.pk), {"until": typed(clock.now())})
    assert "later end" in words_of(answer)
    assert at(lot).closes_at == until
    assert LogEntry.objects.count() == 1


def test_a_lot_and_a_session_are_withdrawn_with_a_reason() -> None:
    """Without a reason the form asks; with one bidders read it, and deposits are decided."""
    sale = a_lively_sale()
    client = office()
    client.post(page("lot_withdraw", sale.lots[0].pk), {"why": " "})
    assert Lot.objects.get(pk=sale.lots[0].pk).withdrawn_why == ""
    client.post(page("lot_withdraw", sale.lots[0].pk), {"why": "a crack"})
    assert Lot.objects.get(pk=sale.lots[0].pk).withdrawn_why == "a crack"
    client.post(page("session_withdraw", sale.session.pk), {"why": "fire"})
    sale.session.refresh_from_db()
    assert sale.session.withdrawn_why == "fire"
    drain_all()
    assert in_the_ledger() == 0
    assert_audit_holds()


def test_a_second_chance_is_offered() -> None:
    """To the next bidder at their own amount; the page names what they would pay."""
    sale = overdue()
    client, url = office(), page("lot_offer", sale.lots[0].pk)
    assert "¥20.00" in client.get(url).content.decode()
    client.post(url, {"hours": "2"})
    found = award(sale.lots[0])
    assert (found.user, found.price, found.second_chance) == (person("carol"), 2000, True)
    answer = client.post(url, {"hours": "2"})
    assert "Only a lot that its winner did not pay" in words_of(answer)
    assert Award.objects.count() == 2
    [row, _] = console(sale.session, clock.now()).rows
    assert (row.holder, row.price, row.bidding.hammer) == ("carol", 2000, 9000)
    go_to(found.pay_by)
    [row, _] = console(sale.session, clock.now()).rows
    assert (row.holder, row.price) == ("bob", 9000), "what it was once, when nobody has it"


def test_a_lot_is_listed_again_in_a_draft() -> None:
    """In a session that is chosen among drafts."""
    sale = overdue()
    draft = Sale().session
    client, url = office(), page("lot_relist", sale.lots[0].pk)
    client.post(url, {"session": str(draft.pk)})
    assert Lot.objects.get(session=draft).relisted_from_id == sale.lots[0].pk
    answer = client.post(url, {"session": str(draft.pk)})
    assert "was listed again before" in words_of(answer)


def test_a_bar_is_lifted_once() -> None:
    """With a reason; lifting it twice is a message, and the first reason stays."""
    overdue()
    ban = Ban.objects.get()
    client, url = office(), page("ban_lift", ban.pk)
    client.post(url, {"reason": "paid by transfer"})
    ban.refresh_from_db()
    assert (ban.lifted_at is not None, ban.note) == (True, "paid by transfer")
    answer = client.post(url, {"reason": "again"})
    assert "lifted, or over" in words_of(answer)
    ban.refresh_from_db()
    assert ban.note == "paid by transfer"


def test_a_forfeit_is_given_back_once() -> None:
    """The same amount the other way, with its reason; twice is a message."""
    sale = overdue()
    found = award(sale.lots[0])
    assert found.forfeited == 20_000
    client, url = office(), page("award_reverse", found.pk)
    client.post(url, {"reason": "the parcel was lost"})
    found.refresh_from_db()
    assert found.reversed_at is not None
    answer = client.post(url, {"reason": "again"})
    assert "given back already" in words_of(answer)
    assert_audit_holds()


def test_results_and_the_record_when_all_is_over() -> None:
    """Hammer, winner, order; the record only when all is over, as a file that is whole."""
    sale = a_lively_sale()
    client = office()
    url = page("session_record", sale.session.pk)
    assert client.get(url).status_code == 302
    go_to(at(sale.lots[1]).closes_at)
    drain_all()
    won = award(sale.lots[0])
    text = client.get(page("session_results", sale.session.pk)).content.decode()
    assert won.order.number in text
    assert "¥90.00" in text
    assert recording.seal(sale.session.pk) in text
    answer = client.get(url)
    assert answer["Content-Disposition"].startswith("attachment")
    data = b"".join(answer.streaming_content)
    assert recording.verify(data.decode().splitlines()).session == sale.session.slug
    told = read_as_documented(data)
    assert told["seal"] == recording.seal(sale.session.pk)
    assert told["results"] == {1: ("sold", 9000), 2: ("passed in", None)}
    assert told["decisions"] == Bid.objects.count() == 2
    assert read_as_documented(data.replace(b'"amount": 9000', b'"amount": 9001'))["seal"] == ""


def test_lists_open_and_ask_a_bounded_number() -> None:
    """Every list of auctions, with rows in it."""
    overdue()
    client = office()
    for name in ("session", "lot", "award", "deposit", "ban", "outage"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page(f"{name}_changelist")).status_code == 200, name
        assert len(asked) < 25, name
