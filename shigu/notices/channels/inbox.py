"""The inbox: the row itself is the entry, visible with the commit of its event; nothing is sent."""

from __future__ import annotations

from shigu.accounts.models import User
from shigu.notices.channels import Reach
from shigu.notices.letters import Letter
from shigu.notices.models import Notice


class Inbox:
    """Everybody has one, and nobody can switch it off."""

    waits = False
    reach = Reach.EVERYBODY

    def reaches(self, user: User) -> bool:
        return True

    def send(self, notice: Notice, letter: Letter, user: User) -> None:
        """It is there already."""
