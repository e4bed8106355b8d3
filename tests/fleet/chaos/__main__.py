"""`bin/soak --minutes N [--seed S]`: a fleet and its accidents; exit status 1 where a promise broke."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.fleet.chaos.run import run, told


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bin/soak", description="Kill a fleet at random while people buy; nothing may be lost."
    )
    parser.add_argument("--minutes", type=float, default=10, help="of accidents (10)")
    parser.add_argument("--seed", type=int, help="the same accidents again")
    parser.add_argument("--quiet", action="store_true", help="only the figures")
    parser.add_argument("--report", type=Path, help="write all of it as JSON")
    given = parser.parse_args()
    if not 0.05 <= given.minutes <= 60 * 24 * 7:
        parser.error("--minutes must be between 0.05 and a week")
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="shigu-chaos-"))
    report = run(folder, given.minutes * 60, seed, aloud=not given.quiet)
    if given.report:
        given.report.write_text(json.dumps(report, ensure_ascii=False, indent=1, default=str))
    print("", *told(report), sep="\n", flush=True)
    broken = any(report["breaches"].values())
    if broken:
        print(f"Logs are kept in {folder / 'log'}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
