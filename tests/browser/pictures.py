"""Pictures of the shop, to look at it: `python -m tests.browser.pictures DIR [WORD …]`.

Starts a whole seeded shop of its own and walks through it as a visitor, as alice and as the operator: every
page at 390 and 1440 px in Chinese and English, a handful in the dark too. With words, only pages whose name
contains one of them. A file's name says what one sees: `cashier.en.390.dark.png`.
"""

# ruff: noqa: E402 - the settings want a database before they are read

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import tests.postgres  # noqa: F401 - a database server, before the settings are read

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

import django

django.setup()

from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Browser, sync_playwright

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Activity, Sku
from shigu.ledger.models import Account
from shigu.notices.models import Notice as Told
from shigu.orders import cart
from shigu.orders.models import Order
from shigu.payments import comparing
from shigu.payments.models import Attempt, BillDay, BillState, Discrepancy
from shigu.payments.reconciling import Difference
from shigu.promotions.models import Coupon
from shigu.reporting.closing import close_month
from shigu.reporting.models import Month
from tests.browser import pictures_auctions
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.market import Market
from tests.browser.pictures_wallet import fill_purses, inboxes, wallet
from tests.browser.shot import Shot
from tests.browser.stage import stage
from tests.browser.walker import DESK, PHONE, Kind, Walker
from tests.web.ordering import placed

DARK = {"home", "product-goods", "cart", "cashier", "times-up", "orders", "centre", "sim-cashier"}
HOUR = 3_600
LOCALES = {"zh-hans": "zh-CN", "en": "en-US"}


def window() -> Iterator[Shot]:
    """What a visitor sees."""
    yield Shot("home", "/")
    yield Shot("courses", "/courses/")
    yield Shot("courses-filtered", "/courses/?level=1")
    yield Shot("courses-page-2", "/courses/?page=2")
    yield Shot("goods", "/goods/")
    yield Shot("search", "/search/?q=茶")
    yield Shot("search-none", "/search/?q=zeppelin")
    yield Shot("search-none-of-two", "/search/?q=茶+zeppelin")
    yield Shot("search-empty", "/search/")
    yield Shot("product-course", "/p/python-first-steps/")
    yield Shot("product-free", "/p/market-drum/")
    yield Shot("product-goods", "/p/wood-fired-teapot/")
    yield Shot("product-gone", "/p/no-such-thing/")
    yield Shot("sign-in", "/accounts/login/")
    yield Shot("sign-up", "/accounts/signup/")
    yield Shot("password-reset", "/accounts/password/reset/")
    yield Shot("sign-in-by-code", "/accounts/login/code/")
    yield Shot("password-reset-sent", "/accounts/password/reset/done/")
    yield Shot("password-link-over", "/accounts/password/reset/key/1-over/")
    yield Shot("mail-link-over", "/accounts/confirm-email/over/")
    yield Shot("not-found", "/no/such/page/")


def centre() -> Iterator[Shot]:
    """What alice sees of her own."""
    yield Shot("product-owned", "/p/how-tea-is-brewed/", "alice")
    yield Shot("product-ordered", "/p/python-concurrency/", "alice")
    yield Shot("cart", "/cart/", "alice")
    yield Shot("confirm", "/confirm/", "alice")
    yield Shot("cart-empty", "/cart/", "bob")
    yield Shot(
        "confirm-new-address", f"/confirm/?sku={Sku.objects.get(code='POT-140').pk}", "nobody"
    )
    yield Shot("orders-empty", "/me/orders/", "nobody")
    yield Shot("centre-empty", "/me/", "nobody")
    yield Shot("courses-mine-empty", "/me/courses/", "nobody")
    yield Shot("centre", "/me/", "alice")
    yield Shot("courses-mine", "/me/courses/", "alice")
    yield Shot("orders", "/me/orders/?size=20", "alice")
    yield Shot("orders-refunds", "/me/orders/?tab=refunds", "alice")
    yield Shot("addresses", "/me/addresses/", "alice")
    yield Shot("profile", "/me/profile/", "alice")
    yield Shot("security", "/me/security/", "alice")
    yield Shot("mail-addresses", "/accounts/email/", "alice")
    yield Shot("password", "/accounts/password/change/", "alice")
    yield Shot("sign-out", "/accounts/logout/", "alice")
    yield Shot("is-it-you", "/accounts/reauthenticate/", "alice")


def orders() -> Iterator[Shot]:
    """Seeded orders in each state, and the pages around paying."""
    for name, who, tab in (
        ("order-shipped", "alice", {"shipment__shipped_at__isnull": False}),
        (
            "order-to-ship",
            "alice",
            {"status": 1, "shipment__shipped_at": None, "shipment__isnull": False},
        ),
        ("order-refunded", "alice", {"status": 4}),
        ("order-cancelled", "alice", {"status": 2}),
        ("order-expired", "alice", {"status": 3}),
        ("order-unpaid", "alice", {"status": 0}),
    ):
        if found := Order.objects.filter(user__username=who, **tab).order_by("-pk").first():
            yield Shot(name, f"/me/orders/{found.number}/", who)
    mine = Order.objects.filter(user__username="alice").order_by("-pk")
    for name, status, page in (
        ("cashier", 0, ""),
        ("waiting", 0, "result/"),
        ("result-goods", 1, "result/"),
        ("times-up", 3, ""),
        ("cancelled", 2, ""),
    ):
        if found := mine.filter(status=status).first():
            yield Shot(name, f"/pay/{found.number}/{page}", "alice")
    if found := mine.filter(status=1, lines__kind="course").first():
        yield Shot("result-course", f"/pay/{found.number}/result/", "alice")
    if found := mine.filter(status=2, pk__in=_returned()).first():
        yield Shot("money-back", f"/pay/{found.number}/", "alice")


def _returned() -> list[int]:
    return list(Attempt.objects.filter(money="returning").values_list("subject_id", flat=True))


def office() -> Iterator[Shot]:
    """The back office, as the operator."""
    yield Shot("ops-index", "/ops/", "operator")
    for app, model in (
        ("catalogue", "product"),
        ("catalogue", "stock"),
        ("orders", "order"),
        ("orders", "shipment"),
        ("payments", "attempt"),
        ("payments", "notice"),
        ("payments", "refund"),
        ("clock", "kindstate"),
        ("clock", "quarantine"),
        ("accounts", "user"),
        ("learning", "enrolment"),
    ):
        yield Shot(f"ops-{model}s", f"/ops/{app}/{model}/", "operator")
    yield Shot("ops-one-product", "/ops/catalogue/product/1/change/", "operator")
    last = Order.objects.latest("pk")
    yield Shot("ops-one-order", f"/ops/orders/order/{last.pk}/change/", "operator")
    yield Shot("ops-sign-in", "/ops/login/")
    yield from prices()
    yield from mornings()
    yield from letters()


def prices() -> Iterator[Shot]:
    """Activities, coupons and the ledger in the back office."""
    activity = Activity.objects.order_by("pk")[0].pk
    coupon = Coupon.objects.order_by("pk")[0].pk
    account = Account.objects.order_by("pk")[0].pk
    for name, address in (
        ("activities", "catalogue/activity/"),
        ("activity-new", "catalogue/activity/add/"),
        ("one-activity", f"catalogue/activity/{activity}/change/"),
        ("activity-preview", f"catalogue/activity/{activity}/preview/"),
        ("coupon-issue", f"promotions/coupon/{coupon}/issue/"),
        ("ledger-accounts", "ledger/account/"),
        ("ledger-house", "ledger/account/house/"),
        ("ledger-statement", f"ledger/account/{account}/statement/"),
        ("ledger-adjust", f"ledger/account/{account}/adjust/"),
    ):
        yield Shot(f"ops-{name}", f"/ops/{address}", "operator")


def mornings() -> Iterator[Shot]:
    """What periodic work leaves for operators."""
    month, bill = Month.objects.all()[0].pk, BillDay.objects.all()[0].pk
    difference = Discrepancy.objects.all()[0].pk
    for name, address in (
        ("periodic", "clock/periodic/"),
        ("runs", "clock/run/"),
        ("months", "reporting/month/"),
        ("one-month", f"reporting/month/{month}/change/"),
        ("month-again", f"reporting/month/{month}/count_again"),
        ("bills", "payments/billday/"),
        ("one-bill", f"payments/billday/{bill}/change/"),
        ("differences", "payments/discrepancy/"),
        ("one-difference", f"payments/discrepancy/{difference}/change/"),
        ("difference-look", f"payments/discrepancy/{difference}/look"),
    ):
        yield Shot(f"ops-{name}", f"/ops/{address}", "operator")


def letters() -> Iterator[Shot]:
    """What people were told, mails as they left, and the processes of the clock."""
    yield Shot("ops-told", "/ops/notices/notice/", "operator")
    yield Shot(
        "ops-told-one", f"/ops/notices/notice/{Told.objects.latest('pk').pk}/change/", "operator"
    )
    yield Shot("ops-mailbox", "/ops/mailbox/", "operator")
    yield Shot("ops-dispatchers", "/ops/clock/dispatcher/", "operator")
    yield Shot("ops-coupons", "/ops/promotions/coupon/", "operator")
    yield Shot("ops-grants", "/ops/promotions/grant/", "operator")


def provider(market: Market) -> Iterator[Shot]:
    """The simulator's cashier in three states, and its console."""
    state = market.sim.state(limit=100)
    yield Shot("sim-console", market.sim.url + "/")
    for trade in state["trades"][:1]:
        yield Shot("sim-trade", f"{market.sim.url}/trades/{trade['trade_no']}")
    tokens = [page["token"] for page in state["pages"]]
    for name, token in zip(
        ("sim-cashier-paid", "sim-cashier-joined", "sim-cashier"), tokens, strict=False
    ):
        yield Shot(name, f"{market.sim.url}/cashier/{token}")


def prepare(market: Market) -> None:
    """Three trades at the provider, something in alice's cart, and somebody with nothing at all."""
    pot = Sku.objects.get(code="POT-140")
    for act in (None, market.sim.scan, market.sim.pay):
        order = placed(User.objects.get(username="carol"), (pot, 1))
        market.open_attempt(order)
        if act:
            act(f"{order.number}_1")
    alice = User.objects.get(username="alice")
    for code, pieces in (("POT-200", 2), ("SQL-FROM-ZERO-180", 1), ("FAN-GOLD", 1)):
        cart.add(alice.pk, Sku.objects.get(code=code).pk, pieces)
    User.objects.create_user("nobody", "nobody@shop.test", "open sesame 1")
    fill_purses()
    close_month(now=clock.now())
    bill = BillDay.objects.create(
        provider="alipay", day=timezone.localdate(), since=clock.now(), state=BillState.DIFFERS
    )
    surplus = Difference("surplus", "202611220001000099_1", "", None, 9_900)
    unequal = Difference("unequal", f"{Order.objects.latest('pk').number}_1", "", 12_800, 12_300)
    comparing.write(bill, [surplus, unequal], clock.now())
    stage(market)


def take(market: Market, browser: Browser, folder: Path, wanted: Callable[[str], bool]) -> int:
    """All pictures; how many."""
    mine = [*centre(), *pictures_auctions.shots(), *orders(), *wallet(), *inboxes()]
    shots = [*window(), *mine, *office(), *provider(market)]
    taken = 0
    for kind, language in product((PHONE, DESK), LOCALES):
        people: dict[str, Walker] = {}
        for shot in shots:
            if wanted(shot.name):
                walker = people.get(shot.who) or people.setdefault(
                    shot.who, _walker(market, browser, kind, language, shot.who)
                )
                taken += _take(walker, shot, folder)
        for walker in people.values():
            for complaint in walker.complaints:
                print(f"{kind.name} {language}: {complaint}")
            walker.close()
    return taken


def _walker(market: Market, browser: Browser, kind: Kind, language: str, who: str) -> Walker:
    reading = replace(
        kind, language=language, settings={**kind.settings, "locale": LOCALES[language]}
    )
    user = User.objects.get(username=who) if who else None
    return Walker(market, browser, reading, user)


def _take(walker: Walker, shot: Shot, folder: Path) -> int:
    page, width = walker.page, walker.kind.settings["viewport"]["width"]
    own = shot.address.startswith("/")
    page.goto((walker.market.url if own else "") + shot.address, wait_until="load")
    if shot.act:
        shot.act(walker)
        page.evaluate("scrollTo(0, 0)")
    walker.fits()
    schemes = ("", ".dark") if shot.name in DARK else ("",)
    for scheme in schemes:
        page.emulate_media(color_scheme="dark" if scheme else "light", reduced_motion="reduce")
        name = f"{shot.name}.{walker.language}.{width}{scheme}.png"
        page.screenshot(path=folder / name, full_page=True)
    return len(schemes)


def main(arguments: list[str]) -> int:
    """Start, look, end."""
    if not arguments:
        print(__doc__)
        return 2
    folder, words = Path(arguments[0]), arguments[1:]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        market = Market(Path(place) / "market", seconds=HOUR)
        try:
            market.open()
            market.use_database()
            settings.ALIPAY_SIMULATOR_DIR = str(market.sim.data)
            settings.ALIPAY_GATEWAY = market.sim.gateway
            prepare(market)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                count = take(
                    market,
                    browser,
                    folder,
                    lambda name: not words or any(word in name for word in words),
                )
                browser.close()
        finally:
            market.close()
    print(f"{count} pictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
