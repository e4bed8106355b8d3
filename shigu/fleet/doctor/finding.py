"""One line of the doctor: a topic, whether it is well, what was seen, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`todo` is empty where all is well."""

    topic: str
    ok: bool
    said: str
    todo: str = ""

    @property
    def line(self) -> str:
        """`ok database …`, or `✗ database … — what to do`."""
        if self.ok:
            return f"ok {self.topic}: {self.said}"
        return f"✗ {self.topic}: {self.said} — {self.todo}"


def well(topic: str, said: str) -> Finding:
    """All is well."""
    return Finding(topic, True, said)


def wrong(topic: str, said: str, todo: str) -> Finding:
    """Something is not, and what to do."""
    return Finding(topic, False, said, todo)
