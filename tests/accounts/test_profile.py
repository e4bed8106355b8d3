"""The profile: what a person says is written; what does not fit is refused; nothing else is touched."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import ValidationError

from shigu.accounts.models import User
from shigu.accounts.profile import Profile, change
from tests.people import alice, bob

pytestmark = pytest.mark.django_db

FULL = Profile("小满", date(1999, 5, 20), "工程师", "西安", "f", "慢慢来，比较快")


def test_what_is_said_is_written() -> None:
    """And read back, for this person only."""
    change(alice().pk, FULL)
    user = User.objects.get(username="alice")
    assert (user.nickname, user.born_on, user.job) == ("小满", date(1999, 5, 20), "工程师")
    assert (user.city, user.gender, user.signature) == ("西安", "f", "慢慢来，比较快")
    assert user.shown_name == "小满"
    assert bob().nickname == ""


def test_all_of_it_may_be_empty_again() -> None:
    """Nothing is required; the sign-in name is shown then."""
    change(alice().pk, FULL)
    user = change(alice().pk, Profile())
    assert (user.nickname, user.born_on, user.shown_name) == ("", None, "alice")


@pytest.mark.parametrize(
    "wrong", [Profile(nickname="x" * 41), Profile(gender="x"), Profile(signature="x" * 141)]
)
def test_what_does_not_fit_is_refused(wrong: Profile) -> None:
    """Nothing of it is written."""
    change(alice().pk, FULL)
    before = User.objects.filter(username="alice").values().get()
    with pytest.raises(ValidationError):
        change(alice().pk, wrong)
    assert User.objects.filter(username="alice").values().get() == before


def test_sign_in_and_rights_are_out_of_reach() -> None:
    """The verb knows no word for name, mail, password or rights."""
    assert set(Profile.__slots__).isdisjoint(
        {"username", "email", "password", "is_staff", "is_superuser", "avatar"}
    )
