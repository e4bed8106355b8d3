"""Placing: what an order is when it stands, and every reason why it does not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from shigu.catalogue.models import Product, Sku, Stock
from shigu.kit.errors import Refusal
from shigu.learning.models import Enrolment
from shigu.orders import errors
from shigu.orders.admission import Choice, Placing
from shigu.orders.cart import add
from shigu.orders.committing import place
from shigu.orders.models import CartLine, Order, OrderEvent, Status
from tests.goods import fan, free_course, python_course, sku, teapot
from tests.orders.shop import ADDRESS, choice, paid, placed, request
from tests.people import alice, bob

pytestmark = pytest.mark.usefixtures("clone")


def test_an_order_stands_with_everything_frozen() -> None:
    """Lines, prices and words are copies; a changed catalogue changes no order."""
    order = placed(alice(), choice(teapot(), 2), choice(python_course(), place=1))
    Product.objects.update(name_zh="别的", name_en="Other")
    Sku.objects.update(price=1, was=None)
    pot, course = order.lines.all()
    assert (pot.name_zh, pot.quantity, pot.unit_price, pot.payable) == (
        "柴烧小茶壶",
        2,
        26800,
        53600,
    )
    assert (course.kind, course.validity_days, course.payable) == ("course", 365, 27900)
    assert (order.status, order.payable, order.sent_to) == (Status.UNPAID, 81500, ADDRESS)
    assert order.pay_by - order.placed_at == settings.PAY_WINDOW == timedelta(minutes=15)
    assert order.due_at == order.pay_by


def test_the_number_is_digits_with_day_and_buyer() -> None:
    """Date in the shop's zone, buyer, sequence: digits only, as a provider's number may begin."""
    order = placed(alice(), choice(teapot()))
    assert order.number.isdigit()
    assert order.number.endswith(f"{alice().pk:04d}{order.pk:06d}")


def test_pieces_are_held_not_sold() -> None:
    """Stock counts: held grows, on hand and sold wait for the money."""
    product = teapot(stock=8)
    placed(alice(), choice(product, 3))
    row = Stock.objects.get(sku=sku(product))
    assert (row.on_hand, row.held, row.sold) == (8, 3, 0)


def test_the_first_row_of_history() -> None:
    """Who placed it, from nothing to unpaid."""
    order = placed(alice(), choice(teapot()))
    [event] = OrderEvent.objects.filter(order=order)
    assert (event.was, event.status, event.why, event.by_id) == (None, 0, "placed", alice().pk)


def test_the_same_key_is_the_same_order() -> None:
    """A retry after a lost answer gets the order that stands, and holds nothing more."""
    product = teapot(stock=8)
    first = place(request(alice(), choice(product)))
    again = place(request(alice(), choice(product)))
    assert (again.order_id, again.repeated) == (first.order_id, True)
    assert Stock.objects.get(sku=sku(product)).held == 1


def test_keys_belong_to_their_buyers() -> None:
    """Bob may use alice's key; he gets an order of his own."""
    product = teapot()
    mine = placed(alice(), choice(product))
    his = placed(bob(), choice(product))
    assert mine.pk != his.pk


def test_only_ordered_lines_leave_the_cart() -> None:
    """The rest of the cart stays."""
    pot, cloth = teapot(), fan()
    line, other = add(alice().pk, sku(pot).pk, 2), add(alice().pk, sku(cloth).pk)
    place(Placing(alice().pk, "k", (choice(pot, 2),), ADDRESS, cart_lines=(line.pk,)))
    assert [left.pk for left in CartLine.objects.all()] == [other.pk]


def test_a_free_order_is_paid_at_once() -> None:
    """Nothing to pay: enrolled in the same transaction."""
    order = placed(alice(), choice(free_course()))
    assert (order.status, order.due_at) == (Status.PAID, None)
    assert Enrolment.objects.get(user=alice()).valid_until is None
    assert [e.why for e in order.events.all()] == ["placed", "paid"]


def refused(placing: Placing, kind: type[Refusal]) -> Refusal:
    """It is refused for this reason, and nothing at all was written or held."""
    before = list(Stock.objects.order_by("pk").values())
    orders, carts = Order.objects.count(), CartLine.objects.count()
    with pytest.raises(kind) as found:
        place(placing)
    assert type(found.value) is kind
    assert (Order.objects.count(), CartLine.objects.count()) == (orders, carts)
    assert list(Stock.objects.order_by("pk").values()) == before
    assert str(found.value)
    return found.value


def test_nothing_chosen() -> None:
    """An order of nothing."""
    refused(request(alice()), errors.NothingChosen)


def test_the_price_changed_since_the_buyer_looked() -> None:
    """Both prices are named."""
    stale = Choice(sku(teapot()).pk, 1, seen=20000)
    refusal = refused(request(alice(), stale), errors.PriceChanged)
    assert refusal.fill["now"] == "268.00"
    assert refusal.fill["seen"] == "200.00"


def test_too_few_pieces() -> None:
    """How many can still be had is named."""
    product = teapot(stock=3)
    placed(bob(), choice(product, 2))
    refusal = refused(request(alice(), choice(product, 2)), errors.OutOfStock)
    assert refusal.fill["left"] == 1


@pytest.mark.parametrize("what", ["product", "sku"])
def test_taken_down(what: str) -> None:
    """A product, or one variant of it, that left the shop."""
    one = choice(teapot())
    (Product if what == "product" else Sku).objects.update(on_sale=False)
    refused(request(alice(), one), errors.TakenDown)


@pytest.mark.parametrize("pieces", [0, -1, 100])
def test_impossible_quantities(pieces: int) -> None:
    """Between one and 99."""
    refused(request(alice(), choice(teapot(stock=200), pieces)), errors.BadQuantity)


def test_a_course_comes_one_at_a_time() -> None:
    """Nobody needs the same course twice."""
    refused(request(alice(), choice(python_course(), 2)), errors.BadQuantity)


def test_goods_need_an_address() -> None:
    """A course does not."""
    refused(request(alice(), choice(teapot()), sent_to=""), errors.AddressMissing)
    assert place(request(alice(), choice(python_course()), sent_to=""))


def test_a_course_that_still_runs() -> None:
    """Bought and valid: it is already in your courses."""
    paid(alice(), choice(python_course()))
    refused(request(alice(), choice(python_course(), place=1), key="2"), errors.AlreadyYours)


def test_a_course_in_an_unpaid_order() -> None:
    """The answer names that order."""
    order = placed(alice(), choice(python_course()))
    refusal = refused(request(alice(), choice(python_course()), key="2"), errors.AwaitingPayment)
    assert refusal.fill["number"] == order.number


def test_two_validities_of_one_course() -> None:
    """A request that names a course twice did not come from our page."""
    product = python_course()
    refused(request(alice(), choice(product), choice(product, place=1)), errors.CartChanged)


def test_an_unknown_sku() -> None:
    """It may have been deleted since."""
    refused(request(alice(), Choice(10**9, 1, 100)), errors.CartChanged)


def test_a_cart_line_that_is_gone_or_not_ones_own() -> None:
    """Nobody orders from somebody else's cart, nor a line that was taken out."""
    line = add(bob().pk, sku(teapot()).pk)
    for lines in ((line.pk,), (10**9,)):
        one = Placing(alice().pk, "k", (choice(teapot()),), ADDRESS, cart_lines=lines)
        refused(one, errors.CartChanged)


def test_a_cart_line_that_changed() -> None:
    """The quantity was changed in another tab."""
    line = add(alice().pk, sku(teapot()).pk, 2)
    one = Placing(alice().pk, "k", (choice(teapot(), 1),), ADDRESS, cart_lines=(line.pk,))
    refused(one, errors.CartChanged)
