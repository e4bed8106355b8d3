"""The worked examples of `docs/pricing.md` as values: `EXAMPLES`, one for each row of its tables.

A row that cannot be read is an error, never a row left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind, Reach
from shigu.catalogue.scopes import Scope
from shigu.kit.money import Fen, fen, yuan
from shigu.orders.pricing import Quote, Voucher, Wanted

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pricing.md"
HEADING = ["no.", "what it shows", "cart", "activities", "coupon, credits", "lines", "to pay"]
SHOP = ["no.", "name", "", "direction › category", "price", "renewal", "most credits a piece"]
NUMBERS = "①②③"
KINDS = {
    "限时免费": ActivityKind.FREE,
    "限时折扣": ActivityKind.DISCOUNT,
    "限时减免": ActivityKind.REDUCTION,
    "学生优惠": ActivityKind.STUDENT,
    "满减": ActivityKind.THRESHOLD,
    "组合套餐": ActivityKind.BUNDLE,
}
ACTIVITY = re.compile(
    rf"([{NUMBERS}]) (\S+)(?: pay (\d+)%| ([\d.]+) each(?: set)?| (from .+?))? (?:on|of) (.+)"
)
COUPON = re.compile(r"(?:减免 ([\d.]+)|折扣 pay (\d+)%) on (.+?)(?:, from ([\d.]+))?(, all lines)?")
CREDITS = re.compile(r"(\d+) credits, at most (\d+)")


@dataclass(frozen=True)
class Example:
    """One row: what goes in, and what its last columns say, as text."""

    number: int
    shows: str
    lines: list[Wanted]
    is_student: bool
    activities: list[Running]
    coupon: Voucher | None
    credits: int
    most_credits: int | None
    said: str
    to_pay: str


def tables(heading: list[str]) -> list[list[str]]:
    """The rows of every table of the page with this heading."""
    rows, inside = [], False
    for text in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
        if not text.startswith("|"):
            inside = False
        elif cells == heading:
            inside = True
        elif inside and not set(text) <= set("| -"):
            rows.append(cells)
    return rows


def _shop() -> tuple[dict[str, Wanted], dict[str, Fen], dict[str, Scope]]:
    goods, renewals, scopes = {}, {}, {"everything": Scope()}
    categories: dict[str, int] = {}
    for number, name, _, place, price, renewal, credits in tables(SHOP):
        direction, category = place.split(" › ")
        ids = [categories.setdefault(word, len(categories) + 100) for word in (direction, category)]
        scopes[direction] = Scope(Reach.DIRECTION, frozenset(ids[:1]))
        scopes[category] = Scope(Reach.CATEGORY, frozenset(ids[1:]))
        scopes[name] = Scope(Reach.PRODUCT, frozenset([int(number) + 50]))
        goods[name] = Wanted(
            sku_id=int(number),
            unit_price=fen(price),
            quantity=1,
            product_id=int(number) + 50,
            category_id=ids[1],
            direction_id=ids[0],
            most_credits=int(credits),
        )
        renewals[name] = fen(renewal or price)
    return goods, renewals, scopes


GOODS, RENEWALS, SCOPES = _shop()
NAMES = {wanted.sku_id: name for name, wanted in GOODS.items()}


def wanted(text: str) -> Wanted:
    """One line: `teapot × 2`, `Python (renewal)`."""
    name, quantity = text.split(" × ") if " × " in text else (text, "1")
    renew = name.endswith(" (renewal)")
    chosen = GOODS[name.removesuffix(" (renewal)")]
    price = RENEWALS[NAMES[chosen.sku_id]] if renew else chosen.unit_price
    return Wanted(
        chosen.sku_id,
        price,
        int(quantity),
        chosen.product_id,
        chosen.category_id,
        chosen.direction_id,
        chosen.most_credits,
    )


def activity(text: str) -> Running:
    """One activity: `① 满减 from 300.00 off 40.00 on Tea`."""
    found = ACTIVITY.fullmatch(text)
    assert found, f"not an activity: {text}"
    number, kind, percent, amount, steps, scope = found.groups()
    return Running(
        id=NUMBERS.index(number) + 1,
        kind=KINDS[kind],
        name_zh=kind,
        name_en="",
        scope=scope_of(scope),
        ends_at=datetime(2030, 1, 1, tzinfo=UTC),
        percent=int(percent or 100),
        amount=fen(amount or "0"),
        steps=tuple(step_of(step) for step in steps.split(", ")) if steps else (),
    )


def step_of(text: str) -> tuple[Fen, Fen]:
    least, off = re.fullmatch(r"from ([\d.]+) off ([\d.]+)", text).groups()
    return fen(least), fen(off)


def scope_of(text: str) -> Scope:
    """`Tea`, or the products of `teapot + cup`."""
    found = [SCOPES[name] for name in text.split(" + ")]
    assert len({scope.reach for scope in found}) == 1
    return Scope(found[0].reach, frozenset().union(*(scope.ids for scope in found)))


def coupon(text: str) -> Voucher:
    """`减免 50.00 on Code, from 300.00` or `折扣 pay 90% on everything, all lines`."""
    found = COUPON.fullmatch(text)
    assert found, f"not a coupon: {text}"
    amount, percent, scope, least, all_lines = found.groups()
    return Voucher(
        name_zh=text,
        name_en=text,
        scope=scope_of(scope),
        amount=fen(amount or "0"),
        percent=int(percent or 100),
        least=fen(least or "0"),
        on_all_lines=bool(all_lines),
    )


def read(cells: list[str]) -> Example:
    """One row of a table."""
    number, shows, cart, activities, extras, said, to_pay = cells
    items = _split(cart)
    used = _split(extras)
    credits = [found for text in used if (found := CREDITS.fullmatch(text))]
    coupons = [coupon(text) for text in used if not CREDITS.fullmatch(text)]
    assert len(credits) <= 1 >= len(coupons)
    return Example(
        number=int(number),
        shows=shows,
        lines=[wanted(item) for item in items if item != "a student"],
        is_student="a student" in items,
        activities=[activity(text) for text in _split(activities)],
        coupon=coupons[0] if coupons else None,
        credits=int(credits[0][1]) if credits else 0,
        most_credits=int(credits[0][2]) if credits else None,
        said=said,
        to_pay=to_pay,
    )


def _split(cell: str) -> list[str]:
    return cell.split("; ") if cell else []


def lines_said(quote: Quote) -> str:
    """The column `lines` as the page writes it."""
    return "; ".join(
        f"{NAMES[line.sku_id]} {yuan(line.price)}"
        + (f" {NUMBERS[line.activity.id - 1]}" if line.activity else "")
        + (f" − {yuan(line.coupon_off)} coupon" if line.coupon_off else "")
        + (f" − {yuan(line.credits_off)} credits" if line.credits_off else "")
        + f" = {yuan(line.payable)}"
        for line in quote.lines
    )


EXAMPLES = [read(cells) for cells in tables(HEADING)]
