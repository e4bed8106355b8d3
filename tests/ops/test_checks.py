"""A production shop does not start half set up."""

from __future__ import annotations

from typing import Any

import pytest

from shigu.kit.registry import Registry
from shigu.ops.checks import check_registries, production_is_set_up

GOOD = {
    "PRODUCTION": True,
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": ["shop.example.com"],
    "SECURE_COOKIES": True,
    "SITE_URL": "https://shop.example.com",
}


def found(settings: Any, **other: object) -> list[str | None]:
    for name, value in {**GOOD, **other}.items():
        setattr(settings, name, value)
    return [message.id for message in production_is_set_up()]


def test_a_shop_that_is_set_up_passes(settings: Any) -> None:
    """Nothing to say."""
    assert found(settings) == []


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("SECRET_KEY", "", "shigu.E101"),
        ("SECRET_KEY", "short", "shigu.E101"),
        ("ALLOWED_HOSTS", [], "shigu.E102"),
        ("ALLOWED_HOSTS", ["*"], "shigu.E102"),
        ("SECURE_COOKIES", False, "shigu.E103"),
        ("SITE_URL", "http://shop.example.com", "shigu.E104"),
    ],
)
def test_each_gap_is_named(settings: Any, name: str, value: object, id: str) -> None:
    """One gap, one error."""
    assert found(settings, **{name: value}) == [id]


def test_nobody_is_bothered_while_trying_out(settings: Any) -> None:
    """The same gaps are fine on one's own machine."""
    assert found(settings, PRODUCTION=False, SECRET_KEY="") == []


def test_a_door_without_a_handler_is_an_error() -> None:
    """A kind that may occur and that nobody answers for is found at start-up."""
    assert check_registries() == []
    Registry("doors", kinds=["front"])
    try:
        assert [message.msg for message in check_registries()] == ["doors: no handler for 'front'"]
    finally:
        Registry.known.pop()
