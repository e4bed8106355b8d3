"""Many lots from a table (CSV): looked at first, then written all together or not at all.

`look(session, data)` reads a file and says, row by row, what it would write and what is wrong with it; it
writes nothing. `bring(session_id, data)` writes them when nothing is wrong. Amounts are in yuan.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from shigu.auctions import checking, composing
from shigu.auctions.composing import Written
from shigu.auctions.errors_life import NoSuchSession
from shigu.auctions.errors_record import (
    ColumnsMissing,
    NotCsv,
    NothingToImport,
    TableTooLarge,
    TooManyRows,
)
from shigu.auctions.lot_form import MOST_DETAILS, detail
from shigu.auctions.models import Lot, Session
from shigu.auctions.steps_field import PRESETS, StepsField
from shigu.catalogue.models import Category, Kind
from shigu.kit.money import Fen, fen

MOST_ROWS = 1000
MOST_MB = 4
MOST_BYTES = MOST_MB * 1024 * 1024
NEEDED = ("name_zh", "start_price", "deposit")
COLUMNS = (
    *("number", "name_zh", "name_en", "story_zh", "story_en", "start_price", "steps", "reserve"),
    *("deposit", "details", "category", "motif"),
)
MOST_LONG = {"name_zh": 120, "name_en": 160, "story_zh": 5000, "story_en": 5000, "motif": 20}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong; `row` counts as a spreadsheet does: the first names the columns."""

    row: int
    column: str
    words: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file holds."""

    lots: list[Written]
    mistakes: list[Mistake]

    @property
    def ok(self) -> bool:
        return bool(self.lots) and not self.mistakes


class _Wrong(Exception):
    """A value that cannot be what its column says."""

    def __init__(self, words: str | Promise) -> None:
        super().__init__(str(words))


def look(session: Session, data: bytes) -> Looked:
    """Every row, with everything that is wrong.

    TableTooLarge, NotCsv, ColumnsMissing, TooManyRows, NothingToImport for the whole file.
    """
    reading = _Reading(session)
    for count, (number, row) in enumerate(_rows(data), start=1):
        if count > MOST_ROWS:
            raise TooManyRows(most=MOST_ROWS)
        reading.take(number, row)
    if not reading.lots and not reading.mistakes:
        raise NothingToImport
    return Looked(reading.lots, reading.mistakes)


def bring(session_id: int, data: bytes) -> Looked:
    """Write them all, where nothing is wrong; the Looked says what was, or would have been, written."""
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        raise NoSuchSession
    looked = look(session, data)
    if looked.ok:
        composing.new_lots(session_id, looked.lots)
    return looked


def _rows(data: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Rows that say something, with their numbers."""
    if len(data) > MOST_BYTES:
        raise TableTooLarge(most=MOST_MB)
    if b"\0" in data:
        raise NotCsv
    try:
        text = data.decode("utf-8-sig")
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        names = [name.strip() for name in next(reader, [])]
        if missing := [name for name in NEEDED if name not in names]:
            raise ColumnsMissing(names=", ".join(missing))
        for number, cells in enumerate(reader, start=2):
            typed = dict(zip(names, map(str.strip, cells), strict=False))
            if any(typed.values()):
                yield number, {name: typed.get(name, "") for name in COLUMNS}
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotCsv from error


class _Reading:
    """Rows as they become lots, and numbers that were taken before."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lots: list[Written] = []
        self.mistakes: list[Mistake] = []
        taken = Lot.objects.filter(session=session).values_list("number", flat=True)
        self.numbers = set(taken)
        self.next = max(self.numbers, default=0)
        kept = Category.objects.filter(direction__kind=Kind.LOT)
        self.categories = {category.slug: category for category in kept}

    def take(self, number: int, row: Mapping[str, str]) -> None:
        found: dict[str, object] = {}
        for column in COLUMNS:
            try:
                found[column] = getattr(self, f"_{column}", self._text)(row[column], column)
            except _Wrong as wrong:
                self.mistakes.append(Mistake(number, column, str(wrong)))
        if len(found) == len(COLUMNS):
            self._together(number, found)

    def _together(self, number: int, found: dict[str, object]) -> None:
        reserve, start = found["reserve"], found["start_price"]
        assert isinstance(start, int)
        if isinstance(reserve, int) and reserve < start:
            words = gettext("A reserve is not below the start price.")
            self.mistakes.append(Mistake(number, "reserve", words))
            return
        self.lots.append(Written(**found))  # type: ignore[arg-type]

    def _text(self, value: str, column: str) -> str:
        if column == "name_zh" and not value:
            raise _Wrong(_("Every lot has a name in Chinese."))
        if len(value) > MOST_LONG[column]:
            raise _Wrong(_("At most %(most)d characters.") % {"most": MOST_LONG[column]})
        return value

    def _number(self, value: str, _column: str) -> int:
        if not value:
            self.next += 1
            while self.next in self.numbers:
                self.next += 1
            self.numbers.add(self.next)
            return self.next
        if not (value.isascii() and value.isdecimal() and len(value) <= 5 and int(value)):
            raise _Wrong(_("A number from 1 to 99999, or nothing."))
        if int(value) in self.numbers:
            raise _Wrong(_("Another lot of this session has this number."))
        self.numbers.add(int(value))
        return int(value)

    def _start_price(self, value: str, _column: str) -> Fen:
        return _amount(value)

    def _reserve(self, value: str, _column: str) -> Fen | None:
        return _amount(value) if value else None

    def _deposit(self, value: str, _column: str) -> Fen:
        amount = _amount(value or "0")
        if self.session.deposit and not amount:
            raise _Wrong(
                _("The session has a deposit, so each lot needs its share of it above zero.")
            )
        return amount

    def _steps(self, value: str, _column: str) -> list[list[int]]:
        """A preset by its name, or `0:50 2000:100`."""
        if not value or value in PRESETS:
            return PRESETS[value or "usual"]
        pairs = [tuple(part.partition(":")[::2]) for part in value.replace(",", " ").split()]
        try:
            rows = StepsField().clean(pairs)
        except ValidationError as error:
            raise _Wrong(" ".join(error.messages)) from error
        assert checking.are_steps(rows)
        return rows

    def _details(self, value: str, _column: str) -> list[list[str]]:
        """Lines, or with ; between them."""
        lines = [
            one for one in value.replace("；", ";").replace(";", "\n").splitlines() if one.strip()
        ]
        if len(lines) > MOST_DETAILS:
            raise _Wrong(_("At most %(most)d lines.") % {"most": MOST_DETAILS})
        try:
            return [detail(line) for line in lines]
        except ValidationError as error:
            raise _Wrong(" ".join(error.messages)) from error

    def _category(self, value: str, _column: str) -> Category | None:
        if value and value not in self.categories:
            known = ", ".join(sorted(self.categories)[:10]) or "–"
            raise _Wrong(
                _("There is no such category; these are there: %(known)s") % {"known": known}
            )
        return self.categories.get(value)


def _amount(value: str) -> Fen:
    try:
        return fen(value.replace(",", "").removeprefix("¥"))
    except ValueError:
        raise _Wrong(_("An amount in yuan, with at most two decimals.")) from None
