"""The cart as its owner sees and changes it; nobody else's line exists, and junk changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from shigu import clock
from shigu.catalogue.models import Product, Sku
from shigu.learning.models import Enrolment
from shigu.orders import cart
from shigu.orders.models import CartLine
from tests.activities import discount, student, threshold
from tests.goods import fan, free_course, python_course, sku, teapot
from tests.people import alice, bob
from tests.web.ordering import english, everything, placed
from tests.web.test_browsing import JUNK

pytestmark = pytest.mark.django_db

HX = {"HX-Request": "true"}


@pytest.fixture
def shopper(client: Client) -> Client:
    """Alice, signed in."""
    client.force_login(alice())
    return client


def line_of(wanted: Sku, *, pieces: int = 1) -> CartLine:
    return cart.add(alice().pk, wanted.pk, pieces)


def rows(client: Client) -> dict[str, Any]:
    return {row.product.slug: row for row in client.get("/cart/").context["basket"].rows}


def payable(client: Client) -> int:
    return client.get("/cart/").context["basket"].quote.payable


def test_a_visitor_signs_in_and_comes_back(client: Client) -> None:
    """The cart is guarded and is returned to."""
    assert client.get("/cart/").url == "/accounts/login/?next=/cart/"


def test_adding_as_a_visitor_keeps_the_choice(client: Client) -> None:
    """Signing in leads back to the product with the choice; buying at once leads on to confirm."""
    last = sku(python_course(), 2)
    answer = client.post("/cart/add/", {"sku": last.pk, "act": "cart"})
    assert answer.url == f"/accounts/login/?next=/p/python-concurrency/%3Fsku%3D{last.pk}"
    answer = client.post("/cart/add/", {"sku": last.pk, "act": "buy"})
    assert "next=/confirm/%3Fsku" in answer.url
    assert not CartLine.objects.exists()


def test_adding_stays_and_counts(shopper: Client) -> None:
    """Adding leads back to the page it came from, says so, and the header counts the line."""
    data = {"sku": sku(teapot()).pk, "quantity": "2", "next": "/p/teapot/", "act": "cart"}
    page = english(shopper).post("/cart/add/", data, follow=True)
    assert page.redirect_chain == [("/p/teapot/", 302)]
    text = page.content.decode()
    assert "“Wood-fired teapot” is in your cart." in text
    assert '<span class="count">1</span>' in text
    assert CartLine.objects.get().quantity == 2


def test_adding_with_a_script_changes_parts(shopper: Client) -> None:
    """A script gets the message and the figure, nothing else of the page."""
    data = {"sku": sku(teapot()).pk, "act": "cart"}
    text = shopper.post("/cart/add/", data, headers=HX).content.decode()
    assert "已加入购物车" in text
    assert 'hx-target="#cart-count"' in text
    assert "<html" not in text


def test_buying_at_once_leaves_the_cart_alone(shopper: Client) -> None:
    """“Buy now” goes to confirm with that SKU; the cart stays as it was. A script is sent there too."""
    pot = sku(teapot())
    data = {"sku": pot.pk, "quantity": "3", "act": "buy"}
    assert shopper.post("/cart/add/", data).url == f"/confirm/?sku={pot.pk}&quantity=3"
    answer = shopper.post("/cart/add/", data, headers=HX)
    assert answer.headers["HX-Redirect"] == f"/confirm/?sku={pot.pk}&quantity=3"
    assert not CartLine.objects.exists()


def test_adding_never_leads_elsewhere(shopper: Client) -> None:
    """`next` leads to pages of this shop only."""
    data = {"sku": sku(teapot()).pk, "next": "https://example.org/"}
    assert shopper.post("/cart/add/", data).url == "/cart/"


def test_adding_says_why_not(shopper: Client) -> None:
    """A quantity out of bounds, a SKU taken down, a course in hand: a sentence, and nothing is added."""
    pot, course = sku(teapot()), sku(python_course())
    placed(alice(), (course, 1))
    before = everything()
    english(shopper)
    for data, said in (
        ({"sku": pot.pk, "quantity": "0"}, "Choose between 1 and 99"),
        ({"sku": pot.pk, "quantity": "100"}, "Choose between 1 and 99"),
        ({"sku": course.pk}, "already stands in your unpaid order"),
    ):
        assert said in shopper.post("/cart/add/", data, follow=True).content.decode()
    Sku.objects.filter(pk=pot.pk).update(on_sale=False)
    page = shopper.post("/cart/add/", {"sku": pot.pk}, follow=True).content.decode()
    assert "no longer on sale" in page
    assert everything() == before


def test_totals_are_of_selected_lines(shopper: Client) -> None:
    """A line counts while it is selected; select all and none work on every line that can be ordered."""
    pot, course = line_of(sku(teapot()), pieces=2), line_of(sku(python_course(), 1))
    assert payable(shopper) == 2 * 26_800 + 27_900
    shopper.post(f"/cart/{pot.pk}/select/")
    assert payable(shopper) == 27_900
    shopper.post("/cart/all/")
    assert payable(shopper) == 0
    shopper.post("/cart/all/", {"selected": "on"})
    assert payable(shopper) == 2 * 26_800 + 27_900
    shopper.post(f"/cart/{course.pk}/remove/")
    assert payable(shopper) == 2 * 26_800


def test_quantity_and_choice_change(shopper: Client) -> None:
    """Pieces and validity change in place and the totals follow."""
    pot, course = line_of(sku(teapot())), line_of(sku(python_course()))
    shopper.post(f"/cart/{pot.pk}/quantity/", {"quantity": "3"})
    shopper.post(f"/cart/{course.pk}/choice/", {"sku": sku(python_course(), 2).pk})
    assert payable(shopper) == 3 * 26_800 + 45_000
    page = shopper.get("/cart/").content.decode()
    assert "永久" in page


def test_a_script_swaps_the_cart_alone(shopper: Client) -> None:
    """With `HX-Request` the cart answers without the frame; the verbs lead there."""
    pot = line_of(sku(teapot()))
    answer = shopper.post(f"/cart/{pot.pk}/quantity/", {"quantity": "2"}, headers=HX, follow=True)
    text = answer.content.decode()
    assert text.startswith('<div id="cart"')
    assert "536" in text
    assert "<html" not in text


def test_signed_out_meanwhile_a_script_goes_to_sign_in(client: Client) -> None:
    """A verb after the session ended leads the whole page to sign-in, not a part of it."""
    answer = client.post("/cart/all/", headers=HX)
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/cart/"


def test_anothers_line_does_not_exist(client: Client) -> None:
    """Bob's verbs on alice's line are 404 or do nothing; her cart is untouched."""
    line = line_of(sku(teapot()))
    client.force_login(bob())
    before = everything()
    assert client.post(f"/cart/{line.pk}/quantity/", {"quantity": "5"}).status_code == 404
    choice = {"sku": sku(teapot()).pk}
    assert client.post(f"/cart/{line.pk}/choice/", choice).status_code == 404
    client.post(f"/cart/{line.pk}/select/")
    client.post(f"/cart/{line.pk}/remove/")
    client.post("/cart/all/")
    client.post("/cart/tidy/")
    assert everything() == before


def test_a_choice_of_another_product_is_refused(shopper: Client) -> None:
    """A line keeps its product."""
    line, pot = line_of(sku(python_course())), sku(teapot())
    before = everything()
    answer = shopper.post(f"/cart/{line.pk}/choice/", {"sku": pot.pk})
    assert answer.status_code == 404
    assert everything() == before


def test_stale_lines_say_what_to_do(shopper: Client) -> None:
    """Taken down, choice taken down, sold out, short, already yours, in an unpaid order: none counts."""
    fine = line_of(sku(free_course()))
    line_of(sku(teapot(stock=5)), pieces=4)
    line_of(sku(fan(red=1)))
    line_of(sku(python_course()))
    placed(bob(), (sku(teapot()), 3))
    placed(bob(), (sku(fan()), 1))
    english(shopper)
    found = rows(shopper)
    assert found["teapot"].trouble.code == "short"
    assert found["teapot"].trouble.pieces == 2
    assert found["fan"].trouble.code == "sold-out"
    placed_order = placed(alice(), (sku(python_course()), 1))
    assert rows(shopper)["python-concurrency"].trouble.order == placed_order.number
    Product.objects.filter(slug="fan").update(on_sale=False)
    Sku.objects.filter(code="teapot-0").update(on_sale=False)
    found = rows(shopper)
    assert found["fan"].trouble.code == "gone"
    assert found["teapot"].trouble.code == "choice-gone"
    assert [row.line for row in shopper.get("/cart/").context["basket"].ordered] == [fine.pk]
    shopper.post("/cart/tidy/")
    assert list(rows(shopper)) == ["first-steps"]


def test_a_course_that_became_yours_is_stale(shopper: Client) -> None:
    """Enrolled meanwhile, its line says so; when it has lapsed the line counts again."""
    line_of(sku(python_course()))
    now = clock.now()
    row = Enrolment.objects.create(
        user=alice(), product=python_course(), order_line_id=1, valid_from=now
    )
    assert rows(shopper)["python-concurrency"].trouble.code == "yours"
    Enrolment.objects.filter(pk=row.pk).update(valid_until=now - timedelta(seconds=1))
    assert rows(shopper)["python-concurrency"].counts


def test_taking_what_is_left(shopper: Client) -> None:
    """The way out of a short line is one button: as many as are left."""
    line = line_of(sku(teapot(stock=5)), pieces=5)
    placed(bob(), (sku(teapot()), 2))
    page = english(shopper).get("/cart/").content.decode()
    assert "Only 3 pieces are left." in page
    shopper.post(f"/cart/{line.pk}/quantity/", {"quantity": "3"})
    assert rows(shopper)["teapot"].counts


def test_an_empty_cart_shows_something(shopper: Client) -> None:
    """Nothing in it: a word, and what others look at."""
    teapot(), python_course()
    page = english(shopper).get("/cart/").content.decode()
    assert "Your cart is empty" in page
    assert "Wood-fired teapot" in page


def test_its_shelf_tells_what_things_cost_now(shopper: Client) -> None:
    """What runs makes the price beneath an empty cart, as it does on the home page."""
    discount(50, products=[teapot()])
    (card,) = shopper.get("/cart/").context["hot"]
    assert (card.price, card.was) == (13_400, 26_800)


def test_a_full_cart_never_asks_once_per_line(
    shopper: Client, django_assert_max_num_queries: Any
) -> None:
    """However many lines: session, person, time, four for activities and students, lines, products, SKUs, and
    two for courses in hand; two for the figures in the header.
    """
    discount(90), threshold((20_000, 1_000)), student(80)
    for product in (teapot(), fan(), python_course(), free_course()):
        line_of(sku(product))
    with django_assert_max_num_queries(14):
        shopper.get("/cart/")


@pytest.mark.parametrize("verb", ["quantity", "choice", "select", "remove"])
def test_junk_never_fails_and_changes_nothing(shopper: Client, verb: str) -> None:
    """Whatever is sent as number of a line, of a SKU or of pieces, nothing breaks and nothing moves."""
    line = line_of(sku(teapot()), pieces=2)
    before = everything()
    for junk in JUNK:
        if verb in ("quantity", "choice"):
            data = {"quantity": junk, "sku": junk, "selected": junk}
            assert shopper.post(f"/cart/{line.pk}/{verb}/", data).status_code in (302, 404)
        data = {"quantity": "1", "sku": "1", "selected": "on"}
        answer = shopper.post(f"/cart/{junk.replace(chr(0), '%00') or 'x'}/{verb}/", data)
        assert answer.status_code in (302, 404)
    assert everything() == before


def test_junk_is_never_added(shopper: Client) -> None:
    """A SKU that is none is a page that is not there; a quantity that is none is refused."""
    pot = sku(teapot())
    before = everything()
    for junk in JUNK:
        assert shopper.post("/cart/add/", {"sku": junk}).status_code == 404
        data = {"sku": pot.pk, "quantity": junk, "act": junk, "next": junk}
        assert shopper.post("/cart/add/", data).status_code == 302
    assert shopper.post("/cart/add/").status_code == 404
    assert everything() == before


def test_verbs_are_posts(shopper: Client) -> None:
    """A link cannot change a cart."""
    line = line_of(sku(teapot()))
    before = everything()
    for path in ("all/", "tidy/", f"{line.pk}/remove/", f"{line.pk}/select/"):
        assert shopper.get(f"/cart/{path}").url == "/cart/"
    assert shopper.get("/cart/add/").status_code == 405
    assert everything() == before


def test_forms_carry_a_token(shopper: Client) -> None:
    """Without the token of its own page no verb does anything."""
    line = line_of(sku(teapot()))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice())
    before = everything()
    for path in ("add/", "all/", "tidy/", f"{line.pk}/remove/", f"{line.pk}/quantity/"):
        assert strict.post(f"/cart/{path}", {"sku": "1", "quantity": "3"}).status_code == 403
    assert everything() == before
