"""The cashier and the console in a real browser: policies hold, nothing overflows, axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from alipay_simulator.control import Simulator
from tests.simulator.merchant import Merchant, Till, beijing

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


def opened(chromium: Browser, width: int, language: str, **more: object) -> tuple[Page, list[str]]:
    """A page of that width and language, and what its console complained of."""
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, locale=language, **more
    )  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def accessible(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'][:90] for node in one['nodes']]}" for one in found]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_pays(
    chromium: Browser, sim: Simulator, shop: Merchant, till: Till, scripts: bool
) -> None:
    """With and without scripts: sent by a form, log in, pay, and land on the merchant's page."""
    page, complaints = opened(chromium, 390, "zh-CN", java_script_enabled=scripts)
    page.goto(sim.url + shop.page("A1", return_url=f"{till.url}/back", time_expire=beijing(55)))
    if scripts:
        assert page.locator("[data-left]").inner_text().startswith("00:")
    page.select_option("#buyer", "bob@sandbox.test")
    page.fill("#password", "246801")
    page.click("form[action$='/login'] button")
    page.click("form[action$='/pay'] button")
    page.wait_for_url(f"{till.url}/back?*")
    assert sim.trade("A1")["buyer"] == "bob@sandbox.test"  # type: ignore[index]
    assert [line for line in complaints if "Content Security" in line] == []
    page.context.close()


@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(390, "en", "light"), (1440, "zh-CN", "dark")]
)
def test_pages_fit_and_are_accessible(
    chromium: Browser, sim: Simulator, shop: Merchant, width: int, language: str, scheme: str
) -> None:
    """Phone and desk, both languages, light and dark: no sideways scrolling, no axe violation, no complaint."""
    waiting = shop.page("A1", subject="一".ljust(120, "长") + "x" * 100)
    shop.page("A2", wap=True)
    sim.pay("A2")
    sim.fault("gateway_500", times=2, method="alipay.trade.refund")
    sim.wait(lambda: sim.attempts("A2"))
    page, complaints = opened(chromium, width, language, color_scheme=scheme)
    paid = sim.state("A2")["pages"][0]["token"]
    trade = sim.trade("A2")["trade_no"]  # type: ignore[index]
    for path in (waiting, f"{waiting}/leave", f"/cashier/{paid}", "/", f"/trades/{trade}"):
        page.goto(sim.url + path)
        assert fits(page), path
        assert accessible(page) == [], path
    page.goto(sim.url + waiting)
    page.click("form[action$='/scan'] button")
    assert accessible(page) == []
    assert complaints == []
    page.context.close()
