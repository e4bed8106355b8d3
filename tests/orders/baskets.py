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

FEN = st.integers(0, 12) | st.integers(0, 3_000) | st.sampled_from([100, 500, 1_000, 3_000])
SCOPES = st.one_of(
    st.just(Scope()),
    st.builds(Scope, st.just(Reach.DIRECTION), st.frozensets(st.integers(1, 2), max_size=2)),
    st.builds(Scope, st.just(Reach.CATEGORY), st.frozensets(st.integers(1, 3), max_size=2)),
    st.builds(Scope, st.just(Reach.PRODUCT), st.frozensets(st.integers(1, 4), max_size=3)),
)
STEPS = st.lists(
    st.tuples(st.integers(1, 6_000), st.integers(1, 100)).map(
        lambda step: (step[0], max(1, step[0] * step[1] // 100))
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda step: step[0],
).map(lambda steps: tuple(sorted(steps)))


@st.composite
def baskets(draw: st.DrawFn, most: int = 5) -> list[Wanted]:
    """Up to `most` lines of different SKUs, some of them of one product."""
    skus = draw(st.lists(st.integers(1, 9), unique=True, max_size=most))
    return [
        Wanted(
            sku_id=sku,
            unit_price=draw(FEN),
            quantity=draw(st.integers(1, 3)),
            product_id=sku % 4 + 1,
            category_id=sku % 4 // 2 + 1,
            direction_id=sku % 2 + 1,
            most_credits=draw(st.sampled_from([0, 1, 3, 50, 1_000])),
        )
        for sku in skus
    ]


@st.composite
def running(draw: st.DrawFn, number: int) -> Running:
    """One activity of any kind, with the figures of its kind."""
    kind = draw(st.sampled_from(ActivityKind))
    products = st.frozensets(st.integers(1, 4), min_size=1, max_size=3)
    scope = draw(
        st.builds(Scope, st.just(Reach.PRODUCT), products)
        if kind == ActivityKind.BUNDLE and draw(st.integers(0, 9))
        else SCOPES
    )
    return Running(
        id=number,
        kind=kind,
        name_zh=kind.value,
        name_en="",
        scope=scope,
        ends_at=datetime(2030, 1, 1, tzinfo=UTC),
        percent=draw(st.integers(1, 99)) if kind in ("discount", "student") else 100,
        amount=draw(st.integers(1, 2_000)) if kind in ("reduction", "bundle") else 0,
        steps=draw(STEPS) if kind == "threshold" else (),
    )


@st.composite
def activities(draw: st.DrawFn, most: int = 5) -> list[Running]:
    """Some that run at once, in no order."""
    numbers = draw(st.lists(st.integers(1, 20), unique=True, max_size=most))
    return [draw(running(number)) for number in numbers]


VOUCHERS = st.builds(
    Voucher,
    name_zh=st.just("券"),
    name_en=st.just("coupon"),
    scope=st.just(Scope()) | SCOPES,
    amount=st.just(0) | st.integers(1, 5_000),
    percent=st.integers(1, 99),
    least=st.just(0) | st.integers(0, 3_000),
    on_all_lines=st.booleans(),
)
CREDITS = st.sampled_from([0, 1, 7, 60, 10_000])
WORTH = st.sampled_from([1, 7, 10, 100])
