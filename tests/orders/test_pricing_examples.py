"""The tables of `docs/pricing.md`, computed: what a shopkeeper reads there is what the shop does."""

from __future__ import annotations

import pytest
from django.utils import translation

from shigu.catalogue.models import ActivityKind, Reach
from shigu.kit.money import yuan
from shigu.orders.errors import CouponDoesNotFit
from shigu.orders.pricing import quote
from tests.orders.pricing_examples import EXAMPLES, Example, lines_said
from tests.orders.slow_pricing import slow_quote


def terms(example: Example) -> dict[str, object]:
    """What the row says besides its cart."""
    return {
        "activities": example.activities,
        "is_student": example.is_student,
        "coupon": example.coupon,
        "credits": example.credits,
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda row: f"{row.number}: {row.shows}")
def test_an_example_of_the_page(example: Example) -> None:
    """Each line's price, activity, coupon, credits and what is to pay are as the page says."""
    with translation.override("en"):
        assert answer(example) == (example.said, example.to_pay)


def answer(example: Example) -> tuple[str, str]:
    """The last two columns, as the engine fills them in."""
    try:
        found = quote(example.lines, **terms(example))
    except CouponDoesNotFit as refusal:
        return f"refused: {refusal}", ""
    return lines_said(found), yuan(found.payable)


CAPPED = [example for example in EXAMPLES if example.most_credits is not None]


@pytest.mark.parametrize("example", CAPPED, ids=lambda row: str(row.number))
def test_the_most_credits_of_an_example(example: Example) -> None:
    """So many could be used, whether or not the buyer wants to."""
    assert quote(example.lines, **terms(example)).most_credits == example.most_credits


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda row: str(row.number))
def test_the_slow_reference_reads_the_page_alike(example: Example) -> None:
    """The reference that the engine is held against is itself held against the page, line by line."""
    found = slow_quote(example.lines, **terms(example))
    if isinstance(found, str):
        assert example.said.startswith("refused: ")
        return
    said = [line.rpartition(" = ")[2] for line in example.said.split("; ") if line]
    assert [yuan(line.payable) for line in found] == said
    assert yuan(sum(line.payable for line in found)) == example.to_pay


def test_the_page_has_all_of_its_examples() -> None:
    """They are numbered through, so none is lost to a changed heading, and leave out no kind or reach."""
    assert [example.number for example in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
    assert len(EXAMPLES) >= 70
    running = [activity for example in EXAMPLES for activity in example.activities]
    assert {activity.kind for activity in running} == set(ActivityKind)
    assert {example.coupon.scope.reach for example in EXAMPLES if example.coupon} == set(Reach)
