"""`shigu coupons issue COUPON --all | --students | --to FILE`: give a coupon to many, with a bar.

COUPON is an id or a code. Stopped and begun again it gives only what is missing; a clock that runs
meanwhile helps, and nobody gets two.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError

from shigu.kit.errors import Refusal
from shigu.kit.progress import Bar
from shigu.promotions import issuing, recipients
from shigu.promotions.models import Audience, Coupon, Issuing, plain_code


class Command(BaseCommand):
    help = "Give a coupon to many people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        issue = verbs.add_parser("issue", help="everybody meant has one afterwards")
        issue.add_argument("coupon", help="id or code")
        whom = issue.add_mutually_exclusive_group(required=True)
        whom.add_argument("--all", action="store_true", help="everybody who may sign in")
        whom.add_argument("--students", action="store_true")
        whom.add_argument("--to", metavar="FILE", help="names, mail addresses or ids; - reads them")

    def handle(self, *args: Any, coupon: str, to: str | None, **options: Any) -> None:
        try:
            listed = recipients.listed(_read(to)) if to else []
            audience = _audience(to, students=options["students"])
            begun = issuing.start(_coupon(coupon).pk, audience, by=None, listed=listed)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self._tell(self._drive(begun))

    def _drive(self, begun: Issuing) -> Issuing:
        bar = Bar(cast(TextIO, self.stdout), "people")
        while begun.ended_at is None:
            bar.show(begun.done, begun.people)
            begun = issuing.step(begun.pk)
        bar.show(begun.people, begun.people)
        return begun

    def _tell(self, done: Issuing) -> None:
        self.stdout.write(f"{done.gave:,} got one, {done.had:,} had one")
        if done.short:
            self.stdout.write(f"{done.short:,} did not get one: none is left")


def _audience(to: str | None, *, students: bool) -> Audience:
    if to:
        return Audience.LISTED
    return Audience.STUDENTS if students else Audience.ALL


def _coupon(name: str) -> Coupon:
    code = plain_code(name)
    rows = Coupon.objects.filter(code=code) if code else Coupon.objects.none()
    if not rows and name.isascii() and name.isdigit() and len(name) < 19:
        rows = Coupon.objects.filter(pk=int(name))
    if not rows:
        raise CommandError(f"There is no coupon with the id or code {name!r}.")
    return rows[0]


def _read(place: str) -> str:
    try:
        return sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{place}: {error}") from error
