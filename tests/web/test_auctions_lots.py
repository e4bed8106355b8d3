"""Pages of sessions and lots: what they say at each moment, what they never say, what they cost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from shigu import clock
from shigu.auctions import arranging, recording, second_chance, snapshots, viewing, withdrawing
from shigu.auctions.models import Award, Ban, Lot, Paddle, Session
from shigu.auctions.viewing import Views
from shigu.orders.models import Order
from shigu.web.limits import taken
from shigu.web.lots_page import LOOK
from tests.auctions.house import alipay, house
from tests.auctions.sale import (
    HOME,
    Sale,
    at,
    award,
    deposit,
    go_to,
    later,
    opened,
    paid,
    people,
    person,
)
from tests.people import alice, bob
from tests.web.bidders import bids, browser, now_of, page_of, text

__all__ = ["alipay", "house"]

pytestmark = pytest.mark.usefixtures("house")

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def views(monkeypatch: pytest.MonkeyPatch) -> Views:
    """Looks of this test alone, written only when it says so."""
    mine = Views()
    monkeypatch.setattr(viewing, "views", mine)
    monkeypatch.setattr(viewing, "EVERY", 3600.0)
    return mine


def session_page(sale: Sale) -> str:
    return reverse("session", args=[sale.session.slug])


# -- sessions --------------------------------------------------------------------------------------
def test_a_draft_is_nowhere(house: Any) -> None:
    """Not in the list, not at its address, and its lots are not either."""
    sale = Sale({}, name_en="Secret sale")
    client = browser(alice())
    assert "Secret sale" not in text(client.get(reverse("auctions")))
    assert client.get(session_page(sale)).status_code == 404
    assert client.get(page_of(sale.lots[0])).status_code == 404
    assert client.get(now_of(sale.lots[0])).status_code == 404


def test_a_session_goes_through_its_tabs(house: Any) -> None:
    """Coming, preview, live, ended: listed under the word of the moment, and chosen when it is the only one."""
    sale = Sale({}, name_en="Autumn sale")
    sale.publish()
    client, row = browser(), sale.session
    stations = [
        ("coming", row.preview_from - timedelta(minutes=1)),
        ("preview", row.preview_from),
        ("live", row.opens_at),
        ("ended", row.closes_at),
    ]
    for tab, moment in stations:
        go_to(moment)
        answer = client.get(reverse("auctions"))
        assert (answer.context["tab"], "Autumn sale" in text(answer)) == (tab, True)


@pytest.mark.parametrize("junk", ["", "x", "live'", "9" * 300])
def test_junk_in_the_address_of_the_list(junk: str) -> None:
    """The list, whatever the address says."""
    assert browser().get(reverse("auctions"), {"tab": junk, "page": junk}).status_code == 200


def test_a_session_shows_its_totals(house: Any) -> None:
    """Hammer total, lots, bids and views, after it has ended."""
    sale = Sale({}, {}).live()
    bids(browser(alice()), sale.lots[0], amount="15")
    bids(browser(bob()), sale.lots[0], amount="16")
    go_to(sale.session.closes_at)
    page = browser().get(session_page(sale))
    assert page.context["session"].hammer_total == 1600
    said = text(page)
    for words in ("Hammer total ¥16.00", "Lots 2", "Bids 2", "Views", "Ended", "Sold", "Passed in"):
        assert words in said


def test_a_sessions_deposit_can_be_asked_for(house: Any) -> None:
    """The exact amount for those who are signed in, the sign-in for visitors; paid, it says so."""
    sale = Sale({"deposit": 5000}, deposit=100_000).live()
    assert "Sign in to take part" in text(browser().get(session_page(sale)))
    assert "Pay the deposit of ¥1,000.00" in text(browser(alice()).get(session_page(sale)))
    deposit(alice(), session=sale.session)
    assert "you can bid on every lot" in text(browser(alice()).get(session_page(sale)))


def test_the_record_of_a_session_that_is_over(house: Any) -> None:
    """Not there while it runs; then a file that holds together and names nobody."""
    sale = Sale({}).live()
    address = reverse("session_record", args=[sale.session.slug])
    bids(browser(person("halcyon")), sale.lots[0], amount="15")
    assert browser().get(address).status_code == 404
    assert address not in browser().get(session_page(sale)).content.decode()
    go_to(sale.session.closes_at)
    assert address in browser().get(session_page(sale)).content.decode()
    record = b"".join(browser().get(address).streaming_content).decode()
    assert recording.verify(record.splitlines()).decisions == 1
    assert "halcyon" not in record


def test_home_shows_what_is_under_the_hammer(house: Any) -> None:
    """A live session stands on the home page, with a way to all auctions and the phone's tab."""
    Sale({}, name_en="Autumn sale").live()
    page = browser().get("/")
    assert "Autumn sale" in text(page)
    assert page.content.decode().count(f'href="{reverse("auctions")}"') >= 3


# -- a lot -----------------------------------------------------------------------------------------
def test_a_lot_at_each_moment(house: Any) -> None:
    """Before: when it opens. Live: price and act. At its end: confirming, never sold. Then: sold."""
    sale = Sale({})
    sale.publish()
    lot, alices = sale.lots[0], browser(alice())
    go_to(sale.session.preview_from)
    assert "to the opening" in text(alices.get(page_of(lot)))
    go_to(sale.session.opens_at)
    assert "Start price ¥10.00" in text(alices.get(page_of(lot)))
    bids(alices, lot, amount="30")
    said = text(alices.get(page_of(lot)))
    assert "Current price ¥30.00" in said
    assert "You lead" in said
    go_to(sale.session.closes_at, ring=False)
    at_zero = alices.get(page_of(lot))
    assert at_zero.context["seat"].phase == "confirming"
    assert "The result is being confirmed" in text(at_zero)
    assert "Hammer price" not in text(at_zero)
    later(timedelta(seconds=1))
    said = text(alices.get(page_of(lot)))
    assert "Hammer price ¥30.00" in said
    assert "It is yours for ¥30.00, once it is paid." in said
    assert "It is yours" not in text(browser(bob()).get(page_of(lot)))


def test_a_reserve_is_met_or_not_and_never_told(house: Any) -> None:
    """Its amount is on no page and in no answer, before and after it is met."""
    lot = Sale({"reserve": 7_654_321}).live().lots[0]
    client = browser(alice())
    for amount, word in (("20", "Reserve not met yet"), ("80000", "Reserve met")):
        bids(browser(bob()) if amount == "20" else client, lot, amount=amount, confirmed="1")
        page, told = client.get(page_of(lot)), client.get(now_of(lot), headers=JSON)
        assert word in text(page)
        for answer in (page, told):
            for secret in ("76,543.21", "76543.21", "7654321"):
                assert secret not in answer.content.decode()


def test_others_are_paddles(house: Any) -> None:
    """Neither name nor id nor maximum of another bidder is anywhere on the page or in its parts."""
    lot = Sale({}).live().lots[0]
    other = person("halcyon")
    bids(browser(other), lot, amount="20", maximum="98765.43")
    for address, headers in ((page_of(lot), {}), (now_of(lot), {}), (now_of(lot), JSON)):
        page = browser(alice()).get(address, headers=headers).content.decode()
        for secret in ("halcyon", "98,765.43", "98765.43", "9876543"):
            assert secret not in page
    assert "You ·" in text(browser(other).get(now_of(lot)))


def test_the_gate_says_how_much_and_where_to_pay(house: Any) -> None:
    """Without a deposit no button bids; asked for, the cashier is one link away; paid, it can be bid."""
    sale = Sale({"deposit": 20_000}, deposit=100_000).live()
    lot, client = sale.lots[0], browser(alice())
    page = client.get(page_of(lot))
    assert "Pay ¥200.00 for this lot" in text(page)
    assert "Pay ¥1,000.00 for the whole session" in text(page)
    assert 'form="bid"' not in page.content.decode()
    asked = client.post(page_of(lot, "lot_deposit"), {"key": "k"})
    assert asked.url in client.get(page_of(lot)).content.decode()
    deposit(alice(), lot=lot)
    page = client.get(page_of(lot))
    assert "Deposit of ¥200.00 for this lot paid" in text(page)
    assert 'form="bid"' in page.content.decode()


def test_a_withdrawn_lot_says_why(house: Any) -> None:
    """The reason stands on its page."""
    lot = Sale({}).live().lots[0]
    withdrawing.withdraw_lot(lot.pk, why="It was broken")
    assert "It was broken" in text(browser().get(page_of(lot)))


def offered() -> tuple[Sale, Award]:
    """Alice won it at ¥500 and did not pay; bob is offered it at his own ¥400."""
    sale = Sale({}).live()
    sale.bid(sale.lots[0], bob(), 40_000)
    sale.sold(sale.lots[0], alice())
    go_to(award(sale.lots[0]).pay_by)
    return sale, second_chance.offer(sale.lots[0].pk)


def says_who_has_it(sale: Sale, who: Any, price: str) -> None:
    """Everybody reads the same paddle and price: on the lot's page, in the session, in the snapshot."""
    [lot], number = sale.lots, Paddle.objects.get(session=sale.session, user=who).number
    page = text(browser().get(page_of(lot)))
    assert f"It goes to paddle {number}" in page
    assert f"Second-chance price ¥{price}.00" in page
    assert f"¥{price}.00" in text(browser().get(session_page(sale))).partition("Lot 1")[2]
    [said] = [json.loads(one.said) for one in snapshots.of([lot.pk])]
    assert (said["leader"], said["hammer"]) == (number, int(price) * 100)


def mark_of(lot: Lot, who: Any) -> str:
    """What is the reader's own of it, in one word."""
    return str(browser(who).get(page_of(lot)).context["seat"].mark)


def test_a_second_chance_is_whose_it_is(house: Any) -> None:
    """Offered to bob: his paddle and amount, for him an offer; paid: his, and no offer any more."""
    sale, found = offered()
    [lot] = sale.lots
    says_who_has_it(sale, bob(), "400")
    mine = browser(bob()).get(page_of(lot))
    assert mine.context["seat"].mark == "offered"
    assert "It goes to paddle" not in text(mine)
    assert "Offered to you" in text(browser(bob()).get(reverse("my_bids")))
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    paid(opened("order", found.order_id, bob()))
    says_who_has_it(sale, bob(), "400")
    assert (mark_of(lot, bob()), mark_of(lot, alice())) == ("won", "not_won")


def test_a_second_chance_that_is_over_leaves_no_trace(house: Any) -> None:
    """Lapsed: the hammer price is what it was, and the lot is nobody's."""
    sale, found = offered()
    go_to(found.pay_by)
    [said] = [json.loads(one.said) for one in snapshots.of([sale.lots[0].pk])]
    number = Paddle.objects.get(session=sale.session, user=alice()).number
    assert (said["state"], said["leader"], said["hammer"]) == ("overdue", number, 50_000)
    page = text(browser().get(page_of(sale.lots[0])))
    assert "Hammer price ¥500.00" in page
    assert "It goes to paddle" not in page


def test_snapshots_are_one_query(house: Any, django_assert_num_queries: Any) -> None:
    """Second chances among them or not."""
    sale, _ = offered()
    with django_assert_num_queries(1):
        assert len(snapshots.of([sale.lots[0].pk])) == 1


def test_somebody_else_got_only_what_is_sold(house: Any) -> None:
    """Who was outbid is told so of a sold lot; not of one that passed in, was withdrawn or is not paid."""
    sale = Sale({}, {"reserve": 90_000}, {}, {}).live()
    sold, _, withdrawn, overdue = sale.lots
    for lot in sale.lots:
        sale.bid(lot, bob(), 2000)
        sale.bid(lot, alice(), 3000)
    withdrawing.withdraw_lot(withdrawn.pk, why="It was broken")
    go_to(sale.session.closes_at)
    won = award(sold)
    arranging.arrange(won.order_id, by=won.user_id, sent_to=HOME)
    paid(opened("order", won.order_id, alice()))
    assert [mark_of(lot, bob()) for lot in (sold, overdue)] == ["not_won", "not_won"]
    go_to(award(overdue).pay_by)
    assert [mark_of(lot, bob()) for lot in sale.lots] == ["not_won", "", "", ""]
    said = text(browser(bob()).get(reverse("my_bids")))
    assert said.count("Somebody else got it") == 1
    for word in ("Passed in", "Withdrawn", "Not paid by its winner"):
        assert word in said


def test_a_card_has_a_word_for_whatever_may_become_of_it(house: Any) -> None:
    """Sold, passed in, withdrawn, not paid: each waits, hidden, on a live lot's page and in its session."""
    sale = Sale({}).live()
    for address in (page_of(sale.lots[0]), session_page(sale)):
        page = browser().get(address).content.decode()
        assert '<span data-when="live">' in page
        for phase in ("confirming", "sold", "passed_in", "lot_overdue", "withdrawn"):
            assert page.count(f'<span data-when="{phase}" hidden>') == 1


def test_quick_amounts_follow_the_steps(house: Any) -> None:
    """The least amount, two and five steps above it."""
    lot = Sale({}).live().lots[0]
    bids(browser(bob()), lot, amount="10")
    assert browser(alice()).get(page_of(lot)).context["seat"].quick == [
        (0, 1100),
        (2, 1300),
        (5, 1600),
    ]


# -- the changing part -----------------------------------------------------------------------------
def test_the_changing_part_is_304_until_something_changes(house: Any) -> None:
    """The same tag while nothing is new; a deposit, a bid, a ban, the end and its award make another."""
    sale = Sale({"deposit": 5000}).live()
    lot, client = sale.lots[0], browser(alice())
    seen: list[str] = []

    def is_new() -> bool:
        """For a page that asks with the tag it has; asked again at once, it is not."""
        before = seen[-1:] or ['""']
        answer = client.get(now_of(lot), headers={"If-None-Match": before[0]})
        again = client.get(now_of(lot), headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        seen.append(answer["ETag"])
        return bool(answer.status_code == 200)

    assert is_new()
    deposit(alice(), lot=lot)
    assert is_new()
    bids(client, lot, amount="10", maximum="60")
    assert is_new()
    a_day = {"since": clock.now(), "until": clock.now() + timedelta(days=1)}
    ban = Ban.objects.create(user=alice(), **a_day)
    assert is_new()
    Ban.objects.filter(pk=ban.pk).update(lifted_at=clock.now())
    assert is_new()
    go_to(sale.session.closes_at, ring=False)
    assert is_new()
    later(timedelta(seconds=1))
    assert is_new()
    Order.objects.filter(award__lot=lot).update(payable=F("payable") - 100)
    assert is_new()
    assert browser(bob()).get(now_of(lot))["ETag"] not in seen


@pytest.mark.parametrize("headers", [{}, JSON])
def test_a_raised_maximum_is_new_to_who_leads_alone(house: Any, headers: Any) -> None:
    """Nobody else sees that it was raised: not by the version, not by their tag; hers is no plain digest."""
    lot = Sale({}).live().lots[0]
    mine, others = browser(alice()), [browser(bob()), browser()]
    bids(mine, lot, amount="10", maximum="60")

    def asked(client: Any, tag: str = "") -> Any:
        return client.get(now_of(lot), headers={**headers, "If-None-Match": tag})

    had, was = {one: asked(one)["ETag"] for one in (mine, *others)}, at(lot).version
    bids(mine, lot, maximum="100")
    assert (at(lot).maximum, at(lot).version) == (10_000, was)
    fresh = asked(mine, had[mine])
    assert fresh.status_code == 200
    told = fresh.json()["mine"]["maximum"] == 10_000 if headers else "up to ¥100.00" in text(fresh)
    assert told
    assert [asked(one, had[one]).status_code for one in others] == [304, 304]
    with override_settings(SECRET_KEY="another shop's"):
        mine.force_login(alice())
        assert asked(mine)["ETag"] != fresh["ETag"]


def test_a_hall_of_guests_may_look_where_one_member_may_not(house: Any) -> None:
    """The limit of one who signed in is not that of an address, behind which a hall may sit."""
    address = now_of(Sale({}).live().lots[0])
    guest, member = Client(), browser(alice())
    for _ in range(LOOK.most):
        taken(LOOK, "a127.0.0.1")
        taken(LOOK, f"u{alice().pk}")
    assert (guest.get(address).status_code, member.get(address).status_code) == (200, 429)
    for _ in range(LOOK.most * LOOK.crowd):
        taken(LOOK, "a127.0.0.1")
    assert guest.get(address).status_code == 429


def test_the_changing_part_has_no_form_of_its_own(house: Any) -> None:
    """No token and no field in it: what is typed stands outside and is not lost."""
    lot = Sale({}).live().lots[0]
    page = browser(alice()).get(now_of(lot)).content.decode()
    assert "csrfmiddlewaretoken" not in page
    assert "<form" not in page
    for part in ("lot-now", "lot-log", "lot-bar"):
        assert page.count(f'id="{part}"') == 1


def test_the_snapshot_for_a_script(house: Any) -> None:
    """What everybody may know, with the reader's own beside it."""
    lot = Sale({}).live().lots[0]
    bids(browser(alice()), lot, amount="10", maximum="60")
    said = browser(alice()).get(now_of(lot), headers=JSON).json()
    assert (said["lot"], said["price"], said["least"], said["bids"]) == (lot.pk, 1000, 1100, 1)
    assert (said["version"], said["phase"]) == (at(lot).version, "live")
    mine = said["mine"]
    assert (mine["leads"], mine["maximum"], mine["mark"]) == (True, 6000, "leading")
    other = browser(bob()).get(now_of(lot), headers=JSON).json()["mine"]
    assert (other["leads"], other["maximum"], other["mark"]) == (False, None, "")


def cost(who: Any, address: str) -> int:
    client = browser(who)
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_a_lots_page_costs_the_same_however_many_bid(house: Any) -> None:
    """Two bids or thirty of as many people: as many queries, for its page and for its changing part."""
    lot = Sale({}).live().lots[0]
    crowd = people(30)
    for who in crowd[:2]:
        bids(browser(who), lot, maximum="90")
    few = [cost(alice(), page_of(lot)), cost(alice(), now_of(lot))]
    for step, who in enumerate(crowd[2:]):
        bids(browser(who), lot, amount=str((at(lot).price or 0) // 100 + step + 10), confirmed="1")
    assert [cost(alice(), page_of(lot)), cost(alice(), now_of(lot))] == few
    assert few[0] <= 20


def test_a_sessions_page_costs_the_same_however_many_lots(house: Any) -> None:
    """Two lots or twelve: as many queries."""
    few, many = Sale(*[{}] * 2).live(), Sale(*[{}] * 12).live()
    assert cost(alice(), session_page(few)) == cost(alice(), session_page(many))


# -- views -----------------------------------------------------------------------------------------
def test_looks_are_counted_in_batches(house: Any, views: Views) -> None:
    """Looks at a session and its lots add up, written together; a HEAD and a poll are no looks."""
    lot: Lot = Sale({}).live().lots[0]
    client = browser()
    for _ in range(3):
        client.get(page_of(lot))
    client.get(reverse("session", args=[lot.session.slug]))
    client.head(page_of(lot))
    client.get(now_of(lot))
    assert Session.objects.get(pk=lot.session_id).views == 0
    views.flush()
    assert Session.objects.get(pk=lot.session_id).views == 4
    views.flush()
    assert Session.objects.get(pk=lot.session_id).views == 4


def test_the_rules_are_told_in_both_languages(house: Any) -> None:
    """The help page, in English and in Chinese."""
    client = browser()
    assert "A bid binds." in text(client.get(reverse("auction_rules")))
    client.cookies.clear()
    assert "出价即有约束力" in text(client.get(reverse("auction_rules")))
