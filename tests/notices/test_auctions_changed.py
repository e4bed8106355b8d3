"""An end that is moved and a sale that is withdrawn are told to who cares; every letter in both languages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.translation import override

from shigu.auctions import extending, second_chance, withdrawing
from shigu.auctions.errors_life import NotLater, NotOpen
from shigu.auctions.letters import EVENTS
from shigu.auctions.letters_changed import EVENTS as CHANGED
from shigu.notices.letters import letters
from shigu.notices.models import Notice
from shigu.orders import cancelling
from shigu.orders.letters import said
from tests.auctions.house import alipay, house
from tests.auctions.sale import HOUR, Sale, at, award, deposit, go_to, later, person
from tests.notices.telling import deliver, heard, read
from tests.races.market import assert_audit_holds

__all__ = ["alipay", "house"]
pytestmark = pytest.mark.usefixtures("house")

MINUTE = timedelta(minutes=1)


def a_sale() -> Sale:
    """Two lots: bob and carol bid on the first, dave holds a deposit for it, erin one for everything."""
    sale = Sale({"deposit": 1000}, {"deposit": 1000}, deposit=9000, name_en="Autumn sale")
    sale.publish()
    bob, carol, dave, erin = map(person, ("bob", "carol", "dave", "erin"))
    for who in (bob, carol, dave):
        deposit(who, lot=sale.lots[0])
    deposit(erin, session=sale.session)
    go_to(sale.session.opens_at)
    sale.bid(sale.lots[0], bob, 2000)
    sale.bid(sale.lots[0], carol, 1500)
    return sale


def everybody() -> dict[str, list[str]]:
    """What each of them heard of changes."""
    people = ("bob", "carol", "dave", "erin")
    return {
        name: [event for event in heard(person(name)) if event in CHANGED]
        for name in people
        if set(heard(person(name))) & set(CHANGED)
    }


def test_more_time_is_told_to_who_cares() -> None:
    """Who bid as valid or holds its deposit, each move once; nobody by a bid that was refused alone."""
    sale = a_sale()
    operator, lot = person("operator"), sale.lots[0]
    first, second = (sale.session.closes_at + hours * HOUR for hours in (1, 2))
    extending.extend(lot.pk, until=first, by=operator.pk)
    assert everybody() == {name: ["lot.moved"] for name in ("bob", "carol", "dave")}
    extending.extend(lot.pk, until=second, by=operator.pk)
    assert everybody() == {name: ["lot.moved"] * 2 for name in ("bob", "carol", "dave")}
    letter = read("lot.moved", person("bob"))
    assert letter.page == f"/auctions/{sale.session.slug}/1/"
    assert said(second) in letter.text


def test_an_end_that_is_not_moved_is_not_told() -> None:
    """An earlier end, and a lot that is over, are refused: nobody hears anything."""
    sale = a_sale()
    operator, lot = person("operator"), sale.lots[0]
    with pytest.raises(NotLater):
        extending.extend(lot.pk, until=sale.session.closes_at, by=operator.pk)
    go_to(sale.session.closes_at, ring=False)
    with pytest.raises(NotOpen):
        extending.extend(lot.pk, until=sale.session.closes_at + HOUR, by=operator.pk)
    assert everybody() == {}


def test_an_outage_is_told_too() -> None:
    """Lots whose end fell into a time in which nobody could bid end later, and say why."""
    sale = a_sale()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO auctions_heartbeat VALUES ('p', clock_timestamp() - interval '1 m')"
        )
    go_to(sale.session.closes_at)
    assert everybody() == {name: ["lot.moved"] for name in ("bob", "carol", "dave")}
    with override("en"):
        assert read("lot.moved", person("bob")).note == "For a time nobody could bid."


def test_a_mail_about_a_lot_that_ended_meanwhile_stays_in_the_house() -> None:
    """Nobody is told of more time that is over."""
    sale = a_sale()
    until = sale.session.closes_at + MINUTE
    extending.extend(sale.lots[0].pk, until=until, by=person("operator").pk)
    go_to(until, ring=False)
    deliver()
    mails = Notice.objects.filter(event="lot.moved", channel="mail")
    assert {mail.state for mail in mails} == {"withdrawn"}
    assert len(mails) == 3


def test_a_lot_that_is_withdrawn_is_told_with_its_reason() -> None:
    """To who bid on it or paid for it alone, once; asking again is refused and tells nothing."""
    sale = a_sale()
    withdrawing.withdraw_lot(sale.lots[0].pk, why="a crack was found")
    with pytest.raises(NotOpen):
        withdrawing.withdraw_lot(sale.lots[0].pk, why="again")
    later(MINUTE)
    assert everybody() == {name: ["lot.withdrawn"] for name in ("bob", "carol", "dave")}
    assert "a crack was found" in read("lot.withdrawn", person("bob")).text
    assert_audit_holds()


def test_a_session_that_is_withdrawn_is_told_once_to_everybody_in_it() -> None:
    """Bidders and owners of deposits, whatever they are for, one notice each and none by lot."""
    sale = a_sale()
    sale.bid(sale.lots[1], person("erin"), 5000)
    withdrawing.withdraw_session(sale.session.pk, why="the hall is flooded")
    later(MINUTE)
    names = ("bob", "carol", "dave", "erin")
    assert everybody() == {name: ["session.withdrawn"] for name in names}
    assert "flooded" in read("session.withdrawn", person("erin")).text
    assert_audit_holds()


def everything_happens() -> None:
    """One sale in which each event of auctions comes to pass."""
    sale = Sale(
        *({"deposit": 20_000}, {"deposit": 1000}, {"deposit": 1000}),
        deposit=100_000,
        name_en="Autumn sale",
        soft_window=0,
    )
    bob, carol, operator = person("bob"), person("carol"), person("operator")
    sale.live()
    deposit(bob, session=sale.session)
    deposit(carol, lot=sale.lots[0])
    sale.bid(sale.lots[0], carol, 40_000)
    sale.bid(sale.lots[0], bob, 50_000)
    sale.bid(sale.lots[1], bob, 5000)
    later(timedelta(seconds=2))
    withdrawing.withdraw_lot(sale.lots[1].pk, why="a crack was found")
    until = sale.session.closes_at + HOUR
    extending.extend(sale.lots[0].pk, until=until, by=operator.pk)
    go_to(sale.session.closes_at - 9 * MINUTE)
    go_to(until - 9 * MINUTE)
    go_to(at(sale.lots[0]).closes_at)
    won = award(sale.lots[0])
    go_to(won.pay_by - HOUR)
    go_to(won.pay_by + MINUTE)
    later(MINUTE)
    cancelling.cancel(second_chance.offer(sale.lots[0].pk).order_id, by=operator.pk)
    flooded = Sale({}, name_en="Spring sale").live()
    flooded.bid(flooded.lots[0], carol, 5000)
    withdrawing.withdraw_session(flooded.session.pk, why="a flood")


def test_every_letter_is_written_in_both_languages() -> None:
    """Each event of auctions came to pass: no English letter has a Chinese word, no Chinese one lacks them."""
    everything_happens()
    names = EVENTS.keys() | CHANGED.keys()
    rows = list(Notice.objects.filter(event__in=names, channel="inbox"))
    assert {row.event for row in rows} == names
    with override("en"):
        english = letters(rows)
    with override("zh-hans"):
        chinese = letters(rows)
    assert len(english) == len(chinese) == len(rows)
    for row in rows:
        told = english[row.pk]
        words = [told.title, told.text, told.act, told.note, *(line.name for line in told.rows)]
        assert not re.search("[\u4e00-\u9fff]", " ".join(words)), words
        told = chinese[row.pk]
        for one in filter(None, [told.title, told.text, told.act, told.note]):
            assert re.search("[\u4e00-\u9fff]", one), one
        assert told.page.startswith("/")
