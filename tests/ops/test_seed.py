"""The seeded shop: whole, told through the shop's own verbs, and added to only once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku, StockMovement
from shigu.learning.models import Enrolment
from shigu.ops import auditing
from shigu.ops.seeding import bulk
from shigu.ops.seeding.people import PASSWORD, PEOPLE
from shigu.ops.seeding.run import NotHere, seed
from shigu.orders.models import Order, Shipment, Status
from shigu.payments.models import Attempt, Refund, RefundState
from shigu.web.drawing.art import drawings
from shigu.web.drawing.tones import TONES

ROWS = [User, Direction, Category, Product, Sku, StockMovement, Order, Attempt, Refund, Enrolment]


def counts() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in ROWS}


@pytest.mark.usefixtures("tried")
def test_there_is_enough_to_look_at() -> None:
    """At least 14 courses in 4 directions, 12 goods in 3 departments, all with words in two languages."""
    for kind, products, directions in ((Kind.COURSE, 14, 4), (Kind.GOODS, 12, 3)):
        rows = Product.objects.filter(kind=kind).select_related("category")
        assert len(rows) >= products
        assert len({row.category.direction_id for row in rows}) >= directions
        for row in rows:
            assert all([row.name_zh, row.name_en, row.brief_zh, row.brief_en, row.story_en])
            assert row.motif in drawings("goods" if kind == Kind.GOODS else "course"), row.slug
            assert row.category.tone in TONES


@pytest.mark.usefixtures("tried")
def test_orders_are_in_every_state() -> None:
    """Unpaid, paid, cancelled, expired, refunded; to ship and shipped; money on its way and back."""
    assert set(Order.objects.values_list("status", flat=True)) == set(Status.values)
    shipped = Shipment.objects.filter(recalled_at=None)
    assert {bool(at) for at in shipped.values_list("shipped_at", flat=True)} == {True, False}
    states = set(Refund.objects.values_list("state", flat=True))
    assert states == {RefundState.SENDING, RefundState.SENT}
    assert Order.objects.filter(events__why="revived").exists()


@pytest.mark.usefixtures("tried")
def test_no_time_runs_backwards() -> None:
    """Every order's history is in order, and nothing in it is in the future."""
    now = clock.now()
    for order in Order.objects.prefetch_related("events"):
        moments = [event.at for event in order.events.all()]
        assert moments == sorted(moments), order.number
        assert order.placed_at <= moments[0]
        assert moments[-1] <= now, order.number


@pytest.mark.usefixtures("shop")
def test_a_second_time_adds_nothing() -> None:
    """Not a row, and what an operator changed since stays changed."""
    Product.objects.filter(slug="name-seal").update(name_zh="改过的名字")
    before = counts()
    new = seed()
    assert (new.products, new.orders) == (0, 0)
    assert counts() == before
    assert Product.objects.get(slug="name-seal").name_zh == "改过的名字"
    assert clock.offset().total_seconds() == 0


@pytest.mark.usefixtures("shop")
def test_everybody_can_sign_in() -> None:
    """With the one password that the command prints."""
    assert all(authenticate(username=name, password=PASSWORD) for name in PEOPLE)


@pytest.mark.usefixtures("tried")
def test_a_production_shop_is_not_seeded(settings: Any) -> None:
    """Everybody would know a password; nothing is written."""
    settings.PRODUCTION = True
    before = counts()
    with pytest.raises(NotHere):
        seed()
    assert counts() == before


@pytest.mark.usefixtures("shop")
def test_orders_in_bulk_keep_every_promise() -> None:
    """Three thousand more in all states, twice asked for and once made."""
    for added in (3_000, 0):
        assert bulk.fill(3_000, lambda done, total: None) == added
    many = Order.objects.filter(key__startswith=bulk.KEY)
    assert many.count() == 3_000
    assert set(many.values_list("status", flat=True)) == set(Status.values)
    assert not [finding.title for finding in auditing.audit() if not finding.ok]
