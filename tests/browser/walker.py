"""Somebody at a browser: `Walker` is one person with one context, on a phone (Chinese) or a desk (English).

It speaks the page's language (`walker.says("Pay now")` is the word on the button), watches everything that
may go wrong unseen (console, policies, other hosts, answers of the 5xx kind, sideways scroll) and keeps it in
`complaints`, which must be empty in the end; `walker.forgives("404")` takes out what a test provokes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils import translation
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

from shigu.accounts.models import User
from shigu.catalogue.models import Product
from shigu.orders.models import Order
from tests.browser.market import Market

PHONE_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)
ORDER = re.compile(r"/(?:pay|me/orders)/(\d[\w-]*)/")
PATIENCE = 12_000
TURNED = ("ERR_ABORTED", "context was destroyed", "interrupted by another navigation")


@dataclass(frozen=True)
class Kind:
    """What somebody holds in their hands, and the language they read."""

    name: str
    language: str
    settings: dict[str, Any]
    channel: str

    @property
    def is_phone(self) -> bool:
        return self.name == "phone"


PHONE = Kind(
    "phone",
    "zh-hans",
    {
        "viewport": {"width": 390, "height": 844},
        "user_agent": PHONE_AGENT,
        "is_mobile": True,
        "has_touch": True,
        "locale": "zh-CN",
    },
    "wap",
)
DESK = Kind(
    "desk",
    "en",
    {"viewport": {"width": 1440, "height": 900}, "locale": "en-US"},
    "page",
)


class Walker:
    """One person, one browser context; `page` is the window in front."""

    def __init__(
        self, market: Market, browser: Browser, kind: Kind, user: User | None = None, **more: Any
    ) -> None:
        self.market, self.kind, self.user = market, kind, user
        self.language = kind.language
        self.complaints: list[str] = []
        self.forgiven: list[str] = []
        self.scripts: bool = more.get("java_script_enabled", True)
        calm = {
            "reduced_motion": "reduce",
            **more,
        }  # what beats all the time is painted all the time
        self.context: BrowserContext = browser.new_context(**kind.settings, **calm)
        self.context.set_default_timeout(PATIENCE)
        self.context.set_default_navigation_timeout(PATIENCE)
        self._watch()
        if user:
            cookie = {"name": "sessionid", "value": market.session(user), "url": market.url}
            self.context.add_cookies([cookie])  # type: ignore[list-item]
        self.page: Page = self.context.new_page()

    # going about

    def open(self, path: str) -> Page:
        """Type an address of the shop."""
        self._unless_it_turns(lambda: self.page.goto(self.market.url + path))
        self.fits()
        return self.page

    def window(self) -> Page:
        """One more window of the same person, in front from now on."""
        self.page = self.context.new_page()
        return self.page

    def at(self, pattern: str) -> None:
        """Wait until the address is that of this pattern of the shop, and the page is whole."""
        self.page.wait_for_url(re.compile(re.escape(self.market.url) + pattern))
        self.fits()

    def fits(self) -> None:
        """Nobody scrolls sideways."""
        if not self.scripts:
            return
        measure = "document.documentElement.scrollWidth - innerWidth"
        wide = self._unless_it_turns(lambda: self.page.evaluate(measure))
        if wide > 0:
            self.complaints.append(f"{self.page.url} is {wide} px too wide")

    def _unless_it_turns(self, act: Callable[[], Any]) -> Any:
        """Do it; where a page turned by itself at that very moment, as live pages do, do it once more."""
        try:
            return act()
        except Error as error:
            if not any(word in error.message for word in TURNED):
                raise
            self.page.wait_for_load_state()
            return act()

    # words

    def says(self, text: str, *, context: str = "", **fill: object) -> str:
        """The shop's words for this in the reader's language."""
        with translation.override(self.language):
            said = translation.pgettext(context, text) if context else translation.gettext(text)
        return said % fill if fill else said

    def counted(self, one: str, many: str, count: int) -> str:
        """The first words of a sentence with a count in it."""
        with translation.override(self.language):
            return translation.ngettext(one, many, count).split("%(when)s")[0] % {"count": count}

    def sees(self, text: str, **fill: object) -> Locator:
        """This sentence of the shop stands on the page, or will in a moment."""
        return self._sees(self.says(text, **fill))

    def sees_counted(self, one: str, many: str, **fill: int) -> Locator:
        """The same for a sentence with a count in it."""
        (count,) = fill.values()
        with translation.override(self.language):
            return self._sees(translation.ngettext(one, many, count) % fill)

    def _sees(self, words: str) -> Locator:
        found = self.page.get_by_text(words).filter(visible=True).first
        expect(found).to_be_visible()
        return found

    def press(self, text: str, within: Locator | None = None, **fill: object) -> None:
        """The visible button or link of that name."""
        name = self.says(text, **fill)
        place = within or self.page.locator("body")
        act = place.get_by_role("button", name=name).or_(place.get_by_role("link", name=name))
        act.filter(visible=True).first.click()

    # coming in

    def sign_up(self, name: str) -> None:
        """Join, from the sign-in page that a visitor is sent to."""
        self.at("/accounts/login/")
        self.page.locator("main a[href*='/accounts/signup/']").first.click()
        self.at("/accounts/signup/")
        name = self.market.new_name(name)
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=email]", f"{name}@shop.test")
        self.page.fill("input[name=password1]", "open sesame 1")
        self.page.locator("main form[action*='signup'] button[type=submit]").click()

    def sign_in(self, name: str, password: str) -> None:
        """By password, on the sign-in page."""
        self.page.fill("input[name=login]", name)
        self.page.fill("input[name=password]", password)
        self.page.locator("main form[action*='login'] button[type=submit]").first.click()

    # buying

    def named(self, slug: str) -> str:
        """The product's name in the reader's language."""
        product = Product.objects.get(slug=slug)
        return product.name_zh if self.language == "zh-hans" else product.name_en

    def press_more(self) -> None:
        """One more piece, in the cart, and wait until the figures follow."""
        with self.page.expect_response(re.compile("/quantity/")):
            self.page.locator("[data-step='1']").first.click()
        expect(self.page.locator("input[name=quantity]").first).to_have_value("2")

    def choose(self, slug: str, place: int = 0) -> None:
        """Open a product and choose one of its validities or variants."""
        self.open(f"/p/{slug}/")
        tile = self.page.locator("label.tile").nth(place)
        if tile.is_visible():
            tile.click()

    def put_in_cart(self, slug: str, place: int = 0) -> None:
        """Choose, put into the cart, and read that it is there."""
        self.choose(slug, place)
        self.press("Add to cart")

    def buy_now(self, slug: str, place: int = 0) -> None:
        """Choose, go on to confirm with it alone."""
        self.choose(slug, place)
        self.press("Buy now")
        self.at("/confirm/")

    def fill_address(self, street: str = "西市坊 3 号") -> None:
        """Where it goes, on the confirm page itself."""
        for name, value in {
            "name": "Alice",
            "phone": "13800000000",
            "region": "陕西省 西安市 莲湖区",
            "street": street,
        }.items():
            self.page.fill(f"[name=to-{name}]", value)

    def place(self) -> Order:
        """Place what the confirm page shows; now at the cashier."""
        self.act("#place")
        self.at("/pay/")
        return self.order()

    def act(self, form: str) -> None:
        """The one main act of that form: under the thumb on a phone, in the page on a desk."""
        ident = form.removeprefix("#")
        act = self.page.locator(f"button.go[form={ident}], {form} button.go")
        act.filter(visible=True).first.click()

    def order(self) -> Order:
        """The order whose page this is."""
        found = ORDER.search(self.page.url)
        assert found, self.page.url
        return Order.objects.get(number=found[1])

    def go_to_provider(self) -> None:
        """From the shop's cashier to Alipay's."""
        self.act("#pay")
        self.page.wait_for_url(f"{self.market.sim.url}/cashier/*")
        self.fits()

    def log_in_there(self) -> None:
        """As alice of the sandbox; from now on the provider knows the trade."""
        self.page.select_option("select[name=buyer]", "alice@sandbox.test")
        self.page.fill("input[name=password]", "135790")
        self.page.locator("form[action$='/login'] button").click()
        expect(self.page.locator("form[action$='/pay'] button")).to_be_visible()
        self.fits()

    def pay_there(self) -> None:
        """Press the provider's pay button; the browser goes wherever it is sent."""
        self.page.locator("form[action$='/pay'] button").click()

    def card(self, order: Order) -> Locator:
        """This order's card on the page of orders."""
        return self.page.locator(f"article[data-subject='{order.number}']")

    # watching

    def forgives(self, *patterns: str) -> None:
        """Take out what this test provoked on purpose, also what of it is still to come."""
        self.forgiven += patterns
        before, self.complaints = self.complaints, []
        for one in before:
            self._complain(one)

    def close(self, picture: Path | None = None) -> None:
        """Leave; with a picture of what was seen last where something failed."""
        if picture:
            for number, page in enumerate(self.context.pages):
                page.screenshot(path=picture.with_suffix(f".{number}.png"), full_page=True)
        self.context.close()

    def _watch(self) -> None:
        self.context.on("console", lambda said: self._console(said.type, said.text))
        self.context.on("weberror", lambda error: self._complain(str(error.error)))
        self.context.on("request", self._request)
        self.context.on("response", self._response)

    def _complain(self, of: str) -> None:
        if not any(re.search(pattern, of) for pattern in self.forgiven):
            self.complaints.append(of)

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self._complain(f"{kind}: {text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme in ("http", "https") and origin not in self.market.origins:
            self._complain(f"asked elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._complain(f"{response.status} at {response.url}")
