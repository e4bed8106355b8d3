"""What the ledger will not do, said to the operator who asked for it.

Refusal
└── NotAdjustable, NothingThere, TooLittleThere, AdjustedAlready     adjusting by hand
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NotAdjustable(Refusal):
    """Only the free credits and the balance of a person can be adjusted. Nothing was booked."""


class NothingThere(Refusal):
    """Say how much to give or to take: nothing is no adjustment."""


class TooLittleThere(Refusal):
    """There is only %(there)s, so %(wanted)s cannot be taken. Nothing was booked."""


class AdjustedAlready(Refusal):
    """This was booked already, when the form was sent before."""
