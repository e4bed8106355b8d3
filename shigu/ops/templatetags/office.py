"""Amounts as operators read them. `{% load office %}`."""

from __future__ import annotations

from typing import Any

from django import template

from shigu.kit.money import shown

register = template.Library()


@register.filter
def as_yuan(amount: Any) -> str:
    """Fen as yuan; a dash for none."""
    return shown(amount if isinstance(amount, int) else None)
