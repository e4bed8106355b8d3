"""One run from the empty folder to the report.

1. Database, broker, simulator; tables, shelves, buyers; then the fleet.
2. Buyers come; after a quiet moment accidents happen for so many seconds.
3. Everything is up again, nobody orders any more, and time passes until nothing is due.
4. The reckoning; then all processes end.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fleet.chaos.diary import Diary
from tests.fleet.chaos.town import RINGERS, WINDOWS, Town

BUYERS = 8
QUIET = 5.0
SETTLING = 180.0
LATE = 10.0
"""Seconds an order may be late in which nothing was broken; a busy machine is slow to start what was killed."""


def run(folder: Path, seconds: float, seed: int, *, aloud: bool = False) -> dict[str, Any]:
    """The report; `breaches` are sentences by check, all empty where the promise held."""
    diary = Diary(aloud=aloud)
    town = Town(folder, diary)
    report: dict[str, Any] = {"seed": seed, "seconds": seconds, "breaches": {}}
    try:
        town.make_cluster()
        _play(town, diary, seconds, seed, report)
    except Exception:
        report["breaches"]["run"] = traceback.format_exc().splitlines()
    finally:
        report["breaches"]["left behind"] = town.close()
        report["diary"] = diary.lines
    return report


def _play(town: Town, diary: Diary, seconds: float, seed: int, report: dict[str, Any]) -> None:
    """Everything that needs Django, which reads its settings here for the first time."""
    os.environ.update(town.environment | {"SHIGU_POOLED": "0"})
    import django

    django.setup()
    from django.db import connections

    from shigu.ops import opening
    from tests.fleet.chaos import stocking
    from tests.fleet.chaos.buyers import Buyer, Crowd
    from tests.fleet.chaos.figures import Scales
    from tests.fleet.chaos.mischief import Mischief

    opening.make_tables()
    opening.collect_files()
    skus, guests = stocking.stock_shelves(), stocking.invite(BUYERS)
    connections.close_all()
    town.open()
    town.keeper.broken.clear()
    crowd = Crowd([Buyer(guest, skus, town.bases, seed, diary) for guest in guests])
    scales = Scales([town.programs[name] for name in (*RINGERS, "worker-outside", "worker-sweep")])
    try:
        crowd.come()
        time.sleep(QUIET)
        Mischief(town, seed, diary).go_on(seconds, scales.weigh)
        diary.note("accidents are over")
        town.wait_until_up()
        crowd.go_home()
    finally:
        crowd.close()
    report["settled_s"] = _settle(diary)
    _reckon(town, crowd.notebooks, report)
    report |= {
        "accidents": diary.counted("accident"),
        "fates": diary.counted("fate"),
        "lost_answers": diary.counted("lost"),
        "answers": {name: diary.counts[name] for name in ("placed", "refused", "sent twice")},
        "starts": {program.name: program.starts for program in town.programs.values()},
        "memory": scales.told(),
    }


def _settle(diary: Diary) -> float:
    """Wait until nothing is due any more; how many seconds that took."""
    from tests.fleet.chaos import reckoning

    began = time.monotonic()
    while waiting := reckoning.unfinished():
        if time.monotonic() - began > SETTLING:
            diary.note(f"still unfinished: {', '.join(waiting)}")
            break
        time.sleep(0.5)
    return round(time.monotonic() - began, 1)


def _reckon(town: Town, notebooks: Any, report: dict[str, Any]) -> None:
    from alipay_simulator.control import Simulator
    from tests.fleet.chaos import figures, reckoning, stocking

    broken = town.keeper.broken_until(time.time())
    late = reckoning.lateness(broken)
    received = sum(pieces for _, pieces in stocking.PIECES.values())
    backstop = float(WINDOWS["SHIGU_ASK_BACKSTOP"]) + LATE
    report["breaches"] |= {
        "unfinished": reckoning.unfinished(),
        "audit": list(reckoning.audit()),
        "answers": list(reckoning.answers(notebooks)),
        "deadlines": list(reckoning.deadlines()),
        "lateness": [f"{own:.1f} s late" for _, own in late if own > LATE],
        "backstops": list(reckoning.backstops(backstop, broken)),
        "money": list(reckoning.money(Simulator(town.simulator).trade)),
        "charged": list(reckoning.charged(notebooks)),
        "pieces": list(reckoning.pieces(received)),
        "coupons": list(reckoning.coupons(BUYERS * len(stocking.OFF))),
        "wallets": list(reckoning.wallets(notebooks, stocking.CREDITS)),
    }
    report["orders"] = reckoning.tally()
    report["broken_s"] = round(sum(end - begin for begin, end in broken), 1)
    report["lateness"] = {
        "all": figures.spread([one for one, _ in late]),
        "undisturbed": figures.spread([own for _, own in late]),
    }


def told(report: dict[str, Any]) -> Iterator[str]:
    """The report for a person."""
    yield f"seed {report['seed']}, {report['seconds']:g} s of accidents"
    plain = ("orders", "answers", "fates", "lost_answers", "accidents", "starts")
    for name in plain:
        if name in report:
            parts = ", ".join(f"{what} {count}" for what, count in report[name].items())
            yield f"{name.replace('_', ' ')}: {parts}"
    for name, spread in report.get("lateness", {}).items():
        yield f"lateness, {name}: " + ", ".join(f"{k} {v}" for k, v in spread.items())
    if "broken_s" in report:
        yield f"nothing could ring for {report['broken_s']} s; settled after {report['settled_s']} s"
    for name, weight in report.get("memory", {}).items():
        yield f"memory, {name}: " + ", ".join(f"{k} {v}" for k, v in weight.items())
    yield from _verdict(report)


def _verdict(report: dict[str, Any]) -> Iterator[str]:
    broken = {name: found for name, found in report["breaches"].items() if found}
    for name, found in broken.items():
        yield f"BROKEN {name}: {len(found)}"
        yield from (f"    {sentence}" for sentence in found[:20])
    yield "Something was lost." if broken else "Nothing was lost, and nothing came twice."
