"""Coupons are given to many while people sign up, place, cancel and claim: nobody ever waits in a circle.

Coupons are locked in pk order by whoever needs several, and placing locks its grants but never their
coupons. Each of the two has a control that ends in a deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest
from django.db import transaction
from django.db.models import QuerySet

from shigu import clock
from shigu.accounts.models import User
from shigu.clock.drain import drain
from shigu.clock.models import Quarantine
from shigu.kit.errors import Refusal
from shigu.orders.models import Order
from shigu.orders.placing import Placed, place_many
from shigu.promotions import claiming, holding, issuing
from shigu.promotions.models import Audience, Coupon, Grant, Issuing, Way
from tests.auditing import assert_audit_holds
from tests.races.market import Market, dice, rounds
from tests.races.test_last_coupons import answer, coupon, issued
from tests.races.together import settled_or_blocked, start, stopped_at, together


def begun(row: Coupon) -> int:
    """It is to be given to everybody there is now."""
    return issuing.start(row.pk, Audience.ALL, by=None).pk


def batch(*ids: int) -> Callable[[], int]:
    """The next of each of these in one transaction, as the clock does it."""

    def run() -> int:
        with transaction.atomic():
            return issuing.issue(list(ids), now=clock.now())

    return run


def give_on() -> None:
    """What the clock does until nothing is due."""
    while drain("promotions.issue").claimed:
        pass


def assert_counted(*rows: Coupon) -> None:
    for row in rows:
        assert issued(row) == row.grants.count(), row.pk
    assert_audit_holds()


# -- a group that places ---------------------------------------------------------------------------------


def placed_while_given(market: Market) -> None:
    """Two coupons are being given; two who have them already place in one group, the later coupon first."""
    a, b = coupon(500), coupon(500)
    bob = market.buyer("bob")
    first, second = claiming.claim(b.pk, market.alice.pk), claiming.claim(a.pk, bob.pk)
    giving = batch(begun(a), begun(b))
    group = [
        market.placing(market.alice, (market.pot, 1), grant=first),
        market.placing(bob, (market.pot, 1), grant=second),
    ]
    with stopped_at("promotions.issue.locked") as stop:
        given = start(giving)
        stop.wait()
        placing = start(lambda: place_many(group))
        settled_or_blocked(placing)
        was_done = placing.is_done
        stop.release()
        count, answers = given.result(), placing.result()
    assert count == 2, repr(count)
    assert isinstance(answers, list), repr(answers)
    assert [type(one) for one in answers] == [Placed, Placed], answers
    assert was_done, "placing waited for the giving"
    assert_counted(a, b)


def test_placing_does_not_wait_for_what_is_given(market: Market) -> None:
    """The group is placed while the batch stands with the coupon in its hand."""
    placed_while_given(market)


def test_control_placing_that_locks_coupons_ends_in_a_deadlock(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: grants in order are coupons in any order."""

    def with_their_coupons(ids: Collection[int]) -> dict[int, Grant]:
        rows = Grant.objects.select_for_update(no_key=True).filter(pk__in=ids)
        return {row.pk: row for row in rows.select_related("coupon").order_by("pk")}

    monkeypatch.setattr(holding, "locked", with_their_coupons)
    with pytest.raises(AssertionError, match="deadlock"):
        placed_while_given(market)


# -- somebody signs up -------------------------------------------------------------------------------------


def signed_up_while_given(market: Market) -> None:
    """Two coupons of signing up are also given to all, the later one was begun first; dora joins."""
    a, b = coupon(500, way=Way.SIGN_UP), coupon(500, way=Way.SIGN_UP)
    later, earlier = begun(b), begun(a)
    dora = market.buyer("dora")

    def join() -> None:
        with transaction.atomic():
            claiming.welcome(dora.pk, clock.now())

    with stopped_at("promotions.issue.locked") as stop:
        given = start(batch(later, earlier))
        stop.wait()
        joining = start(join)
        settled_or_blocked(joining)
        stop.release()
        results = [given.result(), joining.result()]
    assert results == [2, None], repr(results)
    for row in (a, b):
        assert set(row.grants.values_list("user_id", flat=True)) == {market.alice.pk, dora.pk}
    assert_counted(a, b)


def test_signing_up_waits_its_turn(market: Market) -> None:
    """Everybody has both, whoever was first."""
    signed_up_while_given(market)


def test_control_giving_in_the_order_of_beginning_ends_in_a_deadlock(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a batch that takes its coupons as they were begun meets the welcome in a circle."""
    real = QuerySet.order_by

    def as_begun(rows: Any, *names: Any) -> Any:
        of_issuings = rows.model is Issuing and names == ("coupon_id", "pk")
        return real(rows, "pk") if of_issuings else real(rows, *names)

    monkeypatch.setattr(QuerySet, "order_by", as_begun)
    with pytest.raises(AssertionError, match="deadlock"):
        signed_up_while_given(market)


# -- everything at once --------------------------------------------------------------------------------------


def test_giving_to_many_while_people_go_round(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clocks give four times while people claim, place with what they got, cancel, and place again."""
    monkeypatch.setattr(issuing, "BATCH", 3)
    people = market.buyers(8)
    for number in rounds(3, 60):
        go_round(market, people, number)


def go_round(market: Market, people: list[User], number: int) -> None:
    """One round; it can be told again by its number."""
    chance, cup = dice(number), market.goods(f"cup{number}", 9800, 1000)
    rows = [coupon(500) for _ in range(2)]
    for row in chance.sample(rows * 2, 4):
        begun(row)

    def walk(pairs: list[tuple[User, Coupon]]) -> None:
        for who, row in pairs:
            answer(lambda who=who, row=row: claiming.claim(row.pk, who.pk))  # type: ignore[misc]
        grants = [Grant.objects.filter(user=who, coupon=row).first() for who, row in pairs]
        for _ in range(2):
            group = [
                market.placing(who, (cup, 1), grant=grant)
                for (who, _), grant in zip(pairs, grants, strict=True)
            ]
            for one in place_many(group):
                assert isinstance(one, Placed | Refusal), one
                if isinstance(one, Placed):
                    market.cancel(Order.objects.get(pk=one.order_id))

    walks = [[(who, chance.choice(rows)) for who in chance.sample(people, 3)] for _ in range(4)]
    results = together(give_on, give_on, *[lambda pairs=pairs: walk(pairs) for pairs in walks])
    errors = [one for one in results if isinstance(one, Exception)]
    assert not errors, (number, repr(errors[0]))
    assert not Quarantine.objects.exists(), repr(Quarantine.objects.values_list("error"))
    give_on()
    assert not Issuing.objects.filter(ended_at=None).exists()
    assert market.counts(cup) == (1000, 0, 0)
    assert_counted(*rows)
