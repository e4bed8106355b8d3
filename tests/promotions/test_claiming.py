"""How one person comes by a coupon: claimed, by code, on signing up; and every reason why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.kit.errors import Refusal
from shigu.promotions import claiming, errors
from shigu.promotions.models import Coupon, Grant, GrantState, Way
from tests.people import alice, bob, carol
from tests.promotions.booth import DAY, assert_coupons_add_up, coupon, issued

pytestmark = pytest.mark.usefixtures("clone")


def refuses(refusal: type[Refusal], act: Callable[[], Any]) -> None:
    """It is refused with this, and neither grants nor figures are others than before."""

    def figures() -> list[Any]:
        return [*Grant.objects.values_list("pk"), *Coupon.objects.values_list("pk", "issued")]

    before = figures()
    with pytest.raises(refusal):
        act()
    assert figures() == before


def test_a_claimed_coupon_is_in_ones_hand() -> None:
    """One more is issued; the grant has the coupon's times and lapses at its end."""
    spring = coupon()
    grant = claiming.claim(spring.pk, alice().pk)
    assert (grant.state, grant.nth, grant.way) == (GrantState.UNUSED, 1, Way.CLAIM)
    assert (grant.valid_from, grant.valid_until) == (spring.valid_from, spring.valid_until)
    assert grant.due_at == spring.valid_until
    assert grant.is_usable(clock.now())
    assert issued(spring) == 1
    assert_coupons_add_up()


def test_claiming_is_one_short_transaction() -> None:
    """Between taking the coupon's row and letting it go there is one statement."""
    spring, buyer = coupon(), alice()
    with CaptureQueriesContext(connection) as asked:
        claiming.claim(spring.pk, buyer.pk)
    words = [query["sql"].split()[0] for query in asked]
    assert words == ["BEGIN", "WITH", "COMMIT", "SELECT"]


def test_the_last_one_is_the_last() -> None:
    """Two of them: the third buyer is told, and nothing was counted."""
    spring = coupon(total=2)
    for buyer in (alice(), bob()):
        claiming.claim(spring.pk, buyer.pk)
    refuses(errors.NoneLeft, lambda: claiming.claim(spring.pk, carol().pk))
    assert_coupons_add_up()


def test_one_person_gets_as_many_as_one_may() -> None:
    """Two for each: the third is refused though plenty are left, and bob still gets his."""
    spring = coupon(per_user=2)
    numbers = [claiming.claim(spring.pk, alice().pk).nth for _ in range(2)]
    assert numbers == [1, 2]
    refuses(errors.HaveYours, lambda: claiming.claim(spring.pk, alice().pk))
    assert claiming.claim(spring.pk, bob().pk).nth == 1


def test_a_used_or_revoked_one_counts_as_yours() -> None:
    """Whatever became of it, it was yours: the limit is of all that one ever got."""
    spring = coupon()
    grant = claiming.claim(spring.pk, alice().pk)
    Grant.objects.filter(pk=grant.pk).update(
        state=GrantState.REVOKED, due_at=None, revoked_at=clock.now()
    )
    refuses(errors.HaveYours, lambda: claiming.claim(spring.pk, alice().pk))


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"begins": DAY, "ends": 2 * DAY}, errors.NotYetOffered),
        ({"ends": -timedelta(minutes=1)}, errors.NotOffered),
        ({"on_offer": False}, errors.NotOffered),
        ({"way": Way.OPERATOR}, errors.NotOffered),
        ({"way": Way.CODE, "code": "DRUM"}, errors.NotOffered),
        ({"way": Way.SIGN_UP}, errors.NotOffered),
    ],
)
def test_what_is_not_on_offer_cannot_be_claimed(wrong: Any, refusal: type[Refusal]) -> None:
    """Too early, too late, withdrawn, or got in another way."""
    row = coupon(**wrong)
    refuses(refusal, lambda: claiming.claim(row.pk, alice().pk))


def test_a_coupon_that_does_not_exist_is_not_on_offer() -> None:
    """Junk in an address is no error of the house."""
    refuses(errors.NotOffered, lambda: claiming.claim(987_654_321, alice().pk))


def test_the_end_is_decided_at_the_moment_of_the_act() -> None:
    """No clock need come by: one second after the end it is over."""
    spring = coupon(ends=timedelta(hours=1))
    with clock.shifted(timedelta(hours=1, seconds=1)):
        refuses(errors.NotOffered, lambda: claiming.claim(spring.pk, alice().pk))
    claiming.claim(spring.pk, alice().pk)


# -- by code ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("typed", ["DRUM-300", "drum-300", " Drum - 300\t", "ｄｒｕｍ-３００"])
def test_a_code_is_read_without_case_and_blanks(typed: str) -> None:
    """However it is typed."""
    row = coupon(way=Way.CODE, code="Drum -300")
    assert claiming.redeem(typed, alice().pk).coupon == row


@pytest.mark.parametrize(
    "typed", ["", "   ", "DRUM-30", "DRUM-3000", "\0", "x" * 5000, "%", "' or 1=1"]
)
def test_a_wrong_code_is_unknown(typed: str) -> None:
    """Near misses and junk get the same answer; the empty code is nobody's."""
    coupon(way=Way.CODE, code="DRUM-300")
    coupon(way=Way.CLAIM)
    refuses(errors.UnknownCode, lambda: claiming.redeem(typed, alice().pk))


@pytest.mark.parametrize(
    "wrong",
    [{"begins": DAY, "ends": 2 * DAY}, {"ends": -timedelta(minutes=1)}, {"on_offer": False}],
)
def test_a_code_of_no_running_offer_is_unknown_too(wrong: Any) -> None:
    """Whoever guesses a code of next month learns nothing."""
    coupon(way=Way.CODE, code="DRUM-300", **wrong)
    refuses(errors.UnknownCode, lambda: claiming.redeem("DRUM-300", alice().pk))


def test_a_code_used_up_says_so() -> None:
    """The code was right: its owner learns that they are too late, and who has theirs that they have it."""
    coupon(way=Way.CODE, code="DRUM", total=1)
    claiming.redeem("drum", alice().pk)
    refuses(errors.HaveYours, lambda: claiming.redeem("drum", alice().pk))
    refuses(errors.NoneLeft, lambda: claiming.redeem("drum", bob().pk))


# -- on signing up -----------------------------------------------------------------------------------
def test_who_signs_up_is_welcomed_with_what_there_is() -> None:
    """One of each sign-up coupon that runs, none of another kind, and once only."""
    first, second = coupon(way=Way.SIGN_UP, per_user=3), coupon(way=Way.SIGN_UP)
    (
        coupon(),
        coupon(way=Way.SIGN_UP, begins=DAY, ends=2 * DAY),
        coupon(way=Way.SIGN_UP, on_offer=False),
    )
    for _ in range(2):
        with transaction.atomic():
            claiming.welcome(alice().pk, clock.now())
    got = alice().grants.order_by("pk").values_list("coupon_id", "way")
    assert list(got) == [(first.pk, Way.SIGN_UP), (second.pk, Way.SIGN_UP)]
    assert_coupons_add_up()


def test_when_none_is_left_one_still_signs_up() -> None:
    """The second person gets no coupon, and no error either."""
    row = coupon(way=Way.SIGN_UP, total=1)
    for buyer in (alice(), bob()):
        with transaction.atomic():
            claiming.welcome(buyer.pk, clock.now())
    assert (alice().grants.count(), bob().grants.count(), issued(row)) == (1, 0, 1)


def test_the_door_of_signing_up_is_open() -> None:
    """The welcome stands where accounts call it, and goes back with a sign-up that fails."""
    from shigu.accounts.joining import welcomes

    assert claiming.welcome in welcomes
    row, user = coupon(way=Way.SIGN_UP), alice()
    with transaction.atomic():
        claiming.welcome(user.pk, clock.now())
        transaction.set_rollback(True)
    assert (user.grants.count(), issued(row)) == (0, 0)
