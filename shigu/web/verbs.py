"""A button that does something: `@verb(CHANGE, back="orders")` on the view behind it.

Only a POST of somebody signed in reaches the view, within its limit. A refusal of the domain is shown in the
buyer's language on the page they came from (`next`, if it is ours) or on the one named by `back`;
whoever opens the address by hand, or signs in on the way, lands there too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from shigu.kit.errors import Refusal
from shigu.web.limits import Limit, limited

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def verb(limit: Limit, *, back: str, named: bool = True) -> Callable[[View[P]], View[P]]:
    """Guard a view that changes something; `named`: the page behind `back` takes the same arguments."""

    def wrap(view: View[P]) -> View[P]:
        counted = limited(limit)(view)

        @wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            home = reverse(back, args=args, kwargs=kwargs) if named else reverse(back)
            if not request.user.is_authenticated:
                return leave(request, home)
            if request.method != "POST":
                return redirect(home)
            try:
                return counted(request, *args, **kwargs)
            except Refusal as refusal:
                messages.error(request, refusal.message)
                return redirect(where_from(request, home))

        return inner

    return wrap


def leave(request: HttpRequest, address: str) -> HttpResponseBase:
    """Go to another page of ours, past the sign-in for a visitor; the whole page also where a script asked."""
    signed_in = request.user.is_authenticated
    answer = HttpResponseRedirect(address) if signed_in else redirect_to_login(address)
    if request.headers.get("HX-Request") != "true":
        return answer
    return HttpResponse(status=204, headers={"HX-Redirect": answer.url})


def where_from(request: HttpRequest, otherwise: str) -> str:
    """The page of ours that the form named as `next`, or else `otherwise`."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours and wanted.startswith("/") else otherwise
