"""Refusals: what a verb will not do, said so that a person understands it.

    Refusal                 base; its message is shown to the buyer in their language
    └── one class per reason, in each app's errors.py

The class docstring is the English message and the msgid; `fill` supplies its named placeholders.
Nothing was written when a refusal is raised. Where the database refused first, `constraint_of` says by what.
"""

from __future__ import annotations

from django.db import IntegrityError
from django.utils.translation import gettext


class Refusal(Exception):
    """That is not possible."""

    def __init__(self, **fill: object) -> None:
        self.fill = fill
        super().__init__()

    @property
    def message(self) -> str:
        """The sentence for the person, in the active language."""
        text = gettext(self.msgid())
        return text % self.fill if self.fill else text

    @classmethod
    def msgid(cls) -> str:
        """The untranslated sentence: the class docstring on one line."""
        return " ".join((cls.__doc__ or Refusal.__doc__ or "").split())

    @property
    def code(self) -> str:
        """A stable name for programs: the class name."""
        return type(self).__name__

    def __str__(self) -> str:
        return self.message


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint that was broken; empty where the driver names none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
