"""The price engine for every basket: what always holds, and the slow reference. Figures: `docs/pricing.md`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind, Reach
from shigu.catalogue.scopes import Scope
from shigu.orders.errors import CouponDoesNotFit
from shigu.orders.pricing import Priced, Quote, Voucher, Wanted, judge, quote
from shigu.orders.pricing.apportioning import apportion
from shigu.orders.pricing.savings import TOGETHER
from tests.orders.baskets import COUPONS, CREDITS, VOUCHERS, WORTH, activities, baskets
from tests.orders.slow_pricing import nearest_split, slow_quote

PYTHON = Wanted(1, 39_900, 1, product_id=1, most_credits=500)
GO = Wanted(2, 19_900, 1, product_id=2, most_credits=200)
WEIGHTS = st.lists(st.integers(0, 50) | st.integers(0, 10**12), min_size=1, max_size=12)


def fits(lines: list[Wanted], coupon: Voucher | None, **terms: object) -> Quote:
    """The price with the coupon where it fits, else without."""
    try:
        return quote(lines, coupon=coupon, **terms)
    except CouponDoesNotFit:
        return quote(lines, **terms)


def of_kind(number: int, kind: ActivityKind, *products: int, **figures: object) -> Running:
    """An activity on these products."""
    scope = Scope(Reach.PRODUCT, frozenset(products))
    return Running(number, kind, "活动", "", scope, datetime(2030, 1, 1, tzinfo=UTC), **figures)


def figures(line: Priced) -> tuple[object, ...]:
    number = line.activity and line.activity.id
    return number, line.price, line.coupon_off, line.credits, line.payable


@given(baskets(most=9), activities(), st.booleans(), COUPONS, CREDITS, WORTH)
def test_everything_adds_up(
    lines: list[Wanted],
    running: list[Running],
    is_student: bool,
    coupon: Voucher | None,
    credits: int,
    worth: int,
) -> None:
    """Σ line payables = payable ≥ 0; each figure of the whole is the sum of its lines' and none is negative."""
    found = fits(
        lines,
        coupon,
        activities=running,
        is_student=is_student,
        credits=credits,
        credit_worth=worth,
    )
    assert [line.wanted for line in found.lines] == lines
    for name in ("payable", "coupon_off", "credits", "credits_off"):
        parts = [getattr(line, name) for line in found.lines]
        assert getattr(found, name) == sum(parts)
        assert min(parts, default=0) >= 0
    assert found.price_total == sum(line.price for line in found.lines)
    assert found.list_total == sum(line.unit_price * line.quantity for line in lines)
    assert found.payable == found.price_total - found.coupon_off - found.credits_off
    assert found.credits == min(credits, found.most_credits)
    for line in found.lines:
        assert line.payable == line.price - line.coupon_off - line.credits_off
        assert line.price <= line.list_price == line.wanted.unit_price * line.wanted.quantity
        assert line.credits_off == line.credits * worth
        assert line.credits <= line.wanted.most_credits * line.wanted.quantity
        assert not (line.activity and line.coupon_off)
        assert line.activity or line.price == line.list_price


def assert_alike(lines: list[Wanted], **terms: object) -> None:
    """The engine and the slow reference agree, in figures or in the reason."""
    slow = slow_quote(lines, **terms)
    if isinstance(slow, str):
        with pytest.raises(CouponDoesNotFit) as refused:
            quote(lines, **terms)
        assert refused.value.code == slow
        return
    expected = [
        (line.activity and line.activity.id, line.price, line.coupon, line.credits, line.payable)
        for line in slow
    ]
    assert [figures(line) for line in quote(lines, **terms).lines] == expected


@settings(max_examples=250)
@given(baskets(), activities(), st.booleans())
def test_activities_equal_the_slow_reference(
    lines: list[Wanted], running: list[Running], is_student: bool
) -> None:
    """Line by line, fen by fen, and by the same activity."""
    assert_alike(lines, activities=running, is_student=is_student)


@settings(max_examples=250)
@given(baskets(), activities(most=1), VOUCHERS, CREDITS, WORTH)
def test_coupons_and_credits_equal_the_slow_reference(
    lines: list[Wanted], running: list[Running], coupon: Voucher, credits: int, worth: int
) -> None:
    """Line by line, fen by fen; with the same reason where a coupon does not fit, and then without it."""
    terms = {"activities": running, "credits": credits, "credit_worth": worth}
    assert_alike(lines, coupon=coupon, **terms)
    assert_alike(lines, **terms)


@given(st.data(), baskets(most=9), activities(), COUPONS, CREDITS)
def test_the_order_of_lines_changes_nothing(
    data: st.DataObject,
    lines: list[Wanted],
    running: list[Running],
    coupon: Voucher | None,
    credits: int,
) -> None:
    """Whoever sorts the cart, or the activities, pays the same, for each line."""

    def by_sku(lines: list[Wanted], running: list[Running]) -> dict[int, tuple[object, ...]]:
        found = fits(lines, coupon, activities=running, credits=credits)
        return {line.sku_id: figures(line) for line in found.lines}

    mixed = data.draw(st.permutations(lines)), data.draw(st.permutations(running))
    assert by_sku(*mixed) == by_sku(lines, running)


@given(baskets(most=9), activities(), VOUCHERS, CREDITS, WORTH)
def test_a_coupon_never_makes_the_price_rise(
    lines: list[Wanted], running: list[Running], coupon: Voucher, credits: int, worth: int
) -> None:
    """Neither in money nor in money and credits; with credits the money by less than one credit a line.

    The last, because what a coupon leaves may be less than one credit is worth.
    """
    terms = {"activities": running, "credit_worth": worth}
    assert fits(lines, coupon, **terms).payable <= quote(lines, **terms).payable
    without = quote(lines, credits=credits, **terms)
    found = fits(lines, coupon, credits=credits, **terms)
    assert found.payable + found.credits_off <= without.payable + without.credits_off
    off = sum(1 for line in found.lines if line.coupon_off)
    assert found.payable <= without.payable + off * (worth - 1)


@given(baskets(most=9), activities(), COUPONS, CREDITS, CREDITS)
def test_more_credits_never_cost_more(
    lines: list[Wanted], running: list[Running], coupon: Voucher | None, some: int, more: int
) -> None:
    """Neither the whole, nor more than is possible: what cannot be used is left unused."""
    fewer = fits(lines, coupon, activities=running, credits=some)
    found = fits(lines, coupon, activities=running, credits=some + more)
    assert found.payable <= fewer.payable
    assert fewer.most_credits == found.most_credits


@given(baskets(most=9), activities(), st.booleans())
def test_an_activity_never_makes_anything_dearer(
    lines: list[Wanted], running: list[Running], is_student: bool
) -> None:
    """No line above its list price; the whole never above what any single one of them makes of it alone."""
    terms = {"is_student": is_student}
    found = quote(lines, activities=running, **terms)
    assert all(0 <= line.price <= line.list_price for line in found.lines)
    alone = [a for a in running if a.kind not in TOGETHER]
    for one in running:
        assert found.payable <= quote(lines, activities=[one], **terms).payable
        assert found.payable <= quote(lines, activities=[*alone, one], **terms).payable


@given(baskets(most=9), activities(), st.lists(VOUCHERS, max_size=5))
def test_what_is_said_of_a_coupon_is_what_the_price_says(
    lines: list[Wanted], running: list[Running], coupons: list[Voucher]
) -> None:
    """What a coupon would save is what it saves, whatever coupon is chosen; a reason is the refusal."""
    plain = quote(lines, activities=running)
    for coupon in coupons:
        verdict = judge(plain.lines, coupon)
        if verdict.reason:
            with pytest.raises(type(verdict.reason)) as refused:
                quote(lines, activities=running, coupon=coupon)
            assert refused.value.fill == verdict.reason.fill
            assert verdict.saves == 0
        else:
            used = quote(lines, activities=running, coupon=coupon)
            assert used.payable == plain.payable - verdict.saves
            assert judge(used.lines, coupon).saves == verdict.saves > 0


def test_a_coupon_that_misses_its_minimum_says_by_how_much() -> None:
    """One takes its amount off, one a fifth of the dearest line; the third is short of its minimum."""
    lines = quote([PYTHON, GO]).lines
    assert judge(lines, Voucher("五元", "five", amount=500)).saves == 500
    assert judge(lines, Voucher("八折", "80%", percent=80)).saves == 7_980
    short = judge(lines, Voucher("满千", "from 1000", amount=9_900, least=100_000), 3)
    assert (short.key, short.saves) == (3, 0)
    assert short.reason
    assert short.reason.fill == {"missing": "402.00"}


@given(st.integers(0, 10**12), WEIGHTS)
@example(7, [0, 0, 0])
@example(1, [0, 5])
def test_apportioning_is_exact(amount: int, weights: list[int]) -> None:
    """Nothing is lost or made, no share is a unit away from its exact one, none passes a weight it fits in."""
    shares = apportion(amount, weights)
    assert sum(shares) == amount
    total = sum(weights)
    if total:
        assert all(
            abs(share * total - amount * weight) < total
            for share, weight in zip(shares, weights, strict=True)
        )
    if amount <= total:
        assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(st.integers(0, 300), st.lists(st.integers(0, 40), min_size=1, max_size=7))
def test_apportioning_is_the_nearest_split(amount: int, weights: list[int]) -> None:
    """Of all ways to split into whole units the nearest to the exact one; of equals early lines get more."""
    expected = nearest_split(amount, weights if any(weights) else [1] * len(weights))
    assert tuple(apportion(amount, weights)) == expected


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, []), (1, [2, -1])])
def test_nonsense_is_not_apportioned(amount: int, weights: list[int]) -> None:
    """Less than nothing, or something over nobody, is a programming error."""
    with pytest.raises(ValueError, match="cannot apportion"):
        apportion(amount, weights)


def test_two_validities_of_one_course_are_one_product_of_a_bundle() -> None:
    """Pieces are counted by product, whatever the choice: two of the first, one of the second, one set."""
    short, long = replace(PYTHON, sku_id=8, unit_price=9_900), PYTHON
    bundle = of_kind(1, ActivityKind.BUNDLE, 1, 2, amount=5_000)
    found = quote([short, long, GO], activities=[bundle])
    assert found.payable == 9_900 + 39_900 + 19_900 - 5_000
    assert {line.activity for line in found.lines} == {bundle}


@pytest.mark.parametrize("scope", [Scope(), Scope(Reach.CATEGORY, frozenset([0]))])
def test_a_bundle_of_no_named_products_is_never_complete(scope: Scope) -> None:
    """A bundle names products; one of a category, or of everything, changes no price."""
    bundle = replace(of_kind(1, ActivityKind.BUNDLE, amount=5_000), scope=scope)
    assert quote([PYTHON, GO], activities=[bundle]) == quote([PYTHON, GO])


@pytest.mark.parametrize(
    "line", [replace(GO, quantity=0), replace(GO, unit_price=-1), replace(GO, most_credits=-1)]
)
def test_nonsense_has_no_price(line: Wanted) -> None:
    """No pieces, or a negative figure, is a programming error, not a discount."""
    with pytest.raises(ValueError, match="cannot price"):
        quote([line])


@pytest.mark.parametrize("terms", [{"credits": -1}, {"credit_worth": 0}])
def test_credits_are_never_less_than_nothing(terms: dict[str, int]) -> None:
    """Negative credits would be a surcharge; worthless ones a division by zero."""
    with pytest.raises(ValueError, match="cannot use"):
        quote([PYTHON], **terms)


def names(found: Iterable[Priced]) -> list[int | None]:
    return [line.activity.id if line.activity else None for line in found]


def test_a_line_shows_the_activity_it_takes_part_in_though_its_share_is_nothing() -> None:
    """A sticker of one fen helped to reach the step: it is in the activity, and no coupon sees it."""
    sticker = Wanted(9, 1, 1, product_id=9)
    spend = of_kind(4, ActivityKind.THRESHOLD, 1, 9, steps=((39_901, 1_000),))
    found = quote([PYTHON, sticker], activities=[spend])
    assert names(found.lines) == [4, 4]
    assert [line.price for line in found.lines] == [38_900, 1]
    assert judge(found.lines, Voucher("券", "coupon", amount=1)).reason is not None
