"""Doors that the catalogue opens: its promises, for the audit."""

from __future__ import annotations

from shigu.catalogue.auditing import INVARIANTS
from shigu.kit.auditing import audits

audits.extend(INVARIANTS)
