"""What the shelves will not do.

Refusal
└── NotOnHand, BookedAlready     correcting counts by hand
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NotOnHand(Refusal):
    """So many pieces are not free: some are held for unpaid orders, or not there. Nothing was booked."""


class BookedAlready(Refusal):
    """This was booked already, when the form was sent before."""
