"""What the coupon room will not do, said to whoever asked.

Refusal
├── NoneLeft, HaveYours                  the number is out, in the house or for this person
├── NotYetOffered, NotOffered            too early; withdrawn, over, or never to be claimed
├── UnknownCode                          one answer for whatever code does not work
├── CouponOver, PeopleUnknown, NobodyMeant, TooManyListed    giving to many
└── GrantHeld, NotUnused                 revoking
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NoneLeft(Refusal):
    """None of this coupon is left."""


class HaveYours(Refusal):
    """You already have yours: there is no more of this coupon for one person."""


class NotYetOffered(Refusal):
    """This coupon cannot be had yet; it starts later."""


class NotOffered(Refusal):
    """This coupon is not on offer any more."""


class UnknownCode(Refusal):
    """This code does not work. Please check it for mistakes."""


class CouponOver(Refusal):
    """The time of this coupon is over: whoever got it now could not use it."""


class PeopleUnknown(Refusal):
    """Nobody was given anything: there is no active user called %(names)s."""


class NobodyMeant(Refusal):
    """There is nobody to give it to."""


class TooManyListed(Refusal):
    """A list holds at most %(most)s people. Give it in parts."""


class GrantHeld(Refusal):
    """An unpaid order holds this coupon. Once that is cancelled or over, it can be revoked."""


class NotUnused(Refusal):
    """Only an unused coupon can be revoked; this one is not unused any more."""
