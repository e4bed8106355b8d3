"""Auctions in every state, for pictures: a sale tonight, its bidders, what they won, owe and got back.

`stage(market)` makes them in a seeded shop, through the shop's own verbs as far as they lead there; a state
that only lasts a moment (an end that is just over, a payment being asked about) is written, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import arranging, deposits, extending, second_chance, withdrawing
from shigu.auctions.models import (
    Award,
    AwardState,
    Ban,
    Bidding,
    Deposit,
    DepositState,
    Lot,
    LotState,
    Session,
)
from shigu.ops.seeding.shelves import read
from tests.auctions.sale import Sale, deposit, thing
from tests.browser.market import Market
from tests.promotions import booth

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SLUG = "tonight"
WANTED = (
    *("cups", "kettle", "longer", "soft", "reserve", "nobody"),
    *("won", "asked", "confirming", "withdrawn"),
)
"""What becomes of the lots of tonight, by number."""


def stage(market: Market) -> None:
    """Everything; takes some seconds of real time and four minutes of the shop's."""
    names = ("alice", "bob", "carol", "operator")
    known = {one.username: one for one in User.objects.filter(username__in=names)}
    for name in ("dave", "erin"):
        known[name] = User.objects.create_user(name, f"{name}@shop.test", "open sesame 1")
    sale = _tonight(known["operator"])
    sale.publish()
    market.pass_time(minutes=3, seconds=1)
    _bids(market, sale, known)
    _ends(market, sale, known)
    _deposits(market, sale, known)
    _is_offered(market)
    _drafted(known["operator"])


def lot(name: str) -> Lot:
    """One of tonight's."""
    return Lot.objects.select_related("session").get(
        session__slug=SLUG, number=WANTED.index(name) + 1
    )


def _tonight(operator: User) -> Sale:
    file, now = read("auctions"), clock.now()
    sessions = {entry["slug"]: entry for entry in file["session"]}
    evening = sessions["evening-sale"]
    words = {name: evening[name] for name in ("story_zh", "story_en", "motif", "tone")}
    sale = Sale(
        slug=SLUG,
        name_zh=evening["zh"],
        name_en=evening["en"],
        **words,
        preview_from=now + MINUTE,
        preview_until=now + 2 * MINUTE,
        opens_at=now + 3 * MINUTE,
        closes_at=now + 3 * HOUR,
        stagger=300,
        soft_window=120,
        soft_extension=120,
        most_extensions=10,
        deposit=100_000,
        made_by=operator,
    )
    for entry in [*evening["lot"], *sessions["scholars-desk"]["lot"]]:
        sale.lots.append(sale.add(sku=_thing(entry), **_written(file, entry)))
    return sale


def _thing(entry: Mapping[str, Any]) -> Any:
    sku = thing()
    sku.product.motif = entry["motif"]
    sku.product.save(update_fields=["motif"])
    return sku


def _written(file: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    words = ("story_zh", "story_en", "details")
    return {name: entry[name] for name in words} | {
        "name_zh": entry["zh"],
        "name_en": entry["en"],
        "start_price": 100 * entry["start"],
        "steps": [[100 * start, 100 * step] for start, step in file["steps"][entry["steps"]]],
        "reserve": 100 * entry["reserve"] if "reserve" in entry else None,
        "deposit": 100 * entry["deposit"],
    }


def _bids(market: Market, sale: Sale, known: Mapping[str, User]) -> None:
    bob, carol = known["bob"], known["carol"]
    for who in (bob, carol):
        deposit(who, session=sale.session)
    cups, kettle, longer, soft, reserve, _nobody, won, asked, confirming, withdrawn = sale.lots
    for row, who, amount, *most in (
        *((cups, bob, 20_000), (cups, carol, 24_000), (kettle, carol, 80_000)),
        *((longer, bob, 15_000), (soft, carol, 26_000), (reserve, bob, 60_000)),
        *((won, carol, 52_000), (asked, carol, 12_000), (confirming, bob, 9_000)),
        *((withdrawn, bob, 31_000), (cups, bob, 27_000, 32_000), (cups, carol, 30_000)),
        *((kettle, bob, 90_000, 160_000), (kettle, carol, 95_000), (cups, carol, 33_000)),
    ):
        assert sale.bid(row, who, amount, *most).verdict == "accepted"
        market.pass_time(seconds=7)


def _ends(market: Market, sale: Sale, known: Mapping[str, User]) -> None:
    _cups, _kettle, longer, soft, _reserve, _nobody, won, asked, confirming, withdrawn = sale.lots
    until = Bidding.objects.get(pk=longer.pk).closes_at + 10 * MINUTE
    extending.extend(longer.pk, until=until, by=known["operator"].pk)
    withdrawing.withdraw_lot(withdrawn.pk, why="釉面有新伤 · A new crack in the glaze.")
    now = clock.now()
    Bidding.objects.filter(pk=soft.pk).update(extensions=2)
    Bidding.objects.filter(pk__in=[won.pk, asked.pk]).update(closes_at=now, due_at=now)
    Bidding.objects.filter(pk=confirming.pk).update(closes_at=now, due_at=now + 9 * HOUR)
    mine = Bidding.objects.filter(pk__in=[won.pk, asked.pk], state=LotState.SOLD)
    market.wait(lambda: mine.count() == 2)
    carol = known["carol"]
    for off in (3_000, 5_000):
        booth.in_hand(booth.coupon("拍卖券", name_en="For lots", amount=off, on_lots=True), carol)
    award = Award.objects.select_related("order").get(lot_id=asked.pk)
    arranging.arrange(award.order_id, by=carol.pk, sent_to=str(market.address(carol)))
    market.open_attempt(award.order)


def _deposits(market: Market, sale: Sale, known: Mapping[str, User]) -> None:
    dave, erin = known["dave"], known["erin"]
    row = deposits.ask_for_lot(dave.pk, sale.lots[0].pk, key="stays")
    Deposit.objects.filter(pk=row.pk).update(pay_by=clock.now() + 2 * HOUR)
    row = deposits.ask_for_lot(dave.pk, sale.lots[5].pk, key="lapses")
    Deposit.objects.filter(pk=row.pk).update(pay_by=clock.now(), due_at=clock.now())
    lapsed = Deposit.objects.filter(pk=row.pk, state=DepositState.LAPSED)
    market.wait(lapsed.exists)
    now = clock.now()
    Ban.objects.create(user=erin, since=now, until=now + timedelta(days=30), note="overdue")


def _is_offered(market: Market) -> None:
    """What alice did not pay in spring goes to bob, if he wants it."""
    unpaid = Award.objects.filter(lot__session__slug="spring-sale", state=AwardState.OVERDUE)
    if found := unpaid.first():
        second_chance.offer(found.lot_id)


def _drafted(operator: User) -> Session:
    sale = Sale({}, slug="draft-sale", name_zh="未发布的专场", name_en="A draft", made_by=operator)
    return sale.session
