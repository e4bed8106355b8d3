"""`shigu audit`: recompute every promise from the rows; exit status 1 where one is broken."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from shigu.kit.auditing import Row
from shigu.ops import auditing
from shigu.ops.auditing import MOST, Finding


class Command(BaseCommand):
    help = "Check every promise of the shop against its rows, on a live database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in auditing.audit():
            findings.append(finding)
            if not options["json"]:
                self._tell(finding)
        aside = auditing.set_aside()
        if options["json"]:
            self.stdout.write(_as_json(findings, aside))
        else:
            self._close(findings, aside)
        if not all(finding.ok for finding in findings):
            sys.exit(1)

    def _tell(self, finding: Finding) -> None:
        mark = self.style.SUCCESS("ok    ") if finding.ok else self.style.ERROR("BROKEN")
        self.stdout.write(
            f"{mark}  {finding.number:>2}  {finding.title}  ({finding.seconds:.2f} s)"
        )
        for line in table(finding.rows[:MOST]):
            self.stdout.write(f"            {line}")
        if len(finding.rows) > MOST:
            self.stdout.write("            …")

    def _close(self, findings: Sequence[Finding], aside: Sequence[Row]) -> None:
        if aside:
            self.stdout.write(_("Set aside by the clock, for an operator to look at:"))
            for line in table(aside):
                self.stdout.write(f"    {line}")
        broken = sum(not finding.ok for finding in findings)
        if broken:
            said = ngettext(
                "%(broken)d of %(all)d promises is broken.",
                "%(broken)d of %(all)d promises are broken.",
                broken,
            )
        else:
            said = _("All %(all)d promises hold.")
        self.stdout.write(said % {"broken": broken, "all": len(findings)})


def table(rows: Sequence[Row]) -> list[str]:
    """Rows under their column names, aligned; nothing for no rows."""
    if not rows:
        return []
    names = list(rows[0])
    cells = [
        names,
        *[["" if row[name] is None else str(row[name]) for name in names] for row in rows],
    ]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in cells
    ]


def _as_json(findings: Sequence[Finding], aside: Sequence[Row]) -> str:
    told = {
        "ok": all(finding.ok for finding in findings),
        "invariants": [
            {
                "number": finding.number,
                "title": finding.title,
                "ok": finding.ok,
                "rows": finding.rows[:MOST],
                "more": len(finding.rows) > MOST,
                "seconds": round(finding.seconds, 3),
            }
            for finding in findings
        ],
        "set_aside": aside,
    }
    return json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
