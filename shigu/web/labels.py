"""What things cost the reader now, as shelves show it: `labels(request, now)`, then `of_offers`, `of_sku`.

A label carries the price of one piece after the best activity that looks at each line alone, from the same
engine as the checkout. What needs several lines (满减, a bundle) is no price of one piece: it is said in
words beside it, as a `Deal`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.http import HttpRequest

from shigu.catalogue import activities
from shigu.catalogue.activities import Running
from shigu.catalogue.activity_words import said
from shigu.catalogue.lists import Offer, hottest
from shigu.catalogue.models import ActivityKind, Kind, Product, Sku
from shigu.catalogue.reckoning import ALONE
from shigu.kit.money import Fen
from shigu.orders import pricing, quoting
from shigu.orders.pricing import Wanted


@dataclass(frozen=True, slots=True)
class Label:
    """The price of one piece in fen, what is struck through beside it, and the activity that made it.

    `credits`: so many of them could be used on it.
    """

    price: Fen
    was: Fen | None = None
    activity: Running | None = None
    credits: int = 0


@dataclass(frozen=True, slots=True)
class Deal:
    """What an activity does for several lines together, in words."""

    activity: Running
    text: str

    @property
    def is_bundle(self) -> bool:
        return self.activity.kind == ActivityKind.BUNDLE


@dataclass(frozen=True, slots=True)
class Card:
    """An offer on a shelf with its label and at most one deal; reads like the offer it is made of."""

    offer: Offer
    label: Label
    deal: str = ""

    @property
    def product(self) -> Product:
        return self.offer.product

    @property
    def price(self) -> Fen:
        return self.label.price

    @property
    def was(self) -> Fen | None:
        return self.label.was

    @property
    def activity(self) -> Running | None:
        return self.label.activity

    @property
    def many(self) -> bool:
        """Are there other prices above this one? Not where everything costs nothing."""
        free = self.activity is not None and self.activity.kind == ActivityKind.FREE
        return self.offer.many and not free

    @property
    def left(self) -> int | None:
        return self.offer.left

    @property
    def few(self) -> int | None:
        return self.offer.few


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels for one reader at one moment; only `hottest` asks anything."""

    running: tuple[Running, ...]
    is_student: bool = False

    @property
    def alone(self) -> tuple[Running, ...]:
        """Activities that make the price of one piece for this reader."""
        mine = ALONE if self.is_student else ALONE - {ActivityKind.STUDENT}
        return tuple(one for one in self.running if one.kind in mine)

    def of_offers(self, offers: Iterable[Offer]) -> list[Card]:
        """Cards for a list."""
        return [self._card(offer) for offer in offers]

    def hottest(self, count: int) -> list[Card]:
        """What others look at: so many courses, and as many goods; a query each."""
        return self.of_offers(hottest(Kind.COURSE, count) + hottest(Kind.GOODS, count))

    def of_sku(self, sku: Sku, product: Product, *, renew: bool = False) -> Label:
        """One choice of a product, which was read with its category."""
        price = quoting.unit_price(sku, renew=renew)
        return self._label(product, price, None if renew else sku.was)

    def deals(self, product: Product) -> list[Deal]:
        """What buying more of it, or something with it, would save."""
        return [
            Deal(one, said(one))
            for one in self.running
            if one.kind not in ALONE and one.scope.covers(*_place(product))
        ]

    def for_students(self, product: Product, price: Fen) -> Deal | None:
        """What students would get at this list price, where it is better than what this reader gets."""
        theirs = replace(self, is_student=True)._label(product, price, None).activity
        only = theirs and theirs.kind == ActivityKind.STUDENT and not self.is_student
        return Deal(theirs, said(theirs)) if theirs and only else None

    def _card(self, offer: Offer) -> Card:
        deal = next(iter(self.deals(offer.product)), None)
        label = self._label(offer.product, offer.price, offer.was)
        return Card(offer, label, deal.text if deal else "")

    def _label(self, product: Product, price: Fen, was: Fen | None) -> Label:
        wanted = Wanted(0, price, 1, *_place(product), most_credits=product.most_credits)
        worth = quoting.credit_worth()
        found = pricing.quote([wanted], activities=self.alone, is_student=True, credit_worth=worth)
        [line] = found.lines
        if line.activity is None:
            return Label(price, was, credits=found.most_credits)
        return Label(line.price, price, line.activity, found.most_credits)


def labels(request: HttpRequest, now: datetime) -> Labels:
    """For whoever reads this page; one query where nothing runs, else three."""
    is_student = bool(request.user.is_authenticated and request.user.is_student)
    return Labels(activities.running(now), is_student)


def _place(product: Product) -> tuple[int, int, int]:
    return product.pk, product.category_id, product.category.direction_id
