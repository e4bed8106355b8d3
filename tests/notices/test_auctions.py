"""Bidders are told what concerns them: outbid, ending, won, to be paid, lapsed, forfeited, come back."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.translation import override

from shigu import clock
from shigu.auctions import arranging, extending, second_chance
from shigu.auctions.models import Announcement, Lot, LotState
from shigu.clock.drain import drain
from shigu.kit import breakpoints
from shigu.notices.letters import letters
from shigu.notices.models import Notice
from shigu.orders import cancelling
from shigu.orders.models import Order
from tests.auctions.house import alipay, house
from tests.auctions.sale import (
    HOME,
    HOUR,
    Sale,
    at,
    award,
    deposit,
    go_to,
    later,
    opened,
    paid,
    person,
    state,
)
from tests.notices.telling import deliver, heard, read
from tests.races.market import assert_audit_holds
from tests.web.wallets import coupon_of

__all__ = ["alipay", "house"]
pytestmark = pytest.mark.usefixtures("house")

SECOND = timedelta(seconds=1)


def rings_outbid() -> None:
    """A little more than a second passes, and the clock tells."""
    later(1.1 * SECOND, ring=False)
    drain("auctions.outbid")


def test_who_loses_the_lead_is_told_within_seconds_and_once() -> None:
    """Bob is outbid and hears of it; carol leads and hears nothing; told again changes nothing."""
    sale = Sale({}).live()
    bob, carol = person("bob"), person("carol")
    sale.bid(sale.lots[0], bob, 10_000)
    rings_outbid()
    assert heard(bob) == []
    sale.bid(sale.lots[0], carol, 20_000)
    due = Announcement.objects.get().outbid_at
    assert due is not None
    assert due - clock.now() < timedelta(seconds=2)
    rings_outbid()
    assert (heard(bob), heard(bob, "mail"), heard(carol)) == (["lot.outbid"], ["lot.outbid"], [])
    rings_outbid()
    assert heard(bob) == ["lot.outbid"]
    letter = read("lot.outbid", bob)
    assert "200.00" in letter.text
    assert letter.page == f"/auctions/{sale.session.slug}/1/"


def test_a_storm_of_bids_is_one_entry_a_second_and_one_mail_a_minute(
    settings: Any,
) -> None:
    """Twenty changes of the lead between two beats of the clock are one entry each; mails keep a distance."""
    settings.AUCTION_BIDS = 1000
    sale = Sale({}).live()
    people = [person("bob"), person("carol")]
    amount = 1000
    for _ in range(3):
        for _ in range(10):
            for who in people:
                amount += 10_000
                sale.bid(sale.lots[0], who, amount)
        rings_outbid()
    assert heard(people[0]) == ["lot.outbid"] * 3
    assert heard(people[0], "mail") == ["lot.outbid"]
    later(timedelta(seconds=61), ring=False)
    sale.bid(sale.lots[0], people[0], amount + 10_000)
    sale.bid(sale.lots[0], people[1], amount + 20_000)
    rings_outbid()
    assert heard(people[0], "mail") == ["lot.outbid"] * 2
    rounds = Notice.objects.filter(user=people[0], channel="inbox").values_list("round", flat=True)
    assert len(set(rounds)) == 4


def test_who_was_never_leading_lost_nothing() -> None:
    """A bid below the leader's maximum moves the price and nobody's lead."""
    sale = Sale({}).live()
    bob, carol = person("bob"), person("carol")
    sale.bid(sale.lots[0], bob, 10_000, 90_000)
    sale.bid(sale.lots[0], carol, 20_000)
    rings_outbid()
    assert (heard(bob), heard(carol)) == ([], [])


def test_a_mail_about_a_lead_that_was_won_back_stays_in_the_house() -> None:
    """Bob leads again before his mail leaves: it is withdrawn; the entry stays."""
    sale = Sale({}).live()
    bob, carol = person("bob"), person("carol")
    sale.bid(sale.lots[0], bob, 10_000)
    sale.bid(sale.lots[0], carol, 20_000)
    rings_outbid()
    sale.bid(sale.lots[0], bob, 30_000)
    deliver()
    [mail] = Notice.objects.filter(user=bob, channel="mail")
    assert mail.state == "withdrawn"
    assert heard(bob) == ["lot.outbid"]


def test_a_lead_that_is_lost_while_the_clock_tells_is_told_next() -> None:
    """A bid that comes between reading and writing waits for the row, and sets it anew."""
    sale = Sale({}).live()
    lot, (bob, carol) = sale.lots[0], (person("bob"), person("carol"))
    sale.bid(lot, bob, 10_000)
    sale.bid(lot, carol, 20_000)
    later(1.1 * SECOND, ring=False)

    def outbids() -> None:
        sale.bid(lot, bob, 30_000)
        connection.close()

    thread = threading.Thread(target=outbids)
    waited: list[bool] = []

    def meanwhile() -> None:
        thread.start()
        thread.join(0.5)
        waited.append(thread.is_alive())

    with breakpoints.at("auctions.outbid.told", meanwhile):
        drain("auctions.outbid")
    thread.join(10)
    assert waited == [True]
    rings_outbid()
    assert (heard(bob), heard(carol)) == (["lot.outbid"], ["lot.outbid"])


def test_who_cares_for_a_lot_hears_that_it_ends_soon() -> None:
    """Ten minutes before: who bid, who holds its deposit, nobody else, each once; moved later, told later."""
    sale = Sale({"deposit": 20_000}, {})
    bob, carol, dave = person("bob"), person("carol"), person("dave")
    sale.publish()
    go_to(sale.session.opens_at)
    deposit(bob, lot=sale.lots[0])
    sale.bid(sale.lots[1], carol, 5000)
    operator = person("operator")
    until = sale.session.closes_at + HOUR
    extending.extend(sale.lots[1].pk, until=until, by=operator.pk)
    go_to(sale.session.closes_at - timedelta(minutes=9))
    assert (heard(bob), heard(carol), heard(dave)) == (["lot.ending"], ["lot.moved"], [])
    assert read("lot.ending", bob).page.endswith("/1/")
    go_to(until - timedelta(minutes=9))
    assert heard(carol) == ["lot.moved", "lot.ending"]
    later(timedelta(minutes=1))
    assert heard(carol) == ["lot.moved", "lot.ending"]


def test_a_short_lot_ends_soon_from_its_half_on() -> None:
    """Open for eight minutes in all: told after four; one with more time by then is told when that is near."""
    opens = clock.now() + 3 * HOUR
    sale = Sale({}, {}, opens_at=opens, closes_at=opens + timedelta(minutes=8))
    bob, carol = person("bob"), person("carol")
    sale.live()
    sale.bid(sale.lots[0], bob, 5000)
    sale.bid(sale.lots[1], carol, 5000)
    until = sale.session.closes_at + HOUR
    extending.extend(sale.lots[1].pk, until=until, by=person("operator").pk)
    later(timedelta(minutes=3.5))
    assert (heard(bob), heard(carol)) == ([], ["lot.moved"])
    later(timedelta(minutes=1))
    assert (heard(bob), heard(carol)) == (["lot.ending"], ["lot.moved"])
    go_to(until - timedelta(minutes=9))
    assert heard(carol) == ["lot.moved", "lot.ending"]


def test_a_session_deposit_hears_once_of_the_first_lots() -> None:
    """Three lots, one after the other: its owner is told once; a lot they bid on is told by itself."""
    sale = Sale(*({"deposit": 1000} for _ in range(3)), deposit=100_000, stagger=1200)
    bob = person("bob")
    sale.live()
    deposit(bob, session=sale.session)
    sale.bid(sale.lots[2], bob, 5000)
    go_to(at(sale.lots[0]).closes_at - timedelta(minutes=9))
    go_to(at(sale.lots[1]).closes_at - timedelta(minutes=9))
    assert heard(bob) == ["session.ending"]
    go_to(at(sale.lots[2]).closes_at - timedelta(minutes=9))
    assert heard(bob) == ["session.ending", "lot.ending"]


def test_what_was_won_is_told_reminded_of_and_paid() -> None:
    """Won, to be paid, and the deposit that came back: each once; nothing in the shop's words that is wrong."""
    sale = Sale({"deposit": 20_000})
    bob, carol = person("bob"), person("carol")
    sale.live()
    deposit(bob, lot=sale.lots[0])
    deposit(carol, lot=sale.lots[0])
    sale.bid(sale.lots[0], bob, 50_000)
    go_to(at(sale.lots[0]).closes_at)
    later(SECOND)
    won = award(sale.lots[0])
    assert "lot.won" in heard(bob)
    assert heard(carol)[-1] == "deposit.returned"
    letter = read("lot.won", bob)
    assert letter.total.amount == 50_000
    go_to(won.pay_by - timedelta(hours=2))
    assert heard(bob)[-1] == "lot.pay-by"
    Order.objects.filter(pk=won.order_id).update(sent_to=HOME)
    paid(opened("order", won.order_id, bob))
    later(SECOND)
    later(SECOND)
    assert [event for event in heard(bob) if event.startswith("order.")] == ["order.paid"]
    assert heard(bob)[-1] == "deposit.returned"
    assert heard(bob).count("lot.won") == heard(bob).count("lot.pay-by") == 1
    assert_audit_holds()


def test_what_was_not_paid_is_told_with_what_it_cost() -> None:
    """Lapsed and forfeited, once each, never as an order of the shop; the next bidder hears of the offer."""
    sale = Sale({"deposit": 20_000})
    bob, carol = person("bob"), person("carol")
    sale.live()
    deposit(bob, lot=sale.lots[0])
    deposit(carol, lot=sale.lots[0])
    sale.bid(sale.lots[0], carol, 40_000)
    sale.bid(sale.lots[0], bob, 50_000)
    go_to(at(sale.lots[0]).closes_at)
    won = award(sale.lots[0])
    go_to(won.pay_by + timedelta(minutes=1))
    later(SECOND)
    assert heard(bob)[-2:] == ["lot.lapsed", "deposit.forfeited"]
    assert not [event for event in heard(bob) if event.startswith("order.")]
    assert "200.00" in read("deposit.forfeited", bob).title
    second_chance.offer(sale.lots[0].pk, seconds=3600)
    assert heard(carol)[-1] == "lot.offered"
    later(2 * HOUR)
    assert heard(carol)[-1] == "lot.lapsed"
    assert_audit_holds()


def test_what_the_shop_takes_back_is_told() -> None:
    """An operator cancels what bob won: he hears of it once, and that his deposit stays his."""
    sale = Sale({"deposit": 20_000})
    bob = person("bob")
    sale.live()
    deposit(bob, lot=sale.lots[0])
    sale.bid(sale.lots[0], bob, 50_000)
    go_to(at(sale.lots[0]).closes_at)
    cancelling.cancel(award(sale.lots[0]).order_id, by=person("operator").pk)
    later(SECOND)
    assert heard(bob).count("lot.taken-back") == 1
    with override("en"):
        told = read("lot.taken-back", bob)
        assert sale.lots[0].name in told.title
    assert "not forfeited" in told.note
    assert_audit_holds()


def test_an_offer_that_the_shop_takes_back_is_told_and_one_that_is_declined_is_not() -> None:
    """An operator cancels carol's offer: she hears of it, once; dave declines his and knows that he did."""
    sale = Sale({}).live()
    [lot] = sale.lots
    bob, carol, dave = person("bob"), person("carol"), person("dave")
    for who, amount in ((dave, 30_000), (carol, 40_000), (bob, 50_000)):
        sale.bid(lot, who, amount)
    go_to(at(lot).closes_at)
    go_to(award(lot).pay_by)
    cancelling.cancel(second_chance.offer(lot.pk).order_id, by=person("operator").pk)
    assert (heard(carol)[-1], heard(carol).count("lot.taken-back")) == ("lot.taken-back", 1)
    assert (read("lot.taken-back", carol).note, state(lot)) == ("", LotState.OVERDUE)
    cancelling.cancel(second_chance.offer(lot.pk).order_id, by=dave.pk)
    assert (heard(dave)[-1], state(lot)) == ("lot.offered", LotState.OVERDUE)
    assert "lot.taken-back" not in heard(bob)
    assert_audit_holds()


def test_what_is_to_pay_is_what_the_coupon_leaves() -> None:
    """Bob takes a coupon: reminder and inbox name what he has to pay, as the cashier does."""
    sale = Sale({}).live()
    bob = person("bob")
    won = sale.sold(sale.lots[0], bob)
    assert read("lot.won", bob).total.amount == 50_000
    grant = coupon_of(bob, 3_000, on_lots=True)
    arranging.arrange(won.order_id, by=bob.pk, sent_to=HOME, grant_id=grant.pk)
    go_to(won.pay_by - timedelta(hours=2))
    assert [read(event, bob).total.amount for event in ("lot.won", "lot.pay-by")] == [47_000] * 2


def test_of_a_sessions_deposit_a_lots_share_is_at_stake() -> None:
    """Its winner reads that the rest comes back later; the owner of a lot's deposit that it is all of it."""
    sale = Sale({"deposit": 20_000}, {"deposit": 20_000}, deposit=100_000).live()
    bob, carol = person("bob"), person("carol")
    deposit(bob, session=sale.session)
    deposit(carol, lot=sale.lots[1])
    sale.bid(sale.lots[0], bob, 50_000)
    sale.bid(sale.lots[1], carol, 50_000)
    go_to(at(sale.lots[0]).closes_at)
    with override("en"):
        of_session, of_lot = read("lot.won", bob).note, read("lot.won", carol).note
    assert "this lot's share" in of_session
    assert "when the session is over" in of_session
    assert "share" not in of_lot


def test_all_letters_are_written_in_a_fixed_number_of_queries(
    django_assert_max_num_queries: Any,
) -> None:
    """Twelve awards are written with as many queries as two."""
    sale = Sale(*({} for _ in range(12))).live()
    bob = person("bob")
    for lot in sale.lots:
        sale.bid(lot, bob, 5000)
    go_to(at(sale.lots[0]).closes_at)
    rows = list(Notice.objects.filter(event="lot.won", channel="inbox"))
    assert len(rows) == 12
    with django_assert_max_num_queries(2):
        assert len(letters(rows)) == 12


def test_a_bid_that_fails_tells_nobody() -> None:
    """Refused bids lose nobody the lead."""
    sale = Sale({}).live()
    bob, carol = person("bob"), person("carol")
    sale.bid(sale.lots[0], bob, 10_000)
    sale.bid(sale.lots[0], carol, 10_000)
    assert Announcement.objects.filter(outbid_at__isnull=False).count() == 0
    rings_outbid()
    assert (heard(bob), heard(carol)) == ([], [])
    assert Lot.objects.count() == 1
