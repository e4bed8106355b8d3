"""A bundle goes into the cart whole, with a button; what cannot, says why."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from shigu import clock
from shigu.catalogue.models import Activity
from shigu.orders.models import CartLine
from tests.activities import bundle, discount
from tests.goods import course, fan, python_course, sku, teapot
from tests.people import alice
from tests.web.ordering import english, placed

pytestmark = pytest.mark.usefixtures("clone")


def cart() -> set[tuple[str, int, int]]:
    rows = CartLine.objects.filter(user=alice())
    return set(rows.values_list("product__slug", "sku__position", "quantity"))


def press(client: Client, row: Activity, **sent: object) -> object:
    client.force_login(alice())
    return english(client).post(reverse("cart_bundle", args=[row.pk]), sent)


def test_all_of_it_goes_into_the_cart(client: Client) -> None:
    """The choice that stands on the page, of the others the cheapest that can be had; again adds no course."""
    lesson, cloth = python_course(), fan(red=0, green=3)
    row = bundle(2_000, lesson, cloth)
    answer = press(client, row, sku=sku(lesson, 1).pk)
    assert answer.url == reverse("cart")
    assert cart() == {("python-concurrency", 1, 1), ("fan", 1, 1)}
    press(client, row)
    assert cart() == {("python-concurrency", 0, 1), ("fan", 1, 2)}


def test_what_waits_in_an_order_stays_out_and_says_so(client: Client) -> None:
    """The other product goes in all the same."""
    lesson = python_course()
    placed(alice(), (sku(lesson), 1))
    answer = press(client, bundle(2_000, lesson, teapot()))
    assert cart() == {("teapot", 0, 1)}
    page = client.get(answer.url).content.decode()
    assert "unpaid order" in page


def test_only_a_running_bundle_is_one(client: Client) -> None:
    """Another kind, an ended one, junk: not there, and nothing in the cart."""
    other = discount(80, products=[teapot()])
    over = bundle(500, teapot(), fan())
    Activity.objects.filter(pk=over.pk).update(ends_at=clock.now())
    assert press(client, other).status_code == 404
    assert press(client, over).status_code == 404
    assert client.post("/cart/bundle/999999999999/").status_code == 404
    assert press(client, bundle(500, teapot(), fan()), sku="\0' OR 1").status_code == 302
    assert {slug for slug, _, _ in cart()} == {"teapot", "fan"}


def test_a_visitor_signs_in_first(client: Client) -> None:
    """And comes back to the cart; nothing is kept of a visitor."""
    row = bundle(500, teapot(), course("ink", "墨", "Ink", [(30, 900, None)]))
    answer = client.post(reverse("cart_bundle", args=[row.pk]))
    assert answer.status_code == 302
    assert reverse("account_login") in answer.url
    assert cart() == set()
