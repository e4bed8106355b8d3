"""What happened in the seeded shop so far: who ordered what, how long ago, and how it ended.

Each `Story` is told by `telling.tell`, through the same verbs that pages and the provider use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.conf import settings


class Plot(StrEnum):
    """How an order's story ends."""

    UNPAID = "unpaid"
    AT_THE_CASHIER = "at-the-cashier"
    FREE = "free"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    PAID_TOO_LATE = "paid-too-late"
    EXPIRED = "expired"
    GAVE_UP = "gave-up"
    REVIVED = "revived"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Story:
    """One order: `items` are SKU codes, with a count after a star where it is more than one."""

    who: str
    ago: timedelta
    items: str
    plot: Plot

    @property
    def key(self) -> str:
        """The order's idempotency key: the story is told once."""
        return f"seed {self.plot} {self.items}"[:64]


def _days(days: float) -> timedelta:
    return timedelta(days=days)


def _minutes(minutes: float) -> timedelta:
    """Minutes of a shop that gives fifteen to pay; another shop's are as much longer or shorter."""
    return settings.PAY_WINDOW / 15 * minutes


STORIES = sorted(
    [
        Story("alice", _days(71.1), "PYTHON-FIRST-STEPS-30", Plot.PAID),
        Story("alice", _days(64.8), "POT-140 OOLONG-50*2", Plot.SHIPPED),
        Story("alice", _days(52.3), "TIME-IN-POSTGRESQL-365", Plot.PAID),
        Story("alice", _days(40.6), "BURNER-1", Plot.EXPIRED),
        Story("alice", _days(33.2), "HOW-TEA-IS-BREWED-EVER MARKET-DRUM-EVER", Plot.PAID),
        Story("alice", _days(21.4), "STONE-6", Plot.REFUNDED),
        Story("alice", _days(17.9), "REGULAR-SCRIPT-365 BRUSH-SET XUAN-RAW", Plot.SHIPPED),
        Story("alice", _days(12.7), "MAPS-AND-CHARTS-180", Plot.CANCELLED),
        Story("alice", _days(6.5), "JIAN-90*2", Plot.PAID_TOO_LATE),
        Story("alice", _days(3.3), "INCENSE-20*3", Plot.PAID),
        Story("alice", _days(1.2), "ENGLISH-AT-SUNRISE-365", Plot.EXPIRED),
        Story("alice", _minutes(95), "VASE-18", Plot.PAID),
        Story("alice", _minutes(4), "PYTHON-CONCURRENCY-365", Plot.AT_THE_CASHIER),
        Story("bob", _days(58.4), "MESSAGE-QUEUE-BY-HAND-365", Plot.PAID),
        Story("bob", _days(44.0), "PYTHON-CONCURRENCY-EVER", Plot.PAID),
        Story("bob", _days(29.5), "OOLONG-250", Plot.SHIPPED),
        Story("bob", _days(19.6), "READING-THE-KERNEL-180", Plot.REFUNDED),
        Story("bob", _days(11.1), "CUP-PAIR WHITE-300", Plot.EXPIRED),
        Story("bob", _days(8.0), "MARKET-DRUM-EVER", Plot.FREE),
        Story("bob", _days(5.2), "STATISTICS-FOR-PRODUCT-PEOPLE-180", Plot.REVIVED),
        Story("bob", _days(2.4), "POT-200", Plot.PAID),
        Story("bob", _minutes(190), "SQL-FROM-ZERO-180", Plot.GAVE_UP),
        Story("bob", _minutes(7), "JIAN-124 FAN-WHITE", Plot.UNPAID),
        Story("carol", _days(61.7), "INK-ANIMATION-365", Plot.PAID),
        Story("carol", _days(47.9), "XUAN-HALF*2 BRUSH-M*2", Plot.SHIPPED),
        Story("carol", _days(26.2), "SEAL-ZHU", Plot.CANCELLED),
        Story("carol", _days(14.8), "LETTERS-IN-ENGLISH-180", Plot.PAID),
        Story("carol", _days(9.4), "INDIGO-150 FAN-GOLD", Plot.REFUNDING),
        Story("carol", _days(4.1), "READING-THE-HISTORIAN-365", Plot.EXPIRED),
        Story("carol", _days(0.8), "WHITE-300*2", Plot.PAID),
        Story("carol", _minutes(2), "EIGHT-PIECES-OF-BROCADE-180", Plot.UNPAID),
    ],
    key=lambda story: -story.ago,
)
