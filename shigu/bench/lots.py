"""Lots by the hundred that are due together among many that wait, written by SQL, and what must come of them.

`things` are what is auctioned, made once; `due` puts them under the hammer, some past their end and others
hours or days before it, with bids and deposits; `check` compares the rows of a side with what every side must
write, and sees that nothing was written of those that wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from shigu.bench.errors import NotTheSame
from shigu.bench.world import World
from shigu.bench.world import clear as clear_orders
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku

DEPOSIT = 10_000
WAITING_TOGETHER = 1000
"""Lots of a session that is not over; they end a minute apart, and such sessions an hour apart."""

EMPTY = """
TRUNCATE auctions_session, auctions_lot, auctions_bidding, auctions_deposit, auctions_award,
         auctions_ban CASCADE
"""

LIKE_THE_FIRST = "INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS first, {others}"

SESSIONS = """
INSERT INTO auctions_session (id, slug, name_zh, name_en, story_zh, story_en, cover, motif, tone, video_url,
    state, preview_from, preview_until, opens_at, closes_at, stagger, soft_window, soft_extension,
    most_extensions, deposit, deposit_counts, pay_seconds, wild_steps, due_at, open_lots, views,
    hammer_total, paid_total, withdrawn_why)
SELECT n, 'bench-' || n, '基准', 'Bench', '', '', '', '', 'mo', '', 3, t - interval '3 h',
       t - interval '2 h', t - interval '1 h', t + greatest(0, n - %(sessions)s) * interval '1 h',
       (n > %(sessions)s)::int * 60, 0, 0, 0, 0, false, 86400, 20, NULL,
       (SELECT count(*) FROM auctions_lot WHERE session_id = n), 0, 0, 0, ''
  FROM generate_series(1, %(sessions)s + %(more)s) AS n, (SELECT shigu_clock() - interval '1 s' AS t) AS moment
"""

LOTS = """
INSERT INTO auctions_lot (id, session_id, number, sku_id, name_zh, name_en, story_zh, story_en, details,
                          start_price, steps, reserve, deposit, withdrawn_why)
SELECT n, CASE WHEN n <= %(lots)s THEN n %% %(sessions)s ELSE %(sessions)s + (n - %(lots)s) %% %(more)s END + 1,
       CASE WHEN n <= %(lots)s THEN n ELSE (n - %(lots)s - 1) / %(more)s + 1 END, sku_id, '拍品 ' || n,
       'Lot ' || n, '', '', '[]', 1000, '[[0, 100]]', CASE WHEN n %% 10 = 0 THEN 999999 END, %(deposit)s, ''
  FROM unnest(%(skus)s::bigint[]) WITH ORDINALITY AS s(sku_id, n)
"""

# One of ten has no bid, one of ten a reserve that was not met; the rest sell. What is due lies anywhere
# among what waits, as rows do that were written over weeks.
BIDDINGS = """
INSERT INTO auctions_bidding (lot_id, session_id, sku_id, state, opens_at, closes_at, due_at, price,
                              leader_id, maximum, bids, decisions, extensions, version, decided_at)
SELECT l.id, l.session_id, l.sku_id, 1, s.opens_at, s.closes_at + (l.number - 1) * s.stagger * interval '1 s',
       s.closes_at + (l.number - 1) * s.stagger * interval '1 s',
       CASE WHEN l.id %% 10 <> 5 THEN 5000 END, CASE WHEN l.id %% 10 <> 5 THEN {leader} END,
       CASE WHEN l.id %% 10 <> 5 THEN 5000 END, (l.id %% 10 <> 5)::int, (l.id %% 10 <> 5)::int, 0, 1,
       CASE WHEN l.id %% 10 <> 5 THEN s.opens_at + interval '1 min' END
  FROM auctions_lot l JOIN auctions_session s ON s.id = l.session_id ORDER BY hashint8(l.id)
"""

DEPOSITS = """
INSERT INTO auctions_deposit (number, user_id, session_id, lot_id, amount, key, state, asked_at, pay_by,
                              paid_at, returned, forfeited, applied)
SELECT 'bench-' || l.id || '-' || place, CASE place WHEN 0 THEN {leader} ELSE {other} END, l.session_id,
       l.id, %(deposit)s, 'bench-' || l.id || '-' || place, 1, s.opens_at, s.opens_at, s.opens_at, 0, 0, 0
  FROM auctions_lot l JOIN auctions_session s ON s.id = l.session_id CROSS JOIN generate_series(0, 1) AS place
 ORDER BY hashint8(l.id)
"""

LEADER = "(%(people)s::bigint[])[1 + l.id %% cardinality(%(people)s::bigint[])]"
OTHER = "(%(people)s::bigint[])[1 + (l.id + 1) %% cardinality(%(people)s::bigint[])]"

SETTLED = """
WITH b AS MATERIALIZED (SELECT * FROM auctions_bidding WHERE lot_id <= %(lots)s),
sold AS MATERIALIZED (SELECT * FROM b WHERE state = 3)
SELECT what, found, expected FROM (VALUES
  ('lots settled', (SELECT count(*) FROM b WHERE state IN (3, 5) AND due_at IS NULL AND version = 2
     AND ended_at >= closes_at), %(lots)s),
  ('lots sold', (SELECT count(*) FROM sold WHERE hammer = 5000),
     (SELECT count(*) FROM generate_series(1, %(lots)s) AS n WHERE n %% 10 NOT IN (0, 5))),
  ('lots passed in', (SELECT count(*) FROM b WHERE state = 5 AND hammer IS NULL),
     (SELECT count(*) FROM generate_series(1, %(lots)s) AS n WHERE n %% 10 IN (0, 5))),
  ('orders', (SELECT count(*) FROM sold JOIN auctions_award a USING (lot_id)
     JOIN orders_order o ON o.id = a.order_id
     WHERE o.origin = 'lot' AND o.status = 0 AND o.user_id = sold.leader_id AND o.payable = 5000
       AND o.list_total = 5000 AND o.placed_at = sold.ended_at AND o.due_at = o.pay_by
       AND o.pay_by = o.placed_at + interval '1 day' AND o.sent_to = '' AND o.grant_id IS NULL
       AND o.remind_at < o.pay_by),
     (SELECT count(*) FROM sold)),
  ('orders at all', (SELECT count(*) FROM orders_order), (SELECT count(*) FROM sold)),
  ('lines', (SELECT count(*) FROM auctions_award a JOIN auctions_lot l ON l.id = a.lot_id
     JOIN orders_orderline i ON i.order_id = a.order_id AND i.sku_id = l.sku_id AND i.kind = 'lot'
      AND (i.name_zh, i.name_en, i.quantity, i.unit_price, i.price, i.payable)
        = (l.name_zh, l.name_en, 1, 5000, 5000, 5000)), (SELECT count(*) FROM sold)),
  ('history rows', (SELECT count(*) FROM orders_orderevent e JOIN orders_order o ON o.id = e.order_id
     WHERE e.was IS NULL AND e.status = 0 AND e.why = 'awarded' AND e.at = o.placed_at),
     (SELECT count(*) FROM sold)),
  ('awards', (SELECT count(*) FROM sold JOIN auctions_award a USING (lot_id)
     JOIN auctions_deposit d ON d.id = a.deposit_id AND d.lot_id = a.lot_id AND d.user_id = a.user_id
     WHERE a.state = 0 AND a.price = 5000 AND a.at = sold.ended_at AND NOT a.second_chance),
     (SELECT count(*) FROM sold)),
  ('notices, one for each channel', (SELECT count(*) FROM auctions_award a
     JOIN notices_notice n ON n.subject = a.id AND n.event = 'lot.won' AND n.user_id = a.user_id
      AND (n.facts ->> 'pay_by')::timestamptz = a.pay_by
     WHERE (n.channel, n.state, n.due_at) IS NOT DISTINCT FROM
           CASE n.channel WHEN 'mail' THEN ('mail'::varchar, 'waiting'::varchar, n.at)
                          ELSE ('inbox'::varchar, 'kept'::varchar, NULL::timestamptz) END),
     (SELECT 2 * count(*) FROM sold)),
  ('notices at all', (SELECT count(*) FROM notices_notice), (SELECT 2 * count(*) FROM sold)),
  ('deposits woken', (SELECT count(*) FROM auctions_deposit d JOIN b USING (lot_id)
     WHERE d.state = 1 AND d.decide_at >= b.closes_at), 2 * %(lots)s),
  ('sessions to end', (SELECT count(*) FROM auctions_session s WHERE open_lots = 0 AND due_at IS NOT NULL
     AND hammer_total = (SELECT coalesce(sum(hammer), 0) FROM b WHERE session_id = s.id)),
     (SELECT count(DISTINCT session_id) FROM b)),
  ('lots that wait on', (SELECT count(*) FROM auctions_bidding WHERE lot_id > %(lots)s AND state = 1
     AND version = 1 AND due_at > shigu_clock() AND hammer IS NULL), %(waiting)s),
  ('deposits that wait on', (SELECT count(*) FROM auctions_deposit WHERE lot_id > %(lots)s AND state = 1
     AND decide_at IS NULL), 2 * %(waiting)s),
  ('lots counted as open', (SELECT sum(open_lots) FROM auctions_session), %(waiting)s)
) AS checks(what, found, expected) WHERE found IS DISTINCT FROM expected
"""


def things(count: int) -> list[int]:
    """SKUs to be auctioned, one of a kind each."""
    direction = Direction.objects.create(slug="bench-lots", kind=Kind.LOT, name_zh="基准")
    category = Category.objects.create(slug="bench-lots", direction=direction, name_zh="基准")
    first = Product.objects.create(kind=Kind.LOT, slug="lot-0", category=category, name_zh="拍品 0")
    Sku.objects.create(product=first, code="lot-0", price=0)
    named = {"slug": "'lot-' || n", "name_zh": "'拍品 ' || n"}
    _more(Product, f"generate_series(1, {count - 1}) AS n WHERE first.id = {first.pk}", named)
    theirs = f"p.category_id = {category.pk} AND p.id <> {first.pk}"
    others = f"catalogue_product AS p WHERE first.product_id = {first.pk} AND {theirs}"
    _more(Sku, others, {"product_id": "p.id", "code": "p.slug"})
    return list(Sku.objects.filter(product__category=category).values_list("pk", flat=True))


def _more(model: type[Model], others: str, changed: Mapping[str, str]) -> None:
    """Rows like the first, but for these columns, one for each of the others."""
    fields = [one for one in model._meta.concrete_fields if not one.generated]
    names = [str(one.column) for one in fields if not one.primary_key]
    insert = LIKE_THE_FIRST.format(
        table=model._meta.db_table,
        names=", ".join(names),
        values=", ".join(changed.get(name, f"first.{name}") for name in names),
        others=others,
    )
    with connection.cursor() as cursor:
        cursor.execute(insert)


def clear() -> None:
    """No sessions, no orders."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(EMPTY)
    clear_orders()


def due(shop: World, skus: Sequence[int], *, sessions: int, waiting: Sequence[int] = ()) -> None:
    """These things under the hammer, a second past their end; those `waiting` end in an hour or later."""
    values: dict[str, Any] = {"lots": len(skus), "sessions": min(sessions, len(skus))}
    values |= {"skus": [*skus, *waiting], "people": shop.people, "deposit": DEPOSIT}
    values |= {"more": -(-len(waiting) // WAITING_TOGETHER)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (LOTS, SESSIONS, BIDDINGS, DEPOSITS):
            cursor.execute(statement.replace("{leader}", LEADER).replace("{other}", OTHER), values)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) auctions_session, auctions_lot, auctions_bidding")
        cursor.execute("VACUUM (ANALYZE) auctions_deposit, auctions_award")


def check(side: str, lots: int, *, waiting: int = 0) -> None:
    """Every due lot ended once with all that follows; NotTheSame names what is missing or too much."""
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, {"lots": lots, "waiting": waiting})
        wrong = cursor.fetchall()
    if wrong:
        said = "; ".join(
            f"{what}: {found} instead of {expected}" for what, found, expected in wrong
        )
        raise NotTheSame(f"{side} did not write what it should: {said}")
