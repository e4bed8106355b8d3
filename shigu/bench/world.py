"""The shop a benchmark stands on: people with credits, SKUs with stock, one coupon.

`furnish` fills an empty shop, `clear` takes all orders and what they left behind away again, `settle`
leaves PostgreSQL with fresh statistics and nothing to write back. Orders by the thousand are in `bulk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.management import call_command
from django.db import connection, transaction

from shigu.accounts.models import User
from shigu.catalogue.models import Category, Direction, Kind, Moved, Product, Sku, Stock
from shigu.catalogue.models import StockMovement as Movement
from shigu.clock import now
from shigu.kit import postgres
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.promotions.models import Coupon, CouponKind, Way

ON_HAND = 10_000_000
COUPON_OFF = 500
WELCOME = 1_000_000
ADDRESS = "alice 13800000000 Shaanxi, Xi'an 1 West Market"


@dataclass(frozen=True, slots=True)
class World:
    """Ids of the people and SKUs of a furnished shop."""

    people: list[int]
    skus: list[int]


def migrate() -> None:
    """All tables, without a word."""
    call_command("migrate", verbosity=0)


def database_url() -> str:
    """The database this process works in, for processes that it starts."""
    entry = connection.settings_dict
    return postgres.url(entry["HOST"], entry["NAME"])


def furnish(*, people: int, skus: int) -> World:
    """People with credits, a coupon for everything, and goods, one SKU each, plenty in stock."""
    direction = Direction.objects.create(
        slug="bench", kind=Kind.GOODS, name_zh="基准", name_en="Bench"
    )
    category = Category.objects.create(
        slug="bench", direction=direction, name_zh="基准", name_en="Bench"
    )
    buyers = User.objects.bulk_create(
        User(username=f"buyer-{n}", email=f"buyer-{n}@bench.test") for n in range(people)
    )
    goods = Product.objects.bulk_create(_product(category, n) for n in range(skus))
    offered = Sku.objects.bulk_create(
        Sku(product=product, code=f"bench-{n}", price=9900 + n) for n, product in enumerate(goods)
    )
    at = now()
    Stock.objects.bulk_create(Stock(sku=sku, on_hand=ON_HAND) for sku in offered)
    Movement.objects.bulk_create(
        Movement(sku_id=sku.pk, kind=Moved.RECEIPT, pieces=ON_HAND, subject="bench", at=at)
        for sku in offered
    )
    Coupon.objects.create(
        name_zh="基准",
        name_en="Bench",
        kind=CouponKind.FIXED,
        amount=COUPON_OFF,
        way=Way.OPERATOR,
        total=2_000_000_000,
        per_user=30_000,
        valid_from=at - timedelta(days=30),
        valid_until=at + timedelta(days=365),
    )
    _welcome([user.pk for user in buyers])
    return World([user.pk for user in buyers], [sku.pk for sku in offered])


def _product(category: Category, number: int) -> Product:
    return Product(
        kind=Kind.GOODS,
        slug=f"bench-{number}",
        category=category,
        name_zh=f"货物 {number}",
        name_en=f"Goods {number}",
    )


def _welcome(people: Sequence[int]) -> None:
    """Credits for everybody, through the ledger's own door; both of their accounts are open."""
    free = {user: account(Book.CREDITS, user) for user in people}
    with transaction.atomic():
        posting.lock([*free.values(), *(account(Book.CREDITS_HELD, user) for user in people)])
        issued = account(Book.ISSUED)
        posting.post(
            [Move(Event.WELCOME, user, issued, theirs, WELCOME) for user, theirs in free.items()],
            at=now(),
        )


EMPTY = """
TRUNCATE orders_order, orders_orderline, orders_orderevent, notices_notice, promotions_grant,
         ledger_transfer, ledger_account CASCADE
"""


def clear() -> None:
    """No orders, nothing held, and everybody has the credits that they began with."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The ledger refuses to be emptied; in a database of the benchmark's own it may be.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(EMPTY)
        cursor.execute("UPDATE catalogue_stock SET held = 0 WHERE held <> 0")
        cursor.execute("UPDATE promotions_coupon SET issued = 0")
        _welcome(list(User.objects.values_list("pk", flat=True)))


def settle() -> None:
    """Statistics fresh, dead rows gone, everything written back: nothing left for a side to pay."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) orders_order, orders_orderline, orders_orderevent")
        cursor.execute("VACUUM (ANALYZE) catalogue_stock, promotions_coupon, promotions_grant")
        cursor.execute("VACUUM (ANALYZE) ledger_account, ledger_transfer, notices_notice")
        cursor.execute("CHECKPOINT")


def durability() -> dict[str, str]:
    """The server's own word on what a commit costs here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN"
            " ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes')"
        )
        return dict(cursor.fetchall())
