"""Ways to reach people, each in a module of its own; `channels` knows them by name.

How to add one: docs/notices.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from shigu.accounts.models import User
from shigu.kit.registry import Registry
from shigu.notices.letters import Letter
from shigu.notices.models import Notice


class Refused(Exception):
    """The outside will never take this one; trying again changes nothing."""


class Reach(StrEnum):
    """SQL on `u` (a row of accounts_user): whom a channel reaches at all."""

    EVERYBODY = "true"
    BY_MAIL = "u.is_active AND u.email <> ''"


class Channel(Protocol):
    """One way to reach people."""

    @property
    def waits(self) -> bool:
        """Are its rows carried out by the clock, after the event?"""

    @property
    def reach(self) -> str:
        """Whom it reaches at all, as SQL on `u` (see `Reach`)."""

    def reaches(self, user: User) -> bool:
        """The same as `reach`, asked again just before sending."""

    def send(self, notice: Notice, letter: Letter, user: User) -> None:
        """Tell them. `Refused` is final; any other error is tried again later.

        It may be called twice for one notice (see docs/notices.md), so that the outside gets
        `notice.key` to know it by.
        """


channels: Registry[Channel] = Registry("ways to reach people")
