"""What readers see of coupons: the centre and their own, as of now, in a fixed number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.catalogue.models import Reach
from shigu.promotions import lists
from shigu.promotions.models import Coupon, GrantState, Way
from tests.goods import python_course, teapot
from tests.people import alice, bob
from tests.promotions.booth import DAY, coupon, in_hand

pytestmark = pytest.mark.django_db


def names(user_id: int | None = None) -> list[str]:
    return [offer.coupon.name_zh for offer in lists.offers(user_id, clock.now())]


def test_the_centre_shows_what_can_be_had_first() -> None:
    """Claimable by their end, one's own, gone, coming; none got in other ways, none that is over."""
    coupon("later", ends=3 * DAY)
    coupon("sooner")
    in_hand(coupon("mine"), alice())
    gone = coupon("gone", total=1)
    in_hand(gone, bob())
    coupon("coming", begins=DAY, ends=2 * DAY)
    coupon("over", ends=-timedelta(minutes=1))
    coupon("withdrawn", on_offer=False)
    coupon("by code", way=Way.CODE, code="X")
    coupon("by hand", way=Way.OPERATOR)
    assert names(alice().pk) == ["sooner", "later", "mine", "gone", "coming"]
    assert names() == ["sooner", "mine", "later", "gone", "coming"]


def test_an_offer_says_what_one_may_do() -> None:
    """Two for each: with one of them in hand another may be claimed, with both not."""
    row, now = coupon(per_user=2, total=3), clock.now()
    in_hand(row, alice())
    [offer] = lists.offers(alice().pk, now)
    assert (offer.mine, offer.may_claim, offer.is_mine, offer.coupon.left) == (1, True, False, 2)
    in_hand(row, alice(), GrantState.USED)
    [offer] = lists.offers(alice().pk, now)
    assert (offer.may_claim, offer.is_mine) == (False, True)
    in_hand(row, bob())
    [offer] = lists.offers(bob().pk, now)
    assert (offer.may_claim, offer.is_gone, offer.is_mine) == (False, True, False)


def test_my_coupons_by_tab() -> None:
    """Held ones count as unused, revoked and overdue ones as lapsed; bob's are his."""
    row = coupon(total=100, per_user=9)
    for was in GrantState:
        in_hand(row, alice(), was)
    in_hand(row, alice(), valid_until=clock.now(), due_at=clock.now())
    in_hand(row, bob())
    now = clock.now()
    shown = {tab: [one.state for one in lists.mine(alice().pk, tab, now)] for tab in lists.TABS}
    assert {tab: sorted(states) for tab, states in shown.items()} == {
        "unused": ["held", "unused"],
        "used": ["used"],
        "lapsed": ["lapsed", "revoked", "unused"],
    }
    assert lists.counts(alice().pk, now) == {"unused": 2, "used": 1, "lapsed": 3}
    assert lists.counts(bob().pk, now) == {"unused": 1, "used": 0, "lapsed": 0}
    with pytest.raises(KeyError):
        lists.mine(alice().pk, "junk", now)


def test_the_tabs_move_with_the_time() -> None:
    """A day later it stands among the lapsed, though nobody tidied."""
    in_hand(coupon(), alice())
    now = clock.now()
    assert lists.counts(alice().pk, now)["unused"] == 1
    assert lists.counts(alice().pk, now + DAY)["lapsed"] == 1


@pytest.mark.parametrize("many", [1, 12])
def test_lists_cost_a_fixed_number_of_queries(many: int) -> None:
    """Twelve coupons with all they cover cost what one costs."""
    for number in range(many):
        row = coupon(f"c{number}", reach=list(Reach)[number % 4], total=5)
        row.products.set([teapot(), python_course()])
        row.categories.set([teapot().category])
        row.directions.set([teapot().category.direction])
        in_hand(row, alice())
    user, now = alice().pk, clock.now()
    with CaptureQueriesContext(connection) as centre:
        for offer in lists.offers(user, now):
            assert touched(offer.coupon)
    with CaptureQueriesContext(connection) as own:
        for grant in lists.mine(user, "unused", now):
            assert touched(grant.coupon)
    with CaptureQueriesContext(connection) as figures:
        lists.counts(user, now)
    assert (len(centre), len(own), len(figures)) == (7, 4, 1)


def touched(row: Coupon) -> bool:
    """Everything a page says of what a coupon covers."""
    return bool(
        [one.name for one in row.products.all()]
        and [one.direction.kind for one in row.categories.all()]
        and [one.slug for one in row.directions.all()]
    )
