"""The mailbox of a shop that is being tried out: every mail it sends, in the browser.

Only outside production, only where mails are written into files, and only for a superuser: sign-in codes
are among them. What a mail says is shown as text; its HTML part stands in a frame that may run nothing
and fetch nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from shigu.ops import mailfiles
from shigu.ops.mailfiles import Mail

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

FILES = "django.core.mail.backends.filebased.EmailBackend"
SIZE = 25
FRAME = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


def is_open() -> bool:
    """Is there a mailbox at all?"""
    return not settings.PRODUCTION and settings.EMAIL_BACKEND == FILES


def is_open_to(request: HttpRequest) -> bool:
    """And may this reader look into it?"""
    return is_open() and request.user.is_active and bool(getattr(request.user, "is_superuser", 0))


def guarded(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """404 where there is no mailbox, the back office's sign-in for visitors, 403 for everybody else."""

    @wraps(view)
    def inside(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not is_open_to(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    office = admin.site.admin_view(inside)

    @wraps(view)
    def outside(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not is_open():
            raise Http404
        answer: HttpResponseBase = office(request, *args, **kwargs)
        return answer

    return require_safe(outside)


@guarded
def mailbox(request: HttpRequest) -> HttpResponse:
    """The latest mails, newest first."""
    page = Paginator(mailfiles.newest(_folder()), SIZE).get_page(request.GET.get("page", "1"))
    context = {**admin.site.each_context(request), "title": _("Mailbox"), "page": page}
    return render(request, "office/mailbox.html", context)


@guarded
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: its head, its text, its HTML part in a frame."""
    found = _mail(name)
    context = {**admin.site.each_context(request), "title": found.subject, "mail": found}
    return render(request, "office/mail.html", context)


@guarded
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part alone, for that frame; opened by itself it may do no more than there."""
    answer = HttpResponse(_mail(name).html)
    answer["Content-Security-Policy"] = FRAME
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def _mail(name: str) -> Mail:
    found = mailfiles.one(_folder(), name)
    if found is None:
        raise Http404
    return found


def _folder() -> Path:
    return Path(settings.EMAIL_FILE_PATH)


urlpatterns = [
    path("ops/mailbox/", mailbox, name="mailbox"),
    path("ops/mailbox/<str:name>/", mail, name="mailbox_mail"),
    path("ops/mailbox/<str:name>/html", mail_html, name="mailbox_html"),
]
