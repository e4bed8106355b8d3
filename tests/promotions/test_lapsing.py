"""An unused coupon lapses at its end, by itself; what it may be used for never waits for that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu import clock
from shigu.clock.drain import drain
from shigu.clock.kinds import find
from shigu.clock.plans import assert_claims_use_index
from shigu.promotions import holding, issuing, lapsing
from shigu.promotions.models import Grant, GrantState
from tests.people import alice, bob, carol
from tests.promotions.booth import DAY, assert_coupons_add_up, coupon, in_hand

pytestmark = pytest.mark.usefixtures("clone")


def states() -> list[str]:
    return list(Grant.objects.order_by("pk").values_list("state", flat=True))


def test_unused_coupons_lapse_at_their_end() -> None:
    """Those whose end has come, not a minute early, and once."""
    in_hand(coupon(), alice())
    in_hand(coupon(ends=2 * DAY), alice())
    assert drain(lapsing.lapse).claimed == 0
    with clock.shifted(DAY - timedelta(minutes=1)):
        assert drain(lapsing.lapse).claimed == 0
    with clock.shifted(DAY + timedelta(minutes=1)):
        assert drain(lapsing.lapse).claimed == 1
        assert drain(lapsing.lapse).claimed == 0
    assert states() == [GrantState.LAPSED, GrantState.UNUSED]
    assert_coupons_add_up()


def test_held_used_and_revoked_ones_are_left_alone() -> None:
    """They are not the clock's: a held one lapses when its order gives it back."""
    row = coupon()
    for person, was in zip(
        (alice(), bob(), carol()),
        (GrantState.HELD, GrantState.USED, GrantState.REVOKED),
        strict=True,
    ):
        in_hand(row, person, was)
    before = states()
    with clock.shifted(9 * DAY):
        assert drain(lapsing.lapse).claimed == 0
    assert states() == before


def test_a_held_one_that_comes_back_late_is_lapsed_at_once() -> None:
    """Given back a minute before its end it is unused and due; a minute after, it is lapsed."""
    row = coupon()
    early, late = (in_hand(row, person, GrantState.HELD) for person in (alice(), bob()))
    holding.release([early.order_id or 0], now=row.valid_until - timedelta(minutes=1))
    holding.release([late.order_id or 0], now=row.valid_until)
    assert states() == [GrantState.UNUSED, GrantState.LAPSED]
    early.refresh_from_db()
    assert (early.due_at, early.order_id) == (row.valid_until, None)


def test_with_no_clock_it_is_over_all_the_same() -> None:
    """At its end, to the microsecond, it is lapsed to whoever asks."""
    grant = in_hand(coupon(), alice())
    just_before, end = grant.valid_until - timedelta(microseconds=1), grant.valid_until
    assert (grant.is_usable(just_before), grant.is_usable(end)) == (True, False)
    assert grant.state_at(just_before) == GrantState.UNUSED
    assert grant.state_at(end) == GrantState.LAPSED


def test_claims_walk_their_index() -> None:
    """However many grants there ever were, finding the due ones touches those alone."""
    assert_claims_use_index(find(lapsing.lapse), find(issuing.issue))
