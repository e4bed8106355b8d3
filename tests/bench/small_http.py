"""`python -m tests.bench.small_http FOLDER`: the benchmark `http` in its smallest size, with its own server."""

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
        http = import_module("shigu.bench.http")
        sizes = http.Sizes(orders=6, early=2, pages=6, clients=3, skus=2, rounds=1)
        print(http.run(sizes).json())
        import_module("django.db").connections.close_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
