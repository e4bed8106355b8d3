"""Money in letters, plain: a mail has no style sheet of ours."""

from __future__ import annotations

from django import template

from shigu.kit.money import yuan

register = template.Library()


@register.filter
def fen(amount: int) -> str:
    """`¥1,279.30`."""
    whole, _, part = yuan(amount).partition(".")
    return f"¥{int(whole):,}.{part}"
