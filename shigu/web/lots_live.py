"""Live lots on a page: where their events are, and `lots/now/`, what is asked where no stream gets through.

`{% lots_live ids %}` (templatetags) puts both addresses on an element, `js/lots.js` follows them. The answer
is public and the same for everybody, so that a cache in front of the shop may keep it for a second: nothing
here reads a session, by which the answer would vary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.auctions import snapshots
from shigu.kit.moments import milliseconds
from shigu.web.limits import Limit, limited

MOST = 100
"""Lots of one page."""

ASK = Limit("ask-lots", 6000, by_address=True)
"""Of one address a minute: a hall full of visitors behind it, each page asking every 1.6 seconds."""


def stream_address(lot_ids: Iterable[int]) -> str:
    """Where these lots are told live; empty for none."""
    ids = ",".join(str(pk) for pk in lot_ids)
    return f"{settings.EVENTS_URL.rstrip('/')}/events/lots/{ids}" if ids else ""


def poll_address(lot_ids: Iterable[int]) -> str:
    """Where they are asked about; empty for none."""
    ids = ",".join(str(pk) for pk in lot_ids)
    return f"{reverse('lots_now')}?ids={ids}" if ids else ""


@require_safe
@limited(ASK)
def lots_now(request: HttpRequest) -> HttpResponse:
    """How these lots stand; 304 while nothing is new."""
    found = snapshots.of(_ids(request.GET.get("ids", "")))
    said = repr([(one.lot_id, one.version) for one in found])
    tag = f'"{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}"'
    if request.headers.get("If-None-Match") == tag:
        answer = HttpResponse(status=304)
    else:
        lots = [json.loads(one.said) for one in found]
        answer = JsonResponse({"now": milliseconds(clock.now()), "lots": lots})
    answer["ETag"] = tag
    answer["Cache-Control"] = "public, max-age=0, s-maxage=1, must-revalidate"
    return answer


def _ids(said: str) -> Sequence[int]:
    """The first hundred of what are numbers."""
    known = [one for one in said.split(",") if one.isascii() and one.isdigit() and len(one) < 19]
    return [int(one) for one in known[:MOST]]


urlpatterns = [path("auctions/lots/now/", lots_now, name="lots_now")]
