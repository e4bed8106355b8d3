"""A whole fleet under two minutes of accidents while people buy: nothing is lost, nothing comes twice.

One run for all tests of this file, in a process of its own (`python -m tests.fleet.chaos`, which is
`bin/soak`): private database, Redis and simulator, two beats, workers, two servers. Its seed is printed with
what was killed when, wherever one of them fails.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.chaos.town import KILLED

MINUTES = 2.0
PATIENCE = 900
CHECKS = {
    *("unfinished", "audit", "answers", "deadlines", "lateness", "backstops"),
    *("money", "charged", "pieces", "coupons", "wallets", "left behind"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the run told, whatever it came to."""
    path = tmp_path_factory.mktemp("fleet") / "report.json"
    seed = int(os.environ.get("SHIGU_CHAOS_SEED", secrets.randbelow(1_000_000)))
    words = ["--minutes", str(MINUTES), "--seed", str(seed), "--report", str(path)]
    said = run(words, path.with_name("said"))
    assert path.exists(), said
    print(said)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def run(words: list[str], log: Path) -> str:
    """All that it said; ended with all of its own where it takes too long, as it would be by a Ctrl-C."""
    plain = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "tests.fleet.chaos", *words]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=plain)
        try:
            process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(120)
    return log.read_text(errors="replace")


def broken(report: dict[str, Any], *names: str) -> list[str]:
    """What is wrong; with it, for whoever reads the failure, all that happened."""
    found = [f"{name}: {sentence}" for name in names for sentence in report["breaches"][name]]
    return ["", *found, f"seed {report['seed']}", *report["diary"]] if found else []


def test_people_bought_and_everything_was_killed(report: dict[str, Any]) -> None:
    """Otherwise it would prove nothing: orders of every fate, every program killed, every engine away."""
    assert set(report["breaches"]) == CHECKS, report["diary"]
    assert {"paid", "cancelled", "expired"} <= set(report["orders"])
    assert report["answers"]["placed"] > 40
    assert sum(report["lost_answers"].values()) > 20
    accidents = report["accidents"]
    assert {f"kill -9 {name}" for name in KILLED} <= set(accidents)
    assert "broker flushed" in accidents
    assert all(any(one.startswith(name) for one in accidents) for name in ("redis", "simulator"))
    assert {"postgres restarted (fast)", "postgres restarted (immediate)"} <= set(accidents)


def test_the_audit_is_clean(report: dict[str, Any]) -> None:
    """Nothing is left waiting, every promise of `shigu audit` holds, nothing was set aside."""
    assert broken(report, "unfinished", "audit") == []


def test_every_deadline_was_met_once(report: dict[str, Any]) -> None:
    """No order lapsed early, twice or never, or late by more than what was broken explains."""
    assert broken(report, "deadlines", "lateness", "backstops") == []
    assert report["lateness"]["all"]["count"] > 10


def test_no_answer_was_taken_back(report: dict[str, Any]) -> None:
    """Whatever was answered as placed, paid, cancelled or refused is so, also after an answer that was lost."""
    assert broken(report, "answers", "charged") == []


def test_everything_is_accounted_for(report: dict[str, Any]) -> None:
    """Every piece, coupon, credit and fen has one home, by the rows and by the provider's own books."""
    assert broken(report, "money", "pieces", "coupons", "wallets") == []


def test_nothing_stayed_behind(report: dict[str, Any]) -> None:
    """No process outlived the run, also none whose parent had been killed."""
    assert broken(report, "left behind") == []
