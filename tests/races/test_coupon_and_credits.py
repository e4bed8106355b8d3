"""Coupons and credits in the hands of several at once: taken once, given back once, never lost.

Each meeting has a control: with its guard taken away the same meeting breaks something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from shigu.clock.drain import drain
from shigu.clock.models import Quarantine
from shigu.kit.errors import Refusal
from shigu.ledger.models import Event, Transfer
from shigu.orders import credits, handlers, placing
from shigu.orders.admission import Placing
from shigu.orders.committing import place
from shigu.orders.errors import CouponGone, CreditsShort
from shigu.orders.models import Order, Status
from shigu.orders.placing import Placed, place_many
from shigu.payments.models import Outcome
from shigu.promotions import holding
from shigu.promotions.models import Grant, GrantState
from tests.auditing import assert_audit_holds
from tests.races.market import Market, dice, rounds
from tests.races.together import settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import loose_claims, unlocked_credits, unlocked_grants, unlocked_orders


def two_placings(market: Market, first: Placing, second: Placing) -> list[Any]:
    """The second comes, on a connection of its own, when the first is admitted and not yet written."""
    with stopped_at("orders.place.admitted") as stop:
        one = start(lambda: place_many([first])[0])
        stop.wait()
        two = start(lambda: place_many([second])[0])
        settled_or_blocked(two)
        stop.release()
        return [one.result(), two.result()]


def same_grant_in_two_orders(market: Market) -> None:
    """Two tabs, different goods, one coupon."""
    grant, other = market.grant(market.alice), market.goods("fan", 9800, 5)
    answers = two_placings(
        market,
        market.placing(market.alice, (market.pot, 1), grant=grant),
        market.placing(market.alice, (other, 1), grant=grant),
    )
    assert isinstance(answers[0], Placed), answers
    assert isinstance(answers[1], CouponGone), answers
    assert Grant.objects.get().order_id == answers[0].order_id
    assert market.counts(other) == (5, 0, 0)
    assert_audit_holds()


def test_a_coupon_goes_into_one_order(market: Market) -> None:
    """The first takes it, the second is told and holds nothing."""
    same_grant_in_two_orders(market)


def test_control_without_locks_both_believe_they_have_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: neither buyer nor grant is locked; the second ends in an error, not an answer."""
    monkeypatch.setattr(placing, "lock_buyers", lambda ids: None)
    monkeypatch.setattr(holding, "locked", unlocked_grants)
    with pytest.raises(AssertionError, match="GrantTaken"):
        same_grant_in_two_orders(market)


def credits_from_two_tabs(market: Market) -> None:
    """Enough credits for one of two orders."""
    market.give(market.alice, 500)
    other = market.goods("fan", 9800, 5)
    answers = two_placings(
        market,
        market.placing(market.alice, (market.pot, 1), credits=400),
        market.placing(market.alice, (other, 1), credits=400),
    )
    assert isinstance(answers[0], Placed), answers
    assert isinstance(answers[1], CreditsShort), answers
    assert market.credits(market.alice) == (100, 400)
    assert_audit_holds()


def test_credits_are_spent_once(market: Market) -> None:
    """The second tab is told how many are left."""
    credits_from_two_tabs(market)


def test_control_without_locks_they_are_promised_twice(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: only the constraint stands in the way, and that is an error for the buyer."""
    with transaction.atomic():
        credits.locked([market.alice.pk])  # the accounts are there: nothing is missing but the lock
    monkeypatch.setattr(placing, "lock_buyers", lambda ids: None)
    monkeypatch.setattr(credits, "locked", unlocked_credits)
    with pytest.raises(AssertionError, match="account_not_below_zero"):
        credits_from_two_tabs(market)


def test_one_group_uses_up_what_it_gives(market: Market) -> None:
    """Placed together in one transaction: the coupon goes to the first, so do the credits."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    wanted = [(market.pot, 1)]
    answers = place_many(
        [
            market.placing(market.alice, *wanted, key="a", grant=grant, credits=300),
            market.placing(market.alice, *wanted, key="b", grant=grant),
            market.placing(market.alice, *wanted, key="c", credits=300),
        ]
    )
    assert [type(answer) for answer in answers] == [Placed, CouponGone, CreditsShort]
    assert market.credits(market.alice) == (200, 300)
    assert_audit_holds()


def pay_while_expiring(market: Market) -> None:
    """The clock has the order in hand, coupon and credits with it, when its payment comes."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = market.ordered(grant=grant, credits=500)
    attempt = market.opened(order)
    market.over(order)
    with stopped_at("orders.expire.claimed") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        paying = start(lambda: market.paid(attempt))
        settled_or_blocked(paying)
        stop.release()
        expiring.result()
        outcome = paying.result()
    assert outcome == Outcome.SETTLED, outcome
    order.refresh_from_db()
    assert (order.status, order.round) == (Status.PAID, 1)
    assert Grant.objects.get().state == GrantState.USED
    assert market.credits(market.alice) == (order.earned, 0)
    kinds = Transfer.objects.filter(subject=order.pk, kind__in=["hold", "release", "spend"])
    assert list(kinds.order_by("pk").values_list("kind", "nth")) == [
        (Event.HOLD, 0),
        (Event.RELEASE, 0),
        (Event.SPEND, 1),
    ]
    assert_audit_holds()


def test_released_and_taken_again(market: Market) -> None:
    """Given back by the clock, taken again by the payment, each once."""
    pay_while_expiring(market)


def test_control_without_the_order_lock_it_breaks(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the payment reads "unpaid" and spends what the clock has given back."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="account_not_below_zero"):
        pay_while_expiring(market)


def expire_while_paying(market: Market) -> None:
    """A payment has the order in hand, and what it holds, when the clock comes by."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = market.ordered(grant=grant, credits=500)
    attempt = market.opened(order)
    market.over(order)
    with stopped_at("orders.settle.done") as stop:
        paying = start(lambda: market.paid(attempt))
        stop.wait()
        expiring = start(lambda: drain("orders.expire"))
        settled_or_blocked(expiring, 3)
        stop.release()
        drained, outcome = expiring.result(), paying.result()
    assert drained.claimed == 0, drained
    assert outcome == Outcome.SETTLED, outcome
    order.refresh_from_db()
    assert (order.status, order.round) == (Status.PAID, 0)
    assert Grant.objects.get().state == GrantState.USED
    assert market.credits(market.alice) == (order.earned, 0)
    assert not Transfer.objects.filter(subject=order.pk, kind=Event.RELEASE).exists()
    assert_audit_holds()


def test_nothing_is_released_from_what_is_being_paid(market: Market) -> None:
    """The clock passes by: coupon and credits are used, never given back in between."""
    expire_while_paying(market)


def test_control_a_claim_without_its_lock_releases_them(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the clock takes back what the payment is using."""
    loose_claims(monkeypatch)
    with pytest.raises(AssertionError, match="claimed=1"):
        expire_while_paying(market)


def lapse_restore_lapse(market: Market) -> None:
    """Two rounds on one order, coupon and credits with it."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = market.ordered(grant=grant, credits=500)
    for act in (market.lapse, market.restore, market.lapse):
        act(order)
        assert_audit_holds()
    assert market.status(order) == Status.EXPIRED, repr(Quarantine.objects.values_list("error"))
    assert market.credits(market.alice) == (500, 0)
    assert Grant.objects.get().state == GrantState.UNUSED


def test_lapse_restore_lapse(market: Market) -> None:
    """Back twice, once for each round."""
    lapse_restore_lapse(market)


def test_control_one_subject_for_both_rounds(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: were the round not part of the event, the second release would be refused."""
    assert "round AS nth" in credits.RELEASES
    monkeypatch.setattr(
        credits, "RELEASES", credits.RELEASES.replace("round AS nth", "0::smallint AS nth")
    )
    with pytest.raises(AssertionError, match="transfer_once"):
        lapse_restore_lapse(market)


def free_order_in_two_tabs(market: Market) -> None:
    """Credits pay all of it: placed and settled in one, and the other tab of the same cart comes meanwhile."""
    cheap = market.goods("stamp", 4000, 5)
    market.give(market.alice, 800)
    wanted = market.placing(market.alice, (cheap, 1), key="one cart", credits=400)
    answers = two_placings(market, wanted, wanted)
    assert all(isinstance(answer, Placed) for answer in answers), answers
    assert {answer.number for answer in answers} == {Order.objects.get().number}
    assert [answer.repeated for answer in answers] == [False, True]
    assert market.status(Order.objects.get()) == Status.PAID
    assert market.credits(market.alice) == (400, 0)
    assert market.counts(cheap) == (4, 0, 1)
    assert_audit_holds()


def test_a_free_order_is_placed_and_settled_once(market: Market) -> None:
    """Spent once, sold once; the second tab is given the first one's order."""
    free_order_in_two_tabs(market)


def test_a_free_order_is_one_however_many_tabs(market: Market) -> None:
    """Six of them from one starting line, with a coupon that takes off a part."""
    cheap, grant = market.goods("stamp", 4000, 9), market.grant(market.alice, off=1000)
    market.give(market.alice, 800)
    wanted = market.placing(market.alice, (cheap, 1), key="one cart", grant=grant, credits=300)
    answers = together(*[lambda: place(wanted)] * 6)
    assert {answer.number for answer in answers} == {Order.objects.get().number}
    assert Grant.objects.get().state == GrantState.USED
    assert (market.credits(market.alice), market.counts(cheap)) == ((500, 0), (8, 0, 1))
    assert_audit_holds()


def test_control_without_locks_a_free_order_is_no_answer_to_the_second_tab(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both believe that there is none; the second falls over the key."""
    monkeypatch.setattr(placing, "lock_buyers", lambda ids: None)
    with pytest.raises(AssertionError, match="order_key_once"):
        free_order_in_two_tabs(market)


def test_many_at_random(market: Market) -> None:
    """Placing, lapsing, cancelling, paying and restoring with one coupon and few credits, all at once."""
    for number in rounds(8, 200):
        chance = dice(number)
        acts = _acts(market, number, chance.randrange(0, 500))
        for answer in together(*chance.sample(acts, 3)):
            assert not isinstance(answer, Exception) or isinstance(answer, Refusal), repr(answer)
        assert not Quarantine.objects.exists(), repr(Quarantine.objects.values_list("error"))
        assert_audit_holds()


def _acts(market: Market, number: int, credits: int) -> list[Callable[[], Any]]:
    """An order over its time with a coupon and so many credits, and what may become of all three."""
    cup, grant = market.goods(f"cup{number}", 9800, 9), market.grant(market.alice)
    if credits:
        market.give(market.alice, credits)
    placed = market.place(market.alice, (cup, 1), grant=grant, credits=credits)
    order = Order.objects.get(pk=placed.order_id)
    attempt = market.opened(order)
    market.over(order)
    return [
        lambda: drain("orders.expire"),
        lambda: market.paid(attempt),
        lambda: market.cancel(order),
        lambda: market.restore(order),
        lambda: market.place(market.alice, (cup, 1), grant=grant, credits=credits),
    ]
