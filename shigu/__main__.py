"""`shigu …`: Django's management commands, with the embedded PostgreSQL started where none is named.

The commands a shop needs: `serve`, `clock`, `audit`, `seed`, `demo`; `shigu help` lists them all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

from shigu.kit import postgres

NEED_NO_DATABASE = {
    "help",
    "--help",
    "version",
    "makemessages",
    "compilemessages",
    "collectstatic",
    "deploy",
}


def main() -> None:
    """Run one command; PostgreSQL is up before the settings are read."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if "DATABASE_URL" not in os.environ and command not in NEED_NO_DATABASE:
        var = Path(os.environ.get("SHIGU_VAR", Path(__file__).resolve().parent.parent / "var"))
        os.environ["DATABASE_URL"] = postgres.start(var / "postgres")
    execute_from_command_line(["shigu", *sys.argv[1:]])


if __name__ == "__main__":
    main()
