"""`shigu messages`: write down what is not translated yet; `--check` only says so, with status 1."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from shigu.ops import messages


class Command(BaseCommand):
    help = "Keep the catalogues of translations true to the source."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing, fail on faults")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = messages.with_refusals()
        if not options["check"]:
            self._append(asked)
        catalogues = {app: messages.read(messages.path_of(app)) for app in sorted(asked)}
        found = [
            fault
            for app, catalogue in catalogues.items()
            for fault in messages.faults(app, asked[app], catalogue)
        ]
        found += messages.contradictions(catalogues)
        for fault in found:
            self.stdout.write(str(fault))
        count = sum(map(len, asked.values()))
        self.stdout.write(f"{count} messages in {len(asked)} apps, {len(found)} faults")
        if found and options["check"]:
            sys.exit(1)

    def _append(self, asked: dict[str, messages.Wanted]) -> None:
        for app, wanted in sorted(asked.items()):
            if count := messages.append_missing(wanted, messages.path_of(app)):
                self.stdout.write(f"{app}: {count} new, empty")
