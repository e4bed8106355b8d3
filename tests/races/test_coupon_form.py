"""An operator lowers how many there are of a coupon at the moment when somebody claims one of the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client

from shigu.kit.breakpoints import reached
from shigu.promotions import claiming
from shigu.promotions.admin import CouponAdmin
from shigu.promotions.errors import NoneLeft
from shigu.promotions.models import Coupon, Grant
from tests.people import operator
from tests.promotions.booth import assert_coupons_add_up
from tests.promotions.test_admin import ADD, errors, page, signed_in, typed
from tests.races.market import Market
from tests.races.test_last_coupons import claims
from tests.races.together import settled_or_blocked, start, stopped_at

pytestmark = pytest.mark.usefixtures("plain_files")


@pytest.fixture(autouse=True)
def _stops_once_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form was found right, and nothing is written yet: a place to stop at."""
    save = CouponAdmin.save_model

    def judged(*arguments: Any, **more: Any) -> None:
        reached("promotions.form.judged")
        save(*arguments, **more)

    monkeypatch.setattr(CouponAdmin, "save_model", judged)


@pytest.fixture
def office() -> Client:
    return signed_in(operator())


def claimed_once(market: Market, office: Client) -> Coupon:
    """Ten of it; alice has one."""
    assert office.post(ADD, typed(total="10")).status_code == 302
    row = Coupon.objects.get()
    claiming.claim(row.pk, market.alice.pk)
    return row


def lowered(row: Coupon, office: Client) -> Callable[[], Any]:
    """The operator wants that there be no more than that one."""
    return lambda: office.post(page(row), typed(total="1"))


def figures(row: Coupon) -> tuple[int, int, int]:
    """How many there are, how many were issued, how many people have."""
    row.refresh_from_db()
    return row.total, row.issued, row.grants.count()


def lowered_while_claimed(market: Market, office: Client) -> None:
    """Bob's claim is counted and not committed when the operator presses save."""
    row, bob = claimed_once(market, office), market.buyer("bob")
    with stopped_at("promotions.claim.taken") as stop:
        claim = start(claims(row, bob))
        stop.wait()
        change = start(lowered(row, office))
        settled_or_blocked(change)
        stop.release()
        claimed, answer = claim.result(), change.result()
    assert [type(one) for one in claimed] == [Grant], claimed
    assert not isinstance(answer, Exception), repr(answer)
    assert errors(answer)["total"] == ["2 are issued already: not fewer than that."]
    assert figures(row) == (10, 2, 2)
    assert_coupons_add_up()


def claimed_while_lowered(market: Market, office: Client) -> None:
    """The form was judged when bob claims: one is issued, so one may be all there is."""
    row, bob = claimed_once(market, office), market.buyer("bob")
    with stopped_at("promotions.form.judged") as stop:
        change = start(lowered(row, office))
        stop.wait()
        claim = start(claims(row, bob))
        settled_or_blocked(claim)
        stop.release()
        answer, claimed = change.result(), claim.result()
    assert not isinstance(answer, Exception), repr(answer)
    assert answer.status_code == 302
    assert [type(one) for one in claimed] == [NoneLeft], claimed
    assert figures(row) == (1, 1, 1)
    assert_coupons_add_up()


MEETINGS = [lowered_while_claimed, claimed_while_lowered]


@pytest.mark.parametrize("meet", MEETINGS)
def test_the_form_and_a_claim_wait_for_each_other(
    market: Market, office: Client, meet: Callable[[Market, Client], None]
) -> None:
    """Whoever comes second sees what the first one did, and is told so in words."""
    meet(market, office)


@pytest.mark.parametrize("meet", MEETINGS)
def test_control_a_form_that_does_not_lock_the_coupon(
    market: Market,
    office: Client,
    monkeypatch: pytest.MonkeyPatch,
    meet: Callable[[Market, Client], None],
) -> None:
    """Negative control: it judges a number that grows meanwhile; only the table's own check is left."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)
    with pytest.raises(AssertionError, match="coupon_not_over_issued"):
        meet(market, office)
