"""Doors that promotions open: the welcome of who signs up, what the clock rings for, the audit's promises."""

from __future__ import annotations

from importlib import import_module

from shigu.accounts.joining import welcomes
from shigu.kit.auditing import audits
from shigu.promotions.auditing import INVARIANTS
from shigu.promotions.claiming import welcome

import_module("shigu.promotions.issuing")
import_module("shigu.promotions.lapsing")
welcomes.append(welcome)
audits.extend(INVARIANTS)
