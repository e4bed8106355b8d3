"""Bids from a page: by form without a script, by a script, refused, repeated, too many, too far."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from shigu.auctions import committing
from shigu.auctions.errors import LotBusy
from shigu.auctions.models import Bid, Lot, Verdict
from shigu.kit.moments import milliseconds
from tests.auctions.house import alipay, house
from tests.auctions.sale import Sale, at, deposit, go_to
from tests.people import alice, bob, carol, operator
from tests.web.bidders import all_rows, bids, browser, page_of, tells, text

__all__ = ["alipay", "house"]

pytestmark = pytest.mark.usefixtures("house")

JUNK = ["abc", "-5", "0", "0.001", "1e3", "NaN", "<b>1</b>", "9" * 15]


@pytest.fixture
def lot(house: Any) -> Lot:
    """A live lot from ¥10 up by ¥1, free to bid on."""
    return Sale({}).live().lots[0]


@pytest.fixture
def buyer(lot: Lot) -> Any:
    """Alice's browser."""
    return browser(alice())


def test_a_bid_by_form_says_how_it_stands(buyer: Any, lot: Lot) -> None:
    """Accepted: the lot's page again, the price, that one leads, and what others need."""
    answer = bids(buyer, lot, quick="10.00")
    assert answer.redirect_chain == [(page_of(lot), 302)]
    assert "You lead at ¥10.00; others need ¥11.00." in text(answer)
    assert (at(lot).price, at(lot).leader_id) == (1000, alice().pk)


def test_a_bid_that_is_too_low_names_the_least(buyer: Any, lot: Lot) -> None:
    """The verdict and the least valid amount; price and leader stay."""
    bids(browser(bob()), lot, amount="20")
    answer = bids(buyer, lot, amount="20.50")
    assert "That was not enough: bid at least ¥21.00." in text(answer)
    assert (at(lot).price, at(lot).leader_id) == (2000, bob().pk)


def test_the_typed_amount_is_read_as_people_write_it(buyer: Any, lot: Lot) -> None:
    """`¥ 15.50` is fifteen yuan and a half."""
    bids(buyer, lot, amount=" ¥ 15.50 ")
    assert at(lot).price == 1550


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("field", ["amount", "quick", "maximum"])
def test_what_is_no_amount_is_refused(buyer: Any, lot: Lot, field: str, junk: str) -> None:
    """A sentence on the lot's page; nothing is decided."""
    before = all_rows()
    form: dict[str, Any] = {field: junk}
    answer = bids(buyer, lot, **form)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert all_rows() == before


def test_nothing_written_is_nothing_bid(buyer: Any, lot: Lot) -> None:
    """An empty form is refused with what is wanted."""
    answer = bids(buyer, lot, amount="", maximum="")
    assert "Write the amount of your bid in yuan." in text(answer)
    assert not Bid.objects.exists()


def test_only_a_maximum_bids_the_least(buyer: Any, lot: Lot) -> None:
    """The house bids as little as is valid and keeps the maximum to itself."""
    bids(buyer, lot, maximum="47.77")
    assert (at(lot).price, at(lot).maximum) == (1000, 4777)
    other = browser(bob()).get(page_of(lot))
    assert "47.77" not in other.content.decode()


def test_a_maximum_that_was_outrun_is_bid_again(
    buyer: Any, lot: Lot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody was quicker by one bid: the maximum still reaches, so it goes out once more and leads."""
    usual = committing.decided
    quicker = [True]

    def outrun(offer: Any) -> Any:
        if quicker and quicker.pop():
            bids(browser(bob()), lot, amount="10")
        return usual(offer)

    monkeypatch.setattr("shigu.web.bidding.committing.decided", outrun)
    bids(buyer, lot, maximum="50", key="same")
    assert at(lot).leader_id == alice().pk
    verdicts = (
        Bid.objects.filter(bidder_id=alice().pk).order_by("n").values_list("verdict", flat=True)
    )
    assert list(verdicts) == [Verdict.TOO_LOW, Verdict.ACCEPTED]
    before = all_rows()
    bids(buyer, lot, maximum="50", key="same")
    assert all_rows() == before


def test_the_same_form_twice_is_one_bid(buyer: Any, lot: Lot) -> None:
    """A second touch, or a page sent again, gives the same answer and changes nothing."""
    first = tells(buyer, lot, amount="10", key="once").json()
    before = all_rows()
    again = tells(buyer, lot, amount="10", key="once").json()
    assert {**again, "key": ""} == {**first, "key": ""}
    assert all_rows() == before


def test_a_key_with_another_amount_is_refused(buyer: Any, lot: Lot) -> None:
    """A page left open: nothing is bid, and it says so."""
    tells(buyer, lot, amount="10", key="once")
    before = all_rows()
    answer = tells(buyer, lot, amount="99", key="once")
    assert (answer.status_code, answer.json()["error"]) == (400, "KeyReused")
    assert all_rows() == before


def test_a_script_gets_figures(buyer: Any, lot: Lot) -> None:
    """Verdict, number, price, least, end, whether one leads, the sentence, a fresh key."""
    said = tells(buyer, lot, amount="12").json()
    assert (said["verdict"], said["number"], said["price"], said["least"], said["leads"]) == (
        "accepted",
        1,
        1200,
        1300,
        True,
    )
    assert said["closes_at"] == milliseconds(at(lot).closes_at)
    assert said["message"]
    refused = tells(browser(bob()), lot, amount="12")
    assert (refused.status_code, refused.json()["verdict"]) == (409, "too-low")
    assert refused.json()["least"] == 1300
    assert said["key"] != refused.json()["key"]


def test_a_big_jump_is_asked_about(buyer: Any, lot: Lot) -> None:
    """A page with the amount in figures, nothing bid; saying yes there bids it."""
    asked = bids(buyer, lot, amount="900", follow=False)
    assert asked.status_code == 409
    assert "Yes, bid ¥900.00" in text(asked)
    assert at(lot).price is None
    page = asked.content.decode()
    for field in ('name="confirmed" value="1"', 'name="amount" value="900.00"', 'name="key"'):
        assert field in page
    bids(buyer, lot, amount="900.00", confirmed="1")
    assert at(lot).price == 90_000


def test_whoever_leads_can_only_raise_the_maximum(buyer: Any, lot: Lot) -> None:
    """Raised: the price stays, and the page offers nothing else to a leader."""
    bids(buyer, lot, amount="10")
    refused = bids(buyer, lot, amount="20")
    assert "You lead already." in text(refused)
    answer = bids(buyer, lot, maximum="80")
    assert "Your maximum is higher now" in text(answer)
    assert (at(lot).price, at(lot).maximum) == (1000, 8000)
    assert "the house bids for you up to ¥80.00" in text(answer)
    assert 'id="lot-go"' not in answer.content.decode()


def test_a_visitor_is_sent_to_sign_in(lot: Lot) -> None:
    """By form past the sign-in back to the lot; a script is told 401. Nothing is bid."""
    answer = bids(browser(), lot, amount="10", follow=False)
    assert answer.url.endswith(f"?next={page_of(lot)}")
    assert tells(browser(), lot, amount="10").status_code == 401
    assert not Bid.objects.exists()


def test_opening_the_address_by_hand_leads_to_the_lot(buyer: Any, lot: Lot) -> None:
    """A GET bids nothing."""
    assert buyer.get(page_of(lot, "bid")).url == page_of(lot)


def test_a_bid_without_the_forms_token_is_refused(lot: Lot) -> None:
    """CSRF: another site's form bids nothing."""
    client: Any = Client(enforce_csrf_checks=True)
    client.force_login(alice())
    assert client.post(page_of(lot, "bid"), {"amount": "10", "key": "k"}).status_code == 403
    assert not Bid.objects.exists()


def test_too_many_bids_wait(
    buyer: Any, lot: Lot, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 with Retry-After, as a page and for a script, with the least amount; nothing is decided."""
    settings.AUCTION_BIDS = 1
    monkeypatch.setattr("shigu.auctions.limits.WINDOW", 3600)
    bids(buyer, lot, amount="10")
    before = all_rows()
    page = bids(buyer, lot, amount="20", follow=False)
    told = tells(buyer, lot, amount="20")
    for answer in (page, told):
        assert answer.status_code == 429
        assert 1 <= int(answer["Retry-After"]) <= 3600
    assert "So many bids of yours" in text(page)
    assert told.json()["least"] == 1100
    assert all_rows() == before


def test_a_busy_lot_says_when_to_come_again(
    buyer: Any, lot: Lot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full lane is 429 with its seconds, never a 500."""

    def busy(offer: Any) -> Any:
        raise LotBusy(seconds=2)

    monkeypatch.setattr("shigu.web.bidding.committing.decided", busy)
    answer = bids(buyer, lot, amount="10", follow=False)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")


def test_before_and_after_its_time(house: Any) -> None:
    """Not open yet, then over: each in a sentence, the price untouched."""
    sale = Sale({})
    sale.publish()
    lot, client = sale.lots[0], browser(alice())
    assert "Bidding has not begun yet." in text(bids(client, lot, amount="10"))
    go_to(sale.session.closes_at)
    assert "Bidding on this lot is over" in text(bids(client, lot, amount="10"))
    assert at(lot).price is None


def test_the_house_may_not_bid(lot: Lot) -> None:
    """Whoever runs the auction is refused."""
    assert tells(browser(operator()), lot, amount="10").status_code == 403
    assert at(lot).price is None


def test_without_its_deposit_a_bid_names_the_amount(house: Any) -> None:
    """402 with what is due; with the deposit it counts."""
    lot = Sale({"deposit": 20_000}).live().lots[0]
    answer = tells(browser(alice()), lot, amount="10")
    assert (answer.status_code, answer.json()["due"]) == (402, 20_000)
    assert "Pay the deposit of ¥200.00 first" in answer.json()["message"]
    deposit(alice(), lot=lot)
    assert tells(browser(alice()), lot, amount="10").status_code == 200


@pytest.mark.parametrize(("name", "end"), [("bid", "bid"), ("lot", ""), ("lot_deposit", "deposit")])
def test_a_lot_that_is_not_there(name: str, end: str, house: Any) -> None:
    """An unknown lot, and one of a draft, do not exist."""
    draft = Sale({}).lots[0]
    client = browser(carol())
    for address in (page_of(draft, name), f"/auctions/nothing/1/{end}"):
        answer = client.post(address) if name != "lot" else client.get(address)
        assert answer.status_code == 404
