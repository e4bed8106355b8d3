"""What the life of sessions and lots will not do, each with the sentence its operator or winner reads.

Refusal
├── NotComplete                                            publishing: one class per thing that is wrong
│   └── NoLots, TimesInDisorder, IsOver, BadSteps, BadFigures, ShareMissing, NotALot, UnderHammer,
│       SoldAlready
├── FrozenNow, InThePast, NumberTaken                      changing what stands already
│   └── Promised                                           … because of a deposit
├── NotOpen, NotOpenedYet, NotLater, SayWhy,
│   NotWithdrawable                                        extending, withdrawing
├── NotRelistable, RelistedAlready, NotADraft              relisting
├── NoSuchSession, PublishedAlready                        removing drafts
├── NothingToOffer, NobodyElse, BadTime                    second chances
└── NotGivenUp, NotRestored, AddressFirst, CashierOpen, CouponNotOnLots, NotAnAward, RefundByHand
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NotComplete(Refusal):
    """This session cannot be published yet."""


class NoLots(NotComplete):
    """A session needs at least one lot before it is published."""


class TimesInDisorder(NotComplete):
    """The times must follow each other: preview begins, preview ends, opens, closes."""


class IsOver(NotComplete):
    """The first lot would have closed already. Choose a later time; nothing was changed."""


class BadSteps(NotComplete):
    """“%(name)s”: increments are pairs of a price and a step above zero, the first from price 0, rising."""


class BadFigures(NotComplete):
    """“%(name)s”: the start price and the deposit are not below zero, a reserve not below the start price."""


class ShareMissing(NotComplete):
    """“%(name)s” needs a deposit of its own above zero: it is the lot's share of the session's deposit."""


class NotALot(NotComplete):
    """“%(name)s” is not a thing to be auctioned: choose a product of the kind “auction lot”."""


class UnderHammer(NotComplete):
    """“%(name)s” is under the hammer already, or waits to be paid by its winner."""


class SoldAlready(NotComplete):
    """“%(name)s” was sold and paid; it is not the shop's any more."""


class FrozenNow(Refusal):
    """“%(what)s” cannot be changed any more. Nothing was changed."""


class NumberTaken(Refusal):
    """Another lot of this session has this number."""


class Promised(FrozenNow):
    """“%(what)s” stands while anybody has a deposit here, paid or to be paid. Nothing was changed."""


class InThePast(Refusal):
    """A new time must lie ahead. Nothing was changed."""


class NotOpen(Refusal):
    """This lot is over, or was never published."""


class NotOpenedYet(Refusal):
    """This lot is not open yet: until then its end follows the times of its session."""


class NotLater(Refusal):
    """More time means a later end than %(end)s. Nothing was changed."""


class SayWhy(Refusal):
    """Write why; bidders will read it."""


class NotWithdrawable(Refusal):
    """Only what is not over yet can be withdrawn."""


class NotRelistable(Refusal):
    """Only a lot that passed in, was not paid, or was withdrawn can be listed again."""


class RelistedAlready(Refusal):
    """This lot was listed again before."""


class NotADraft(Refusal):
    """Choose a session that is not published yet."""


class NoSuchSession(Refusal):
    """There is no such session any more."""


class PublishedAlready(Refusal):
    """This session was published, so what is in it stays. Nothing was removed; you can withdraw it."""


class NothingToOffer(Refusal):
    """Only a lot that its winner did not pay can be offered to the next bidder."""


class NobodyElse(Refusal):
    """There is no further bidder to whom this lot could be offered."""


class BadTime(Refusal):
    """Give them between one minute and thirty days."""


class NotGivenUp(Refusal):
    """What was won at auction cannot be cancelled. Pay it in time, or the deposit is forfeited."""


class NotRestored(Refusal):
    """What was won at auction and not paid in time cannot be restored."""


class AddressFirst(Refusal):
    """Say first where the lot is to be sent; then you can pay."""


class CashierOpen(Refusal):
    """The cashier was opened for this order, so its address and coupon stand."""


class CouponNotOnLots(Refusal):
    """This coupon is not meant for auction lots. Nothing was changed."""


class NotAnAward(Refusal):
    """This is not something won at auction that waits for its payment."""
