"""`{% lots_live ids %}`: the attributes by which an element follows the lots in it, for `lots.js`."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from shigu.web import lots_live as live

register = template.Library()


@register.simple_tag
def lots_live(lot_ids: Iterable[int]) -> SafeString:
    """Where these lots are told and asked about."""
    ids = list(lot_ids)
    if not ids:
        return SafeString("")
    return format_html(
        'data-lots-stream="{}" data-lots-now="{}"',
        live.stream_address(ids),
        live.poll_address(ids),
    )
