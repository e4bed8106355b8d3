"""Doors that auctions open: for payments, for lines, for the clock, for the audit."""

from __future__ import annotations

from functools import partial

from shigu.auctions import (
    announcing,
    auditing,
    closing,
    deciding_deposits,
    deposit_auditing,
    deposits,
    letters,
    letters_changed,
    life_auditing,
    news,
    opening,
    told,
)
from shigu.auctions.deposit_purpose import DepositPurpose
from shigu.auctions.paying import LotLines, LotOrders
from shigu.catalogue.models import Kind
from shigu.kit import pushing
from shigu.kit.auditing import audits
from shigu.notices.letters import events
from shigu.orders.lines import line_kinds
from shigu.orders.models import Origin
from shigu.orders.origins import origins
from shigu.payments.purposes import purposes

KINDS = (
    *(deposits.lapse, deciding_deposits.decide_deposits, opening.turn, closing.close),
    *(announcing.outbid, announcing.ending),
)
"""The clock's kinds are declared where they are written; importing them here makes them known."""

purposes.register("deposit", DepositPurpose())
origins.register(Origin.LOT, LotOrders())
line_kinds.register(Kind.LOT, LotLines())
for name, event in (letters.EVENTS | letters_changed.EVENTS).items():
    events.register(name, event)
news.listeners.append(partial(pushing.changed, "lot"))
audits.extend(auditing.INVARIANTS)
audits.extend(deposit_auditing.INVARIANTS)
audits.extend(life_auditing.INVARIANTS)
audits.extend(told.INVARIANTS)
