"""What of a buyer's wallet and inbox is pictured, each with who looks and what they do there first.

`wallet()` and `inboxes()` list pages, `fill_purses()` sees to it that there is something
on them. The script that takes the pictures is `tests.browser.pictures`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import F

from shigu.accounts.models import User
from shigu.catalogue.models import Sku
from shigu.learning.models import Enrolment
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import ask_for
from tests.browser.shot import Shot
from tests.browser.walker import Walker

CHANGED = ("POT-200", "FAN-GOLD")
"""What alice has in her cart and what gets dearer while she looks at it."""


def fill_purses() -> None:
    """A top-up that can still be paid."""
    ask_for(User.objects.get(username="alice").pk, 20_000, key="picture")


def wallet() -> Iterator[Shot]:
    """Coupons, credits, balance and spending, with and without something there; paying with them."""
    yield Shot("coupon-centre-visitor", "/coupons/")
    yield Shot("coupon-centre", "/coupons/", "alice")
    for tab in ("unused", "used", "lapsed"):
        yield Shot(f"my-coupons-{tab}", f"/me/coupons/?tab={tab}", "alice")
    for name in ("coupons", "credits", "balance", "spending"):
        if name != "coupons":
            yield Shot(f"my-{name}", f"/me/{name}/", "alice")
        yield Shot(f"my-{name}-empty", f"/me/{name}/", "nobody")
    yield from top_ups()
    yield Shot("confirm-credits", "/confirm/", "alice", use_credits)
    yield Shot("confirm-changed", "/confirm/", "alice", order_what_changed)
    rows = Enrolment.objects.filter(user__username="alice", valid_until__isnull=False)
    course = rows.order_by("-valid_until")[0].product.skus.order_by("pk")[0]
    yield Shot("confirm-blocked", f"/confirm/?sku={course.pk}", "alice")
    yield Shot("confirm-renew", f"/confirm/?sku={course.pk}&renew=1", "alice")


def top_ups() -> Iterator[Shot]:
    """One that waits, one that is paid, one whose time is over."""
    rows = TopUp.objects.filter(user__username="alice").order_by("pk")
    waiting, paid = rows.get(key="picture"), rows.exclude(paid_at=None)[0]
    over = rows.filter(paid_at=None)[0]
    for name, row in (("cashier", waiting), ("waits", waiting), ("paid", paid), ("over", over)):
        page = "" if name == "cashier" else "result/"
        yield Shot(f"top-up-{name}", f"/me/top-ups/{row.number}/{page}", "alice")


def inboxes() -> Iterator[Shot]:
    """Notices of somebody who has many, of unread ones, of somebody new."""
    yield Shot("inbox", "/me/notices/", "alice")
    yield Shot("inbox-unread", "/me/notices/?tab=unread", "alice")
    yield Shot("inbox-empty", "/me/notices/", "nobody")


def use_credits(walker: Walker) -> None:
    """As many as anybody would; the figures follow."""
    page = walker.page
    page.fill("#credits", "200")
    with page.expect_response(re.compile("/confirm/update/")):
        page.locator("#credits").blur()


def order_what_changed(walker: Walker) -> None:
    """Two prices rise while the page is open, so that ordering is refused and says what changed."""
    rows = Sku.objects.filter(code__in=CHANGED)
    rows.update(price=F("price") + 500)
    try:
        page = walker.page
        page.locator("[data-place]").filter(visible=True).first.click()
        page.locator("#said .note").first.wait_for()
    finally:
        rows.update(price=F("price") - 500)
