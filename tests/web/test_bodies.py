"""A body too large is refused by its announced length, with a page, before anybody reads it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from shigu.web.bodies import MOST
from tests.people import alice

pytestmark = pytest.mark.django_db


class Unreadable:
    """A body that must not be read."""

    def read(self, *size: int) -> bytes:
        raise AssertionError("it was read")

    readline = read


@pytest.mark.parametrize("length", [str(MOST + 1), "9" * 18])
def test_too_large_is_413_unread(client: Client, length: str) -> None:
    """Visitors and buyers alike, whatever the address."""
    for page in (reverse("change_picture"), reverse("account_login"), "/nowhere/"):
        answer = client.generic(
            "POST",
            page,
            content_type="multipart/form-data; boundary=x",
            CONTENT_LENGTH=length,
            **{"wsgi.input": Unreadable()},
        )
        assert answer.status_code == 413
        assert "一次发得太多了" in answer.content.decode()


@pytest.mark.parametrize("length", ["", "0", "-1", "junk", "²", "9" * 30])
def test_an_odd_length_is_no_500(client: Client, length: str) -> None:
    """Whatever a client announces."""
    client.force_login(alice())
    answer = client.get(reverse("profile"), CONTENT_LENGTH=length)
    assert answer.status_code == 200
