"""Addresses for machines, answered before anything else, whatever host they were asked by.

/healthz   this process is up: 200
/readyz    it may be sent visitors: 200 or 503, and how each part is
/metrics   figures for Prometheus, to those who may read them (`admittance`); 404 unless `SHIGU_METRICS=1`

They ask for no session and leave no line in the log. The path is all they are known by, so that a probe by
the address of a container, without https, is no bad request.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from shigu.fleet.admittance import is_admitted
from shigu.fleet.health import asker

Answer = Callable[[HttpRequest], HttpResponseBase]


class Probes:
    """Middleware, before hosts are checked; see the module."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        answer = probe(request)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def healthz(request: HttpRequest) -> HttpResponseBase:
    """It answers, so it is up."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponseBase:
    """How each part is; 503 while visitors should go elsewhere."""
    said = asker.ask()
    return JsonResponse(
        {"ready": said.is_ready, **said.parts}, status=200 if said.is_ready else 503
    )


def metrics(request: HttpRequest) -> HttpResponseBase:
    """Prometheus' text; `?only=process` leaves out what every process would tell alike."""
    if not settings.METRICS:
        return HttpResponse("Metrics are off: SHIGU_METRICS=1.\n", "text/plain", status=404)
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if not is_admitted(peer, {name.lower(): text for name, text in request.headers.items()}):
        return HttpResponse("Not for you.\n", "text/plain", status=403)
    from shigu.fleet import exposing  # noqa: PLC0415 - only where Prometheus is wanted

    text, kind = exposing.page(alone=request.GET.get("only") == "process")
    return HttpResponse(text, content_type=kind)


PROBES: dict[str, Answer] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
