"""Many people, few coupons: never one too many, never two for one, whoever claims, gives or revokes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet

from shigu import clock
from shigu.accounts.models import User
from shigu.kit.errors import Refusal
from shigu.orders.models import Order
from shigu.promotions import claiming, issuing, revoking
from shigu.promotions.errors import HaveYours, NoneLeft
from shigu.promotions.models import Audience, Coupon, CouponKind, Grant, GrantState, Issuing, Way
from tests.auditing import assert_audit_holds
from tests.races.market import Market, dice, rounds
from tests.races.together import settled_or_blocked, start, stopped_at, together, wait_until_blocked
from tests.races.unguarded import unlocked_grants


def coupon(total: int, **more: Any) -> Coupon:
    """Claimed from now on for a day."""
    now = clock.now()
    times = {"valid_from": now - timedelta(days=1), "valid_until": now + timedelta(days=1)}
    given = {"kind": CouponKind.FIXED, "amount": 100, "way": Way.CLAIM, "name_zh": "c"}
    return Coupon.objects.create(total=total, **{**given, **times, **more})


def claims(row: Coupon, *buyers: User) -> Callable[[], list[Any]]:
    """One connection, on which these claim one after the other."""

    def run() -> list[Any]:
        return [answer(lambda b=buyer: claiming.claim(row.pk, b.pk)) for buyer in buyers]

    return run


def answer(act: Callable[[], Any]) -> Any:
    """What it returned, or how it was refused."""
    try:
        return act()
    except Refusal as refusal:
        return refusal


def issued(row: Coupon) -> int:
    return Coupon.objects.values_list("issued", flat=True).get(pk=row.pk)


def each_at_most(row: Coupon, most: int) -> bool:
    return max(Counter(row.grants.values_list("user_id", flat=True)).values()) <= most


# -- the last ones ---------------------------------------------------------------------------------
def two_hundred_for_fifty(market: Market) -> None:
    """Forty connections, five people on each, all at once."""
    row, buyers = coupon(50), market.buyers(200)
    sides = together(*[claims(row, *buyers[n::40]) for n in range(40)])
    assert not [side for side in sides if isinstance(side, Exception)], sides
    kinds = Counter(type(one) for side in sides for one in side)
    assert kinds == {Grant: 50, NoneLeft: 150}, kinds
    assert issued(row) == row.grants.count() == 50
    assert each_at_most(row, 1)
    assert_audit_holds()


def test_two_hundred_people_fifty_coupons(market: Market) -> None:
    """Exactly fifty get one each, the others are told that none is left."""
    two_hundred_for_fifty(market)


def test_control_without_the_condition_too_many_are_issued(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: counted without looking, only the table's own check holds the number."""
    monkeypatch.setattr(claiming, "TAKE", claiming.TAKE.replace("AND c.issued < c.total", ""))
    with pytest.raises(AssertionError, match="coupon_not_over_issued"):
        two_hundred_for_fifty(market)


READ_FIRST = claiming.TAKE.replace(
    "AND c.issued < c.total", "AND (SELECT o.issued < o.total FROM old o)"
).replace(
    "WITH mine AS",
    "WITH old AS MATERIALIZED (SELECT issued, total FROM promotions_coupon WHERE id = %(coupon)s),\n mine AS",
)


def test_control_what_was_read_before_the_wait_is_old(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the number decided on as it was before the row came free promises too much."""
    monkeypatch.setattr(claiming, "TAKE", READ_FIRST)
    row, (one, two) = coupon(1), market.buyers(2)
    with stopped_at("promotions.claim.taken") as stop:
        first = start(claims(row, one))
        stop.wait()
        second = start(claims(row, two))
        wait_until_blocked()
        stop.release()
        answers = [first.result(), second.result()]
    assert isinstance(answers[1], IntegrityError), answers
    assert "coupon_not_over_issued" in str(answers[1])


# -- two tabs of one person ------------------------------------------------------------------------
def two_tabs(market: Market, per_user: int) -> list[Any]:
    """The second tab has read "none yet" when the first one lets go of the coupon's row."""
    row = coupon(10, per_user=per_user)
    with stopped_at("promotions.claim.taken") as stop:
        first = start(claims(row, market.alice))
        stop.wait()
        second = start(claims(row, market.alice))
        wait_until_blocked()
        stop.release()
        sides = [first.result(), second.result()]
    assert not [side for side in sides if isinstance(side, Exception)], sides
    assert issued(row) == row.grants.count()
    assert each_at_most(row, per_user)
    return [one for side in sides for one in side]


def test_two_tabs_are_one_claim(market: Market) -> None:
    """One for each: the second tab is told that they have theirs."""
    kinds = [type(one) for one in two_tabs(market, per_user=1)]
    assert kinds == [Grant, HaveYours]
    assert_audit_holds()


def test_two_tabs_get_two_where_two_are_allowed(market: Market) -> None:
    """The one that came second looks again and takes the second."""
    grants = two_tabs(market, per_user=2)
    assert [grant.nth for grant in grants] == [1, 2]
    assert_audit_holds()


def test_control_counting_alone_gives_one_person_two(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without a number for each grant, the count that was read lets both tabs through."""
    free = claiming.TAKE.replace("mine.n + 1 AS nth", "mine.n + 1 + (random() * 30000)::int AS nth")
    monkeypatch.setattr(claiming, "TAKE", free)
    with pytest.raises(AssertionError, match="each_at_most"):
        two_tabs(market, per_user=1)


def test_many_tabs_of_many_people(market: Market) -> None:
    """Whatever the interleaving: nobody beyond their two, never beyond the number."""
    chance = dice(11)
    for _ in rounds(4, 60):
        row = coupon(chance.randint(3, 12), per_user=2)
        people = [market.buyer(f"p{row.pk}-{n}") for n in range(4)]
        wishes = [chance.choices(people, k=4) for _ in range(8)]
        sides = together(*[claims(row, *wish) for wish in wishes])
        kinds = Counter(type(one) for side in sides for one in side)
        assert set(kinds) <= {Grant, NoneLeft, HaveYours}, kinds
        asked = Counter(person.pk for wish in wishes for person in wish)
        wanted = sum(min(count, 2) for count in asked.values())
        assert kinds[Grant] == issued(row) == row.grants.count() == min(wanted, row.total)
        assert each_at_most(row, 2)
    assert_audit_holds()


# -- claim and revoke --------------------------------------------------------------------------------
def test_claiming_a_second_while_the_first_is_revoked(market: Market) -> None:
    """They do not touch each other's rows: neither waits, both stand, what was got stays counted."""
    row = coupon(10, per_user=2)
    first = claiming.claim(row.pk, market.alice.pk)
    with stopped_at("promotions.revoke.locked") as stop:
        side = start(lambda: revoking.revoke([first.pk], by=1, reason="x"))
        stop.wait()
        second = start(claims(row, market.alice)).result()
        stop.release()
        assert side.result().count == 1
    assert [one.nth for one in second] == [2]
    states = list(row.grants.order_by("nth").values_list("state", flat=True))
    assert states == [GrantState.REVOKED, GrantState.UNUSED]
    assert isinstance(answer(lambda: claiming.claim(row.pk, market.alice.pk)), HaveYours)
    assert issued(row) == 2
    assert_audit_holds()


def revoked_while_taken(market: Market) -> None:
    """An order has admitted the coupon and not committed yet when the operator comes for it."""
    grant = market.grant(market.alice)
    with stopped_at("orders.place.admitted") as stop:
        order = start(lambda: market.ordered(grant=grant))
        stop.wait()
        operator = start(lambda: revoking.revoke([grant.pk], by=1, reason="x"))
        settled_or_blocked(operator)
        stop.release()
        placed, done = order.result(), operator.result()
    assert isinstance(placed, Order), placed
    assert isinstance(done, revoking.Revoked), done
    assert (done.count, [state for _, state in done.kept]) == (0, [GrantState.HELD])
    assert Grant.objects.get(pk=grant.pk).state == GrantState.HELD


def test_revoking_waits_for_an_order_that_takes_it(market: Market) -> None:
    """The operator is told that it is held; the order keeps it."""
    revoked_while_taken(market)
    assert_audit_holds()


def test_control_revoking_what_was_read_without_a_lock(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: read as unused and written after the wait, it is taken from under the order."""
    monkeypatch.setattr(revoking, "locked", unlocked_grants)
    with pytest.raises(AssertionError, match="grant_names_its_order"):
        revoked_while_taken(market)


# -- giving to many while others claim ------------------------------------------------------------------
def given(row: Coupon) -> Callable[[], Issuing]:
    """One operator gives it to everybody, to the end."""

    def run() -> Issuing:
        one = issuing.start(row.pk, Audience.ALL, by=1)
        while one.ended_at is None:
            one = issuing.step(one.pk)
        return one

    return run


def giving_and_claiming(market: Market, total: int) -> None:
    """Two operators and twenty claiming people at once, sixty people in all."""
    row, buyers = coupon(total), market.buyers(60)
    sides = together(given(row), given(row), *[claims(row, *buyers[n::10]) for n in range(10)])
    assert not [side for side in sides if isinstance(side, Exception)], sides
    first, second, *claimed = sides
    gave = first.gave + second.gave
    got = sum(isinstance(one, Grant) for side in claimed for one in side)
    people = User.objects.filter(is_active=True).count()
    assert gave + got == issued(row) == row.grants.count() == min(total, people)
    assert each_at_most(row, 1)
    assert [one.done for one in (first, second)] == [people, people]
    assert_audit_holds()


@pytest.mark.parametrize("total", [25, 500])
def test_giving_to_many_while_others_claim(
    market: Market, monkeypatch: pytest.MonkeyPatch, total: int
) -> None:
    """Scarce or plenty: each person one at most, the number never passed, and every figure adds up."""
    monkeypatch.setattr(issuing, "BATCH", 7)
    giving_and_claiming(market, total)


def claimed_into_a_batch(market: Market) -> Issuing:
    """A batch has read its people and holds the coupon; bob, who is among them, claims; then it gives."""
    row = coupon(10)
    bob = market.buyer("bob")
    one = issuing.start(row.pk, Audience.ALL, by=1)
    with stopped_at("promotions.issue.locked") as stop:
        batch = start(lambda: issuing.step(one.pk))
        stop.wait()
        claim = start(claims(row, bob))
        settled_or_blocked(claim)
        stop.release()
        done, claimed = batch.result(), claim.result()
    assert isinstance(done, Issuing), done
    assert [type(one) for one in claimed] == [HaveYours], claimed
    assert row.grants.count() == issued(row) == done.gave == 2
    return done


def test_a_claim_waits_for_the_batch_it_is_in(market: Market) -> None:
    """Bob's claim comes in the middle: the batch gives him his, and he is told so."""
    claimed_into_a_batch(market)
    assert_audit_holds()


def claimed_beside_a_batch(market: Market) -> None:
    """Two are left, for alice and bob: the batch has seen that when carol, who joined later, claims one."""
    row = coupon(2)
    market.buyer("bob")
    one = issuing.start(row.pk, Audience.ALL, by=1)
    carol = market.buyer("carol")
    with stopped_at("promotions.issue.locked") as stop:
        batch = start(lambda: issuing.step(one.pk))
        stop.wait()
        claim = start(claims(row, carol))
        settled_or_blocked(claim)
        stop.release()
        done, claimed = batch.result(), claim.result()
    assert isinstance(done, Issuing), repr(done)
    assert [type(one) for one in claimed] == [NoneLeft], claimed
    assert (done.gave, done.short) == (2, 0)
    assert row.grants.count() == issued(row) == 2


def test_a_claim_waits_for_the_batch_that_takes_the_last_ones(market: Market) -> None:
    """Carol is told that none is left; the batch gives what it saw."""
    claimed_beside_a_batch(market)
    assert_audit_holds()


def test_control_a_batch_that_does_not_hold_the_coupon(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without the lock the claim goes through, and the batch gives one too many."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)
    with pytest.raises(AssertionError, match="coupon_not_over_issued"):
        claimed_beside_a_batch(market)
