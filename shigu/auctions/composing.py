"""What an operator composes: a session in draft, its lots as things of their own, and copies of either.

`create`, `new_lots` and `copy` write; saving what stands already goes through `publishing`. A lot is written
as `Written`, plain values in fen; its product and SKU are made with it, all lots of a call or none.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from shigu import clock
from shigu.auctions import publishing, relisting
from shigu.auctions.checking import HORIZON
from shigu.auctions.models import Lot, Session
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku
from shigu.kit.errors import Refusal
from shigu.kit.money import Fen

WEEK = timedelta(days=7)
MADE = "lot-"
"""How the slugs of things begin that are made with their lots."""
COPIED = (
    *("name_zh", "name_en", "story_zh", "story_en", "cover", "motif", "tone", "video_url"),
    *("stagger", "soft_window", "soft_extension", "most_extensions", "deposit", "deposit_counts"),
    *("pay_seconds", "wild_steps"),
)


@dataclass(frozen=True, slots=True)
class Written:
    """A lot as it was written down; `number` 0 is the next one. Money in fen."""

    name_zh: str
    start_price: Fen
    steps: Sequence[Sequence[int]]
    number: int = 0
    name_en: str = ""
    story_zh: str = ""
    story_en: str = ""
    details: Sequence[Sequence[str]] = field(default_factory=list)
    reserve: Fen | None = None
    deposit: Fen = 0
    motif: str = ""
    category: Category | None = None


def create(values: Mapping[str, Any], *, by: int) -> Session:
    """A session in draft; TooFar where no page could reckon with its times."""
    _refuse_far(values)
    given = dict(values)
    given["slug"] = given.get("slug") or fresh_slug(given.get("name_en", ""))
    return Session.objects.create(**given, made_by_id=by)


def _refuse_far(values: Mapping[str, Any]) -> None:
    now = clock.now()
    for name in publishing.MOMENTS:
        HORIZON.refuse(values[name], now)


def fresh_slug(name: str) -> str:
    """A part of an address that nobody has yet."""
    base = slugify(name)[:40]
    if base and not Session.objects.filter(slug=base).exists():
        return base
    return "-".join(filter(None, [base, secrets.token_hex(3)]))


def new_lots(session_id: int, written: Sequence[Written]) -> list[Lot]:
    """Write lots into a session, with the things that they are; a published one takes them up to its preview.

    1. Under the locks of `publishing.add_lots`. 2. Numbers from the last one on. 3. Product, SKU, lot.
    """
    made: list[Lot] = []

    def write(session: Session) -> None:
        made.extend(_write(session, written))

    publishing.add_lots(session_id, write)
    return made


def _write(session: Session, written: Sequence[Written]) -> list[Lot]:
    publishing.refuse_numbers(session, [one.number for one in written if one.number])
    last = session.lots.aggregate(last=Max("number"))["last"] or 0
    category = default_category()
    skus = Sku.objects.bulk_create(
        Sku(product=product, code=product.slug.upper(), price=0, on_sale=False)
        for product in Product.objects.bulk_create(_thing(one, category) for one in written)
    )
    return Lot.objects.bulk_create(
        Lot(
            session=session,
            number=one.number or last + nth,
            sku=sku,
            name_zh=one.name_zh,
            name_en=one.name_en,
            story_zh=one.story_zh,
            story_en=one.story_en,
            details=list(one.details),
            start_price=one.start_price,
            steps=[list(step) for step in one.steps],
            reserve=one.reserve,
            deposit=one.deposit,
        )
        for nth, (one, sku) in enumerate(zip(written, skus, strict=True), start=1)
    )


def _thing(one: Written, category: Category) -> Product:
    """One of its kind, never on a shelf."""
    return Product(
        kind=Kind.LOT,
        slug=f"{MADE}{secrets.token_hex(6)}",
        category=one.category or category,
        name_zh=one.name_zh,
        name_en=one.name_en,
        motif=one.motif,
        on_sale=False,
    )


def default_category() -> Category:
    """Where things to be auctioned are kept, unless they say otherwise."""
    first = Category.objects.filter(direction__kind=Kind.LOT).order_by("position", "pk").first()
    if first:
        return first
    words = {"name_zh": "拍品", "name_en": "Auction lots"}
    direction, _ = Direction.objects.get_or_create(slug="lots", kind=Kind.LOT, defaults=words)
    return Category.objects.get_or_create(slug="lots", defaults={"direction": direction, **words})[
        0
    ]


def copy(session_id: int, *, by: int, relist: bool = False) -> Session:
    """The same session again, as a draft some weeks later; its lots that came to nothing, if wanted.

    Its times keep their day of the week and their distances; the preview begins after now.
    """
    old = Session.objects.get(pk=session_id)
    weeks = max(0, (clock.now() - old.preview_from) // WEEK) + 1
    times = {name: getattr(old, name) + weeks * WEEK for name in publishing.MOMENTS}
    _refuse_far(times)
    with transaction.atomic(durable=True):
        same = {name: getattr(old, name) for name in COPIED}
        slug = fresh_slug(old.name_en or old.slug)
        new = Session.objects.create(slug=slug, made_by_id=by, **same, **times)
    if relist:
        _list_again(old, new)
    return new


def _list_again(old: Session, new: Session) -> None:
    lots = old.lots.filter(bidding__state__in=relisting.CAME_TO_NOTHING, relisted_as=None)
    for pk in lots.order_by("number").values_list("pk", flat=True):
        try:
            relisting.relist(pk, session_id=new.pk)
        except Refusal:  # taken by somebody else a moment ago, or sent away: it stays as it is
            continue
