"""The benchmarks run, say what they promised to say, and refuse a side that does less than the others.

Nothing here asserts a time: how fast is for a quiet machine to say, not for a test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from shigu import clock
from shigu.bench import bulk, expiry, place, same_rows, world
from shigu.bench.buying import buyers
from shigu.bench.by_hand import expire_by_hand
from shigu.bench.cluster import _alone
from shigu.bench.errors import Busy, HandLost, NotTheSame
from shigu.bench.report import Report
from shigu.bench.world import World
from shigu.orders.models import Order, OrderEvent, Status

KEYS = {"name", "unit", "ours", "baselines", "limit", "ratios", "setup"}


def shape_of(report: Report) -> dict[str, object]:
    """The JSON, after the checks that hold for every benchmark with a limit."""
    said = json.loads(report.json())
    assert said.keys() == KEYS
    assert said["ratios"].keys() == {f"vs_{name}" for name in said["baselines"]} | {"of_limit"}
    assert all(figure > 0 for figure in [said["ours"], said["limit"], *said["baselines"].values()])
    assert said["setup"]["postgresql"]["server_version"]
    return said


def test_expiry_runs_every_side_and_keeps_its_shape(clone: str) -> None:
    """Drain, loop, Celery on Redis and hand-written SQL expire the same orders in one call."""
    tiny = expiry.Sizes(orders=300, sample=20, people=20, skus=30, rounds=1)
    said = shape_of(expiry.run(tiny))
    assert (said["name"], said["unit"]) == ("expiry", "orders/s")
    assert said["baselines"].keys() == {"loop", "celery_task"}
    assert Order.objects.exclude(status=Status.EXPIRED).count() == 0


def test_place_runs_every_side_and_keeps_its_shape(clone: str) -> None:
    """Our door, both tutorials and the bare SQL place orders in one call, and waits are reported."""
    tiny = place.Sizes(clients=6, processes=2, seconds=0.3, rounds=1)
    said = shape_of(place.run(tiny))
    assert (said["name"], said["unit"]) == ("place", "orders/s")
    assert said["baselines"].keys() == {"optimistic", "for_update"}
    assert said["setup"]["lost_orders"]["shigu"] == 0
    assert said["setup"]["p99_ms"]["shigu"] >= said["setup"]["p50_ms"]["shigu"] > 0


def test_clock_rings_the_same_deadlines_on_every_side() -> None:
    """Embedded, fleet, ETA, scan and Procrastinate ring the same orders, none early, and say what it cost."""
    folder = Path(settings.BASE_DIR) / "var" / "tests-clock"
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.small_clock", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=540)
    assert not done.returncode, done.stderr
    said = json.loads(done.stdout)
    assert said.keys() == KEYS
    assert said["baselines"].keys() == {"celery_eta", "beat_minute", "procrastinate"}
    same = said["setup"]["same_deadlines"]
    assert same.keys() == {"shigu", "shigu_fleet", *said["baselines"]}
    for found in same.values():
        assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
        assert found["postgresql_cpu_s"] > 0
        assert found["memory_mb"] > 10


@pytest.fixture
def shop(clone: str) -> World:
    """A few people and goods."""
    return world.furnish(people=3, skus=6)


HISTORY = """
INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
SELECT id, ended_at, NULL, 0, 3, 'time' FROM orders_order WHERE id BETWEEN %s AND %s
"""
CLOSE = """
UPDATE orders_order SET status = 3, due_at = NULL, ended_at = now() WHERE id BETWEEN %s AND %s
"""
RELEASE = "UPDATE catalogue_stock SET held = 0"
COUPONS = """
UPDATE promotions_grant SET state = 'unused', due_at = valid_until, order_id = NULL
 WHERE order_id BETWEEN %s AND %s
"""
TRANSFERS = """
INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)
SELECT 'release', id, 0, user_id << 8 | 34, user_id << 8 | 33, credits, ended_at, ''
  FROM orders_order WHERE credits > 0 AND id BETWEEN %s AND %s
"""
BALANCES = "UPDATE ledger_account SET balance = CASE id & 255 WHEN 33 THEN 1000000 ELSE 0 END"
REST = [COUPONS, TRANSFERS, BALANCES]


@pytest.mark.parametrize(
    ("forgets", "does"),
    [
        ("orders expired", []),
        ("history rows of expiry", [CLOSE, RELEASE, *REST]),
        ("pieces held", [CLOSE, HISTORY, *REST]),
        ("history rows: 60, not 40", [CLOSE, HISTORY, HISTORY, RELEASE, *REST]),
        ("coupons unused again: 0, not 6", [CLOSE, HISTORY, RELEASE, TRANSFERS, BALANCES]),
        ("credits released", [CLOSE, HISTORY, RELEASE, COUPONS, BALANCES]),
        ("accounts with another balance", [CLOSE, HISTORY, RELEASE, COUPONS, TRANSFERS]),
    ],
)
def test_a_side_that_expires_less_or_twice_is_refused(
    shop: World, forgets: str, does: list[str]
) -> None:
    """Leaving out anything that comes back, or writing history twice, gives an error and no figure."""

    def careless(batch: bulk.Batch) -> float:
        with connection.cursor() as cursor:
            for statement in does:
                cursor.execute(statement, [batch.first, batch.last] if "%s" in statement else [])
        return 1.0

    with pytest.raises(NotTheSame, match=forgets):
        expiry.measured("careless", shop, 20, 2, careless)


def test_a_side_that_expires_all_of_it_is_accepted(shop: World) -> None:
    """The same check lets the honest work pass, so what it refused above was the forgetting."""

    def careful(batch: bulk.Batch) -> float:
        expire_by_hand()
        return 2.0

    assert expiry.measured("careful", shop, 20, 2, careful) == 10.0


@pytest.mark.parametrize("side", sorted(buyers))
def test_each_side_places_the_same_rows(shop: World, side: str) -> None:
    """One order of each side passes the check; without its history row it is refused."""
    person, sku = shop.people[0], shop.skus[0]
    buyers[side](person, sku)("key-1")
    same_rows.placed(side, orders=1, sku=sku)
    OrderEvent.objects.all().delete()
    with pytest.raises(NotTheSame, match="history rows: 0, not 1"):
        same_rows.placed(side, orders=1, sku=sku)


def test_an_order_answered_for_but_not_kept_is_refused(shop: World) -> None:
    """A side that says it placed two where one stands lost an order, and there is no figure."""
    person, sku = shop.people[0], shop.skus[0]
    buyers["shigu"](person, sku)("key-1")
    with pytest.raises(NotTheSame, match="orders: 1, not 2"):
        same_rows.placed("shigu", orders=2, sku=sku)


@pytest.mark.parametrize(
    ("spoils", "told"),
    [
        ("UPDATE catalogue_stock SET held = held - 1 WHERE sku_id = {sku}", "in_unpaid_orders"),
        ("UPDATE promotions_coupon SET issued = issued - 1", "'issued': 14"),
        ("UPDATE ledger_account SET balance = balance + 1", "by_transfers"),
    ],
    ids=["pieces", "coupons", "credits"],
)
def test_the_orders_written_for_a_benchmark_satisfy_the_audit(
    shop: World, spoils: str, told: str
) -> None:
    """Bulk rows are those of a shop, 30 % with coupon and 30 % with credits; one figure off is found."""
    bulk.unpaid(shop, 50, due=clock.now() + timedelta(days=1))
    same_rows.sound("world")
    assert Order.objects.filter(grant__isnull=False, coupon_off__gt=0).count() == 15
    assert Order.objects.filter(credits__gt=0, credits_off__gt=0).count() == 15
    assert Order.objects.filter(grant__isnull=False, credits__gt=0).count() == 5
    with connection.cursor() as cursor:
        cursor.execute(spoils.format(sku=shop.skus[0]))
    with pytest.raises(NotTheSame, match=told):
        same_rows.sound("world")


def test_a_ratio_above_one_always_means_better() -> None:
    """Twice the work and half the waiting are both 2; a limit that was not run is null."""
    work = Report("place", "orders/s", ours=200.0, baselines={"peer": 100.0}, limit=400.0)
    wait = Report("clock", "ms", ours=50.0, baselines={"peer": 100.0}, less_is_better=True)
    assert work.ratios == {"vs_peer": 2.0, "of_limit": 0.5}
    assert wait.ratios == {"vs_peer": 2.0}
    assert json.loads(wait.json())["limit"] is None
    assert "200" in work.table()


def test_a_second_benchmark_at_the_same_time_is_refused(tmp_path: Path) -> None:
    """Two at once would measure each other."""
    with _alone(tmp_path / "lock"), pytest.raises(Busy), _alone(tmp_path / "lock"):
        pass


def test_a_side_that_dies_gives_an_error_and_not_a_figure(clone: str) -> None:
    """A process that ends without an answer is noticed at once."""
    from shigu.bench.crew import Crew

    began = time.monotonic()
    with Crew("builtins:exit", 1) as crew, pytest.raises(HandLost):
        crew.work([{}], within=30)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "words",
    [["nothing"], ["place", "--pending", "5"], ["clock", "--pending", "0"], []],
    ids=" ".join,
)
def test_a_wrong_call_is_explained(words: list[str]) -> None:
    """What cannot be run is said on stderr, before any server is started."""
    command = [sys.executable, "-W", "ignore", "-m", "shigu.bench", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "usage: bin/bench" in done.stderr
    assert not done.stdout
