"""`shigu auctions record SLUG | verify FILE`: the record of a session that is over, written and checked.

`verify` needs no database: whoever was given a file finds out whether it is whole, and its last hash.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from shigu.auctions import recording
from shigu.auctions.models import Session
from shigu.kit.errors import Refusal


class Command(BaseCommand):
    help = "Write the record of an auction session that is over, or check one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        record = verbs.add_parser("record", help="write the record of a session")
        record.add_argument("slug", help="as in its address")
        record.add_argument("--to", metavar="FILE", help="to this file instead of stdout")
        verify = verbs.add_parser("verify", help="check that a record is whole")
        verify.add_argument("file", help="- reads it from stdin")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            if verb == "record":
                self._record(options["slug"], options["to"])
            else:
                self._verify(options["file"])
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal

    def _record(self, slug: str, place: str | None) -> None:
        session = Session.objects.filter(slug=slug).first()
        if session is None:
            raise CommandError(f"There is no session {slug!r}.")
        lines = recording.lines(session.pk)
        if not place:
            self.stdout.writelines(f"{line}\n" for line in lines)
            return
        with Path(place).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)

    def _verify(self, place: str) -> None:
        with _opened(place) as file:
            checked = recording.verify(file)
        self.stdout.write(
            f"{checked.session}: whole. {checked.lines:,} lines, {checked.decisions:,} decisions.\n"
            f"Its last hash is {checked.seal}"
        )


@contextmanager
def _opened(place: str) -> Iterator[TextIO]:
    if place == "-":
        yield sys.stdin
        return
    try:
        with Path(place).open(encoding="utf-8", newline="\n") as file:
            yield file
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{place}: {error}") from error
