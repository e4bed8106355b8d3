"""Traces by OpenTelemetry, where `SHIGU_OTEL=1` and the extra `otel` is installed: `begin()`, once a process.

Requests, SQL and Celery's tasks become spans and go out by OTLP as the standard `OTEL_*` names say
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` …). A span names a request by its
route, because addresses hold keys, and SQL without its parameters. Pages begin in `shigu.wsgi`, processes of
workers and schedulers in `fleet.tasks`; a collector that is away costs spans and nothing else.
"""

from __future__ import annotations

from importlib.util import find_spec

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span
from opentelemetry.trace.status import Status
from structlog.contextvars import get_contextvars

ADDRESSES = ("http.url", "http.target", "url.full", "url.path", "url.query")


def begin(exporter: SpanExporter | None = None, processor: SpanProcessor | None = None) -> None:
    """Trace this process from now on; before Django builds its middleware."""
    limits = SpanLimits(max_events=0)  # they would hold tracebacks, and messages with rows in them
    provider = TracerProvider(resource=_who(), span_limits=limits)
    provider.add_span_processor(Discreet())
    provider.add_span_processor(processor or BatchSpanProcessor(exporter or OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(
        tracer_provider=provider,
        middleware_position=_after_probes(),
        request_hook=hide_address,
        response_hook=name_route,
    )
    PsycopgInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
    if settings.CELERY_BROKER_URL and find_spec("opentelemetry.instrumentation.celery"):
        _trace_celery(provider)


def end() -> None:
    """Send what is left, where the process ends past Python's own exit; bounded by the exporter's time-out."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def _trace_celery(provider: TracerProvider) -> None:
    from opentelemetry.instrumentation.celery import (  # noqa: PLC0415 - only in a fleet
        CeleryInstrumentor,
    )

    CeleryInstrumentor().instrument(  # type: ignore[no-untyped-call]
        tracer_provider=provider
    )


def _who() -> Resource:
    """`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win."""
    return Resource({"service.name": "shigu"}).merge(OTELResourceDetector().detect())


def _after_probes() -> int:
    """Before Django's own middleware, behind what answers machines whatever host they name."""
    return int(settings.MIDDLEWARE.index("django.middleware.security.SecurityMiddleware"))


class Discreet(SpanProcessor):
    """An error's first line only: behind it databases repeat the row it was about."""

    def on_end(self, span: ReadableSpan) -> None:
        if span.status.description:
            said = span.status.description.strip().splitlines()[0]
            span._status = Status(span.status.status_code, said)


def hide_address(span: Span, request: HttpRequest) -> None:
    """What the middleware wrote down before the route was known."""
    for name in ADDRESSES:
        span.set_attribute(name, "")


def name_route(span: Span, request: HttpRequest, response: HttpResponseBase) -> None:
    """The route is known: it is the only address of the request that is told."""
    match = request.resolver_match
    route = (match.route or "/") if match else "none"
    span.update_name(f"{request.method} {route}")
    for name in ADDRESSES:
        span.set_attribute(name, route if name in ("http.target", "url.path") else "")
    span.set_attribute("shigu.request_id", get_contextvars().get("request_id", ""))
