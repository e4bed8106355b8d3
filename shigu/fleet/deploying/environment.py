"""The environment file of a machine: every secret, made once at random, readable by its owner only.

`ensure(place)` makes it where it is missing and never touches one that is there; `lacking(path)` names
what an older file does not say. `read(path)` understands what systemd's EnvironmentFile does: one
NAME=value a line, blank lines and # comments, quotes around a whole value.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from secrets import token_hex, token_urlsafe

from shigu.fleet.deploying.files import rendered
from shigu.fleet.deploying.place import Place, give_to

NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def ensure(place: Place) -> bool:
    """Is there now, and was not before?"""
    path = place.environment_file
    text = rendered("shigu.env.j2", place=place, secret=token_hex, long_secret=token_urlsafe)
    try:
        # O_EXCL: of two commands at once one makes it, and nobody's passwords are replaced.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        give_to(place.user, path)
    return True


def lacking(place: Place) -> list[str]:
    """What a fresh file would say and this one does not."""
    fresh = rendered("shigu.env.j2", place=place, secret=str, long_secret=str)
    has = read(place.environment_file)
    return sorted(name for name in parse(fresh) if name not in has)


def is_private(path: Path) -> bool:
    """May only its owner read it?"""
    return path.stat().st_mode & 0o077 == 0


def read(path: Path) -> dict[str, str]:
    """What the file says."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, str]:
    """Names with their values; a line that is neither is a `ValueError` that names it."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        name, sign, value = line.partition("=")
        if not sign or not NAME.fullmatch(name.strip()):
            raise ValueError(f"line {number} is not NAME=value")
        found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value
