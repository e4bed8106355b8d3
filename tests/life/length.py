"""How many random lives, and how long each of them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings


def how_long() -> settings:
    """30 lives of up to 25 steps; with --deep 100 of up to 50."""
    deep = bool(os.environ.get("SHIGU_DEEP"))
    return settings(
        max_examples=100 if deep else 30,
        stateful_step_count=50 if deep else 25,
        suppress_health_check=list(HealthCheck),
        derandomize=not deep,
        phases=list(Phase) if deep else [Phase.generate],
    )
