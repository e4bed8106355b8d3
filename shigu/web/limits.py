"""How often one person may do one thing: `@limited(PAY)` on a view; beyond it the answer is 429.

Counted on Django's cache in fixed windows, per signed-in user or else per address. With the default
cache every process counts for itself; the provider and the rows are guarded by limits of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from shigu.kit import visitors

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` times in `seconds` for one verb; `crowd` times as often from an address nobody signed

    in from, where a whole school or hall may sit behind one. `by_address`: counted so whoever is signed in;
    no session is read for it, and what is the same for everybody may be kept by a cache for everybody.
    """

    verb: str
    most: int
    seconds: int = 60
    crowd: int = 1
    by_address: bool = False

    def most_of(self, person: str) -> int:
        """How often this one may, as `who` names them."""
        return self.most * (self.crowd if person.startswith("a") else 1)

    @property
    def rest(self) -> int:
        """Whole seconds until its window ends and the next one begins, at least one."""
        return self.seconds - int(time.time()) % self.seconds


PLACE = Limit("place", 20)
PAY = Limit("pay", 20)
TOP_UP = Limit("top-up", 20)
POLL = Limit("poll", 240)
CHANGE = Limit("change", 60)
UPLOAD = Limit("upload", 10)
CODE = Limit("code", 10, 600)
"""Guessing codes is not worth the time."""


def limited(limit: Limit) -> Callable[[View[P]], View[P]]:
    """Answer 429 beyond the limit, before the view does anything."""

    def wrap(view: View[P]) -> View[P]:
        @wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            person = where(request) if limit.by_address else who(request)
            if taken(limit, person) > limit.most_of(person):
                return refused(request, limit)
            return view(request, *args, **kwargs)

        return inner

    return wrap


def taken(limit: Limit, person: str) -> int:
    """Count one more; how many there were in this window."""
    window = int(time.time()) // limit.seconds
    key = f"limit:{limit.verb}:{person}:{window}"
    if cache.add(key, 1, limit.seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # the window ended between the two
        return 1


def who(request: HttpRequest) -> str:
    """The signed-in user, or the address it came from."""
    if request.user.is_authenticated:
        return f"u{request.user.pk}"
    return where(request)


def where(request: HttpRequest) -> str:
    """Where it came from, whoever it is."""
    return f"a{address(request)}"


def address(request: HttpRequest) -> str:
    """The visitor's address, behind a proxy of ours as it says."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    return visitors.address(peer, request.headers.get("X-Forwarded-For", ""))


def refused(request: HttpRequest, limit: Limit) -> HttpResponse:
    """The designed page, or JSON where a script asked."""
    headers = {"Retry-After": str(limit.rest)}
    if "json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": "too-many"}, status=429, headers=headers)
    answer = render(request, "429.html", status=429)
    answer["Retry-After"] = headers["Retry-After"]
    return answer
