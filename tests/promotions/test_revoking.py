"""Coupons taken back: what is unused goes, with a reason; what is held or used stays and is named."""

from __future__ import annotations

import pytest

from shigu import clock
from shigu.promotions import errors, revoking
from shigu.promotions.models import Grant, GrantState
from shigu.promotions.revoking import revoke, revoke_one
from tests.people import alice, operator
from tests.promotions.booth import DAY, assert_coupons_add_up, coupon, crowd, in_hand

pytestmark = pytest.mark.usefixtures("clone")


def state(of: Grant) -> str:
    return Grant.objects.values_list("state", flat=True).get(pk=of.pk)


def test_an_unused_coupon_is_revoked_with_its_reason() -> None:
    """It is of no use any more, does not lapse either, and says who took it and why."""
    grant = in_hand(coupon(), alice())
    revoke_one(grant.pk, by=operator().pk, reason="Sent by mistake")
    grant.refresh_from_db()
    assert (grant.state, grant.reason, grant.by_id) == (
        GrantState.REVOKED,
        "Sent by mistake",
        operator().pk,
    )
    assert grant.revoked_at
    assert grant.due_at is None
    assert not grant.is_usable(clock.now())
    assert_coupons_add_up()


def test_a_held_one_is_refused() -> None:
    """Its buyer may be paying at this moment."""
    grant = in_hand(coupon(), alice(), GrantState.HELD)
    with pytest.raises(errors.GrantHeld):
        revoke_one(grant.pk, by=1, reason="x")
    after = Grant.objects.get(pk=grant.pk)
    assert (after.state, after.order_id, after.reason) == (GrantState.HELD, grant.order_id, "")


@pytest.mark.parametrize("was", [GrantState.USED, GrantState.LAPSED, GrantState.REVOKED])
def test_what_is_over_is_refused(was: GrantState) -> None:
    """Used, lapsed, revoked before: nothing to take, and the first reason stays."""
    grant = in_hand(coupon(), alice(), was, reason="first")
    with pytest.raises(errors.NotUnused):
        revoke_one(grant.pk, by=1, reason="second")
    assert Grant.objects.get(pk=grant.pk).reason == "first"


def test_past_its_end_it_is_lapsed_though_nobody_tidied() -> None:
    """The clock has not come by; it is not revoked all the same."""
    grant = in_hand(coupon(), alice())
    with clock.shifted(2 * DAY):
        with pytest.raises(errors.NotUnused):
            revoke_one(grant.pk, by=1, reason="late")
        assert state(grant) == GrantState.UNUSED


def test_many_are_revoked_as_far_as_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several batches: the unused ones go, each other one is reported with its state."""
    monkeypatch.setattr(revoking, "BATCH", 4)
    row = coupon(total=100)
    free = [in_hand(row, person) for person in crowd(9)]
    kept = {
        in_hand(row, person, was).pk: was
        for person, was in zip(
            crowd(3), (GrantState.HELD, GrantState.USED, GrantState.LAPSED), strict=True
        )
    }
    done = revoke([*kept, *(grant.pk for grant in free), 987_654], by=1, reason="Season over")
    assert done.count == 9
    assert {grant.pk: was for grant, was in done.kept} == kept
    assert {state(grant) for grant in free} == {GrantState.REVOKED}
    assert {pk: Grant.objects.get(pk=pk).state for pk in kept} == kept
    assert_coupons_add_up()


def test_twice_is_once() -> None:
    """The second time finds nothing to take."""
    grant = in_hand(coupon(), alice())
    assert revoke([grant.pk, grant.pk], by=1, reason="a").count == 1
    again = revoke([grant.pk], by=2, reason="b")
    assert (again.count, [was for _, was in again.kept]) == (0, [GrantState.REVOKED])
    assert Grant.objects.get(pk=grant.pk).reason == "a"
