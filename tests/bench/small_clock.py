"""`python -m tests.bench.small_clock FOLDER`: the benchmark `clock` in its smallest size, with its own server.

The server of the other tests keeps no timestamps of commits. A whole minute of waiting for beat proves
nothing more about the shape than a second, so `beat_minute` beats each second here.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from shigu.bench.cluster import running


def main(folder: Path) -> None:
    """Print the report."""
    os.environ |= {"SHIGU_VAR": str(folder), "SHIGU_POOLED": "0"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "shigu.settings"
    with running(folder):
        import_module("django").setup()
        import_module("shigu.bench.world").migrate()
        peers, clock = import_module("shigu.bench.peers"), import_module("shigu.bench.clock")
        peers.SIDES["beat_minute"] = peers.SIDES.pop("beat_second")
        sizes = clock.Sizes(pending=50, few=20, per_second=20, seconds=2, burst=30, rounds=1)
        sizes = import_module("dataclasses").replace(sizes, deadlines=20, over=1)
        print(clock.run(sizes).json())
        import_module("django.db").connections.close_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
