"""Notices of one's own: the list with its unread ones, reading, the live badge, and what one hears of by mail.

An entry is opened through an address of its own, which marks it as read and leads to what it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.accounts import languages
from shigu.accounts.models import User
from shigu.notices import choosing, inbox
from shigu.notices.letters import Letter, events, letters
from shigu.notices.models import Notice
from shigu.web.inputs import whole
from shigu.web.limits import CHANGE, POLL, limited
from shigu.web.reader import me
from shigu.web.verbs import verb

SIZE = 15
TABS: dict[str, str | Promise] = {"all": gettext_lazy("All"), "unread": gettext_lazy("Unread")}


@dataclass(frozen=True, slots=True)
class Entry:
    """One notice with what it says."""

    notice: Notice
    letter: Letter


@never_cache
@login_required
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """One page of one tab, newest first; junk in the address falls back to the first of both."""
    user_id, tab = me(request), request.GET.get("tab", "")
    tab = tab if tab in TABS else "all"
    rows = inbox.mine(user_id, unread=tab == "unread")
    page = Paginator(rows, SIZE).get_page(request.GET.get("page", "1"))
    said = letters(page.object_list)
    context = {
        "tabs": TABS.items(),
        "tab": tab,
        "page": page,
        "entries": [Entry(row, said[row.pk]) for row in page.object_list if row.pk in said],
        "newest": inbox.mine(user_id).values_list("pk", flat=True).first() or 0,
        "now": clock.now(),
    }
    return render(request, "web/centre/notices.html", context)


@never_cache
@login_required
@require_safe
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Read one, and go on to what it is about."""
    try:
        notice = inbox.read(me(request), notice_id)
    except Notice.DoesNotExist as error:
        raise Http404 from error
    letter = letters([notice]).get(notice.pk)
    return redirect(letter.page if letter else "inbox")


@verb(CHANGE, back="inbox")
def read_all(request: HttpRequest) -> HttpResponse:
    """All that the reader saw; what came since stays unread."""
    inbox.read_all(me(request), up_to=whole(request.POST.get("newest")) or 0)
    return redirect("inbox")


@never_cache
@require_safe
@limited(POLL)
def unread(request: HttpRequest) -> HttpResponse:
    """The badge's figure, for pages that stay open; a visitor has none."""
    return JsonResponse({"unread": inbox.unread(request.user.pk) if request.user.pk else 0})


def mail_choices(user: User) -> dict[str, Any]:
    """For the settings: every kind with its word and whether it comes by mail; the languages of mails."""
    wanted = choosing.wanted(user.pk)
    return {
        "mails": [(name, events[name].word, on) for name, on in wanted.items()],
        "mail_language": languages.language_of(user),
    }


@verb(CHANGE, back="profile", named=False)
def choose_mails(request: HttpRequest) -> HttpResponse:
    """Which kinds come by mail, and in which language."""
    languages.remember(me(request), request.POST.get("language", ""))
    choosing.choose(me(request), request.POST.getlist("mail"))
    messages.success(request, _("Your choice of mails is saved."))
    return redirect("profile")


urlpatterns = [
    path("me/notices/", notices, name="inbox"),
    path("me/notices/read", read_all, name="read_notices"),
    path("me/notices/unread", unread, name="unread_notices"),
    path("me/notices/<int:notice_id>/", open_notice, name="open_notice"),
    path("me/profile/mails", choose_mails, name="choose_mails"),
]
