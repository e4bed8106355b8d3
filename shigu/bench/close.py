"""Lots settled per second, a thousand due in the same second while many wait: the clock's drain against a loop.

Four of five lots have a bid that sells; each has a deposit of its leader's and one of somebody else's. `shigu`
is the real `clock.drain` of `auctions.close`; `limit` is one hand-written set-based statement a batch; `loop`
is what a tutorial does, one transaction per lot through the ORM. After each run the rows must be the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q

from shigu.auctions.models import Award, Bidding, Deposit, LotState, Session
from shigu.bench import lots, world
from shigu.bench.report import Report
from shigu.bench.rounds import alternate, machine, medians, rounded, say
from shigu.bench.world import World
from shigu.clock import now
from shigu.clock.drain import drain
from shigu.clock.kinds import find
from shigu.clock.memory import Memory
from shigu.notices.models import Notice, State
from shigu.orders.models import Order, OrderEvent, OrderLine, Status

BATCH = 500


@dataclass(frozen=True, slots=True)
class Sizes:
    """Lots due together among those `waiting`, the loop's sample of them, their sessions, who bid on them."""

    lots: int = 1000
    waiting: int = 100_000
    sample: int = 100
    sessions: int = 4
    people: int = 500
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Hall:
    """What is under the hammer in one run: things that are due, in so many sessions, and things that wait."""

    due: list[int]
    waiting: list[int]
    sessions: int


FULL = Sizes()
QUICK = Sizes(lots=200, waiting=1000, sample=20, people=50, rounds=1)


def run(sizes: Sizes) -> Report:
    """All three sides in turn."""
    before = machine()
    say(f"furnishing {sizes.lots} lots that are due and {sizes.waiting} that wait")
    shop = world.furnish(people=sizes.people, skus=1)
    things = lots.things(sizes.lots + sizes.waiting)
    works = {"shigu": _shigu, "loop": _loop, "limit": _by_hand}

    def side(name: str, due: int) -> Callable[[], float]:
        hall = Hall(things[:due], things[sizes.lots :], sizes.sessions)
        return lambda: measured(name, shop, hall, works[name])

    for name in works:  # caches of plans and pages are warm in a shop that has been up for days
        side(name, max(10, sizes.lots // 10))()
    figures = alternate(
        {name: side(name, sizes.sample if name == "loop" else sizes.lots) for name in works},
        rounds=sizes.rounds,
    )
    found = medians(figures)
    setup = asdict(sizes) | before | {"limit_batch": BATCH, "postgresql": world.durability()}
    setup |= {"seconds_for_all": round(sizes.lots / found["shigu"], 3)}
    return Report(
        name="close",
        unit="lots/s",
        ours=found["shigu"],
        baselines={"loop": found["loop"]},
        limit=found["limit"],
        setup=setup | {"each_round": rounded(figures)},
    )


def measured(side: str, shop: World, hall: Hall, work: Callable[[], None]) -> float:
    """Lots per second of one run: fresh rows, the work, and the check that it was all of it and no more."""
    lots.clear()
    lots.due(shop, hall.due, sessions=hall.sessions, waiting=hall.waiting)
    world.settle()
    began = time.monotonic()
    work()
    seconds = time.monotonic() - began
    lots.check(side, len(hall.due), waiting=len(hall.waiting))
    return len(hall.due) / seconds


def _shigu() -> None:
    kind = find("auctions.close")
    memory = Memory.of(kind)
    while not drain(kind, memory=memory).finished:
        pass


def _by_hand() -> None:
    values: dict[str, Any] = {"batch": BATCH, "zone": settings.TIME_ZONE}
    values |= {"remind": settings.AUCTION_REMIND}
    with connection.cursor() as cursor:
        while True:
            cursor.execute(BY_HAND, values)
            if not cursor.fetchone()[0]:
                break


def _loop() -> None:
    due = Bidding.objects.filter(state__in=[1, 2], due_at__lte=now()).order_by("due_at")
    for lot_id in due.values_list("pk", flat=True):
        close_one(lot_id, now())


def close_one(lot_id: int, at: datetime) -> None:
    """One lot in a transaction of its own, through the ORM."""
    with transaction.atomic():
        bidding = Bidding.objects.select_for_update().select_related("lot__sku").get(pk=lot_id)
        lot, price = bidding.lot, bidding.price
        sold = price is not None and price >= (lot.reserve or 0)
        bidding.state = LotState.SOLD if sold else LotState.PASSED_IN
        bidding.hammer = price if sold else None
        bidding.due_at, bidding.ended_at, bidding.version = None, at, bidding.version + 1
        bidding.save()
        session = Session.objects.select_for_update().get(pk=bidding.session_id)
        session.open_lots -= 1
        session.hammer_total += bidding.hammer or 0
        session.due_at = at if session.open_lots == 0 else session.due_at
        session.save()
        if bidding.hammer is not None and bidding.leader_id is not None:
            _award_one(bidding, session, bidding.leader_id, at)
        Deposit.objects.filter(lot=lot, state__in=[0, 1]).update(decide_at=at)


def _award_one(bidding: Bidding, session: Session, user: int, at: datetime) -> None:
    price, sku = bidding.hammer or 0, bidding.lot.sku
    pay_by = at + timedelta(seconds=session.pay_seconds)
    order = Order.objects.create(
        number=f"bench-{bidding.pk}",
        user_id=user,
        origin="lot",
        list_total=price,
        payable=price,
        placed_at=at,
        pay_by=pay_by,
        due_at=pay_by,
        remind_at=pay_by - settings.AUCTION_REMIND,
        key=f"bench-{bidding.pk}",
    )
    OrderLine.objects.create(
        order=order,
        kind="lot",
        product_id=sku.product_id,
        sku=sku,
        name_zh=bidding.lot.name_zh,
        name_en=bidding.lot.name_en,
        quantity=1,
        unit_price=price,
        price=price,
        payable=price,
    )
    OrderEvent.objects.create(order=order, at=at, status=Status.UNPAID, why="awarded")
    held = Deposit.objects.filter(Q(lot=bidding.lot) | Q(lot=None), session=session, user_id=user)
    award = Award.objects.create(
        lot=bidding.lot,
        user_id=user,
        order=order,
        deposit=held.filter(state=1).order_by(F("lot").asc(nulls_last=True)).first(),
        price=price,
        at=at,
        pay_by=pay_by,
    )
    _tell(award)


def _tell(award: Award) -> None:
    told: dict[str, Any] = {"event": "lot.won", "subject": award.pk, "user_id": award.user_id}
    told |= {"facts": {"pay_by": award.pay_by.isoformat()}, "at": award.at}
    Notice.objects.create(channel="inbox", state=State.KEPT, **told)
    Notice.objects.create(channel="mail", state=State.WAITING, due_at=award.at, **told)


BY_HAND = """
WITH due AS MATERIALIZED (
  SELECT lot_id FROM auctions_bidding WHERE state IN (1, 2) AND due_at <= statement_timestamp()
   ORDER BY due_at, lot_id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
), closed AS (
  UPDATE auctions_bidding b
     SET state = CASE WHEN b.price >= coalesce(l.reserve, 0) THEN 3 ELSE 5 END,
         hammer = CASE WHEN b.price >= coalesce(l.reserve, 0) THEN b.price END, due_at = NULL,
         ended_at = greatest(statement_timestamp(), b.decided_at), version = b.version + 1
    FROM due JOIN auctions_lot l ON l.id = due.lot_id WHERE b.lot_id = due.lot_id
  RETURNING b.lot_id, b.session_id, b.sku_id, b.leader_id, b.hammer, b.ended_at
), totals AS MATERIALIZED (
  SELECT session_id, count(*) AS lots, coalesce(sum(hammer), 0)::bigint AS hammer FROM closed GROUP BY 1
), sessions AS MATERIALIZED (
  SELECT id FROM auctions_session WHERE id IN (SELECT session_id FROM totals) ORDER BY id FOR NO KEY UPDATE
), counted AS (
  UPDATE auctions_session s SET open_lots = s.open_lots - t.lots, hammer_total = s.hammer_total + t.hammer,
         due_at = CASE WHEN s.open_lots = t.lots THEN statement_timestamp() ELSE s.due_at END
    FROM totals t JOIN sessions l ON l.id = t.session_id WHERE s.id = l.id RETURNING 1
), won AS MATERIALIZED (
  SELECT c.*, s.pay_seconds, d.id AS deposit_id,
         nextval(pg_get_serial_sequence('orders_order', 'id')) AS order_id
    FROM closed c JOIN auctions_session s ON s.id = c.session_id
    LEFT JOIN LATERAL (
      SELECT id FROM auctions_deposit WHERE user_id = c.leader_id AND session_id = c.session_id AND state = 1
         AND (lot_id = c.lot_id OR lot_id IS NULL) ORDER BY lot_id NULLS LAST LIMIT 1) d ON true
   WHERE c.hammer IS NOT NULL
), orders AS (
  INSERT INTO orders_order (id, number, user_id, status, round, origin, list_total, payable, placed_at,
                            pay_by, due_at, remind_at, key, sent_to, hidden, coupon_off, credits,
                            credits_off, earned)
  SELECT order_id, to_char(ended_at AT TIME ZONE %(zone)s, 'YYYYMMDD') || leader_id || '-' || order_id,
         leader_id, 0, 0, 'lot', hammer, hammer, ended_at, ended_at + pay_seconds * interval '1 second',
         ended_at + pay_seconds * interval '1 second',
         ended_at + pay_seconds * interval '1 second' - %(remind)s::interval,
         'lot-' || gen_random_uuid(), '', false, 0, 0, 0, 0
    FROM won RETURNING 1
), lines AS (
  INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh, label_en,
                                quantity, unit_price, price, payable, coupon_off, credits, credits_off,
                                reason, activity_zh, activity_en, is_renewal)
  SELECT w.order_id, 'lot', s.product_id, s.id, l.name_zh, l.name_en, '', '', 1, w.hammer, w.hammer,
         w.hammer, 0, 0, 0, '', '', '', false
    FROM won w JOIN auctions_lot l ON l.id = w.lot_id JOIN catalogue_sku s ON s.id = w.sku_id RETURNING 1
), history AS (
  INSERT INTO orders_orderevent (order_id, at, status, why)
  SELECT order_id, ended_at, 0, 'awarded' FROM won RETURNING 1
), awards AS (
  INSERT INTO auctions_award (lot_id, user_id, order_id, deposit_id, price, counted, state, second_chance,
                              at, pay_by, forfeited)
  SELECT lot_id, leader_id, order_id, deposit_id, hammer, 0, 0, false, ended_at,
         ended_at + pay_seconds * interval '1 second', 0 FROM won RETURNING id, user_id, pay_by
), told AS (
  INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, due_at, tries)
  SELECT 'lot.won', a.id, 0, u.id, c.name, jsonb_build_object('pay_by', a.pay_by), statement_timestamp(),
         c.state, CASE WHEN c.name = 'mail' THEN statement_timestamp() END, 0
    FROM awards a JOIN accounts_user u ON u.id = a.user_id
   CROSS JOIN (VALUES ('inbox', 'kept'), ('mail', 'waiting')) AS c(name, state)
   WHERE c.name = 'inbox' OR u.is_active AND u.email <> '' RETURNING 1
), held AS MATERIALIZED (
  SELECT id FROM auctions_deposit WHERE state IN (0, 1) AND lot_id IN (SELECT lot_id FROM due)
   ORDER BY id FOR NO KEY UPDATE
), woken AS (
  UPDATE auctions_deposit d SET decide_at = statement_timestamp() FROM held WHERE d.id = held.id RETURNING 1
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM counted), (SELECT count(*) FROM orders),
       (SELECT count(*) FROM lines), (SELECT count(*) FROM history), (SELECT count(*) FROM awards),
       (SELECT count(*) FROM told), (SELECT count(*) FROM woken)
"""
