"""`shigu backup FILE`: all rows of a running shop in one file; `shigu restore FILE` is its other half."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from shigu.ops import backups


class Command(BaseCommand):
    help = "Write all rows into a file, while the shop goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            size = backups.dump(file)
        except (backups.BackupRefused, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(_("%(file)s: %(size)d bytes") % {"file": file, "size": size})
        media = {"media": settings.MEDIA_ROOT}
        self.stdout.write(_("Copy %(media)s as well: pictures are not in it.") % media)
