"""`shigu bidders`: robots bid in every live auction of a shop that is tried out, until told to stop."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections

from shigu.ops.seeding.bidders import Robots
from shigu.ops.seeding.run import NotHere


class Command(BaseCommand):
    help = "Let robots bid in live auctions; never in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS")

    def handle(self, *args: Any, seconds: float | None, **options: Any) -> None:
        try:
            robots = Robots()
        except NotHere as refusal:
            raise CommandError("There are no robots in a production shop.") from refusal
        until = time.monotonic() + seconds if seconds else float("inf")
        while time.monotonic() < until:
            try:
                robots.act()
            except Error as error:  # a database that is away for a moment comes back
                self.stderr.write(str(error).partition("\n")[0])
                connections.close_all()
            time.sleep(robots.pause())
