"""Baskets, activities and coupons for property tests.

Small figures and few products, so that ties, steps, complete sets and last fen happen often.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind, Reach
from shigu.catalogue.scopes import Scope
from shigu.orders.pricing import Voucher, Wanted

FEN = st.sampled_from([0, 1, 5, 33, 100, 100, 500, 1_000, 1_000]) | st.integers(1, 3_000)
PERCENT = st.sampled_from([50, 85, 90, 95, 99]) | st.integers(1, 99)
PRODUCTS = st.builds(
    Scope, st.just(Reach.PRODUCT), st.sets(st.integers(1, 4), min_size=1, max_size=3).map(frozenset)
)
SCOPES = st.one_of(
    st.just(Scope()),
    st.builds(Scope, st.just(Reach.DIRECTION), st.frozensets(st.integers(1, 2), max_size=2)),
    st.builds(Scope, st.just(Reach.CATEGORY), st.frozensets(st.integers(1, 3), max_size=2)),
    PRODUCTS,
)
STEP = st.builds(
    lambda least, percent: (least, max(1, least * percent // 100)),
    st.sampled_from([1, 100, 1_000]) | st.integers(1, 4_000),
    st.integers(1, 100),
)
STEPS = st.lists(STEP, min_size=1, max_size=3, unique_by=lambda step: step[0]).map(
    lambda steps: tuple(sorted(steps))
)
KINDS = st.sampled_from([*ActivityKind, "threshold", "threshold", "bundle", "discount"])


@st.composite
def some(draw: st.DrawFn, numbers: st.SearchStrategy[int], most: int) -> list[int]:
    """Different numbers, in no order; several more often than one or none."""
    size = min(most, draw(st.sampled_from([0, 1, 2, 3, 3, 4, 4, 5, most])))
    return draw(st.lists(numbers, unique=True, min_size=size, max_size=size))


@st.composite
def baskets(draw: st.DrawFn, most: int = 5) -> list[Wanted]:
    """Up to `most` lines of different SKUs, some of them of one product."""
    return [
        Wanted(
            sku_id=sku,
            unit_price=draw(FEN),
            quantity=draw(st.sampled_from([1, 1, 2, 3])),
            product_id=sku % 4 + 1,
            category_id=sku % 4 // 2 + 1,
            direction_id=sku % 2 + 1,
            most_credits=draw(st.sampled_from([0, 1, 3, 50, 1_000])),
        )
        for sku in draw(some(st.integers(1, 9), most))
    ]


@st.composite
def running(draw: st.DrawFn, number: int) -> Running:
    """One activity of any kind, with the figures of its kind."""
    kind = ActivityKind(draw(KINDS))
    named = kind == ActivityKind.BUNDLE or draw(st.booleans())
    return Running(
        id=number,
        kind=kind,
        name_zh=kind.value,
        name_en="",
        scope=draw(PRODUCTS if named else SCOPES),
        ends_at=datetime(2030, 1, 1, tzinfo=UTC),
        percent=draw(PERCENT) if kind in ("discount", "student") else 100,
        amount=draw(st.integers(1, 1_000)) if kind in ("reduction", "bundle") else 0,
        steps=draw(STEPS) if kind == "threshold" else (),
    )


@st.composite
def activities(draw: st.DrawFn, most: int = 4) -> list[Running]:
    """Some that run at once, in no order."""
    return [draw(running(number)) for number in draw(some(st.integers(1, 20), most))]


VOUCHERS = st.builds(
    Voucher,
    name_zh=st.just("券"),
    name_en=st.just("coupon"),
    scope=st.just(Scope()) | SCOPES,
    amount=st.just(0) | st.integers(1, 5_000),
    percent=PERCENT,
    least=st.just(0) | st.sampled_from([100, 1_000, 5_000]),
    on_all_lines=st.booleans(),
)
COUPONS = st.one_of(st.none(), VOUCHERS, VOUCHERS)
CREDITS = st.sampled_from([0, 1, 7, 60, 10_000])
WORTH = st.sampled_from([1, 7, 10, 100])
