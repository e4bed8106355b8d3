"""What the cart says about saving: prices after activities, by name, and what a little more would save."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from shigu.accounts.models import User
from shigu.orders import cart
from shigu.orders.models import CartLine
from tests.activities import bundle, discount, free, student, threshold
from tests.goods import fan, python_course, sku, teapot
from tests.people import alice
from tests.web.ordering import english

pytestmark = pytest.mark.django_db

POT, FAN = 26_800, 9_800


@pytest.fixture
def shopper(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


def put(product: Any, pieces: int = 1, place: int = 0) -> CartLine:
    return cart.add(alice().pk, sku(product, place).pk, pieces)


def shown(client: Client) -> str:
    """The cart as one reads it."""
    html = client.get("/cart/").content.decode()
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def basket(client: Client) -> Any:
    return client.get("/cart/").context["basket"]


def test_a_line_shows_its_activity(shopper: Client) -> None:
    """List price struck through, the price after the activity, its name, and how long where it ends soon."""
    put(teapot(), 2)
    discount(80, name="Harvest")
    page = shopper.get("/cart/").content.decode()
    [row] = basket(shopper).rows
    assert (row.price, row.was) == (2 * POT * 80 // 100, 2 * POT)
    assert re.search(r'<s class="was">.*?¥536\.00</s>', page)
    assert re.search(r"Harvest</span>.*?data-ends=", page, re.DOTALL)
    assert basket(shopper).quote.payable == row.price


def test_what_ends_later_does_not_tick(shopper: Client) -> None:
    """A countdown stands only where it matters: within a day of the end."""
    put(teapot())
    discount(80, name="Harvest", ends=timedelta(days=3))
    page = shopper.get("/cart/").content.decode()
    assert "Harvest" in page
    assert "data-ends=" not in page.partition('id="cart"')[2]


def test_figures_name_what_was_saved(shopper: Client) -> None:
    """Each activity with what it takes off, the sum of them, and what is left to pay: they add up."""
    put(teapot()), put(fan())
    discount(90, name="Pots", products=[teapot()]), discount(50, name="Fans", products=[fan()])
    answer = shopper.get("/cart/")
    assert [tuple(off) for off in answer.context["offs"]] == [("Fans", 4_900), ("Pots", 2_680)]
    quote = answer.context["basket"].quote
    assert quote.list_total - 4_900 - 2_680 == quote.payable
    assert "You save ¥75.80" in shown(shopper)


def test_nothing_saved_is_not_said(shopper: Client) -> None:
    """Without an activity the figures are as short as before."""
    put(teapot())
    assert "You save" not in shown(shopper)


def test_a_little_more_would_save(shopper: Client) -> None:
    """满减 tells what is missing to its next step; with so much more, so much less is what one pays."""
    put(teapot())
    threshold((20_000, 1_000), (30_000, 5_000), name="Steps", ends=timedelta(days=9))
    assert "¥32.00 more and you save ¥50.00 (Steps)" in shown(shopper)
    assert basket(shopper).quote.payable == POT - 1_000
    put(fan())
    assert basket(shopper).quote.payable == POT + FAN - 5_000
    assert "more and you save" not in shown(shopper)


def test_steps_count_what_they_could_have(shopper: Client) -> None:
    """What another activity has, what it does not cover and what is not selected is no step towards it."""
    put(teapot(), 2), put(python_course())
    left = put(fan())
    threshold((50_000, 5_000), name="Steps", products=[teapot(), fan()])
    free(name="Free", products=[teapot()])
    assert "¥402.00 more and you save ¥50.00" in shown(shopper)
    cart.select(alice().pk, [left.pk], selected=False)
    assert "more and you save" not in shown(shopper)


def test_a_line_left_for_later_is_priced_alone(shopper: Client) -> None:
    """Not selected, it shows what it would cost by itself and counts for nothing."""
    line = put(teapot())
    discount(80)
    cart.select(alice().pk, [line.pk], selected=False)
    [row] = basket(shopper).rows
    assert row.price == POT * 80 // 100
    assert basket(shopper).quote.payable == 0


def test_bought_together(shopper: Client) -> None:
    """A bundle shows on both of its lines; alone neither is cheaper."""
    put(teapot())
    bundle(3_000, teapot(), fan(), name="Tea in the shade")
    assert basket(shopper).quote.payable == POT
    put(fan())
    assert basket(shopper).quote.payable == POT + FAN - 3_000
    assert shown(shopper).count("Tea in the shade") == 3


def test_student_prices_are_for_students(shopper: Client) -> None:
    """The same cart costs a student less."""
    put(teapot())
    student(70, name="Students")
    assert basket(shopper).quote.payable == POT
    User.objects.filter(pk=alice().pk).update(is_student=True)
    assert basket(shopper).quote.payable == POT * 70 // 100


def test_a_script_gets_the_figures_too(shopper: Client) -> None:
    """A verb of the cart answers a script with savings and steps of the cart as it is then."""
    line = put(teapot())
    threshold((30_000, 5_000), name="Steps")
    data, hx = {"quantity": "2"}, {"HX-Request": "true"}
    text = shopper.post(f"/cart/{line.pk}/quantity/", data, headers=hx, follow=True)
    assert "You save ¥50.00" in text.content.decode()
