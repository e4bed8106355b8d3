"""`shigu serve`: a shop open for business — pages, event streams and the clock, without any simulator.

What it needs comes from the environment (see `shigu/settings.py`); tables must be there. For a fleet,
run the three parts where you like instead: this command only starts them and stays with them.
"""

from __future__ import annotations

import signal
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from shigu import serving
from shigu.kit import migrations
from shigu.kit.processes import Crew, Died, is_free
from shigu.ops import opening


class Command(BaseCommand):
    help = "Open the shop: pages, event streams and the clock, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="where to listen")
        parser.add_argument("--port", type=int, default=8000, help="pages; event streams take +1")
        parser.add_argument("--workers", type=int, default=2, help="processes for pages")
        parser.add_argument("--threads", type=int, default=8, help="threads of each of them")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        for wanted in (port, port + 1):
            if not is_free(host, wanted):
                raise CommandError(f"In use already: port {wanted} on {host}.")
        if missing := migrations.missing():
            raise CommandError(f"Tables are behind the code ({missing} to apply): shigu migrate.")
        self.stdout.write(f"  files      {opening.collect_files()}")
        connections.close_all()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with Crew(settings.VAR_DIR / "log") as crew:
            try:
                self._open(crew, host, port, options)
                while True:
                    crew.check()
                    time.sleep(0.5)
            except KeyboardInterrupt:
                self.stdout.write("  closing …")
            except Died as death:
                self.stderr.write(f"{death}; its last words ({death.log}):")
                self.stderr.write("\n".join(death.last_lines))
                sys.exit(1)
            finally:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _open(self, crew: Crew, host: str, port: int, options: dict[str, Any]) -> None:
        workers, threads = options["workers"], options["threads"]
        parts = [
            serving.clock(opening.next_tick()),
            serving.events(host, port + 1),
            serving.pages(host, port, workers=workers, threads=threads),
        ]
        crew.start(*parts)
        for part in parts:
            crew.wait(part)
        for name, pid in crew.pids():
            self.stdout.write(f"  {name:<10} process {pid}")
        self.stdout.write(f"  open on http://{host}:{port}/ — {settings.SITE_URL} for buyers")
