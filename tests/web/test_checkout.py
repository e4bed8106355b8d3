"""From the confirm page to an order: placed once, at the price seen, or refused with everything kept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from shigu.accounts import addresses
from shigu.catalogue.models import Product, Sku
from shigu.orders import cart
from shigu.orders.models import CartLine, Order, OrderLine, Status
from shigu.web.checkout import cart_key, read_items
from tests.activities import discount, student, threshold
from tests.auditing import assert_audit_holds
from tests.goods import fan, free_course, python_course, receive, sku, teapot
from tests.people import address_of, alice, bob
from tests.web.ordering import english, everything, holding, placed
from tests.web.test_browsing import JUNK
from tests.web.wallets import coupon_of, give_credits

pytestmark = pytest.mark.django_db

NEW = {
    "address": "new",
    "to-name": "Alice",
    "to-phone": "13900000000",
    "to-region": "上海市 黄浦区",
    "to-street": "人民路 1 号",
}


@pytest.fixture
def shopper(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


def put(wanted: Sku, pieces: int = 1) -> CartLine:
    return cart.add(alice().pk, wanted.pk, pieces)


def form_of(page: Any) -> dict[str, str]:
    """What the confirm page would send as it stands."""
    context = page.context
    bill = context["bill"]
    return {
        **{name: context[name] for name in ("items", "key", "address")},
        "coupon": bill.coupon,
        "credits": str(bill.quote.credits),
        "payable": str(bill.quote.payable),
    }


def send(client: Client, **changed: str) -> Any:
    """Confirm the cart as it is shown."""
    return client.post("/confirm/place/", form_of(client.get("/confirm/")) | changed)


def order() -> Order:
    return Order.objects.get()


def test_a_visitor_signs_in_first(client: Client) -> None:
    """The page is guarded and is returned to, with what was to be bought."""
    pot = sku(teapot())
    answer = client.get(f"/confirm/?sku={pot.pk}&quantity=2")
    assert answer.url == f"/accounts/login/?next=/confirm/%3Fsku%3D{pot.pk}%26quantity%3D2"
    assert client.post("/confirm/place/", {"items": "1:1:1:1:0:0"}).url.startswith(
        "/accounts/login/"
    )


def test_a_cart_becomes_an_order(shopper: Client) -> None:
    """Selected lines are ordered and leave the cart, pieces are held, the address is copied."""
    home = address_of(alice())
    put(sku(teapot(stock=8)), 2), put(sku(python_course(), 1))
    left = put(sku(fan()))
    cart.select(alice().pk, [left.pk], selected=False)
    page = shopper.get("/confirm/")
    assert page.context["basket"].quote.payable == 2 * 26_800 + 27_900
    answer = shopper.post("/confirm/place/", form_of(page))
    assert answer.url == f"/pay/{order().number}/"
    assert order().payable == 2 * 26_800 + 27_900
    assert order().sent_to == str(home)
    assert holding(sku(teapot())) == (8, 2, 0)
    assert list(CartLine.objects.all()) == [left]
    assert_audit_holds()


def test_a_course_needs_no_address(shopper: Client) -> None:
    """Without goods nothing is asked about an address and none is written."""
    put(sku(python_course()))
    assert not shopper.get("/confirm/").context["needs_address"]
    send(shopper, address="")
    assert order().sent_to == ""


def test_buying_one_past_the_cart(shopper: Client) -> None:
    """`?sku=` orders that SKU alone; what lies in the cart stays there."""
    address_of(alice())
    kept, pot = put(sku(python_course())), sku(teapot())
    page = shopper.get(f"/confirm/?sku={pot.pk}&quantity=3")
    shopper.post("/confirm/place/", form_of(page))
    assert [(line.sku_id, line.quantity) for line in OrderLine.objects.all()] == [(pot.pk, 3)]
    assert CartLine.objects.get() == kept


def test_a_free_order_goes_to_its_result(shopper: Client) -> None:
    """What costs nothing is paid at once, and every page on the way says so in a word."""
    put(sku(free_course()))
    for path in ("/cart/", "/confirm/"):
        assert ">Free<" in shopper.get(path).content.decode()
    answer = send(shopper)
    assert answer.url == f"/pay/{order().number}/result/"
    result = re.sub(r"<[^>]+>", "", shopper.get(answer.url).content.decode())
    assert "Free" in result
    assert "¥0" not in result
    assert order().status == Status.PAID


def test_two_tabs_make_one_order(shopper: Client) -> None:
    """The same cart sent from two tabs, or a button pressed twice, is one order; the second leads to it."""
    address_of(alice())
    put(sku(teapot()), 2)
    forms = [form_of(shopper.get("/confirm/")) for _ in range(2)]
    assert forms[0]["key"] != forms[1]["key"]
    answers = [shopper.post("/confirm/place/", form) for form in (*forms, forms[0])]
    assert {answer.url for answer in answers} == {f"/pay/{order().number}/"}
    assert holding(sku(teapot()))[1] == 2


def test_buying_at_once_twice(shopper: Client) -> None:
    """One page sent twice is one order; the page opened again is another."""
    address_of(alice())
    pot = sku(teapot())
    form = form_of(shopper.get(f"/confirm/?sku={pot.pk}"))
    first, second = (shopper.post("/confirm/place/", form).url for _ in range(2))
    assert first == second
    again = form_of(shopper.get(f"/confirm/?sku={pot.pk}"))
    assert shopper.post("/confirm/place/", again).url != first
    assert Order.objects.count() == 2


def test_the_key_is_of_the_cart_as_it_stands() -> None:
    """Another order of lines is the same key; other pieces, lines or people are not."""
    one = read_items("5:1:100:100:7:0,6:2:100:200:8:0")
    assert cart_key(1, one) == cart_key(1, one[::-1])
    assert cart_key(1, one) != cart_key(2, one)
    assert cart_key(1, one) != cart_key(1, read_items("5:1:100:100:7:0,6:3:100:300:8:0"))
    assert cart_key(1, one) != cart_key(1, read_items("5:1:100:100:9:0,6:2:100:200:8:0"))
    assert len(cart_key(1, one)) == 64


def test_a_new_address_is_kept(shopper: Client) -> None:
    """Typed on the page, it goes onto the order and into the address book, once."""
    put(sku(teapot()))
    page = shopper.get("/confirm/")
    assert page.context["address"] == "new"
    assert "to-street" in page.content.decode()
    send(shopper, **NEW)
    assert order().sent_to == "Alice 13900000000 上海市 黄浦区 人民路 1 号"
    put(sku(fan()))
    send(shopper, **NEW)
    assert len(addresses.mine(alice().pk)) == 1


def test_the_browser_does_not_insist_on_hidden_fields(shopper: Client) -> None:
    """While a kept address is chosen the fields of a new one are out of sight, so none is required."""
    address_of(alice())
    put(sku(teapot()))
    fields = re.findall(r'<input[^>]*name="to-[^>]*>', shopper.get("/confirm/").content.decode())
    assert len(fields) == 4
    assert not [field for field in fields if " required" in field]


def test_an_incomplete_address_is_shown_with_what_is_there(shopper: Client) -> None:
    """A missing street: the page again, with the words that were typed; nothing is ordered or kept."""
    put(sku(teapot()))
    before = everything()
    answer = send(shopper, **(NEW | {"to-street": " ", "to-phone": "call me"}))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "The address is not complete yet" in text
    assert 'value="上海市 黄浦区"' in text
    assert everything() == before


def test_anothers_address_cannot_be_used(shopper: Client) -> None:
    """The number of bob's address is no address."""
    theirs = address_of(bob())
    put(sku(teapot()))
    before = everything()
    answer = send(shopper, address=str(theirs.pk))
    assert answer.status_code == 409
    assert "Goods need an address" in answer.content.decode()
    assert "西市坊" not in answer.content.decode()
    assert everything() == before


def test_goods_without_an_address_are_refused(shopper: Client) -> None:
    """No address chosen: the sentence, the page, nothing held."""
    put(sku(teapot()))
    before = everything()
    answer = send(shopper, address="")
    assert "Goods need an address" in answer.content.decode()
    assert everything() == before


def test_a_changed_price_is_named(shopper: Client) -> None:
    """The price rose since the page was shown: refused with both figures, then it goes at the new one."""
    address_of(alice())
    put(sku(teapot()))
    form = form_of(shopper.get("/confirm/"))
    Sku.objects.filter(code="teapot-0").update(price=30_000)
    before = everything()
    answer = shopper.post("/confirm/place/", form)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "is now ¥300.00 (you saw ¥268.00)" in text
    assert "Something changed since you looked" in text
    assert everything() == before
    shopper.post("/confirm/place/", form_of(answer))
    assert order().payable == 30_000


def test_a_refusal_keeps_what_was_entered(shopper: Client) -> None:
    """After a refusal the chosen address and the key are those of before; the typed address was kept."""
    first, second = address_of(alice()), address_of(alice(), is_default=False, street="东市 9 号")
    pot = sku(teapot())
    form = form_of(shopper.get(f"/confirm/?sku={pot.pk}&quantity=2")) | {"address": str(second.pk)}
    Sku.objects.filter(pk=pot.pk).update(price=30_000)
    answer = shopper.post("/confirm/place/", form)
    assert answer.context["address"] == str(second.pk) != str(first.pk)
    assert answer.context["key"] == form["key"]
    assert answer.context["rows"][0].quantity == 2
    answer = shopper.post("/confirm/place/", form | NEW)
    kept = addresses.mine(alice().pk).get(street="人民路 1 号")
    assert answer.context["address"] == str(kept.pk)


def test_sold_out_meanwhile(shopper: Client) -> None:
    """Somebody was faster: named, with how many are left; alone in the cart it leads back there."""
    address_of(alice())
    put(sku(teapot(stock=3)), 3), put(sku(python_course()))
    form = form_of(shopper.get("/confirm/"))
    placed(bob(), (sku(teapot()), 2))
    before = everything()
    answer = shopper.post("/confirm/place/", form)
    text = answer.content.decode()
    assert "only 1 can still be had" in text
    assert "1 line cannot be ordered at the moment and stays in your cart" in text
    assert [row.product.slug for row in answer.context["rows"]] == ["python-concurrency"]
    assert everything() == before
    cart.remove(alice().pk, CartLine.objects.get(product=python_course()).pk)
    back = shopper.post("/confirm/place/", form, follow=True)
    assert back.redirect_chain[-1][0] == "/cart/"


def test_taken_down_meanwhile(shopper: Client) -> None:
    """A course taken down between looking and ordering is refused by name."""
    put(sku(python_course())), put(sku(free_course()))
    form = form_of(shopper.get("/confirm/"))
    Product.objects.filter(slug="python-concurrency").update(on_sale=False)
    before = everything()
    answer = shopper.post("/confirm/place/", form)
    assert "“Python concurrency” is no longer on sale." in answer.content.decode()
    assert everything() == before


def test_a_course_in_an_unpaid_order_leads_there(shopper: Client) -> None:
    """Not ordered twice: the page says where it stands and leads to that order."""
    course = sku(python_course())
    form = form_of(shopper.get(f"/confirm/?sku={course.pk}"))
    first = placed(alice(), (course, 1))
    before = everything()
    answer = shopper.post("/confirm/place/", form)
    text = answer.content.decode()
    assert f"already stands in your unpaid order {first.number}" in text
    assert f'href="/pay/{first.number}/"' in text
    assert everything() == before


def test_a_page_for_what_cannot_be_ordered_offers_no_act(shopper: Client) -> None:
    """Buying a sold-out piece at once shows why not, with the act switched off."""
    page = shopper.get(f"/confirm/?sku={sku(fan(), 1).pk}")
    assert page.context["blocked"]
    assert "Sold out" in page.content.decode()
    assert 'form="place"' not in page.content.decode()


def test_new_figures_for_what_cannot_be_ordered_offer_no_act(shopper: Client) -> None:
    """What a script swaps in has no act while the piece is sold out, and has one when it is back."""
    piece = sku(fan(), 1)
    form = form_of(shopper.get(f"/confirm/?sku={piece.pk}"))
    script = {"HX-Request": "true"}
    answer = shopper.post("/confirm/update/", form, headers=script)
    assert answer.context["blocked"]
    assert "data-place" not in answer.content.decode()
    receive(piece, 2)
    answer = shopper.post("/confirm/update/", form, headers=script)
    assert 'form="place" data-place' in answer.content.decode()


def test_a_cart_that_changed_is_refused(shopper: Client) -> None:
    """Another tab changed the pieces: refused, shown as it is now."""
    address_of(alice())
    line = put(sku(teapot()), 2)
    form = form_of(shopper.get("/confirm/"))
    cart.change_quantity(alice().pk, line.pk, 5)
    before = everything()
    answer = shopper.post("/confirm/place/", form)
    assert "Your cart has changed" in answer.content.decode()
    assert answer.context["rows"][0].quantity == 5
    assert everything() == before


def test_anothers_cart_cannot_be_ordered(client: Client) -> None:
    """Bob sends the numbers of alice's lines: refused, nothing is ordered and her cart stays."""
    line = put(sku(teapot()))
    address_of(bob())
    client.force_login(bob())
    before = everything()
    items = f"{line.sku_id}:1:26800:26800:{line.pk}:0"
    form = {"items": items, "payable": "26800", "address": "new", **NEW}
    answer = client.post("/confirm/place/", form)
    assert answer.status_code in (302, 409)
    assert everything()[:-1] == before[:-1]


def test_nothing_selected(shopper: Client) -> None:
    """An empty selection leads back to the cart with a sentence."""
    line = put(sku(teapot()))
    cart.select(alice().pk, [line.pk], selected=False)
    page = shopper.get("/confirm/", follow=True)
    assert page.redirect_chain == [("/cart/", 302)]
    assert "Choose at least one line" in page.content.decode()


def test_both_languages(client: Client) -> None:
    """The page in Chinese, a refusal too."""
    client.force_login(alice())
    put(sku(teapot()))
    assert "确认订单" in client.get("/confirm/").content.decode()
    answer = send(client, address="")
    assert "好物需要收货地址" in answer.content.decode()


@pytest.mark.parametrize(
    "name", ["items", "key", "address", "sku", "to-name", "to-phone", "to-region"]
)
def test_junk_never_fails_and_orders_nothing(shopper: Client, name: str) -> None:
    """Whatever a form or an address carries, there is an answer and no order."""
    pot = sku(teapot())
    before = everything()
    form = {"items": f"{pot.pk}:1:1:1:0:0", "payable": "1", "key": "k", **NEW, "to-street": ""}
    many = [
        "1:1:1",
        "1:1:1:1:0:0:1",
        ":::::",
        "1:1:1:1:0:0,",
        f"{pot.pk}:0:26800:0:0:0",
        f"{2**63 - 1}:1:1:1:0:0",
    ]
    for junk in [*JUNK, *many]:
        cache.clear()  # or the limit would answer instead of the page
        answer = shopper.post("/confirm/place/", form | {name: junk})
        assert answer.status_code in (302, 409, 422)
        assert shopper.get("/confirm/", {name: junk, "quantity": junk}).status_code in (200, 302)
    assert everything() == before


def test_a_price_cannot_be_made_up(shopper: Client) -> None:
    """A form that claims another price is refused; also zero, which would be free."""
    address_of(alice())
    pot = sku(teapot())
    form = form_of(shopper.get(f"/confirm/?sku={pot.pk}"))
    before = everything()
    for price in (0, 1, 26_799):
        answer = shopper.post(
            "/confirm/place/", form | {"items": f"{pot.pk}:1:{price}:{price}:0:0"}
        )
        assert answer.status_code == 409
    assert everything() == before


def test_the_page_asks_in_a_fixed_number_of_queries(
    shopper: Client, django_assert_max_num_queries: Any
) -> None:
    """However many lines, coupons and activities: the cart's, addresses, three for coupons, one for credits,
    two for the figures in the header.
    """
    give_credits(alice(), 100)
    placed(alice(), (sku(teapot()), 1), grant=coupon_of(alice()))
    discount(90), threshold((20_000, 1_000)), student(80)
    for product in (teapot(), fan(), python_course(), free_course()):
        put(sku(product))
    for number in range(6):
        coupon_of(alice(), 100 + number, name=f"Coupon {number}")
    with django_assert_max_num_queries(19):
        page = shopper.get("/confirm/")
    assert len(page.context["bill"].picks) == 7


def test_the_sum_adds_up_on_the_page(shopper: Client) -> None:
    """The figures on the page are the figures of the order."""
    address_of(alice())
    put(sku(teapot()), 3)
    text = shopper.get("/confirm/").content.decode()
    assert re.search(r"Place the order for ¥804\.00", text)
