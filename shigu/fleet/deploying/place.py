"""Where a shop is installed, and how big it shall be there: what every written file is made from.

`Place.here(...)` looks around; `refuse()` says in words what files would not survive: a path that
supervisor or systemd would read otherwise than it is written, root as the user, a port out of range.
"""

from __future__ import annotations

import getpass
import os
import pwd
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from shigu import serving

PLAIN = re.compile(r"[\w./@+-]+")
A_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


class BadPlace(Exception):
    """Files cannot be written for this place; the message says why, to whoever asked."""


@dataclass(frozen=True)
class Place:
    """One machine: where things lie, who runs them, how many of each."""

    folder: Path
    root: Path
    var: Path
    python: str = sys.executable
    user: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    pages: int = 2
    threads: int = 8
    workers: int = 2
    beats: int = 2
    flower_port: int = 5555
    console_port: int = 9001
    embedded: bool = False

    @property
    def environment_file(self) -> Path:
        """Where every secret and every setting of this machine is."""
        return self.folder / "shigu.env"

    @property
    def pooled(self) -> int:
        """Processes that may fill a pool: pages and workers; streams, beats and a command share one more."""
        ringing = 1 if self.embedded else self.workers * len(serving.QUEUES)
        return self.pages + ringing + 1

    @property
    def logs(self) -> Path:
        return self.var / "log"

    def refuse(self) -> None:
        """Raise `BadPlace` for what no written file could carry."""
        for path in (self.folder, self.root, self.var, self.python):
            if not PLAIN.fullmatch(str(path)):
                raise BadPlace(_("The path “%(path)s” has blanks or signs.") % {"path": path})
        if self.user in {"root", "0"}:
            raise BadPlace(_("A shop does not run as root."))
        if self.user and not A_USER.fullmatch(self.user):
            raise BadPlace(_("“%(user)s” is no user's name.") % {"user": self.user})
        if not PLAIN.fullmatch(self.host.replace(":", "")):
            raise BadPlace(_("“%(host)s” is no address.") % {"host": self.host})
        ports = [self.port, self.port + 1, self.flower_port, self.console_port]
        if len(set(ports)) < len(ports) or not all(1 <= port <= 65535 for port in ports):
            raise BadPlace(_("Ports must differ and lie between 1 and 65535."))
        if min(self.pages, self.threads, self.workers, self.beats) < 1:
            raise BadPlace(_("There must be at least one of each."))


def usual_user() -> str:
    """Who is asked to run it where nobody is named: never root."""
    return "shigu" if os.geteuid() == 0 else getpass.getuser()


def exists(user: str) -> bool:
    """Does this machine know such a user?"""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def give_to(user: str, path: Path) -> None:
    """What root makes for somebody is theirs; others keep what they make."""
    if os.geteuid() == 0 and exists(user):
        row = pwd.getpwnam(user)
        os.chown(path, row.pw_uid, row.pw_gid)
