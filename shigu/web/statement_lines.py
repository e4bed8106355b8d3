"""Statements in words: each entry of an account as one sentence, with a link to what it tells of.

`statement_context(request, account)` is everything that `web/centre/_statement.html` shows: the page that
the address asks for, in a fixed number of queries. Sentences for credits and for the balance stand here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from shigu.auctions.models import Deposit
from shigu.ledger.models import Event, owner_of
from shigu.ledger.statements import Entry, paged
from shigu.orders.models import Order
from shigu.payments.models import Attempt, Refund
from shigu.wallet.models import TopUp
from shigu.web.inputs import one_of

SIZES = [10, 20, 50]

ABOUT_ORDER: Mapping[Event, str | Promise] = {
    Event.HOLD: _("Held for order %(number)s"),
    Event.RELEASE: _("Came back from order %(number)s"),
    Event.SPEND: _("Used for order %(number)s"),
    Event.EARN: _("Earned with order %(number)s"),
    Event.GIVE_BACK: _("Came back with the refund of order %(number)s"),
    Event.TAKE_BACK: _("Taken back with the refund of order %(number)s"),
    Event.PAYMENT: _("Paid order %(number)s"),
    Event.RETURNING: _("Could not be used for order %(number)s and goes back"),
    Event.REFUNDED: _("Came back from order %(number)s"),
}
ABOUT_TOP_UP: Mapping[Event, str | Promise] = {
    Event.TOP_UP: _("Topped up: %(number)s"),
    Event.REFUND: _("Top-up %(number)s goes back"),
}
BY_ITSELF: Mapping[Event, str | Promise] = {
    Event.WELCOME: _("Welcome to the market"),
    Event.ADJUST: _("Adjusted by the shop: %(note)s"),
}

ABOUT_DEPOSIT: Mapping[Event, str | Promise] = {
    Event.DEPOSIT: _("Deposit %(number)s paid"),
    Event.RETURNING: _("Deposit %(number)s was not needed and goes back"),
    Event.REFUNDED: _("Deposit %(number)s came back"),
}
ABOUT = {"order": ABOUT_ORDER, "top-up": ABOUT_TOP_UP, "deposit": ABOUT_DEPOSIT}

OF_ATTEMPTS = {Event.PAYMENT, Event.TOP_UP, Event.RETURNING, Event.DEPOSIT}
OF_REFUNDS = {Event.REFUND, Event.REFUNDED}

Subject = tuple[str, int]
"""What an entry is about in the end: a purpose and its subject's id."""


class Line(NamedTuple):
    """One entry as its owner reads it; see `ledger.statements.Entry` for the figures."""

    text: SafeString
    at: datetime
    amount: int
    after: int
    held: int
    held_after: int

    @property
    def credits(self) -> str:
        """How many moved, with a sign; of those held where nothing else moved."""
        moved = self.amount or self.held
        return f"{'+' if moved > 0 else '−'}{abs(moved):,}"

    @property
    def left(self) -> str:
        """How many were left afterwards."""
        return f"{self.after:,}"

    @property
    def left_held(self) -> str:
        """How many were held afterwards; empty for none."""
        return f"{self.held_after:,}" if self.held_after else ""


def statement_context(
    request: HttpRequest, of: int, *, held_on: int | None = None
) -> dict[str, object]:
    """The page of account `of` that the address asks for; junk falls back to the first."""
    size = one_of(request.GET.get("size"), SIZES)
    asked = request.GET.get("page", "1")
    found, page = paged(of, held_on=held_on, asked=asked, size=size)
    return {
        "statement": found,
        "lines": lines_of(found.entries, owner_of(of)),
        "page": page,
        "sizes": SIZES,
        "size": size,
    }


def lines_of(entries: Sequence[Entry], user_id: int) -> list[Line]:
    """Entries in words; whatever they are about is read for all of them together."""
    subjects = _subjects(entries)
    links = _links(set(subjects.values()), user_id)
    return [
        Line(
            _said(entry, subjects.get((entry.kind, entry.subject)), links),
            entry.at,
            entry.amount,
            entry.after,
            entry.held,
            entry.held_after,
        )
        for entry in entries
    ]


def _subjects(entries: Sequence[Entry]) -> dict[tuple[Event, int], Subject]:
    """Payments and refunds lead to what they were for; credits name their order at once."""
    paid = {e.subject for e in entries if e.kind in OF_ATTEMPTS}
    back = {e.subject for e in entries if e.kind in OF_REFUNDS}
    attempts = Attempt.objects.in_bulk(paid) if paid else {}
    refunds = Refund.objects.select_related("attempt").in_bulk(back) if back else {}
    found: dict[tuple[Event, int], Subject] = {}
    for entry in entries:
        attempt = attempts.get(entry.subject) if entry.kind in OF_ATTEMPTS else None
        if entry.kind in OF_REFUNDS and entry.subject in refunds:
            attempt = refunds[entry.subject].attempt
        if attempt is not None:
            found[entry.kind, entry.subject] = attempt.purpose, attempt.subject_id
        elif entry.kind not in OF_ATTEMPTS | OF_REFUNDS | set(BY_ITSELF):
            found[entry.kind, entry.subject] = "order", entry.subject
    return found


def _links(subjects: set[Subject], user_id: int) -> dict[Subject, SafeString]:
    """The number of each, leading to its page; an order that its buyer deleted is seen nowhere."""
    orders = {pk for purpose, pk in subjects if purpose == "order"}
    top_ups = {pk for purpose, pk in subjects if purpose == "top-up"}
    deposits = {pk for purpose, pk in subjects if purpose == "deposit"}
    links: dict[Subject, SafeString] = {}
    if orders:
        for order in Order.objects.filter(pk__in=orders, user_id=user_id).only("number", "hidden"):
            there = "" if order.hidden else reverse("order", args=[order.number])
            links["order", order.pk] = _link(there, order.number)
    if top_ups:
        for row in TopUp.objects.filter(pk__in=top_ups, user_id=user_id).only("number"):
            there = reverse("top_up_result", args=[row.number])
            links["top-up", row.pk] = _link(there, row.number)
    if deposits:
        for held in Deposit.objects.filter(pk__in=deposits, user_id=user_id).only("number"):
            there = reverse("deposit_result", args=[held.number])
            links["deposit", held.pk] = _link(there, held.number)
    return links


def _link(there: str, number: str) -> SafeString:
    if not there:
        return format_html('<span class="figures">{}</span>', number)
    return format_html('<a class="figures" href="{}">{}</a>', there, number)


def _said(entry: Entry, subject: Subject | None, links: Mapping[Subject, SafeString]) -> SafeString:
    texts = ABOUT.get(subject[0], ABOUT_ORDER) if subject else ABOUT_ORDER
    if subject and subject in links and entry.kind in texts:
        return _filled(texts[entry.kind], number=links[subject])
    if entry.kind == Event.WELCOME or (entry.kind in BY_ITSELF and entry.note):
        return _filled(BY_ITSELF[entry.kind], note=entry.note)
    return conditional_escape(str(entry.kind.label))


def _filled(text: str | Promise, **parts: str) -> SafeString:
    escaped = {name: conditional_escape(part) for name, part in parts.items()}
    return mark_safe(conditional_escape(str(text)) % escaped)  # every part is escaped above
