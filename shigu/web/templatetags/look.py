"""The look's tags: money, time, the drum, icons, covers, states. `{% load look %}`.

Each tag writes finished, escaped mark-up that is right without JavaScript; the modules in
`static/web/js` only keep it moving. Countdowns start from the context's `now`, the database's clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django import template
from django.core.paginator import Page
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from shigu.kit.moments import milliseconds
from shigu.kit.money import yuan as plain_yuan
from shigu.payments.provider import providers
from shigu.web import spoken, states
from shigu.web.drawing.avatars import avatar_svg
from shigu.web.drawing.drum import MARK, lit_studs, still_svg, studs
from shigu.web.drawing.icons import icon_svg
from shigu.web.drawing.pictures import cover_img

register = template.Library()


def _now(context: Context) -> datetime:
    found = context.get("now")
    found = found() if callable(found) else found
    return found if isinstance(found, datetime) else datetime.now(tz=UTC)


def _left(context: Context, ends: datetime) -> float:
    return (ends - _now(context)).total_seconds()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


# -- money -------------------------------------------------------------------------------------
@register.simple_tag
def money(fen: int, look: str = "") -> SafeString:
    """Fen as yuan, the fen smaller. Looks: none, `plain`, `big`, `even` (all one size)."""
    sign, amount = ("−", -fen) if fen < 0 else ("", fen)
    return format_html(
        '<span class="money{}">{}<span class="yen">¥</span>{}<i>.{}</i></span>',
        f" {look}" if look else "",
        sign,
        f"{amount // 100:,}",
        f"{amount % 100:02d}",
    )


@register.simple_tag
def price(fen: int, look: str = "") -> SafeString:
    """What something costs: its money, or in words that it is free. Sums stay figures: `money`."""
    if fen:
        return money(fen, look)
    return format_html('<span class="money{}">{}</span>', f" {look}" if look else "", _("Free"))


@register.filter
def priced(fen: int) -> str:
    """The same as plain text: `¥1,700.00`, or that it is free."""
    return f"¥{yuan(fen)}" if fen else _("Free")


@register.simple_tag
def was(fen: int | None) -> SafeString:
    """The list price struck through, named as such for a screen reader; nothing for None."""
    if fen is None:
        return SafeString("")
    return format_html(
        '<s class="was"><span class="hide">{} </span>¥{}</s>', _("list price"), yuan(fen)
    )


@register.filter
def yuan(fen: int) -> str:
    """Fen as plain text for a sentence or a button: `1,700.00`, without the ¥."""
    sign, amount = ("−", -fen) if fen < 0 else ("", fen)
    return f"{sign}{amount // 100:,}.{amount % 100:02d}"


@register.simple_tag
def yuan_plain(fen: int) -> str:
    """Fen as a form or an address has them: `1700.00`."""
    return plain_yuan(fen)


@register.filter
def way_name(provider: str) -> str:
    """What people call a provider: `alipay` is Alipay."""
    return str(providers[provider].name) if provider in providers else provider


# -- time --------------------------------------------------------------------------------------
@register.simple_tag(takes_context=True)
def drum(
    context: Context,
    ends: datetime,
    start: datetime | None = None,
    window: float | None = None,
    size: str = "",
    label: str = "",
    then: str = "",
    over: str = "",
) -> SafeString:
    """Sixty studs, lit for what is left of start..ends or of `window` seconds; then opens `then`.

    `over`: a lot's own, whose end moves; at zero it says this (`static/web/js/lots.js`).
    """
    left = _left(context, ends)
    whole = window or ((ends - start).total_seconds() if start else 900)
    text = spoken.countdown(math.ceil(left))
    return format_html(
        '<div class="drum {}{}" data-ends="{}" data-window="{}"{}{}>{}'
        '<div class="skin" aria-hidden="true"><b>{}</b><small>{}</small></div>'
        '<p class="hide" role="timer"><span>{}</span> <span data-say>{}</span></p></div>',
        size,
        " long" if len(text) > 5 else "",
        milliseconds(ends),
        round(whole, 3),
        format_html(' data-then="{}"', then) if then else "",
        format_html(' data-lot-clock data-over="{}"', over) if over else "",
        mark_safe(studs(lit_studs(left, whole))),  # numbers only
        text,
        label,
        label,
        spoken.minutes_left(math.ceil(left)),
    )


@register.simple_tag(takes_context=True)
def tick(
    context: Context, ends: datetime, look: str = "", then: str = "", over: str = ""
) -> SafeString:
    """The time left as a line of text that counts; `over`: of a lot, as in `drum`."""
    return format_html(
        '<time class="tick{}" datetime="{}" data-ends="{}"{}{} title="{}">{}</time>',
        f" {look}" if look else "",
        _stamp(ends),
        milliseconds(ends),
        format_html(' data-then="{}"', then) if then else "",
        format_html(' data-lot-clock data-over="{}"', over) if over else "",
        spoken.exact(ends),
        spoken.countdown(math.ceil(_left(context, ends))),
    )


def _time(moment: datetime, text: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', _stamp(moment), spoken.exact(moment), text
    )


@register.simple_tag(takes_context=True)
def since(context: Context, moment: datetime | None) -> SafeString:
    """How long ago as people say it, the exact time on hover."""
    return _time(moment, spoken.since(moment, _now(context))) if moment else SafeString("")


@register.simple_tag(takes_context=True)
def at(context: Context, moment: datetime | None, precise: bool = False) -> SafeString:
    """The clock time, with as much date as is needed; `precise` adds the seconds."""
    return _time(moment, spoken.at(moment, _now(context), precise)) if moment else SafeString("")


@register.simple_tag(takes_context=True)
def day(context: Context, moment: datetime | None) -> SafeString:
    """The date alone, the exact time on hover."""
    return _time(moment, spoken.day(moment, _now(context))) if moment else SafeString("")


@register.filter
def span(seconds: int) -> str:
    """A length of time: `3 h 20 min`."""
    return spoken.span(int(seconds))


@register.filter(is_safe=True)
def close_up(text: str) -> str:
    """A sentence with a spoken time in it, without gaps between Chinese words: `{% filter close_up %}`."""
    return spoken.close_up(text)


@register.simple_tag
def gap() -> str:
    """What stands between two sentences: a space, in Chinese nothing."""
    return _("%(said)s %(more)s") % {"said": "", "more": ""}


@register.simple_tag(takes_context=True)
def server_now(context: Context) -> int:
    """The server's time in epoch milliseconds, for `data-now`."""
    return milliseconds(_now(context))


@register.simple_tag
def words() -> dict[str, str]:
    """The few words the browser needs to keep countdowns and forms speaking the page's language."""
    return {
        "day": spoken.day_sign(),
        "over": _("Time is up"),
        "last": _("Less than a minute left"),
        "many": _("{n} minutes left"),
        "hours": _("{h} h {m} min left"),
        "days": _("{d} d {h} h left"),
        "asking": _("No answer yet. Asking whether your bid counts…"),
        "unknown": _("Nobody answers. Press again: the same bid counts once."),
    }


# -- pictures and states -------------------------------------------------------------------------
@register.simple_tag
def icon(name: str, look: str = "") -> SafeString:
    """A line icon in the colour of the text; `look` may be `small` or `large`."""
    return mark_safe(icon_svg(name, look))  # a fixed list of drawings


@register.simple_tag
def still_drum() -> SafeString:
    """A drum at rest, for pages where nothing runs: errors and empty shelves."""
    return mark_safe(still_svg())


@register.simple_tag
def mark() -> SafeString:
    """The drum as a sign."""
    return mark_safe(MARK)


@register.simple_tag
def cover(product: Any, square: bool = False, eager: bool = False) -> SafeString:
    """The uploaded photograph, or the drawn cover; stands inside an element of class `cover`."""
    return cover_img(product, square=square, eager=eager)


@register.simple_tag
def avatar(name: str, picture: Any = None, look: str = "") -> SafeString:
    """A round picture of a person: the uploaded one, or one drawn from the name."""
    inner = (
        format_html('<img src="{}" alt="" width="96" height="96">', picture.url)
        if picture
        else mark_safe(avatar_svg(name))  # escapes the one letter it writes
    )
    return format_html('<span class="avatar{}">{}</span>', f" {look}" if look else "", inner)


@register.simple_tag
def state_chip(code: str = "", tone: str = "", text: str = "") -> SafeString:
    """A state as a word in its tone: by code (`unpaid`, `live`, …), or any `text` in a `tone`."""
    known = states.state(code) if code else states.State(text, tone)
    tone = tone or known.tone
    return format_html(
        '<span class="chip{}">{}</span>', f" {tone}" if tone else "", text or known.word
    )


# -- where we are --------------------------------------------------------------------------------
@register.simple_tag(takes_context=True)
def here(context: Context, *names: str) -> SafeString:
    """`aria-current="page"` where this page's URL name (or `nav`) is among the names."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    on = context.get("nav") or (match.url_name if match else "")
    return mark_safe(' aria-current="page"') if on in names else SafeString("")


@register.filter
def page_range(page: Page[Any]) -> Iterator[int | str]:
    """Page numbers with gaps, for the pagination fragment."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
