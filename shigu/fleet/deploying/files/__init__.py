"""The templates of written files, in Jinja; `rendered(name, …)` fills one in and forgives no gap.

`%` and numbers of instances are spelled differently by supervisor and systemd: the filters
`for_supervisor` and `for_systemd` turn a `Program`'s command into one line of either.
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

NUMBER = "NUMBER"
"""Stands in a command where each instance has its own number."""


def rendered(name: str, **words: object) -> str:
    """The text of one file."""
    return _templates().get_template(name).render(**words)


def for_supervisor(command: Sequence[str]) -> str:
    return " ".join(command).replace("%", "%%").replace(NUMBER, "%(process_num)d")


def for_systemd(command: Sequence[str]) -> str:
    return " ".join(command).replace("%", "%%").replace(NUMBER, "%i")


def _templates() -> Environment:
    # Plain text for supervisor and systemd, from paths that were checked: nothing is escaped as HTML.
    made = Environment(
        loader=PackageLoader(__name__, "."),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["for_supervisor"] = for_supervisor
    made.filters["for_systemd"] = for_systemd
    return made
