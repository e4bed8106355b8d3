"""An auction as an operator makes it and people go through it: published, bid on, closed, paid.

Everything goes through the verbs that pages call, and time passes by moving the database's clock: `go_to`
jumps there and lets the clock do what is due. The provider is told what to answer (`says`), its notifies are
`paid`. Bidders pay a deposit for what they bid on, as far as it asks for one.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import committing, deposits, publishing
from shigu.auctions.deciding import Decision, Offer
from shigu.auctions.models import Award, Bidding, Deposit, Lot, LotState, Session, SessionState
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku
from shigu.clock.drain import drain_all
from shigu.orders.models import Order
from shigu.payments.models import Attempt, Outcome
from shigu.payments.opening import Addresses, Way, open_attempt
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import settle

HOUR = timedelta(hours=1)
STEPS = [[0, 100], [10_000, 500], [100_000, 5000]]
NOWHERE = Addresses(returns="http://127.0.0.1:9/", notifies="http://127.0.0.1:9/")
HOME = "Bob, 3 West Market"

_numbers = itertools.count(1)


class Sale:
    """A draft session: preview in an hour, an hour long; opens an hour later, closes after an hour."""

    def __init__(self, *lots: dict[str, Any], **session: Any) -> None:
        now = clock.now()
        given = {
            "slug": f"sale-{next(_numbers)}",
            "name_zh": "秋拍",
            "preview_from": now + HOUR,
            "preview_until": now + 2 * HOUR,
            "opens_at": now + 3 * HOUR,
            "closes_at": now + 4 * HOUR,
            "soft_window": 0,
            "deposit": 0,
        }
        self.session = Session.objects.create(**{**given, **session})
        self.lots = [self.add(**lot) for lot in lots]

    def add(self, **lot: Any) -> Lot:
        """One more lot, from ¥10 up by ¥1, of a thing of its own."""
        number = self.session.lots.count() + 1
        given = {"start_price": 1000, "steps": STEPS, "name_zh": f"拍品{number}"}
        given |= {"name_en": f"Lot {number}"}
        sku = lot.pop("sku", None) or thing()
        return Lot.objects.create(
            **{**given, "session": self.session, "number": number, "sku": sku, **lot}
        )

    def publish(self) -> Session:
        """Time does the rest."""
        self.session = publishing.publish(self.session.pk)
        return self.session

    def live(self) -> Sale:
        """Published and open, a second after its opening."""
        self.publish()
        go_to(self.session.opens_at)
        return self

    def bid(self, lot: Lot, who: User, amount: int, maximum: int | None = None) -> Decision:
        """A bid, confirmed, through the one door; whatever is decided."""
        key = f"k{next(_numbers)}"
        return committing.decided(Offer(lot.pk, who.pk, key, amount, maximum, confirmed=True))

    def state(self) -> SessionState:
        """As it stands."""
        self.session.refresh_from_db()
        return SessionState(self.session.state)

    def sold(self, lot: Lot, who: User, amount: int = 50_000) -> Award:
        """Bid on once, and closed."""
        assert self.bid(lot, who, amount).verdict == "accepted"
        go_to(at(lot).closes_at)
        return award(lot)


def thing() -> Sku:
    """Something to be auctioned, one of its kind."""
    names = {"name_zh": "拍"}
    direction, _ = Direction.objects.get_or_create(slug="lots", kind=Kind.LOT, defaults=names)
    category, _ = Category.objects.get_or_create(
        slug="lots", defaults={"direction": direction, **names}
    )
    code = f"thing-{next(_numbers)}"
    product = Product.objects.create(
        kind=Kind.LOT, slug=code, category=category, name_zh=code, on_sale=False
    )
    return Sku.objects.create(product=product, code=code, price=0, on_sale=False)


def person(name: str) -> User:
    """The same person each time."""
    return User.objects.get_or_create(username=name, defaults={"email": f"{name}@shigu.test"})[0]


def people(count: int) -> list[User]:
    """Many people."""
    rows = [User(username=f"bidder{next(_numbers)}") for _ in range(count)]
    for row in rows:
        row.email = f"{row.username}@shigu.test"
    return User.objects.bulk_create(rows)


def go_to(moment: datetime, *, ring: bool = True) -> None:
    """It is that moment, and a tenth of a second, and the clock did what is due."""
    clock.shift(moment + timedelta(seconds=0.1) - clock.now())
    if ring:
        drain_all()


def later(by: timedelta, *, ring: bool = True) -> None:
    """Time passes."""
    go_to(clock.now() + by, ring=ring)


def at(lot: Lot) -> Bidding:
    """How a lot stands."""
    return Bidding.objects.get(pk=lot.pk)


def state(lot: Lot) -> LotState:
    """What became of it."""
    return LotState(at(lot).state)


def award(lot: Lot) -> Award:
    """Its latest award."""
    return Award.objects.select_related("order", "lot").filter(lot=lot).latest("pk")


def deposit(who: User, *, session: Session | None = None, lot: Lot | None = None) -> Deposit:
    """Somebody pays the deposit for a session or a lot."""
    key = f"d{next(_numbers)}"
    if lot:
        row = deposits.ask_for_lot(who.pk, lot.pk, key=key)
    else:
        assert session
        row = deposits.ask_for_session(who.pk, session.pk, key=key)
    assert paid(opened("deposit", row.pk, who)) == Outcome.SETTLED
    row.refresh_from_db()
    return row


def opened(purpose: str, subject: int, who: User, form: str = "page") -> Attempt:
    """The cashier is open."""
    way = Way("alipay", form)
    return open_attempt(purpose, subject, user_id=who.pk, way=way, addresses=NOWHERE).attempt


def answer(attempt: Attempt, standing: Standing, at: datetime | None = None) -> Answer:
    """What the provider says of an attempt."""
    number = attempt.out_trade_no
    if standing is not Standing.PAID:
        return Answer(number, standing)
    moment = at or clock.now()
    return Answer(
        number, standing, amount=attempt.amount, trade_no=f"trade {number}", paid_at=moment
    )


def paid(attempt: Attempt, at: datetime | None = None) -> Outcome:
    """The provider's notify: paid at that moment (now)."""
    return settle("alipay", answer(attempt, Standing.PAID, at))


def status(order: Order) -> int:
    """As it stands."""
    return int(Order.objects.values_list("status", flat=True).get(pk=order.pk))
