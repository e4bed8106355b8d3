"""`shigu clock …`: run the clock, ring once from plain cron, look at it, and move it in a demo.

run · once · status [--json] · park KIND · unpark KIND · shift SECONDS · real
"""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from datetime import datetime, timedelta
from json import dumps
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from shigu.clock import quarantine, status, time
from shigu.clock.drain import drain_all
from shigu.clock.errors import ClockError
from shigu.clock.kinds import find
from shigu.clock.runner import Runner
from shigu.clock.status import CAP, KindStatus


class Command(BaseCommand):
    help = "What rings when: run the clock, look at it, move it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("run", help="drive the clock until told to stop")
        verbs.add_parser("once", help="do all that is due and end; for plain cron")
        shown = verbs.add_parser("status", help="what waits, what is late, what is set aside")
        shown.add_argument("--json", action="store_true", help="for programs")
        for verb, text in (("park", "ring no more of a kind"), ("unpark", "ring a kind again")):
            verbs.add_parser(verb, help=text).add_argument("kind")
        moved = verbs.add_parser("shift", help="move the clock; for tests and the demo only")
        moved.add_argument("seconds", type=float)
        verbs.add_parser("real", help="give this database back its own clock")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, verb)(**options)
        except ClockError as error:
            raise CommandError(str(error)) from error

    def run(self, **_options: Any) -> None:
        if settings.PRODUCTION and time.is_shiftable():
            raise CommandError(
                _("A production clock cannot be moved: run `shigu clock real` first.")
            )
        runner = Runner()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, runner.stop)
        runner.run()

    def once(self, **_options: Any) -> None:
        for name, done in drain_all().items():
            if done.claimed or done.parked:
                line = _("%(kind)s: %(claimed)d claimed, %(affected)d changed, %(failed)d failed")
                self.stdout.write(line % (vars(done) | {"kind": name}))

    def status(self, *, json: bool, **_options: Any) -> None:
        if json:
            self.stdout.write(dumps(status.report(), cls=DjangoJSONEncoder))
            return
        for kind in status.kinds():
            self.stdout.write(_readable(kind))
            for text in filter(None, (kind.parked_error, kind.last_error)):
                self.stdout.write(f"    {text}")
        for row in status.dispatchers():
            self.stdout.write(_("dispatcher %(name)s: last seen %(age).1f s ago") % row)

    def park(self, *, kind: str, **_options: Any) -> None:
        quarantine.park(find(kind), _("by an operator"))

    def unpark(self, *, kind: str, **_options: Any) -> None:
        quarantine.unpark(find(kind).name)

    def shift(self, *, seconds: float, **_options: Any) -> None:
        time.shift(timedelta(seconds=seconds))
        self.stdout.write(_("The clock is moved by %(offset)s.") % {"offset": time.offset()})

    def real(self, **_options: Any) -> None:
        time.forbid_shifting()
        self.stdout.write(_("This database reads its own clock again."))


def _readable(kind: KindStatus) -> str:
    line = _(
        "%(mark)s %(kind)s (%(shape)s): %(waiting)s waiting, next %(next)s, overdue %(overdue)s"
        " (oldest %(oldest)s); last hour %(claimed)d claimed, %(affected)d changed,"
        " late by %(p50)s, at p99 %(p99)s; %(set_aside)d set aside"
    )
    return line % {
        "mark": "!" if kind.alarm else " ",
        "kind": kind.kind,
        "shape": kind.shape,
        "waiting": _capped(kind.waiting),
        "next": _moment(kind.next_due),
        "overdue": _capped(kind.overdue),
        "oldest": _seconds(kind.oldest_overdue),
        "claimed": kind.claimed,
        "affected": kind.affected,
        "p50": _seconds(kind.late_p50),
        "p99": _seconds(kind.late_p99),
        "set_aside": kind.set_aside,
    }


def _capped(count: int) -> str:
    return str(count) if count <= CAP else f">{CAP}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _moment(value: datetime | None) -> str:
    return "–" if value is None else f"{localtime(value):%Y-%m-%d %H:%M:%S}"
