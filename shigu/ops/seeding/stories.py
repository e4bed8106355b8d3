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
    FROM_BALANCE = "from-balance"
    SHIPPED_FROM_BALANCE = "shipped-from-balance"
    BACK_TO_BALANCE = "back-to-balance"


@dataclass(frozen=True, slots=True)
class Story:
    """One order: `items` are SKU codes, with a count after a star where it is more than one.

    `coupon` is the Chinese name of one that its buyer has, `credits` how many are used; `renew` lets a
    course that still runs run longer.
    """

    who: str
    ago: timedelta
    items: str
    plot: Plot
    coupon: str = ""
    credits: int = 0
    renew: bool = False

    @property
    def key(self) -> str:
        """The order's idempotency key: the story is told once."""
        return f"seed {'renewed' if self.renew else self.plot} {self.items}"[:64]


def _days(days: float) -> timedelta:
    return timedelta(days=days)


def _minutes(minutes: float) -> timedelta:
    """Minutes of a shop that gives fifteen to pay; another shop's are as much longer or shorter."""
    return settings.PAY_WINDOW / 15 * minutes


_ALICE = [
    Story("alice", _days(71.1), "PYTHON-FIRST-STEPS-30", Plot.PAID),
    Story("alice", _days(64.8), "POT-140 OOLONG-50*2", Plot.SHIPPED),
    Story("alice", _days(52.3), "TIME-IN-POSTGRESQL-365", Plot.PAID, coupon="开张答谢券"),
    Story("alice", _days(40.6), "BURNER-1", Plot.EXPIRED),
    Story("alice", _days(33.2), "HOW-TEA-IS-BREWED-EVER MARKET-DRUM-EVER", Plot.PAID),
    Story("alice", _days(21.4), "STONE-6", Plot.REFUNDED, coupon="新客见面礼", credits=120),
    Story("alice", _days(17.9), "REGULAR-SCRIPT-365 BRUSH-SET XUAN-RAW", Plot.SHIPPED, credits=260),
    Story("alice", _days(12.7), "MAPS-AND-CHARTS-180", Plot.CANCELLED),
    Story("alice", _days(6.5), "JIAN-90*2", Plot.PAID_TOO_LATE),
    Story("alice", _days(3.3), "INCENSE-20*3", Plot.FROM_BALANCE, coupon="老主顾谢礼"),
    Story("alice", _days(2.9), "XUAN-HALF SEAL-BAI", Plot.SHIPPED_FROM_BALANCE),
    Story(
        *("alice", _days(1.2), "ENGLISH-AT-SUNRISE-365", Plot.EXPIRED),
        coupon="三百声暗号券",
        credits=150,
    ),
    Story("alice", _minutes(95), "VASE-18", Plot.PAID, credits=80),
    Story(
        *("alice", _minutes(4), "PYTHON-CONCURRENCY-365", Plot.AT_THE_CASHIER),
        coupon="编程课直减券",
        credits=200,
    ),
]
_BOB = [
    Story("bob", _days(58.4), "MESSAGE-QUEUE-BY-HAND-365", Plot.PAID),
    Story("bob", _days(44.0), "PYTHON-CONCURRENCY-EVER", Plot.PAID),
    Story("bob", _days(29.5), "OOLONG-250", Plot.SHIPPED),
    Story("bob", _days(19.6), "READING-THE-KERNEL-180", Plot.REFUNDED),
    Story("bob", _days(11.1), "CUP-PAIR WHITE-300", Plot.EXPIRED),
    Story("bob", _days(8.0), "MARKET-DRUM-EVER", Plot.FREE),
    Story("bob", _days(6.8), "PAGES-WITHOUT-FRAMEWORKS-30", Plot.BACK_TO_BALANCE),
    Story("bob", _days(5.2), "STATISTICS-FOR-PRODUCT-PEOPLE-180", Plot.REVIVED),
    Story("bob", _days(3.9), "MESSAGE-QUEUE-BY-HAND-365", Plot.PAID, credits=300, renew=True),
    Story("bob", _days(2.4), "POT-200", Plot.PAID, coupon="茶席满减券"),
    Story("bob", _days(1.9), "LETTERS-IN-ENGLISH-180", Plot.FROM_BALANCE),
    Story("bob", _days(0.3), "EIGHT-PIECES-OF-BROCADE-EVER", Plot.FREE),
    Story("bob", _minutes(190), "SQL-FROM-ZERO-180", Plot.GAVE_UP),
    Story("bob", _minutes(7), "JIAN-124 FAN-WHITE", Plot.UNPAID, credits=100),
]
_CAROL = [
    Story("carol", _days(61.7), "INK-ANIMATION-365", Plot.PAID),
    Story("carol", _days(47.9), "XUAN-HALF*2 BRUSH-M*2", Plot.SHIPPED),
    Story("carol", _days(26.2), "SEAL-ZHU", Plot.CANCELLED),
    Story("carol", _days(14.8), "LETTERS-IN-ENGLISH-180", Plot.PAID),
    Story("carol", _days(4.1), "READING-THE-HISTORIAN-365", Plot.EXPIRED, coupon="晨读券"),
    Story("carol", _days(1.8), "BRUSH-M*2", Plot.PAID, coupon="纸墨笔砚八八折"),
    Story("carol", _days(0.8), "WHITE-300*2", Plot.PAID),
    Story("carol", _days(0.7), "INDIGO-150 FAN-GOLD", Plot.REFUNDING, credits=60),
    Story("carol", _minutes(2), "REGULAR-SCRIPT-180", Plot.UNPAID),
]
STORIES = sorted([*_ALICE, *_BOB, *_CAROL], key=lambda story: -story.ago)
