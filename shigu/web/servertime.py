"""What time it is: pages count down by the server's clock, and ask again when they wake up."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from shigu import clock
from shigu.kit.moments import milliseconds


@require_GET
@never_cache
def now(request: HttpRequest) -> JsonResponse:
    """Milliseconds since the epoch by the database's clock."""
    return JsonResponse({"now": milliseconds(clock.now())})


urlpatterns = [path("clock.json", now, name="clock")]
