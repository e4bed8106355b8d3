"""Lots and sessions as bidders read them: a word for where they stand, figures, the next moment.

`LotCard(lot, now)` for a grid, of lots that `lists.shown_lots` found, `SessionCard` for lists; both read
rows that were fetched before and ask nothing. A lot's phase follows from its own columns and the server's
time: past its end it is being confirmed, never sold, until its row says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from shigu.auctions import lists
from shigu.auctions.lists import Figures
from shigu.auctions.models import Bidding, Lot, LotState, Session
from shigu.auctions.rules import Rules
from shigu.auctions.showing import due, rules_of
from shigu.catalogue.models import in_language
from shigu.kit.moments import milliseconds
from shigu.kit.money import Fen

FINAL = {
    LotState.SOLD: "sold",
    LotState.PAID: "sold",
    LotState.PASSED_IN: "passed_in",
    LotState.OVERDUE: "lot_overdue",
    LotState.WITHDRAWN: "withdrawn",
}
QUICK = (0, 2, 5)
"""Buttons: the least amount, and so many steps above it."""


@dataclass(frozen=True)
class LotCard:
    """One lot at one moment."""

    lot: Lot
    now: datetime

    @property
    def bidding(self) -> Bidding:
        return self.lot.bidding

    @property
    def phase(self) -> str:
        """coming · preview · soon · live · confirming · sold · passed_in · lot_overdue · withdrawn."""
        state = LotState(self.bidding.state)
        if state in FINAL:
            return FINAL[state]
        if self.now >= self.bidding.closes_at:
            return "confirming"
        if self.now >= self.bidding.opens_at:
            return "live"
        session = self.lot.session
        if self.now < session.preview_from:
            return "coming"
        return "preview" if self.now < session.preview_until else "soon"

    @property
    def is_live(self) -> bool:
        return self.phase == "live"

    @property
    def is_ahead(self) -> bool:
        """Is it still to be opened?"""
        return self.phase in ("coming", "preview", "soon")

    @property
    def turns_at(self) -> datetime:
        """Until when it counts down."""
        return self.bidding.closes_at if self.is_live else self.bidding.opens_at

    @cached_property
    def rules(self) -> Rules:
        return rules_of(self.lot)

    @property
    def price(self) -> Fen:
        """What is shown: a second chance's price, the hammer price, the one that stands, or the start."""
        shown = self.lot.again_price or self.bidding.hammer or self.bidding.price
        return self.lot.start_price if shown is None else shown

    @property
    def holder_id(self) -> int | None:
        """Who leads, got it, or has its second chance: the user, whom nobody is shown."""
        return self.lot.again_user_id or self.bidding.leader_id

    @property
    def least(self) -> Fen:
        """The least amount that is valid now."""
        return self.rules.least(self.bidding.price)

    @property
    def step(self) -> Fen:
        return self.rules.step(self.bidding.price or 0)

    @property
    def quick(self) -> list[tuple[int, Fen]]:
        """Amounts that are one touch away: so many steps above the least, and how much that is."""
        step = self.rules.step(self.least)
        return [(more, self.least + more * step) for more in QUICK]

    @property
    def phases(self) -> list[str]:
        """What its page may have to say before it is loaded again: what it is now, and what comes."""
        return list(dict.fromkeys([self.phase, "live", "confirming", *FINAL.values()]))

    @property
    def opens_ms(self) -> int:
        return milliseconds(self.bidding.opens_at)

    @property
    def closes_ms(self) -> int:
        return milliseconds(self.bidding.closes_at)

    @property
    def steps_json(self) -> str:
        """Increments as the page's script reads them."""
        return json.dumps(self.lot.steps)

    @property
    def reserve_met(self) -> bool | None:
        """Does the price reach the hidden reserve? None where there is none; its amount is told to nobody."""
        return None if self.lot.reserve is None else self.rules.is_met(self.bidding.price)

    @property
    def due(self) -> Fen:
        """The least deposit that admits; 0: none is asked for."""
        return due(self.lot)

    @property
    def shares_deposit(self) -> bool:
        """Can one deposit for the whole session admit here, too?"""
        return bool(self.lot.session.deposit)

    @property
    def bands(self) -> list[tuple[Fen, Fen]]:
        """Increments: from this price on, this much."""
        return [(start, step) for start, step in self.lot.steps]

    @property
    def details(self) -> list[tuple[str, str]]:
        """Rows of 规格 in the reader's language."""
        rows = [row for row in self.lot.details if isinstance(row, list) and len(row) == 4]
        return [(in_language(row[0], row[1]), in_language(row[2], row[3])) for row in rows]

    @property
    def picture(self) -> Any:
        """The first uploaded picture; None where the cover is drawn."""
        return next((row.image for row in self.lot.pictures.all()), None)


@dataclass(frozen=True)
class SessionCard:
    """One session at one moment, with its figures."""

    session: Session
    figures: Figures
    now: datetime

    @property
    def phase(self) -> str:
        """coming · preview · soon · live · ended · withdrawn."""
        return lists.phase(self.session, self.now)

    @property
    def is_over(self) -> bool:
        return self.phase in ("ended", "withdrawn")

    @property
    def closes_at(self) -> datetime:
        """When its last lot closes."""
        return self.figures.ends or self.session.closes_at

    @property
    def is_confirming(self) -> bool:
        """Is the last end over, and not yet decided?"""
        return self.phase == "live" and self.now >= self.closes_at

    @property
    def turns_at(self) -> datetime | None:
        """What it counts down to; None where nothing more comes, or is being decided."""
        if self.is_over or self.is_confirming:
            return None
        if self.phase == "live":
            return self.closes_at
        return self.session.preview_from if self.phase == "coming" else self.session.opens_at


def cards_of(lots: Iterable[Lot], now: datetime) -> list[LotCard]:
    """One card for each lot."""
    return [LotCard(lot, now) for lot in lots]


def session_cards(sessions: Iterable[Session], now: datetime) -> list[SessionCard]:
    """One card for each session; their figures cost one query."""
    rows = list(sessions)
    found = lists.figures([row.pk for row in rows]) if rows else {}
    return [SessionCard(row, found.get(row.pk, Figures()), now) for row in rows]


def on_home(now: datetime, most: int = 3) -> list[SessionCard]:
    """What is under the hammer now, then what can be viewed, then what comes: two queries."""
    return session_cards(lists.ahead(now)[:most], now)
