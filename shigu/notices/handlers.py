"""Doors that notices open: the channels there are, what the clock carries out, what the audit asks."""

from __future__ import annotations

from shigu.kit.auditing import audits
from shigu.notices import delivering, forgetting, greeting
from shigu.notices.auditing import INVARIANTS
from shigu.notices.channels import channels
from shigu.notices.channels.inbox import Inbox
from shigu.notices.channels.mail import Mail
from shigu.notices.letters import events

__all__ = ["delivering", "forgetting"]

channels.register("inbox", Inbox())
channels.register("mail", Mail())
events.register(greeting.NAME, greeting.Birthday())
audits.extend(INVARIANTS)
