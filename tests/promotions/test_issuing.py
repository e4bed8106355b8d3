"""One coupon for many people: everybody meant has one afterwards, however often and by whomever it is begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.accounts.models import User
from shigu.clock.drain import drain
from shigu.kit import breakpoints
from shigu.kit.errors import Refusal
from shigu.promotions import claiming, errors, issuing, recipients
from shigu.promotions.issuing import start, step
from shigu.promotions.models import Audience, Grant, GrantState, Issuing, Way
from tests.people import alice, bob, carol, operator
from tests.promotions.booth import assert_coupons_add_up, coupon, crowd, in_hand, issued

pytestmark = pytest.mark.usefixtures("clone")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three people a batch: a dozen are many."""
    monkeypatch.setattr(issuing, "BATCH", 3)


def run(one: Issuing) -> Issuing:
    """To its end, by hand."""
    while one.ended_at is None:
        one = step(one.pk)
    return one


def figures(one: Issuing) -> tuple[int, int, int]:
    return one.gave, one.had, one.short


def test_everybody_gets_one() -> None:
    """In as many batches as it takes; the grants are the shop's, and add up."""
    row, people = coupon(total=100), crowd(7)
    one = start(row.pk, Audience.ALL, by=operator().pk)
    batches = 0
    while one.ended_at is None:
        one, batches = step(one.pk), batches + 1
    assert batches == 3
    assert (one.people, one.done, figures(one)) == (8, 8, (8, 0, 0))
    assert {grant.user_id for grant in row.grants.all()} >= {person.pk for person in people}
    grant = row.grants.filter(user=people[0]).get()
    assert (grant.state, grant.way, grant.nth) == (GrantState.UNUSED, Way.OPERATOR, 1)
    assert grant.due_at == row.valid_until
    assert_coupons_add_up()


def test_the_clock_does_it_alone() -> None:
    """Nobody needs to press on: batch after batch is due at once."""
    row = coupon(total=100)
    crowd(8)
    one = start(row.pk, Audience.ALL, by=operator().pk)
    while drain(issuing.issue).claimed:
        pass
    one.refresh_from_db()
    assert (figures(one), one.due_at) == ((9, 0, 0), None)
    assert issued(row) == 9


def test_again_gives_only_what_is_missing() -> None:
    """Who had one keeps it, whatever became of it; somebody new gets one."""
    row, people = coupon(total=100), crowd(5)
    in_hand(row, people[0], GrantState.REVOKED)
    claiming.claim(row.pk, people[1].pk)
    assert figures(run(start(row.pk, Audience.ALL, by=1))) == (3, 2, 0)
    crowd(1)
    assert figures(run(start(row.pk, Audience.ALL, by=1))) == (1, 5, 0)
    assert issued(row) == row.grants.count() == 6
    assert_coupons_add_up()


def test_never_more_than_the_number() -> None:
    """Four for seven people: the first four have one, three are counted as without."""
    row, people = coupon(total=4), crowd(7)
    one = run(start(row.pk, Audience.ALL, by=1))
    assert figures(one) == (4, 0, 3)
    assert [grant.user for grant in row.grants.order_by("user_id")] == people[:4]
    assert issued(row) == 4
    type(row).objects.filter(pk=row.pk).update(total=10)
    assert figures(run(start(row.pk, Audience.ALL, by=1))) == (3, 4, 0)


def test_two_operators_at_once_give_once() -> None:
    """Two issuings of one coupon, batch by batch in turn."""
    row = coupon(total=100)
    crowd(6)
    one, two = start(row.pk, Audience.ALL, by=1), start(row.pk, Audience.ALL, by=2)
    while one.ended_at is None or two.ended_at is None:
        one, two = step(one.pk), step(two.pk)
    assert one.gave + two.gave == 6
    assert one.done == two.done == 6
    assert issued(row) == row.grants.count() == 6


def test_a_process_that_dies_leaves_nothing_half_done() -> None:
    """Killed at the end of the second batch: that batch is undone, and the next process takes it up."""
    row = coupon(total=100)
    crowd(7)
    one = step(start(row.pk, Audience.ALL, by=1).pk)

    def die() -> None:
        raise KeyboardInterrupt

    with breakpoints.at("promotions.issue.done", die), pytest.raises(KeyboardInterrupt):
        step(one.pk)
    one.refresh_from_db()
    assert (one.done, issued(row), row.grants.count()) == (3, 3, 3)
    assert figures(run(one)) == (7, 0, 0)
    assert_coupons_add_up()


def test_who_joins_meanwhile_is_not_meant() -> None:
    """The figure that was shown at the start stays true."""
    row = coupon(total=100)
    crowd(4)
    one = step(start(row.pk, Audience.ALL, by=1).pk)
    late = crowd(3)
    assert figures(run(one)) == (4, 0, 0)
    assert not Grant.objects.filter(user__in=late).exists()


def test_an_end_that_passes_meanwhile_gives_no_more() -> None:
    """A coupon that is over would be worth nothing to whoever got it now."""
    row = coupon(total=100, ends=timedelta(hours=1))
    crowd(5)
    one = step(start(row.pk, Audience.ALL, by=1).pk)
    with clock.shifted(timedelta(hours=2)):
        assert figures(run(one)) == (3, 0, 2)
    assert issued(row) == 3


def test_students_are_students() -> None:
    """Only those, and only who may still come in."""
    row, students = coupon(total=100), crowd(4, is_student=True)
    crowd(2)
    User.objects.filter(pk=students[0].pk).update(is_active=False)
    one = run(start(row.pk, Audience.STUDENTS, by=1))
    assert figures(one) == (3, 0, 0)
    assert {grant.user_id for grant in row.grants.all()} == {person.pk for person in students[1:]}


def test_a_batch_costs_the_same_however_many_it_gives() -> None:
    """Eight statements for three people or for sixty."""
    costs = []
    for size in (3, 60):
        row = coupon(total=1000)
        crowd(size)
        one = start(row.pk, Audience.ALL, by=1)
        issuing.BATCH = 2 * User.objects.count()
        with CaptureQueriesContext(connection) as asked:
            assert step(one.pk).ended_at
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 9


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [({"ends": -timedelta(minutes=1)}, errors.CouponOver), ({"total": 0}, errors.NoneLeft)],
)
def test_what_cannot_be_given_is_not_begun(wrong: Any, refusal: type[Refusal]) -> None:
    """Over, or none left: said at once."""
    row = coupon(**wrong)
    crowd(2)
    with pytest.raises(refusal):
        start(row.pk, Audience.ALL, by=1)
    assert not Issuing.objects.exists()


def test_nobody_meant_is_said() -> None:
    """A shop without students."""
    with pytest.raises(errors.NobodyMeant):
        start(coupon().pk, Audience.STUDENTS, by=1)
    assert not Issuing.objects.exists()


def test_withdrawn_or_coming_the_shop_may_give_it() -> None:
    """What buyers cannot claim, operators can still hand out, also ahead of its time."""
    crowd(1)
    for wrong in ({"on_offer": False}, {"begins": timedelta(days=1), "ends": timedelta(days=2)}):
        row = coupon(**wrong)
        assert figures(run(start(row.pk, Audience.ALL, by=1))) == (1, 0, 0)
        assert row.grants.get().valid_from == row.valid_from


# -- a list that somebody pasted -----------------------------------------------------------------------
def test_a_list_may_hold_names_mails_and_ids() -> None:
    """Separated by whatever people use, in any case of the mail, each person once."""
    text = f"alice，BOB@shigu.test;\r\n\t{carol().pk}、 alice {alice().pk}\n\n{bob().username}"
    assert recipients.listed(text) == sorted(person.pk for person in (alice(), bob(), carol()))


def test_a_name_made_of_digits_is_that_persons() -> None:
    """A user name wins over another person's id."""
    namesake = User.objects.create(username=str(alice().pk), email="n@shigu.test")
    assert recipients.listed(namesake.username) == [namesake.pk]


def test_unknown_names_are_told_and_nothing_is_given() -> None:
    """Also those who may not come in any more; a long list of them is cut."""
    User.objects.filter(pk=bob().pk).update(is_active=False)
    with pytest.raises(errors.PeopleUnknown) as told:
        recipients.listed(f"{alice().username} bob zoe \0 " + "9" * 30)
    assert [name in told.value.message for name in ("alice", "bob", "zoe")] == [False, True, True]
    with pytest.raises(errors.PeopleUnknown) as told:
        recipients.listed(" ".join(f"nobody{n}" for n in range(50)))
    assert told.value.message.count("nobody") == recipients.SHOWN
    with pytest.raises(errors.TooManyListed):
        recipients.listed(" ".join(map(str, range(recipients.MOST + 1))))


def test_a_list_is_given_to_those_on_it() -> None:
    """And to nobody else."""
    row, people = coupon(total=100), crowd(9)
    ids = recipients.listed(" ".join(person.username for person in people[2:7]))
    assert figures(run(start(row.pk, Audience.LISTED, by=1, listed=ids))) == (5, 0, 0)
    assert [grant.user for grant in row.grants.order_by("user_id")] == people[2:7]
