"""Doors that the ledger opens: welcome credits for whoever joins, its promises for the audit."""

from __future__ import annotations

from shigu.accounts.joining import welcomes
from shigu.kit.auditing import audits
from shigu.ledger.auditing import INVARIANTS
from shigu.ledger.welcoming import welcome

welcomes.append(welcome)
audits.extend(INVARIANTS)
