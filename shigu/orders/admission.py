"""Who may place: every condition of one group of requests, decided in order, without a query.

`Admission` holds what the transaction read under its locks. `admit` refuses or uses up: pieces, cart
lines and courses taken by one request are gone for the next one of the same group.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shigu.catalogue.models import Kind, Sku
from shigu.kit.money import Fen, yuan
from shigu.orders import quoting
from shigu.orders.buying import InHand, Pair
from shigu.orders.errors import (
    AddressMissing,
    BadQuantity,
    CartChanged,
    CouponGone,
    CreditsShort,
    NothingChosen,
    OfferChanged,
    OutOfStock,
    PriceChanged,
    TakenDown,
    TotalChanged,
)
from shigu.orders.models import CartLine
from shigu.orders.pricing import Quote, Voucher
from shigu.orders.quoting import Terms
from shigu.promotions.models import Grant

MOST_PIECES = 99


@dataclass(frozen=True, slots=True)
class Choice:
    """One SKU, how many, and what the buyer saw: the price per piece, and of the line after its activity.

    `offered` None: whatever it is now. `renew`: a course that still runs is to run longer.
    """

    sku_id: int
    quantity: int
    seen: Fen
    offered: Fen | None = None
    renew: bool = False


@dataclass(frozen=True, slots=True)
class Placing:
    """One request: `key` makes it idempotent per buyer; `cart_lines` are the ids it came from, if any.

    `grant_id` is the buyer's coupon to use, `credits` how many; `payable` in fen is what the buyer saw
    to pay at the end (None: whatever it is now).
    """

    user_id: int
    key: str
    choices: tuple[Choice, ...]
    sent_to: str = ""
    cart_lines: tuple[int, ...] = ()
    grant_id: int | None = None
    credits: int = 0
    payable: Fen | None = None


@dataclass(slots=True)
class Admission:
    """What one transaction read: offers, carts, courses in hand; locked: coupons, credits, pieces free."""

    now: datetime
    terms: Terms
    offered: dict[int, Sku]
    carts: dict[int, CartLine]
    in_hand: InHand
    grants: dict[int, Grant]
    vouchers: dict[int, Voucher]
    credits: dict[int, int]
    free: dict[int, int]

    def admit(self, placing: Placing, number: str) -> Quote:
        """Price a request that may be placed, as order `number`, and use up what it takes."""
        self._refuse_cart(placing)
        if not placing.choices:
            raise NothingChosen
        for choice in placing.choices:
            self._refuse_choice(choice, placing)
        self._refuse_courses(placing)
        quote = self._quote(placing)
        self._refuse_changed(placing, quote)
        self._refuse_short(placing)
        self._use_up(placing, number)
        return quote

    def pieces(self, placing: Placing) -> dict[int, int]:
        """Pieces of goods by SKU that an admitted request holds."""
        return {
            choice.sku_id: choice.quantity for choice in placing.choices if self.is_goods(choice)
        }

    def is_goods(self, choice: Choice) -> bool:
        return self.offered[choice.sku_id].product.kind == Kind.GOODS

    def _refuse_cart(self, placing: Placing) -> None:
        if not placing.cart_lines:
            return
        lines = [self.carts.get(pk) for pk in placing.cart_lines]
        if any(line is None or line.user_id != placing.user_id for line in lines):
            raise CartChanged
        standing = sorted((line.sku_id, line.quantity) for line in lines if line)
        if standing != sorted((choice.sku_id, choice.quantity) for choice in placing.choices):
            raise CartChanged

    def _refuse_choice(self, choice: Choice, placing: Placing) -> None:
        sku = self.offered.get(choice.sku_id)
        if sku is None:
            raise CartChanged
        under_hammer = sku.product.kind == Kind.LOT
        if under_hammer or not (sku.on_sale and sku.product.on_sale):
            raise TakenDown(name=sku.product.name)
        price = quoting.unit_price(sku, renew=choice.renew)
        if price != choice.seen:
            raise PriceChanged(name=sku.product.name, now=yuan(price), seen=yuan(choice.seen))
        if choice.renew and self.is_goods(choice):
            raise CartChanged
        if not 1 <= choice.quantity <= (MOST_PIECES if self.is_goods(choice) else 1):
            raise BadQuantity
        if self.is_goods(choice) and not placing.sent_to:
            raise AddressMissing

    def _refuse_courses(self, placing: Placing) -> None:
        for pair, name, renew in self._courses(placing):
            if found := self.in_hand.refusal(pair, name, renew=renew):
                raise found
        products = [
            self.offered[choice.sku_id].product_id
            for choice in placing.choices
            if not self.is_goods(choice)
        ]
        skus = [choice.sku_id for choice in placing.choices]
        if len(set(products)) < len(products) or len(set(skus)) < len(skus):
            raise CartChanged

    def _refuse_short(self, placing: Placing) -> None:
        for choice in filter(self.is_goods, placing.choices):
            left = self.free.get(choice.sku_id, 0)
            if left < choice.quantity:
                raise OutOfStock(name=self.offered[choice.sku_id].product.name, left=max(left, 0))

    def _use_up(self, placing: Placing, number: str) -> None:
        for line in placing.cart_lines:
            del self.carts[line]
        self.in_hand.waiting.update({pair: number for pair, _, _ in self._courses(placing)})
        if placing.grant_id:
            del self.grants[placing.grant_id]
        if placing.credits:
            self.credits[placing.user_id] -= placing.credits
        for choice in filter(self.is_goods, placing.choices):
            self.free[choice.sku_id] -= choice.quantity

    def _courses(self, placing: Placing) -> list[tuple[Pair, str, bool]]:
        """(buyer and course, its name, whether it is renewed)."""
        return [
            ((placing.user_id, product.pk), product.name, choice.renew)
            for choice in placing.choices
            if not self.is_goods(choice)
            for product in [self.offered[choice.sku_id].product]
        ]

    def _quote(self, placing: Placing) -> Quote:
        wanted = [
            quoting.wanted(self.offered[choice.sku_id], choice.quantity, renew=choice.renew)
            for choice in placing.choices
        ]
        return self.terms.quote(
            placing.user_id, wanted, coupon=self._coupon(placing), credits=max(placing.credits, 0)
        )

    def _coupon(self, placing: Placing) -> Voucher | None:
        if placing.grant_id is None:
            return None
        grant = self.grants.get(placing.grant_id)
        if grant is None or grant.user_id != placing.user_id or not grant.is_usable(self.now):
            raise CouponGone
        return self.vouchers[grant.pk]

    def _refuse_changed(self, placing: Placing, quote: Quote) -> None:
        """What the buyer saw is what it is, or the refusal names what is not."""
        for choice, line in zip(placing.choices, quote.lines, strict=True):
            if choice.offered is not None and choice.offered != line.price:
                name = self.offered[choice.sku_id].product.name
                raise OfferChanged(name=name, now=yuan(line.price), seen=yuan(choice.offered))
        if placing.credits:
            left = min(quote.most_credits, self.credits[placing.user_id])
            if not 0 < placing.credits <= left:
                raise CreditsShort(left=left)
        if placing.payable is not None and placing.payable != quote.payable:
            raise TotalChanged(now=yuan(quote.payable), seen=yuan(placing.payable))
