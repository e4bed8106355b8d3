"""The mails that Django's file backend wrote into a folder, read back: `newest(folder)`, `one(folder, name)`.

A file may hold several mails of one connection, divided by a line of dashes; `name` is the file's stem and
the mail's place in it. What is read is bounded, whatever lies in the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

MOST = 200
LARGEST = 1024 * 1024
DIVIDER = b"\n" + b"-" * 79 + b"\n"

_FILE = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{1,20}")
_NAME = re.compile(r"([0-9]{8}-[0-9]{6}-[0-9]{1,20})\.([0-9]{1,4})")


@dataclass(frozen=True)
class Mail:
    """One mail as it would have left the house."""

    name: str
    message: EmailMessage

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    @property
    def subject(self) -> str:
        return self.header("subject")

    @property
    def to(self) -> str:
        return self.header("to")

    @property
    def at(self) -> datetime | None:
        """When it was sent, by its own header."""
        try:
            found = parsedate_to_datetime(self.header("date"))
        except (TypeError, ValueError):
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)  # written as "-0000"

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        content = part.get_content() if part is not None else ""
        return content if isinstance(content, str) else ""


def newest(folder: Path) -> list[Mail]:
    """The latest mails first, `MOST` at most."""
    files = sorted(_files(folder), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found: list[Mail] = []
    for path in files[:MOST]:
        found += reversed(_mails(path))
    return found[:MOST]


def one(folder: Path, name: str) -> Mail | None:
    """The mail of this name; nothing where there is none, or where the name is no name."""
    parts = _NAME.fullmatch(name)
    path = folder / f"{parts[1]}.log" if parts else None
    if parts is None or path is None or not path.is_file():
        return None
    return next((mail for mail in _mails(path) if mail.name == name), None)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.log") if _FILE.fullmatch(path.stem))


def _mails(path: Path) -> list[Mail]:
    with path.open("rb") as file:
        written = file.read(LARGEST).split(DIVIDER)
    return [
        Mail(f"{path.stem}.{place}", message_from_bytes(part, policy=policy.default))
        for place, part in enumerate(written)
        if part.strip()
    ]
