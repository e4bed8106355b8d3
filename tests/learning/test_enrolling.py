"""Enrolments: validity from settlement, one per paid line, the second payment extends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from shigu import clock
from shigu.learning import courses
from shigu.learning.enrolling import CourseLines
from shigu.learning.models import Enrolment
from shigu.orders.lines import lines_of
from shigu.orders.refunding import refund
from tests.goods import python_course
from tests.orders.shop import choice, paid
from tests.people import alice, bob, operator

pytestmark = pytest.mark.usefixtures("clone")


def test_validity_runs_from_settlement() -> None:
    """Thirty days from the moment it was paid; the permanent choice has no end."""
    order = paid(alice(), choice(python_course()))
    row = Enrolment.objects.get(user=alice())
    assert row.valid_until == row.valid_from + timedelta(days=30)
    assert row.valid_from == order.settled_at
    paid(bob(), choice(python_course(), place=2))
    assert Enrolment.objects.get(user=bob()).valid_until is None


def test_it_runs_until_its_end_and_not_a_moment_longer() -> None:
    """Whether it may be studied is read from the row and the clock, not from a worker's state."""
    paid(alice(), choice(python_course()))
    row = Enrolment.objects.get(user=alice())
    pair = (alice().pk, python_course().pk)
    assert row.valid_until
    for moment, runs in ((-timedelta(seconds=1), True), (timedelta(0), False)):
        now = row.valid_until + moment
        assert row.is_running(now) is runs
        assert (pair in CourseLines().running([pair], now=now)) is runs


def test_a_lapsed_course_can_be_bought_again() -> None:
    """From now on, not from its old end."""
    paid(alice(), choice(python_course()))
    with clock.shifted(timedelta(days=31)):
        paid(alice(), choice(python_course()), key="again")
        first, second = Enrolment.objects.order_by("pk")
        assert first.valid_until
        assert second.valid_from > first.valid_until
    assert [row.pk for row in courses.mine(alice().pk)] == [second.pk]


def test_a_line_enrols_once() -> None:
    """The database itself refuses a second enrolment for one line."""
    order = paid(alice(), choice(python_course()))
    with pytest.raises(IntegrityError), transaction.atomic():
        CourseLines().fulfil(lines_of([order]), now=clock.now())
    assert Enrolment.objects.count() == 1


def test_a_revoked_course_is_no_longer_mine() -> None:
    """A refunded course leaves the list and may not be studied."""
    refund(paid(alice(), choice(python_course())).pk, by=operator().pk)
    assert not courses.mine(alice().pk)
    pair = (alice().pk, python_course().pk)
    assert CourseLines().running([pair], now=clock.now()) == {}
    assert not Enrolment.objects.get().is_running(clock.now())
