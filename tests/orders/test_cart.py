"""The cart: what may be in it, and whose it is."""

from __future__ import annotations

import pytest

from shigu.catalogue.models import Product, Sku
from shigu.orders import cart, errors
from shigu.orders.models import CartLine
from tests.goods import fan, python_course, sku, teapot
from tests.orders.shop import choice, paid, placed
from tests.people import alice, bob

pytestmark = pytest.mark.usefixtures("clone")


def contents(user: object) -> list[tuple[str, int, bool]]:
    lines = CartLine.objects.filter(user=user).order_by("sku__code")
    return [(line.sku.code, line.quantity, line.selected) for line in lines]


def test_goods_add_up_to_99() -> None:
    """The same SKU twice is one line; more than 99 is 99."""
    for pieces in (2, 3, 98):
        cart.add(alice().pk, sku(teapot()).pk, pieces)
    assert contents(alice()) == [("teapot-0", 99, True)]


def test_another_validity_replaces_the_first() -> None:
    """A course stands in the cart once."""
    course = python_course()
    cart.add(alice().pk, sku(course, 0).pk)
    cart.add(alice().pk, sku(course, 1).pk, 5)
    assert contents(alice()) == [("python-concurrency-365", 1, True)]


def test_a_course_that_runs_is_refused() -> None:
    """It says so, and the cart stays as it was."""
    paid(alice(), choice(python_course()))
    with pytest.raises(errors.AlreadyYours):
        cart.add(alice().pk, sku(python_course()).pk)
    assert contents(alice()) == []


def test_a_course_that_waits_to_be_paid_is_refused() -> None:
    """It stands in an unpaid order; somebody else may still buy it."""
    placed(alice(), choice(python_course()))
    with pytest.raises(errors.AwaitingPayment):
        cart.add(alice().pk, sku(python_course()).pk)
    assert cart.add(bob().pk, sku(python_course()).pk)


def test_what_left_the_shop_is_refused() -> None:
    """Taken down: not into the cart."""
    Product.objects.filter(pk=teapot().pk).update(on_sale=False)
    with pytest.raises(errors.TakenDown):
        cart.add(alice().pk, sku(teapot()).pk)
    assert contents(alice()) == []


@pytest.mark.parametrize("pieces", [0, -3, 100])
def test_impossible_quantities_change_nothing(pieces: int) -> None:
    """Neither when added nor when changed."""
    line = cart.add(alice().pk, sku(teapot()).pk, 2)
    for act in (
        lambda: cart.add(alice().pk, sku(teapot()).pk, pieces),
        lambda: cart.change_quantity(alice().pk, line.pk, pieces),
    ):
        with pytest.raises(errors.BadQuantity):
            act()
    assert contents(alice()) == [("teapot-0", 2, True)]


def test_a_course_has_no_quantity() -> None:
    """Two of one course cannot be asked for."""
    line = cart.add(alice().pk, sku(python_course()).pk)
    with pytest.raises(errors.BadQuantity):
        cart.change_quantity(alice().pk, line.pk, 2)


def test_nobody_touches_anothers_line() -> None:
    """Bob changes, selects and removes nothing of alice's."""
    line = cart.add(alice().pk, sku(teapot()).pk)
    with pytest.raises(CartLine.DoesNotExist):
        cart.change_quantity(bob().pk, line.pk, 5)
    with pytest.raises(CartLine.DoesNotExist):
        cart.change_choice(bob().pk, line.pk, line.sku_id)
    cart.select(bob().pk, [line.pk], selected=False)
    cart.remove(bob().pk, line.pk)
    assert contents(alice()) == [("teapot-0", 1, True)]


def test_changing_to_a_variant_that_is_there_already() -> None:
    """Two lines become one."""
    cart.add(alice().pk, sku(fan(green=3), 1).pk)
    line = cart.add(alice().pk, sku(fan(), 0).pk, 2)
    cart.change_choice(alice().pk, line.pk, sku(fan(), 1).pk)
    assert contents(alice()) == [("fan-1", 2, True)]


def test_a_variant_of_another_product_is_no_choice() -> None:
    """A line keeps its product."""
    line = cart.add(alice().pk, sku(teapot()).pk)
    with pytest.raises(Sku.DoesNotExist):
        cart.change_choice(alice().pk, line.pk, sku(fan()).pk)


def test_the_selection_is_kept() -> None:
    """Unselected stays unselected until it is added again."""
    line = cart.add(alice().pk, sku(teapot()).pk)
    cart.select(alice().pk, [line.pk], selected=False)
    assert contents(alice()) == [("teapot-0", 1, False)]
    cart.add(alice().pk, sku(teapot()).pk)
    assert contents(alice()) == [("teapot-0", 2, True)]
    assert cart.count(alice().pk) == 1
