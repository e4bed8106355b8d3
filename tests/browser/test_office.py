"""The back office at a desk: axe walks its lists, rows and acts; what is the theme's own fault is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.apps import apps
from django.urls import reverse

from shigu.accounts.models import User
from shigu.catalogue.models import Activity, Product
from shigu.ledger import adjusting
from shigu.ledger.models import Account, Book
from shigu.promotions.models import Coupon
from tests.activities import bundle, discount, threshold
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.test_looking import WCAG
from tests.browser.walker import DESK, Walker

ROOMS = {
    "catalogue": ["product", "activity", "category", "direction", "stock", "stockmovement"],
    "orders": ["order", "shipment"],
    "payments": ["attempt", "refund", "notice", "noticetally", "billday", "discrepancy"],
    "promotions": ["coupon", "grant"],
    "ledger": ["account", "transfer"],
    "clock": ["kindstate", "quarantine", "periodic", "run", "dispatcher"],
    "reporting": ["month"],
}
THEIRS = {
    "#result_list input": "Django's editable lists give their fields no names",
    ".select2-container": "the theme's lists to choose several from have no name and no list items",
}
"""What axe does not look at, and why."""


@pytest.fixture(params=[DESK], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Any:
    """Operators sit at desks."""
    return request.param


@pytest.mark.parametrize("room", ROOMS)
def test_lists_and_rows(market: Market, walk: Walk, alice: User, room: str) -> None:
    """Each list of the room, and its newest row, without a violation of WCAG 2 A and AA."""
    _trade(market, alice)
    walker = walk(User.objects.get(username="operator"))
    for model in ROOMS[room]:
        listed = reverse(f"admin:{room}_{model}_changelist")
        row = apps.get_model(room, model).objects.order_by("pk").last()
        pages = [listed] if row is None else [listed, _page(row, "change")]
        for page in pages:
            walker.open(page)
            looks_right(walker)


def _trade(market: Market, alice: User) -> None:
    market.order(alice, market.goods("scarf", pieces=3))


def _page(row: Any, act: str) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{act}", args=[row.pk])


def test_acts_and_forms(market: Market, walk: Walk, alice: User) -> None:
    """An activity being made, with mistakes and as a preview; statement, house, adjusting; giving to many."""
    account = adjusting.open_account(Book.CREDITS, alice.pk)
    adjusting.adjust(account, 50, number=adjusting.draw(), reason="slow parcel", by=alice.pk)
    products = list(Product.objects.filter(on_sale=True).order_by("pk")[:2])
    rows = [
        discount(85, starts=timedelta(days=9), ends=timedelta(days=10)),
        threshold(
            (10_000, 900), (30_000, 4_000), starts=timedelta(days=9), ends=timedelta(days=10)
        ),
        bundle(900, *products, starts=timedelta(days=9), ends=timedelta(days=10)),
    ]
    own = Account.objects.get(pk=account)
    walker = walk(User.objects.get(username="operator"))
    for page in (
        "/ops/",
        reverse("admin:catalogue_activity_add"),
        *[_page(row, act) for row in rows for act in ("change", "preview")],
        reverse("admin:ledger_account_house"),
        reverse("admin:ledger_account_adjust_somebody"),
        _page(own, "adjust"),
        _page(own, "statement"),
        reverse("admin:promotions_coupon_add"),
        _page(Coupon.objects.order_by("pk")[0], "issue"),
    ):
        walker.open(page)
        looks_right(walker)
    Activity.objects.filter(pk__in=[row.pk for row in rows]).delete()


def looks_right(walker: Walker) -> None:
    """Light and dark: nothing of ours; what the theme itself does is in THEIRS."""
    page = walker.page
    page.evaluate(Axe().axe_script)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        ours = {"exclude": [[one] for one in THEIRS]}
        told: dict[str, Any] = page.evaluate("([what, how]) => axe.run(what, how)", [ours, WCAG])
        said = [
            f"{one['id']}: {[node['html'][:200] for node in one['nodes']]}"
            for one in told["violations"]
        ]
        assert said == [], f"{page.url} {scheme}"
        assert "color-contrast" in {one["id"] for one in told["passes"]}, "axe looked at nothing"
