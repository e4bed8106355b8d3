"""Benchmarks: `bin/bench NAME [--json] [--quick]`, against baselines and a limit in the same call.

One benchmark is one file (`expiry`, `place`, `clock`, `contention`, `http`) with every side it compares; each
has `FULL` and `QUICK` sizes and `run(sizes)`, which returns a `report.Report`. `world` sets rows up by
SQL, `same_rows` refuses a side that wrote anything else than the others, `crew` runs the sides' work
in processes of their own, `rounds` alternates the sides and takes medians.
"""

from __future__ import annotations

import warnings

warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # said once per process, for nothing
