"""`shigu seed`: a shop to look at, with people to sign in as."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from shigu.kit.progress import Bar
from shigu.ops.seeding import bulk
from shigu.ops.seeding.people import PASSWORD, PEOPLE
from shigu.ops.seeding.run import NotHere, seed


class Command(BaseCommand):
    help = "Fill an empty shop with a catalogue, people and orders in every state."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--orders", type=int, default=0, metavar="N", help="add orders in bulk up to N"
        )
        parser.add_argument(
            "--fresh", action="store_true", help="empty every table first; asks for nothing"
        )

    def handle(self, *args: Any, orders: int, fresh: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("A production shop is not seeded: everybody would know a password.")
        if fresh:
            call_command("flush", interactive=False, verbosity=0)
        self._simulator_keys()
        try:
            seeded = seed(lambda what: self.stdout.write(f"  seeding {what} …"))
        except NotHere as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"  {seeded.products} products and {seeded.orders} orders are new")
        if orders:
            bulk.fill(orders, Bar(sys.stdout, "orders").show)
        self.stdout.write(f"  sign in as {', '.join(PEOPLE)} with the password {PASSWORD}")

    def _simulator_keys(self) -> None:
        """Seeded payments are signed for nobody, but they belong to the simulator's merchant."""
        data = ["--data", settings.ALIPAY_SIMULATOR_DIR]
        command = [sys.executable, "-m", "alipay_simulator", "init", *data]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=settings.BASE_DIR)
