"""Switching the language: Django's own view, and a signed-in reader's choice is remembered for their mails."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.views.i18n import set_language

from shigu.accounts import languages


def switch(request: HttpRequest) -> HttpResponseBase:
    """As Django answers; a language that nobody speaks here changes nothing."""
    answer: HttpResponseBase = set_language(request)
    if request.method == "POST" and request.user.pk:
        languages.remember(request.user.pk, request.POST.get("language", ""))
    return answer


urlpatterns = [path("i18n/setlang/", switch, name="set_language")]
