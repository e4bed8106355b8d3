"""Pictures of the auctions: every page in every state, as visitors, bidders and the operator see them.

`shots()` names them for `tests.browser.pictures`; what they show is made by `tests.browser.stage`.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from playwright.sync_api import expect

from shigu.auctions.models import Award, Bidding, Deposit, DepositState, Lot, Session
from tests.browser.shot import Shot
from tests.browser.stage import SLUG, WANTED, lot
from tests.browser.walker import Walker

TABLE = (
    "name_zh,name_en,start_price,deposit,steps,reserve,details,number\n"
    "青瓷杯,Celadon cup,10,100,,,年代|清,\n"
    ",Inkstone,12.345,300,0:50 100:0,5,,7\n"
    "笺纸,Paper,abc,50,tiny,,年代,7\n"
)
GOOD = "name_zh,name_en,start_price,deposit\n青瓷杯,Celadon cup,10,100\n歙砚,Inkstone,500,300\n"


def shots() -> Iterator[Shot]:
    """All of them."""
    yield from rooms()
    yield from lots()
    yield from own()
    yield from office()


def rooms() -> Iterator[Shot]:
    """Lists and sessions."""
    yield Shot("home-auctions", "/")
    for tab in ("live", "preview", "coming", "ended"):
        yield Shot(f"auctions-{tab}", f"/auctions/?tab={tab}")
    yield Shot("auction-rules", "/help/auctions/")
    yield Shot("session-live-visitor", f"/auctions/{SLUG}/")
    yield Shot("session-live-held", f"/auctions/{SLUG}/", "bob")
    yield Shot("session-live-asked", f"/auctions/{SLUG}/", "alice")
    for session in Session.objects.filter(slug__regex="^(scholars|winter|spring)"):
        yield Shot(f"session-{session.slug}", f"/auctions/{session.slug}/", "alice")


def lots() -> Iterator[Shot]:
    """A lot in each phase, and as each reader has it before them."""
    for slug in ("scholars-desk", "winter-fair"):
        for found in Lot.objects.filter(session__slug__startswith=slug, number=1):
            yield _lot(f"lot-{slug}", found, "alice")
    for who in ("", "alice", "bob", "carol", "dave", "erin"):
        yield _lot(f"lot-live-{who or 'visitor'}", lot("cups"), who)
    yield _lot("lot-proxy", lot("kettle"), "bob")
    for name in WANTED[2:]:
        yield _lot(f"lot-{name}", lot(name), "bob")
    yield _lot("lot-won-winner", lot("won"), "carol")
    for number, what in enumerate(("sold", "paid", "passed", "overdue"), start=1):
        for found in Lot.objects.filter(session__slug="spring-sale", number=number):
            yield _lot(f"lot-past-{what}", found, "bob")
    for name, act in (("wild", _jumps), ("low", _bids_too_little), ("own", _unfolds)):
        yield _lot(f"lot-{name}", lot("nobody"), "bob")._replace(act=act)
    yield _lot("lot-wild-page", lot("nobody"), "bob")._replace(act=_jumps_without_script)


def _lot(name: str, found: Lot, who: str) -> Shot:
    return Shot(name, f"/auctions/{found.session.slug}/{found.number}/", who)


def own() -> Iterator[Shot]:
    """What is theirs: bids, wins, deposits, paying."""
    for who in ("bob", "carol", "alice", "dave", "nobody"):
        for tab in ("bids", "won", "deposits"):
            yield Shot(f"my-{tab}-{who}", f"/me/bids/?tab={tab}", who)
    for name, which in (("won", "pay-won"), ("asked", "pay-frozen")):
        number = Award.objects.get(lot=lot(name)).order.number
        for page, address in (("", "/me/won/"), ("-order", "/me/orders/"), ("-cashier", "/pay/")):
            yield Shot(f"{which}{page}", f"{address}{number}/", "carol")
    for award in Award.objects.select_related("order").filter(second_chance=True):
        yield Shot("pay-offered", f"/me/won/{award.order.number}/", "bob")
    yield Shot("orders-of-winner", "/me/orders/", "carol")
    for who in ("dave", "bob", "alice"):
        yield from _deposits(who)


def _deposits(who: str) -> Iterator[Shot]:
    """One of each state."""
    by_state = {row.state: row for row in Deposit.objects.filter(user__username=who)}
    for state, row in by_state.items():
        name = f"deposit-{DepositState(state).name.lower()}-{who}"
        if state == DepositState.PENDING:
            yield Shot(name, reverse("deposit_cashier", args=[row.number]), who)
        yield Shot(f"{name}-result", reverse("deposit_result", args=[row.number]), who)


def office() -> Iterator[Shot]:
    """Composer, import, console, results, acts."""
    live, past = (Session.objects.get(slug=slug).pk for slug in (SLUG, "spring-sale"))
    draft = Session.objects.get(slug="draft-sale").pk
    drafted = Lot.objects.filter(session=draft).earliest("number")
    room = "/ops/auctions/session"
    for name, address in (
        ("sessions", f"{room}/"),
        ("composer-new", f"{room}/add/"),
        ("composer-draft", f"{room}/{draft}/change/"),
        ("composer-live", f"{room}/{live}/change/"),
        ("publish", f"{room}/{draft}/publish/"),
        ("discard", f"{room}/{draft}/discard/"),
        ("clear", f"{room}/{draft}/clear/"),
        ("copy", f"{room}/{live}/copy/"),
        ("withdraw", f"{room}/{live}/withdraw/"),
        ("console", f"{room}/{live}/console/"),
        ("console-past", f"{room}/{past}/console/"),
        ("results", f"{room}/{past}/results/"),
        ("results-live", f"{room}/{live}/results/"),
        ("table", f"{room}/{draft}/table/"),
        ("lots", "/ops/auctions/lot/"),
        ("lot-write", f"/ops/auctions/lot/into/{draft}/"),
        ("lot-live", f"/ops/auctions/lot/{lot('cups').pk}/change/"),
        ("lot-draft", f"/ops/auctions/lot/{drafted.pk}/change/"),
        ("lot-discard", f"/ops/auctions/lot/{drafted.pk}/discard/"),
        ("lot-sold", f"/ops/auctions/lot/{lot('won').pk}/change/"),
        ("lot-extend", f"/ops/auctions/lot/{lot('cups').pk}/extend/"),
        ("lot-withdraw", f"/ops/auctions/lot/{lot('cups').pk}/withdraw/"),
        ("deposits", "/ops/auctions/deposit/"),
        ("awards", "/ops/auctions/award/"),
        ("bans", "/ops/auctions/ban/"),
    ):
        yield Shot(f"ops-auction-{name}", address, "operator")
    table = f"{room}/{draft}/table/"
    yield Shot("ops-auction-table-wrong", table, "operator", _brings_mistakes)
    yield Shot("ops-auction-table-right", table, "operator", _brings_lots)


def _types(walker: Walker, amount: str) -> None:
    page = walker.page
    page.locator("#own > summary").click()
    page.fill("#own-amount", amount)


def _unfolds(walker: Walker) -> None:
    _types(walker, "1288")
    walker.page.fill("#own-maximum", "2000")


def _jumps(walker: Walker) -> None:
    _types(walker, "99999")
    walker.page.locator("#own-bid button").last.click()
    expect(walker.page.locator("dialog[open]")).to_be_visible()


def _bids_too_little(walker: Walker) -> None:
    _types(walker, "3")
    walker.page.locator("#own-bid button").last.click()
    expect(walker.page.locator("#own-bid [data-said]")).not_to_be_empty()
    walker.forgives("409")


def _jumps_without_script(walker: Walker) -> None:
    _types(walker, "99999")
    walker.page.evaluate(
        "HTMLFormElement.prototype.submit.call(document.querySelector('#own-bid'))"
    )
    walker.page.wait_for_selector("#ask")


def _brings_mistakes(walker: Walker) -> None:
    _brings(walker, TABLE)


def _brings_lots(walker: Walker) -> None:
    _brings(walker, GOOD)


def _brings(walker: Walker, table: str) -> None:
    file = {"name": "lots.csv", "mimeType": "text/csv", "buffer": table.encode()}
    walker.page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
    walker.page.locator("form.office-act button[type=submit]").click()
    walker.page.wait_for_load_state()


def is_staged() -> bool:
    """Is the stage set already?"""
    return bool(Bidding.objects.filter(lot__session__slug=SLUG).exists())
