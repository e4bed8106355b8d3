"""Deadlines stand in rows, never in messages: what no linter knows about Celery's `eta` and `countdown`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings

LONGEST = 60
BASELINE = Path(settings.BASE_DIR) / "shigu/bench/broker.py"
"""What others do, for a benchmark to compare with."""

SOURCES = sorted(set(Path(settings.BASE_DIR).glob("shigu/**/*.py")) - {BASELINE})


def offences(text: str) -> list[int]:
    """Lines in which a call puts a moment, or more than a minute, into a message."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    words = [(word.arg, word.value) for call in calls for word in call.keywords]
    return [value.lineno for name, value in words if is_offence(name, value)]


def is_offence(name: str | None, value: ast.expr) -> bool:
    if name == "countdown":
        return not (isinstance(value, ast.Constant) and 0 <= value.value <= LONGEST)
    return name == "eta" and not (isinstance(value, ast.Constant) and value.value is None)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_no_deadline_is_put_into_a_message(path: Path) -> None:
    """No `eta=`, and no `countdown=` but a written one of up to a minute."""
    assert offences(path.read_text()) == []


def test_the_baseline_of_the_benchmarks_is_found_out() -> None:
    """The one file that is left out does what the rule forbids, or it need not be."""
    assert offences(BASELINE.read_text())


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("task.apply_async(eta=order.pay_by)", True),
        ("task.apply_async((1,), countdown=900)", True),
        ("task.retry(countdown=window)", True),
        ("task.signature(countdown=15 * 60)", True),
        ("task.retry(countdown=60)", False),
        ("task.apply_async(expires=30)", False),
    ],
)
def test_the_rule_finds_what_it_is_for(text: str, bad: bool) -> None:
    """The rule itself: it refuses each way of scheduling an order, and leaves short retries alone."""
    assert bool(offences(text)) is bad
