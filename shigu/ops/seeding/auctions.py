"""Auctions of the seeded shop, read from the TOML file beside this one: one over, one live, two to come.

`happenings(people)` are what is missing, each with its moment, to be told among the other stories: an ended
session with its results, once; a live one and those to come whenever none is open. Everything goes through
the shop's own verbs: deposits are paid at the provider, bids are decided, lots are closed by the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import arranging, committing, deposits, publishing
from shigu.auctions.announcing import ending, outbid
from shigu.auctions.closing import close
from shigu.auctions.deciding import Offer
from shigu.auctions.deciding_deposits import decide_deposits
from shigu.auctions.models import Award, Bidding, DepositState, Lot, Session, SessionState
from shigu.auctions.opening import turn
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku
from shigu.clock.drain import drain
from shigu.kit.errors import Refusal
from shigu.ops.seeding.shelves import read
from shigu.ops.seeding.telling import MINUTE, NOWHERE, pay_at_provider, travel
from shigu.orders import shipping
from shigu.orders.expiry import expire
from shigu.orders.models import Order
from shigu.payments.models import Refund, Why
from shigu.payments.opening import Way, open_attempt
from shigu.payments.provider import Fate, RefundAnswer
from shigu.payments.refunding import sent

Entry = Mapping[str, Any]
DAY = timedelta(days=1)
LONG_AGO = 36 * DAY
"""When the lots of the ended session began to close: whoever did not pay may bid again by now."""

FAST = timedelta(seconds=30) > MINUTE
"""A shop whose minutes are seconds, to be watched."""

DOORS = timedelta(seconds=45 if FAST else 0)
"""How long such a shop takes to open; what is to come counts from there, or the first lots ended unseen."""

PAY = 120 if FAST else 86400
"""Seconds to pay what was won."""

OPEN = (SessionState.SCHEDULED, SessionState.PREVIEW, SessionState.LIVE)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was done `ago` before now."""

    ago: timedelta
    do: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Times:
    """A session's times, as so long before now; below zero is to come. `apart` is between its lots."""

    preview_from: timedelta
    preview_until: timedelta
    opens_at: timedelta
    closes_at: timedelta
    apart: timedelta


WHEN: dict[str, Times] = {
    "past": Times(LONG_AGO + DAY, LONG_AGO + 200 * MINUTE, LONG_AGO + 150 * MINUTE, LONG_AGO, 5 * MINUTE),
    "live": Times(DAY, 50 * MINUTE, 45 * MINUTE, -4 * MINUTE, 3 * MINUTE),
    "soon": Times(60 * MINUTE, -15 * MINUTE, -16 * MINUTE, -32 * MINUTE, 4 * MINUTE),
    "later": Times(-DAY, -2 * DAY, -3 * DAY, -3.1 * DAY, timedelta(minutes=5)),
}  # fmt: skip


def happenings(people: Mapping[str, User]) -> list[Happening]:
    """What is missing, of each session; each moment counts from now."""
    travel(timedelta(0))
    file, now = read("auctions"), clock.now()
    missing = [entry for entry in file["session"] if _is_missing(entry)]
    return [one for entry in missing for one in Telling(file, entry, people, now).all()]


def _is_missing(entry: Entry) -> bool:
    rows = Session.objects.filter(slug__startswith=entry["slug"])
    if entry["when"] != "past":
        # A shop that was shut has not closed yet what ended meanwhile: its last lot's end decides.
        ends = Bidding.objects.filter(session_id__in=rows.filter(state__in=OPEN).values("pk"))
        return not ends.filter(closes_at__gt=clock.now() + MINUTE).exists()
    told = rows.filter(state=SessionState.ENDED).exclude(lots__awards__state=0)
    return not told.exists()


@dataclass(frozen=True, slots=True)
class Telling:
    """One session on its way."""

    file: Entry
    entry: Entry
    people: Mapping[str, User]
    now: datetime

    @property
    def times(self) -> Times:
        return WHEN[self.entry["when"]]

    @property
    def slug(self) -> str:
        """The past one is told once; the others come again, numbered, when they are over."""
        if self.entry["when"] == "past":
            return str(self.entry["slug"])
        earlier = Session.objects.filter(slug__startswith=self.entry["slug"]).count()
        return f"{self.entry['slug']}-{earlier + 1}"

    def all(self) -> Iterator[Happening]:
        """Made and published; deposits, opening, bids; then what became of it."""
        slug, times = self.slug, self.times
        yield Happening(max(times.preview_from, timedelta(0)), partial(self._publish, slug))
        moment = times.closes_at if self.entry["when"] == "past" else timedelta(0)
        for who, minutes in self.entry.get("deposits", []):
            user = self.people[who]
            yield Happening(moment + minutes * MINUTE, partial(_admit, slug, user))
        if times.opens_at > timedelta(0):
            yield Happening(times.opens_at, partial(drain, turn))
        for nth, lot in enumerate(self.entry["lot"], start=1):
            for bid in lot.get("bids", []):
                act = partial(self._bid, slug, nth, *bid)
                yield Happening(moment + bid[1] * MINUTE, act)
                told = moment + bid[1] * MINUTE - timedelta(seconds=2)
                yield Happening(told, partial(_ring, outbid))
            soon = times.closes_at - (nth - 1) * times.apart + settings.AUCTION_ENDING
            if timedelta(seconds=1) < soon < times.opens_at:
                yield Happening(soon - timedelta(seconds=1), partial(_ring, ending))
        if self.entry["when"] == "past":
            yield from self._results(slug)

    def _results(self, slug: str) -> Iterator[Happening]:
        """Each lot at its end; two winners pay, one does not; all deposits are decided."""
        end = self.times.closes_at
        for nth in range(len(self.entry["lot"])):
            yield Happening(
                end - nth * self.times.apart - timedelta(seconds=1), partial(_ring, close)
            )
        yield Happening(end - 30 * MINUTE, partial(_ring, turn, decide_deposits, outbid, ending))
        for nth, lot in enumerate(self.entry["lot"], start=1):
            if who := lot.get("paid_by"):
                act = partial(_pay, slug, nth, self.people[who])
                yield Happening(end - (2 + nth) * timedelta(hours=1), act)
        yield Happening(end - 1.1 * DAY, partial(_ring, expire, decide_deposits))
        yield Happening(end - 1.2 * DAY, _deposits_are_back)
        yield Happening(end - 2 * DAY, partial(_ship, slug, self.people["operator"]))

    def _publish(self, slug: str) -> None:
        if not Session.objects.filter(slug=slug).exists():
            self._make(slug)
        publishing.publish(Session.objects.get(slug=slug).pk)
        _ring(turn)

    @transaction.atomic
    def _make(self, slug: str) -> None:
        entry, times = self.entry, self.times
        words = {name: entry[name] for name in ("story_zh", "story_en", "motif", "tone")}
        session = Session.objects.create(
            slug=slug,
            name_zh=entry["zh"],
            name_en=entry["en"],
            **words,
            preview_from=self._at(times.preview_from),
            preview_until=self._at(times.preview_until),
            opens_at=self._at(times.opens_at),
            closes_at=self._at(times.closes_at),
            stagger=int(times.apart.total_seconds()),
            soft_window=_seconds(2),
            soft_extension=_seconds(2),
            deposit=entry["deposit"] * 100,
            pay_seconds=86400 if entry["when"] == "past" else PAY,
            made_by=self.people["operator"],
        )
        for number, lot in enumerate(entry["lot"], start=1):
            _lot(self.file, session, number, lot)

    def _at(self, ago: timedelta) -> datetime:
        return self.now - ago + (DOORS if ago < timedelta(0) else timedelta(0))

    def _bid(self, slug: str, nth: int, who: str, _ago: float, *figures: int) -> None:
        """Decided like anybody's; some are refused, and stand in the log as such."""
        amount, *rest = [100 * figure for figure in figures]
        lot = Lot.objects.get(session__slug=slug, number=nth)
        key = f"seed {slug} {nth} {amount}"
        maximum = rest[0] if rest else None
        offer = Offer(lot.pk, self.people[who].pk, key, amount, maximum, confirmed=True)
        committing.decided(offer)


def _lot(file: Entry, session: Session, number: int, entry: Entry) -> None:
    code = f"{session.slug}-{number}"
    product = Product.objects.create(
        kind=Kind.LOT,
        slug=code,
        category=_category(file, entry["category"]),
        name_zh=entry["zh"],
        name_en=entry["en"],
        motif=entry["motif"],
        on_sale=False,
    )
    sku = Sku.objects.create(product=product, code=code.upper()[:40], price=0, on_sale=False)
    steps = [[100 * start, 100 * step] for start, step in file["steps"][entry["steps"]]]
    Lot.objects.create(
        session=session,
        number=number,
        sku=sku,
        name_zh=entry["zh"],
        name_en=entry["en"],
        story_zh=entry["story_zh"],
        story_en=entry["story_en"],
        details=entry["details"],
        start_price=100 * entry["start"],
        steps=steps,
        reserve=100 * entry["reserve"] if "reserve" in entry else None,
        deposit=100 * entry["deposit"],
    )


def _category(file: Entry, slug: str) -> Category:
    words = {"name_zh": "拍品", "name_en": "Auction lots"}
    direction, _ = Direction.objects.get_or_create(slug="lots", kind=Kind.LOT, defaults=words)
    entry = next(one for one in file["category"] if one["slug"] == slug)
    words = {"name_zh": entry["zh"], "name_en": entry["en"], "tone": entry["tone"]}
    found, _ = Category.objects.get_or_create(slug=slug, defaults={"direction": direction, **words})
    return found


def _admit(slug: str, user: User) -> None:
    """A deposit for the whole session, paid a moment later; whoever is barred has none."""
    session = Session.objects.get(slug=slug)
    with suppress(Refusal):
        deposit = deposits.ask_for_session(user.pk, session.pk, key=f"seed {slug}")
        if deposit.state == DepositState.PENDING:
            pay_at_provider(_opened("deposit", deposit.pk, user.pk))


def _pay(slug: str, nth: int, user: User) -> None:
    """The winner says where it goes, and pays."""
    award = Award.objects.get(lot__session__slug=slug, lot__number=nth, user=user)
    address = user.addresses.first()
    arranging.arrange(award.order_id, by=user.pk, sent_to=str(address))
    pay_at_provider(_opened("order", award.order_id, user.pk))


def _opened(purpose: str, subject: int, user_id: int) -> Any:
    return open_attempt(purpose, subject, user_id=user_id, way=Way(), addresses=NOWHERE).attempt


def _ring(*kinds: Callable[..., Any]) -> None:
    """The clock does what is due of these."""
    for kind in kinds:
        drain(kind)


def _deposits_are_back() -> None:
    """What went back arrived at its owners."""
    for refund in Refund.objects.filter(why=Why.DEPOSIT, state="sending"):
        sent(refund.pk, RefundAnswer(Fate.SENT, "10000"), tries=refund.tries)


def _ship(slug: str, operator: User) -> None:
    for order in Order.objects.filter(award__lot__session__slug=slug, shipment__shipped_at=None):
        if hasattr(order, "shipment"):
            number = f"SF{7_100_000_000 + order.pk * 37}"
            shipping.ship(order.pk, by=operator.pk, carrier="顺丰", tracking_no=number)


def _seconds(minutes: int) -> int:
    return max(int(minutes * MINUTE.total_seconds()), 3)
