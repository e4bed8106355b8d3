"""The registry device."""

from __future__ import annotations

import pytest

from shigu.kit.registry import Registry, check_registries


def test_a_second_handler_of_one_kind_is_refused() -> None:
    """Two answers for one kind would be a race of import order."""
    registry: Registry[str] = Registry("drums")
    Registry.known.remove(registry)
    registry.register("big", "boom")
    with pytest.raises(ValueError, match="has a handler already"):
        registry.register("big", "bang")
    assert registry["big"] == "boom"


def test_a_kind_without_a_handler_fails_the_start_up_check() -> None:
    """A missing door is found before the first buyer is."""
    registry: Registry[str] = Registry("gongs", kinds=["large"])
    try:
        assert [error.msg for error in check_registries()] == ["gongs: no handler for 'large'"]
    finally:
        Registry.known.remove(registry)
    assert check_registries() == []
