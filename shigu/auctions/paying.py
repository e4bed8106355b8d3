"""What becomes of a lot when its award's order is paid, lapses, is cancelled or refunded.

`LotOrders` are the rules of such orders, `LotLines` what fulfils their one line. Nobody gives up what they
won, nothing lapses on a provider's silence, and money counts by the provider's own instant, whenever it is
learnt. Each outcome writes award, lot and session in one transaction and wakes the deposit that covers it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F

from shigu.auctions import applying, news, reversing, telling, waking
from shigu.auctions.errors_life import AddressFirst, NotGivenUp, NotRestored
from shigu.auctions.locks import locked_awards_of
from shigu.auctions.models import Award, AwardState, LotState
from shigu.catalogue.stock import Change
from shigu.kit.breakpoints import reached
from shigu.orders.lines import Owned
from shigu.orders.models import Order, OrderEvent, Shipment, Status

NEVER = timedelta(days=36500)
"""An open cashier keeps an order waiting for its provider's word, however long that takes."""

# Decided once: a refund takes back what was paid, and forfeits after that payment stay in their order.
AWARDS = """
UPDATE auctions_award SET state = %s, decided_at = coalesce(decided_at, %s) WHERE id = ANY(%s::bigint[])
"""

LOTS = """
UPDATE auctions_bidding SET state = %s, version = version + 1 WHERE lot_id = ANY(%s::bigint[])
"""

PAID_TOTALS = """
UPDATE auctions_session s SET paid_total = s.paid_total + c.paid
  FROM (SELECT l.session_id, %s * sum(a.price)::bigint AS paid
          FROM auctions_award a JOIN auctions_lot l ON l.id = a.lot_id
         WHERE a.id = ANY(%s::bigint[]) GROUP BY l.session_id) c
 WHERE s.id = c.session_id
"""

BANS = """
INSERT INTO auctions_ban (user_id, since, until, award_id, note)
SELECT user_id, %s, %s, id, '' FROM auctions_award
 WHERE id = ANY(%s::bigint[]) AND NOT second_chance
"""


class LotOrders:
    """The rules of orders that come from a lot; see `orders.origins.Rules` for each verb's promise."""

    backstop = NEVER
    may_revive = False

    def lock(self, order_ids: Sequence[int]) -> None:
        """Biddings, sessions and deposits of their awards."""
        locked_awards_of(order_ids)

    def refuse_paying(self, order: Order) -> None:
        """A lot is sent somewhere: say where first."""
        if not order.sent_to:
            raise AddressFirst

    def refuse_cancelling(self, order: Order, *, by: int) -> None:
        """Winning binds; an operator may take it back, and a second chance may be declined."""
        if by == order.user_id and not order.award.second_chance:
            raise NotGivenUp

    def refuse_restoring(self, order: Order) -> None:
        """Its time was the whole of it."""
        raise NotRestored

    def is_late(self, order: Order, paid_at: datetime | None) -> bool:
        """By the provider's own instant; one that it does not tell was within the time it was given."""
        return paid_at is not None and paid_at > order.pay_by

    def remind(self, order_ids: Sequence[int], *, now: datetime) -> None:
        """They can still be paid, not for long."""
        telling.awarded("lot.pay-by", order_ids, at=now)

    def ended(self, order_ids: Sequence[int], status: Status, *, now: datetime) -> None:
        """Not paid in time, taken back by an operator, or a second chance that was declined."""
        awards = [one for one in locked_awards_of(order_ids) if one.state == AwardState.PENDING]
        expired = status == Status.EXPIRED
        _decide(awards, AwardState.OVERDUE if expired else AwardState.CANCELLED, now)
        if expired:
            _bar(awards, now)
            telling.lapsed([one.pk for one in awards], at=now)
        else:
            telling.taken_back(_taken_back(awards), at=now)
        overdue = [one for one in awards if expired or one.second_chance]
        _set_lots(overdue, LotState.OVERDUE)
        _set_lots([one for one in awards if one not in overdue], LotState.WITHDRAWN)
        waking.of_awards([one.pk for one in awards], now=now)
        reached("auctions.award.ended")


class LotLines:
    """Fulfils a won lot: it is paid, waits to be shipped, and the deposit is decided."""

    def lock(self, pairs: Collection[tuple[int, int]]) -> None:
        """What belongs to an award is locked with its order, by `LotOrders.lock`."""

    def running(
        self, wanted: Collection[tuple[int, int]], *, now: datetime
    ) -> Mapping[tuple[int, int], datetime | None]:
        """A lot is won, not bought."""
        return {}

    def fulfil(self, lines: Sequence[Owned], *, now: datetime) -> None:
        """Shipment, award, lot, session's paid total; what the deposit counts for is moved; it is woken."""
        orders = sorted({owned.order.pk for owned in lines})
        awards = locked_awards_of(orders)
        Shipment.objects.bulk_create(Shipment(order_id=pk, since=now) for pk in orders)
        _decide(awards, AwardState.PAID, now)
        _set_lots(awards, LotState.PAID)
        _add_paid(awards, 1)
        applying.count_toward([one.pk for one in awards], now=now)
        reached("auctions.award.paid")

    def unfulfil(self, lines: Sequence[Owned], *, now: datetime) -> Mapping[int, Change]:
        """A refunded lot is the shop's again, unless it was shipped; what its deposit paid goes back."""
        awards = locked_awards_of([owned.order.pk for owned in lines])
        _decide(awards, AwardState.CANCELLED, now)
        _set_lots(awards, LotState.WITHDRAWN)
        _add_paid(awards, -1)
        reversing.uncount([one.pk for one in awards], now=now)
        return {}


def _taken_back(awards: Sequence[Award]) -> list[int]:
    """Those whose orders were cancelled by somebody else than their buyers, as their history has it."""
    said = OrderEvent.objects.filter(status=Status.CANCELLED, by_id=F("order__user_id"))
    declined = set(
        said.filter(order__in=[one.order_id for one in awards]).values_list("order_id", flat=True)
    )
    return [one.pk for one in awards if one.order_id not in declined]


def _decide(awards: Sequence[Award], state: AwardState, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(AWARDS, [state.value, now, [one.pk for one in awards]])


def _set_lots(awards: Sequence[Award], state: LotState) -> None:
    lots = [one.lot_id for one in awards]
    if lots:
        with connection.cursor() as cursor:
            cursor.execute(LOTS, [state.value, lots])
        news.changed(lots)


def _add_paid(awards: Sequence[Award], sign: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PAID_TOTALS, [sign, [one.pk for one in awards]])


def _bar(awards: Sequence[Award], now: datetime) -> None:
    """Who did not pay what they won may not bid for a time; an offer binds nobody."""
    until = now + settings.AUCTION_BAN
    with connection.cursor() as cursor:
        cursor.execute(BANS, [now, until, [one.pk for one in awards]])
