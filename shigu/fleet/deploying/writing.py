"""Write the files of one machine: `written(kind, place)` says which and what, `write` puts them there.

1. The environment file, where there is none: passwords at random, mode 0600, never written twice.
2. Everything else, anew each time and without a secret: each file is moved into its place whole.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from shigu.fleet.deploying import environment
from shigu.fleet.deploying.files import rendered
from shigu.fleet.deploying.place import Place, give_to
from shigu.fleet.deploying.programs import Program, programs

KINDS = ("supervisor", "systemd", "environment")


def write(kind: str, place: Place) -> list[Path]:
    """All files of a kind, and the folders they need; which ones were written."""
    place.folder.mkdir(parents=True, exist_ok=True)
    for folder in (place.var, place.logs):
        _make(folder, place)
    made = [place.environment_file] if environment.ensure(place) else []
    for name, text in files(kind, place).items():
        made.append(_put(place.folder / name, text))
    return made


def _make(folder: Path, place: Place) -> None:
    """A folder for what runs: its user's, where root makes it."""
    if not folder.exists():
        folder.mkdir(parents=True)
        give_to(place.user, folder)


def files(kind: str, place: Place) -> dict[str, str]:
    """Name and text of everything but the environment file."""
    ours = _command(place, "shigu", "the management command line", "-m shigu")
    if kind == "environment":
        return ours
    return ours | dict(_supervisor(place) if kind == "supervisor" else _systemd(place))


def _supervisor(place: Place) -> Iterator[tuple[str, str]]:
    yield (
        "supervisord.conf",
        rendered("supervisord.conf.j2", place=place, programs=programs(place)),
    )
    wait = 60 * len(programs(place)) + 30
    yield "supervisor.service", rendered("supervisor.service.j2", place=place, wait=wait)
    conf = f"-c {place.folder}/supervisord.conf"
    for name in ("supervisord", "supervisorctl"):
        yield from _command(place, name, name, f"-m supervisor.{name} {conf}").items()


def _systemd(place: Place) -> Iterator[tuple[str, str]]:
    units: list[str] = []
    for program in programs(place):
        name = f"shigu-{program.name}{'@' if program.is_numbered else ''}.service"
        after = "".join(f" {unit}" for unit in units) if program.name == "beat" else ""
        yield name, rendered("program.service.j2", place=place, program=program, after=after)
        units += _instances(program)
    yield "shigu.target", rendered("shigu.target.j2", place=place, units=units)


def _instances(program: Program) -> list[str]:
    if not program.is_numbered:
        return [f"shigu-{program.name}.service"]
    return [f"shigu-{program.name}@{one}.service" for one in range(1, program.instances + 1)]


def _command(place: Place, name: str, says: str, command: str) -> dict[str, str]:
    words = f"{place.python} {command}"
    return {name: rendered("command.j2", place=place, says=says, command=words)}


def _put(path: Path, text: str) -> Path:
    """Whole or not at all; what begins like a command may be run."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    may_run = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH if text.startswith("#!") else 0
    fresh.chmod(0o644 | may_run)
    os.replace(fresh, path)
    return path
