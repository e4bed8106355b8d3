"""Auctions as visitors find them: sessions 专场 by what they are now, and one session with its lots.

Every look at a session or a lot is counted (`auctions.viewing`).
"""

from __future__ import annotations

import secrets

from django.core.paginator import Paginator
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.auctions import deposit_standing, lists, recording, viewing
from shigu.auctions.errors_record import NotOverYet
from shigu.auctions.models import LIVE_DEPOSITS, Deposit, Lot, Session
from shigu.web.limits import Limit, limited
from shigu.web.lot_cards import SessionCard, cards_of, session_cards

TABS: dict[str, str | Promise] = {
    "live": _("Live"),
    "preview": _("Preview"),
    "coming": _("Coming"),
    "ended": _("Ended"),
}
SESSIONS, LOTS = 12, 60
"""On one page."""

RECORD = Limit("record", 10)


@never_cache
@require_safe
def auctions(request: HttpRequest) -> HttpResponse:
    """Sessions of one tab; without one, the first that has any."""
    now = clock.now()
    counts = lists.counts(now)
    tab = request.GET.get("tab", "")
    if tab not in TABS:
        tab = next((name for name in TABS if counts[name]), "live")
    page = Paginator(lists.sessions(now, tab), SESSIONS).get_page(request.GET.get("page", "1"))
    context = {
        "tabs": [(name, word, counts[name]) for name, word in TABS.items()],
        "tab": tab,
        "page": page,
        "cards": session_cards(page, now),
        "now": now,
    }
    return render(request, "web/auctions/list.html", context)


@never_cache
@require_safe
def session(request: HttpRequest, slug: str) -> HttpResponse:
    """A session: when, what to pay to take part, its lots, its totals."""
    now = clock.now()
    found = shown_session(slug)
    if request.method == "GET":
        viewing.saw(found.pk)
    lots: Paginator[Lot] = Paginator(lists.lots(found.pk), LOTS)
    page = lots.get_page(request.GET.get("page", "1"))
    figures = lists.figures([found.pk]).get(found.pk, lists.Figures())
    context = {
        "card": SessionCard(found, figures, now),
        "session": found,
        "page": page,
        "lots": cards_of(page, now),
        "deposit": own_deposit(request, found),
        "key": secrets.token_urlsafe(16),
        "ids": [row.pk for row in page],
        "now": now,
    }
    return render(request, "web/auctions/session.html", context)


@require_safe
@limited(RECORD)
def session_record(request: HttpRequest, slug: str) -> HttpResponseBase:
    """All decisions of a session that is over, for everybody; 404 while it is not."""
    found = shown_session(slug)
    try:
        lines = recording.lines(found.pk)
    except NotOverYet as error:
        raise Http404 from error
    said = (f"{line}\n" for line in lines)
    answer = StreamingHttpResponse(said, content_type="application/x-ndjson; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.slug}.jsonl"'
    return answer


def shown_session(slug: str) -> Session:
    """A published session; Http404 for a draft or none."""
    try:
        return lists.session(slug)
    except Session.DoesNotExist as error:
        raise Http404 from error


def own_deposit(request: HttpRequest, session: Session) -> Deposit | None:
    """The reader's deposit for all lots of it, held or to be paid."""
    if request.user.pk is None or not session.deposit:
        return None
    rows = deposit_standing.mine(request.user.pk).filter(session=session, lot=None)
    found = rows.filter(state__in=LIVE_DEPOSITS).first()
    return None if found and found.due_at and found.pay_by <= clock.now() else found


urlpatterns = [
    path("auctions/", auctions, name="auctions"),
    path("auctions/<slug:slug>/", session, name="session"),
    path("auctions/<slug:slug>/record", session_record, name="session_record"),
]
