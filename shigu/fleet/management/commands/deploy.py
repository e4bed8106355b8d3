"""`shigu deploy supervisor|systemd|environment --write DIR`: the files that run this shop where it is.

Written from templates for this very place: its Python, its folders, its user. Passwords go only into
`DIR/shigu.env`, made once with mode 0600; everything else may be written again at any time.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from shigu.fleet.deploying import environment, writing
from shigu.fleet.deploying.place import BadPlace, Place, exists, usual_user

SIZES = {
    "port": "pages listen here, event streams on the next one",
    "pages": "processes for pages",
    "threads": "threads of each of them",
    "workers": "processes of each worker",
    "beats": "beats; two outlive each other",
    "flower_port": "where Flower listens, on loopback",
    "console_port": "where supervisor's console listens, on loopback",
}


class Command(BaseCommand):
    help = "Write the files that run this shop: for supervisor, for systemd, or their environment only."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=writing.KINDS)
        parser.add_argument("--write", required=True, metavar="DIR", help="where to write them")
        parser.add_argument("--user", help="who runs it; never root; empty: whoever starts it")
        parser.add_argument("--host", default=Place.host, help="where pages and streams listen")
        parser.add_argument(
            "--embedded", action="store_true", help="one machine, no broker: the clock rings"
        )
        for name, text in SIZES.items():
            option = "--" + name.replace("_", "-")
            parser.add_argument(option, type=int, default=getattr(Place, name), help=text)

    def handle(self, *args: Any, kind: str, write: str, **options: Any) -> None:
        place = self._place(Path(write), options)
        try:
            place.refuse()
            made = writing.write(kind, place)
        except BadPlace as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(
                _("%(file)s cannot be written: %(why)s")
                % {"file": error.filename or write, "why": error.strerror or error}
            ) from error
        for path in made:
            self.stdout.write(f"  {path}")
        for line in self._advice(place, made):
            self.stdout.write(line)

    def _place(self, folder: Path, options: dict[str, Any]) -> Place:
        user = usual_user() if options["user"] is None else options["user"]
        sizes = {name: options[name] for name in SIZES}
        return Place(
            folder=Path(os.path.abspath(folder)),
            root=Path(settings.BASE_DIR),
            var=Path(os.path.abspath(settings.VAR_DIR)),
            python=sys.executable,
            user=user,
            host=options["host"],
            embedded=options["embedded"],
            **sizes,
        )

    def _advice(self, place: Place, made: list[Path]) -> list[str]:
        """What somebody has to do by hand."""
        file = {"file": place.environment_file}
        said = []
        if place.environment_file in made:
            said.append(_("Fill in %(file)s before you start anything.") % file)
        else:
            said.append(_("%(file)s was there and is as it was.") % file)
        if not environment.is_private(place.environment_file):
            said.append(_("Others may read it: chmod 600 %(file)s") % file)
        if names := environment.lacking(place):
            said.append(_("It does not say %(names)s.") % {"names": ", ".join(names)})
        if place.user and not exists(place.user):
            said.append(
                _("Nobody here is called %(user)s: useradd --system --home-dir %(home)s %(user)s")
                % {"user": place.user, "home": place.var}
            )
        return said
