"""What an order will not do, each with the sentence its buyer reads.

Refusal
├── NothingChosen, CartChanged, PriceChanged, TakenDown, OutOfStock, BadQuantity, AddressMissing,
│   BadCredits
├── OfferChanged, TotalChanged               what the buyer saw is not what it would be now
├── CouponGone, CreditsShort                 what the order was to take is not there any more
├── AwaitingPayment, AlreadyYours            a course is bought once
├── NotRunning, RunsForEver                  renewing
├── NotUnpaid, TimeIsUp                      paying, cancelling
├── NotExpired, NotEnded                     restoring, deleting
├── CouponDoesNotFit                         pricing: one class per reason
│   └── CouponFitsNothing, CouponOnActivities, CouponMinimum, CouponSavesNothing
└── NotPaid, NotToShip                       shipping, refunding
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NothingChosen(Refusal):
    """Choose at least one line of the cart first."""


class CartChanged(Refusal):
    """Your cart has changed in the meantime. Please look at it again; nothing was ordered."""


class PriceChanged(Refusal):
    """The price of “%(name)s” is now ¥%(now)s (you saw ¥%(seen)s). Nothing was ordered."""


class OfferChanged(Refusal):
    """With what is on offer now, “%(name)s” costs ¥%(now)s (you saw ¥%(seen)s). Nothing was ordered."""


class TotalChanged(Refusal):
    """The whole now costs ¥%(now)s (you saw ¥%(seen)s): something changed meanwhile. Nothing was ordered."""


class CouponGone(Refusal):
    """This coupon cannot be used any more: it was used, lapsed or withdrawn. Nothing was held."""


class CreditsShort(Refusal):
    """Only %(left)s credits of yours can be used on this. Nothing was held."""


class TakenDown(Refusal):
    """“%(name)s” is no longer on sale."""


class OutOfStock(Refusal):
    """Of “%(name)s” only %(left)s can still be had. Nothing was held or charged."""


class BadQuantity(Refusal):
    """Choose between 1 and 99 pieces."""


class BadCredits(Refusal):
    """Write how many credits you want to use as a whole number, 0 for none."""


class AddressMissing(Refusal):
    """Goods need an address: choose one or add one."""


class AwaitingPayment(Refusal):
    """“%(name)s” already stands in your unpaid order %(number)s. Pay or cancel that one."""


class AlreadyYours(Refusal):
    """“%(name)s” is already in your courses and still valid."""


class NotRunning(Refusal):
    """“%(name)s” is not in your courses any more, so it cannot be renewed. Buy it again instead."""


class RunsForEver(Refusal):
    """“%(name)s” is yours for ever: there is nothing to renew."""


class NotUnpaid(Refusal):
    """This order is no longer waiting for payment."""


class TimeIsUp(Refusal):
    """The time to pay this order is over; what was held for it comes back."""


class NotExpired(Refusal):
    """Only an order that lapsed can be restored."""


class NotEnded(Refusal):
    """Only an order that was cancelled, lapsed or refunded can be deleted."""


class NotPaid(Refusal):
    """Only a paid order can be refunded."""


class NotToShip(Refusal):
    """This order does not wait to be shipped."""


class CouponDoesNotFit(Refusal):
    """This coupon cannot be used here."""


class CouponFitsNothing(CouponDoesNotFit):
    """There is nothing here that this coupon applies to."""


class CouponOnActivities(CouponDoesNotFit):
    """What this coupon applies to is in an activity already, and coupons do not add to activities."""


class CouponMinimum(CouponDoesNotFit):
    """Spend ¥%(missing)s more on what this coupon applies to; lines in an activity do not count."""


class CouponSavesNothing(CouponDoesNotFit):
    """This coupon would save nothing here."""
