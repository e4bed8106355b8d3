"""How many credits each line takes: `most` at most, `redeem` of those that the buyer wants to use.

Whole credits only, so that a refund of one line gives whole credits back: what is left below the worth
of one credit is paid in money.
"""

from __future__ import annotations

from collections.abc import Sequence

from shigu.kit.money import Fen
from shigu.orders.pricing.apportioning import apportion
from shigu.orders.pricing.facts import Priced


def most(lines: Sequence[Priced], worth: Fen) -> list[int]:
    """The cap of each line: its product's, and what is left to pay after a coupon."""
    return [
        min(line.wanted.most_credits * line.wanted.quantity, line.payable // worth)
        for line in lines
    ]


def redeem(asked: int, caps: Sequence[int]) -> list[int]:
    """Credits of each line, in proportion to the caps; those above what the lines take stay unused."""
    return apportion(min(asked, sum(caps)), caps)
