"""`shigu doctor`: is everything around the shop as it must be? A line each; status 1 where one is wrong."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from shigu.fleet.doctor import Finding, examine


class Command(BaseCommand):
    help = "Look at keys, database, files, mail, broker and clock; each line ok, or what to do."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for finding in examine():
            found.append(finding)
            if not options["json"]:
                self._tell(finding)
        fine = all(finding.ok for finding in found)
        if options["json"]:
            told = {"ok": fine, "findings": [asdict(finding) for finding in found]}
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
        if not fine:
            sys.exit(1)

    def _tell(self, finding: Finding) -> None:
        style = self.style.SUCCESS if finding.ok else self.style.ERROR
        self.stdout.write(style(finding.line))
