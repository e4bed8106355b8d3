"""A list's address: what it says is wished for, and the links that change one part of it.

`read(query, kind)` never fails: what it cannot understand it leaves out and says so (`misread`). The
`Facet`s are the rows of filters with their choices; a choice keeps everything else that was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu.catalogue import lists
from shigu.catalogue.activities import Running
from shigu.catalogue.lists import Offer, Sort, Wish
from shigu.catalogue.models import Direction, Kind, Level
from shigu.catalogue.scopes import Scope
from shigu.web.inputs import fen_of, name_of, one_of, whole, words

SIZES = [12, 24, 48]
Activities = tuple[Running, ...]
Word = str | Promise

SORTS: Mapping[Sort, Word] = {
    Sort.HOT: pgettext_lazy("order of a list", "Popular"),
    Sort.NEW: pgettext_lazy("order of a list", "New"),
    Sort.CHEAP: _("Price, low first"),
    Sort.DEAR: _("Price, high first"),
}
KINDS: Mapping[str, Word] = {
    "": pgettext_lazy("filter", "All"),
    Kind.COURSE: _("Courses"),
    Kind.GOODS: _("Goods"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter: what it is called, the address that chooses it, whether it is chosen."""

    word: Word
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One row of filters."""

    word: Word
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What an address wishes for, with its filters; `misread` when a part of it meant nothing."""

    wish: Wish
    size: int
    page_number: int
    facets: list[Facet]
    sorts: list[Choice]
    misread: bool
    kept: list[tuple[str, str]]
    """What the price form carries along."""

    @property
    def is_narrowed(self) -> bool:
        """Is anything but the kind and the words chosen?"""
        wish = self.wish
        chosen = (wish.direction, wish.category, wish.level, wish.least, wish.most)
        return any(value not in ("", None) for value in chosen)

    @property
    def can_be_widened(self) -> bool:
        """Would taking filters away show more? In a search its kind is a filter too."""
        return self.is_narrowed or bool(self.wish.words and self.wish.kind)

    @property
    def widest(self) -> str:
        """The address of the same words without any filter."""
        return _searching(self.wish.words)

    def tries(self) -> list[Choice]:
        """Of several words, each that finds something alone: a query a word."""
        words = list(dict.fromkeys(self.wish.words.split()))[: lists.MOST_WORDS]
        return [
            Choice(word, _searching(word), chosen=False)
            for word in words
            if len(words) > 1 and lists.products(Wish(words=word)).exists()
        ]

    def page(self) -> tuple[Page, list[Offer]]:
        """The page asked for, or the last one there is, with its offers: two queries."""
        page = Paginator(lists.products(self.wish), self.size).get_page(self.page_number)
        return page, lists.offers(page.object_list)


def read(query: QueryDict, kind: str, activities: Activities = ()) -> Shelf:
    """The list of one kind that an address asks for; `activities` make the reader's prices."""
    directions = lists.directions(kind)
    wish = replace(_wish(query, kind, directions), activities=activities)
    return _shelf(query, wish, _facets(query, wish, directions))


def read_search(query: QueryDict, activities: Activities = (), scope: Scope | None = None) -> Shelf:
    """The search that an address asks for, in both kinds or one of them; or all that a scope covers."""
    kind = kind if (kind := query.get("kind", "")) in KINDS else ""
    said = "" if scope else words(query.get("q"))
    wish = replace(_wish(query, kind, [], words=said), activities=activities, scope=scope)
    facet = Facet(_("Look in"), _choices(query, "kind", KINDS.items(), wish.kind))
    return _shelf(query, wish, [facet])


def _shelf(query: QueryDict, wish: Wish, facets: list[Facet]) -> Shelf:
    return Shelf(
        wish=wish,
        size=one_of(query.get("size"), SIZES),
        page_number=whole(query.get("page"), least=1) or 1,
        facets=facets,
        sorts=_choices(query, "sort", SORTS.items(), wish.sort),
        misread=_is_misread(query, wish),
        kept=[(k, v) for k, v in _clean(query).items() if k not in {"least", "most", "page"}],
    )


def _searching(words: str) -> str:
    return "?" + urlencode({"q": words})


def _wish(query: QueryDict, kind: str, shelves: Sequence[Direction], words: str = "") -> Wish:
    """A category brings its own direction along; prices the wrong way round are turned."""
    asked, category = name_of(query.get("direction")), name_of(query.get("category"))
    home = [d.slug for d in shelves if category in {c.slug for c in d.categories.all()}]
    least, most = fen_of(query.get("least")), fen_of(query.get("most"))
    if least is not None and most is not None and least > most:
        least, most = most, least
    return Wish(
        kind=kind,
        direction=home[0] if home else asked if asked in {d.slug for d in shelves} else "",
        category=category if home else "",
        level=whole(query.get("level"), least=1, most=3) if kind == Kind.COURSE else None,
        least=least,
        most=most,
        words=words,
        sort=Sort(sort) if (sort := query.get("sort", "")) in set(Sort) else Sort.HOT,
    )


def _facets(query: QueryDict, wish: Wish, shelves: Sequence[Direction]) -> list[Facet]:
    every = ("", KINDS[""])
    inside = [d for d in shelves if not wish.direction or d.slug == wish.direction]
    categories = [(c.slug, c.name) for d in inside for c in d.categories.all()]
    course = wish.kind == Kind.COURSE
    rows: list[tuple[Word, str, Sequence[tuple[Any, Word]], object]] = [
        (
            _("Direction") if course else _("Department"),
            "direction",
            [(d.slug, d.name) for d in shelves],
            wish.direction,
        ),
        (_("Category"), "category", categories, wish.category),
        (_("Level"), "level", list(Level.choices) if course else [], wish.level or ""),
    ]
    return [
        Facet(word, _choices(query, name, [every, *values], chosen))
        for word, name, values, chosen in rows
        if len(values) > 1
    ]


def _choices(
    query: QueryDict, name: str, values: Iterable[tuple[Any, Word]], chosen: object
) -> list[Choice]:
    return [Choice(word, _address(query, name, value), value == chosen) for value, word in values]


def _address(query: QueryDict, name: str, value: object) -> str:
    """This address with one part changed; another direction forgets the category."""
    parts = {k: v for k, v in _clean(query).items() if k != "page" and k != name}
    if name == "direction":
        parts.pop("category", None)
    if value != "":
        parts[name] = str(value)
    written = QueryDict(mutable=True)
    written.update(parts)
    return f"?{written.urlencode()}" if parts else "?"


def _clean(query: QueryDict) -> dict[str, str]:
    """The parts of an address that a list knows, without what a form must not carry."""
    known = ("q", "kind", "direction", "category", "level", "least", "most", "sort", "size")
    return {name: value for name in known if (value := words(query.get(name)))}


def _is_misread(query: QueryDict, wish: Wish) -> bool:
    """Was something asked for that no filter could be made of?"""
    understood: dict[str, object] = {
        "direction": wish.direction,
        "category": wish.category,
        "least": wish.least is not None,
        "most": wish.most is not None,
    }
    if wish.kind == Kind.COURSE:
        understood["level"] = wish.level
    return any(query.get(name, "").strip() and not found for name, found in understood.items())
