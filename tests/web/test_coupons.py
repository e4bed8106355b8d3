"""The coupon centre and "my coupons": what is shown, what the forms do, and what they refuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu import clock
from shigu.catalogue.models import Reach
from shigu.orders.models import Order
from shigu.promotions.models import CouponKind, Grant, GrantState, Way
from tests.goods import python_course, teapot
from tests.orders.shop import choice, placed
from tests.people import alice, bob
from tests.promotions.booth import DAY, coupon, in_hand, issued

pytestmark = pytest.mark.usefixtures("clone")
CENTRE = "/coupons/"


@pytest.fixture
def buyer() -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(alice(), "django.contrib.auth.backends.ModelBackend")
    return client


def visitor(language: str = "en") -> Client:
    return Client(headers={"accept-language": language})


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def follow(answer: HttpResponse, client: Client) -> str:
    assert answer.status_code == 302, answer
    return text(client.get(answer["Location"]))


# -- the centre ------------------------------------------------------------------------------------
def test_anybody_may_read_the_centre() -> None:
    """What it takes off, from how much on, how many are left, a button for each that can be claimed."""
    coupon("Spring", amount=2_000, least=10_000, total=50)
    coupon("Ink", kind=CouponKind.RATE, total=5)
    coupon("Later", begins=DAY, ends=2 * DAY)
    said = text(visitor().get(CENTRE))
    for words in (
        "¥20",
        "from ¥100 on",
        "50 of 50 left",
        "15% off",
        "on the dearest item",
        "Later",
    ):
        assert words in said
    assert said.count("/claim") == 2


def test_it_speaks_chinese() -> None:
    """Percent as 折, the minimum as 满, and not one English word of ours."""
    coupon("春", least=10_000, total=50)
    coupon("墨", kind=CouponKind.RATE)
    said = text(visitor("zh-hans").get(CENTRE))
    for words in ("领券中心", "8.5 折", "满 ¥100 可用", "领取", "剩 50 / 50 张"):
        assert words in said
    for words in ("Claim", "Redeem", "left", "until"):
        assert f">{words}" not in said


def test_an_empty_centre_is_a_page() -> None:
    """Nothing to claim is said kindly."""
    assert "Nothing to claim just now" in text(visitor().get(CENTRE))


@pytest.mark.parametrize(
    ("reach", "links"),
    [
        (Reach.ALL, ["/courses/", "/goods/"]),
        (Reach.DIRECTION, ["/goods/?direction=craft"]),
        (Reach.CATEGORY, ["/goods/?direction=craft&amp;category=pottery"]),
        (Reach.PRODUCT, ["/p/teapot/", "/p/python-concurrency/"]),
    ],
)
def test_what_a_coupon_covers_is_linked(reach: Reach, links: list[str], buyer: Client) -> None:
    """Each thing by its list or page, and "use it" leads to the first of them; all of these open."""
    pot, row = teapot(), coupon(reach=reach, total=9)
    row.products.set([pot, python_course()])
    row.categories.set([pot.category])
    row.directions.set([pot.category.direction])
    in_hand(row, alice())
    said = text(buyer.get(CENTRE))
    for link in links:
        assert f'href="{link}"' in said
        assert buyer.get(link.replace("&amp;", "&")).status_code == 200
    assert f'<a class="btn small" href="{links[0]}"' in said or reach == Reach.PRODUCT
    assert said.count('class="btn small" href="/p/') == (reach == Reach.PRODUCT)


def test_many_things_are_counted_not_listed() -> None:
    """Three names, then how many more."""
    from tests.goods import fan, free_course, goods

    row = coupon(reach=Reach.PRODUCT)
    more = goods("bowl", "碗", "Bowl", [("", "", 100, 1)])
    row.products.set([teapot(), fan(), more, python_course(), free_course()])
    assert "and 2 more" in text(visitor().get(CENTRE))


def test_what_is_taken_down_is_not_linked() -> None:
    """A coupon for one product that is no longer on sale says so, and does not fail."""
    pot, row = teapot(), coupon(reach=Reach.PRODUCT)
    row.products.set([pot])
    type(pot).objects.filter(pk=pot.pk).update(on_sale=False)
    assert "nothing that is on sale now" in text(visitor().get(CENTRE))


def test_the_centre_costs_a_fixed_number_of_queries(buyer: Client) -> None:
    """Nine coupons cost what one costs, for a visitor and for a buyer."""
    costs = []
    for many in (1, 9):
        for number in range(many):
            row = coupon(f"c{many}{number}", reach=list(Reach)[number % 4])
            row.products.set([teapot(), python_course()])
        buyer.get(CENTRE)
        with CaptureQueriesContext(connection) as asked:
            assert len(buyer.get(CENTRE).context["tickets"]) == many + (many == 9)
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 13


# -- claiming ----------------------------------------------------------------------------------------
def test_claiming_says_so_and_leads_on(buyer: Client) -> None:
    """The ticket itself says that it is yours, with a way to use it; a second click is told why not."""
    row = coupon()
    answer = buyer.post(reverse("claim_coupon", args=[row.pk]))
    assert answer["Location"].endswith(f"#coupon-{row.pk}")
    said = follow(answer, buyer)
    assert "It is yours now" in said
    assert "Use it" in said
    assert (alice().grants.count(), issued(row)) == (1, 1)
    assert "You already have yours" in follow(
        buyer.post(reverse("claim_coupon", args=[row.pk])), buyer
    )
    assert issued(row) == 1


def test_it_is_yours_only_if_it_is(buyer: Client) -> None:
    """An address that claims so claims nothing."""
    row = coupon()
    assert "It is yours now" not in text(buyer.get(f"{CENTRE}?got={row.pk}"))
    assert text(buyer.get(f"{CENTRE}?got=junk%00"))


def test_the_last_one_is_gone_for_bob(buyer: Client) -> None:
    """He is told, and nothing was counted."""
    row = coupon(total=1)
    in_hand(row, bob())
    assert "None of this coupon is left" in follow(
        buyer.post(reverse("claim_coupon", args=[row.pk])), buyer
    )
    assert "All of them are taken" in text(buyer.get(CENTRE))
    assert (alice().grants.count(), issued(row)) == (0, 1)


def test_a_visitor_signs_in_first() -> None:
    """And comes back to the centre; nothing was claimed."""
    row = coupon()
    for verb in (reverse("claim_coupon", args=[row.pk]), reverse("redeem_code")):
        answer = visitor().post(verb, {"code": "X"})
        assert answer["Location"] == f"{reverse('account_login')}?next={CENTRE}"
    assert issued(row) == 0


@pytest.mark.parametrize("number", ["0", "987654", "9" * 30])
def test_a_coupon_that_is_not_there_is_not_on_offer(buyer: Client, number: str) -> None:
    """Whatever number is sent."""
    assert "not on offer any more" in follow(buyer.post(f"{CENTRE}{number}/claim"), buyer)
    assert not Grant.objects.exists()


def test_opened_by_hand_a_form_does_nothing(buyer: Client) -> None:
    """GET leads to the centre."""
    row = coupon(way=Way.CODE, code="DRUM")
    for verb in (reverse("claim_coupon", args=[row.pk]), reverse("redeem_code") + "?code=DRUM"):
        assert buyer.get(verb)["Location"] == CENTRE
    assert issued(row) == 0


# -- codes -------------------------------------------------------------------------------------------
def test_a_code_is_redeemed(buyer: Client) -> None:
    """It is named, and stands in one's own."""
    coupon("Drum", way=Way.CODE, code="DRUM-300")
    said = follow(buyer.post(reverse("redeem_code"), {"code": " drum-300 "}), buyer)
    assert "“Drum” is yours" in said
    assert alice().grants.count() == 1
    assert "DRUM-300" not in text(visitor().get(CENTRE))


@pytest.mark.parametrize("code", ["", "DRUM-301", "\0", "x" * 5000, "<script>", "鼓"])
def test_a_wrong_code_is_told(buyer: Client, code: str) -> None:
    """The same sentence for each, on the page where it was typed."""
    coupon("Drum", way=Way.CODE, code="DRUM-300")
    answer = buyer.post(reverse("redeem_code"), {"code": code, "next": "/me/coupons/"})
    assert answer["Location"] == "/me/coupons/"
    assert "This code does not work" in follow(answer, buyer)
    assert not Grant.objects.exists()


def test_codes_cannot_be_guessed_at_leisure(buyer: Client) -> None:
    """After ten tries in ten minutes there is a pause, also for the right one."""
    coupon(way=Way.CODE, code="DRUM")
    for number in range(10):
        assert buyer.post(reverse("redeem_code"), {"code": f"X{number}"}).status_code == 302
    assert buyer.post(reverse("redeem_code"), {"code": "DRUM"}).status_code == 429
    assert not Grant.objects.exists()
    cache.clear()
    buyer.post(reverse("redeem_code"), {"code": "DRUM"})
    assert Grant.objects.exists()


# -- my coupons ----------------------------------------------------------------------------------------
def test_my_coupons_say_what_became_of_them(buyer: Client) -> None:
    """Unused and held; used with its order; lapsed, and revoked with the shop's reason; nothing of bob's."""
    row = coupon("Mine", total=99, per_user=9)
    order = placed(alice(), choice(teapot()))
    in_hand(row, alice())
    held = in_hand(row, alice(), GrantState.HELD, order_id=order.pk)
    in_hand(row, alice(), GrantState.USED)
    in_hand(row, alice(), GrantState.REVOKED, reason="Sent by <b>mistake</b>")
    in_hand(row, alice(), GrantState.LAPSED)
    in_hand(coupon("Bob's"), bob())
    said = text(buyer.get("/me/coupons/"))
    assert "Use it" in said
    assert f'href="/me/orders/{order.number}/"' in said
    assert f'id="mine-{held.pk}"' in said
    assert "Bob" not in said
    assert [count for _, _, count in buyer.get("/me/coupons/").context["tabs"]] == [2, 1, 2]
    assert "Used" in text(buyer.get("/me/coupons/?tab=used"))
    lapsed = text(buyer.get("/me/coupons/?tab=lapsed"))
    assert "The shop says: Sent by &lt;b&gt;mistake&lt;/b&gt;" in lapsed
    assert "Lapsed" in lapsed


def test_past_its_end_it_stands_among_the_lapsed(buyer: Client) -> None:
    """No clock came by; the page knows all the same."""
    in_hand(coupon("Old"), alice())
    with clock.shifted(2 * DAY):
        assert "Old" not in text(buyer.get("/me/coupons/"))
        assert "Old" in text(buyer.get("/me/coupons/?tab=lapsed"))


def test_one_that_is_not_valid_yet_cannot_be_used(buyer: Client) -> None:
    """It says from when on."""
    in_hand(coupon("Soon", begins=DAY, ends=2 * DAY), alice())
    said = text(buyer.get("/me/coupons/"))
    assert "Not valid yet" in said
    assert "Use it" not in said


@pytest.mark.parametrize(
    "query", ["?tab=junk", "?page=99", "?page=-1", "?page=x%00", "?tab=used&page=2"]
)
def test_junk_in_the_address_shows_a_page(buyer: Client, query: str) -> None:
    """The first tab, the nearest page."""
    in_hand(coupon(), alice())
    text(buyer.get(f"/me/coupons/{query}"))


def test_my_coupons_are_mine() -> None:
    """A visitor is asked to sign in."""
    answer = visitor().get("/me/coupons/")
    assert answer.status_code == 302
    assert reverse("account_login") in answer["Location"]


def test_my_coupons_cost_a_fixed_number_of_queries(buyer: Client) -> None:
    """Eleven coupons, held by an order or not, cost what one costs."""
    order = placed(alice(), choice(teapot()))
    assert Order.objects.count() == 1
    costs = []
    for many in (1, 10):
        for number in range(many):
            row = coupon(f"c{many}{number}", reach=list(Reach)[number % 4])
            row.products.set([teapot()])
            in_hand(
                row,
                alice(),
                **({"state": GrantState.HELD, "order_id": order.pk} if many == 1 else {}),
            )
        buyer.get("/me/coupons/")
        with CaptureQueriesContext(connection) as asked:
            buyer.get("/me/coupons/")
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 11


def test_the_end_is_near(buyer: Client) -> None:
    """Within the last day the ticket counts down."""
    coupon("Closing", ends=timedelta(hours=5))
    said = text(buyer.get(CENTRE))
    assert "Ends in" in said
    assert 'class="tick"' in said
