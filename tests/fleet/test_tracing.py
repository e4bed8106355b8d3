"""OpenTelemetry, when asked for: requests and SQL become spans, without addresses, parameters or rows."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.clock.conftest import Tower
from tests.clock.test_runner import until
from tests.fleet import brokers
from tests.fleet.crew import Crew, address_of
from tests.fleet.servers import Street

SCRIPT = """
import json, django
django.setup()
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from shigu.fleet import tracing
kept = InMemorySpanExporter()
tracing.begin(processor=SimpleSpanProcessor(kept))
from django.db import connection, Error
from django.test import Client
from shigu.accounts.models import User
client = Client()
client.get("/clock.json?sign=hush", headers={"x-request-id": "proxy-id-0001"})
client.get("/healthz", headers={"host": "10.1.2.3"})
try:
    User.objects.create(username="hush", is_active=None)
except Error:
    pass
print("SPANS" + json.dumps([
    {"name": s.name, "service": s.resource.attributes["service.name"], "attributes": dict(s.attributes),
     "status": s.status.description, "events": len(s.events)} for s in kept.get_finished_spans()]))
"""


def test_requests_and_sql_become_spans(clone: str, static: Path, tmp_path: Path) -> None:
    """Named by route, with the request's id; SQL inside of it; a failure without its row; no probes."""
    (tmp_path / "static").symlink_to(static)
    env = os.environ | {
        "DATABASE_URL": address_of(clone),
        "DJANGO_SETTINGS_MODULE": "shigu.settings",
        "OTEL_SERVICE_NAME": "teashop",
        "SHIGU_VAR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False
    )
    assert "SPANS" in done.stdout, done.stderr
    text = done.stdout.partition("SPANS")[2]
    spans = json.loads(text)
    (page,) = [span for span in spans if span["name"].endswith("clock.json")]
    assert page["name"] == "GET clock.json"
    assert page["service"] == "teashop"
    assert page["attributes"]["shigu.request_id"] == "proxy-id-0001"
    assert any("shigu_clock" in str(span["attributes"].get("db.statement")) for span in spans)
    failed = [span for span in spans if span["status"]]
    assert failed
    assert all(span["events"] == 0 for span in spans)
    assert "hush" not in text
    assert not [span for span in spans if "healthz" in span["name"]]


class Collector(BaseHTTPRequestHandler):
    """Takes what OTLP sends."""

    names: set[str] = set()
    came = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        told = ExportTraceServiceRequest.FromString(body)
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self.names.update(span.name for span in scope.spans)
        self.send_response(200)
        self.end_headers()
        if "GET clock.json" in self.names:
            self.came.set()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_they_go_where_otel_says(street: Street) -> None:
    """A real pages process sends them by OTLP to the endpoint of the standard variable."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        pages = street.pages(
            SHIGU_OTEL="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
            OTEL_BSP_SCHEDULE_DELAY="200",
        )
        assert pages.get("/clock.json").status_code == 200
        assert Collector.came.wait(20)
        street.end()
        collector.shutdown()


def test_workers_and_schedulers_are_traced(
    crew: Crew, tower: Tower, redis: tuple[str, brokers.Server], no_turns: None
) -> None:
    """The hint that a beat sends, the task that a worker's process runs, and SQL; both end when asked to."""
    Collector.names.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        traced = {
            "SHIGU_OTEL": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        worker = crew.worker(**traced)
        tower.hang(3)
        beat = crew.beat(**traced)
        sent, run = "apply_async/shigu.drain", "run/shigu.drain"
        until(lambda: {sent, run} <= Collector.names and tower.waiting() == 0, 40)
        for process in (beat, worker):
            process.terminate()
            assert process.wait(30) == 0
        collector.shutdown()
    assert sorted(set(tower.rung())) == sorted(tower.rung())
    assert any("SELECT" in name for name in Collector.names)


def test_a_collector_that_is_away_costs_nothing_but_spans(street: Street) -> None:
    """Pages answer as ever."""
    pages = street.pages(SHIGU_OTEL="1", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    for _ in range(3):
        assert pages.get("/clock.json").elapsed.total_seconds() < 5
