"""The reckoning: what buyers were told, against the rows and against the provider's own books.

Each check returns sentences, one for each thing that is not as it must be; none means that it holds. They only
read, and they know nothing of how the shop works inside beyond what its rows promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.models import F, Sum

from shigu.catalogue.models import Kind, Stock
from shigu.ledger.models import Account, Book, account
from shigu.notices import models as notices
from shigu.ops import auditing
from shigu.orders.models import Order, OrderEvent, OrderLine, Status
from shigu.payments.models import Attempt, Money, Notice, Refund, RefundState, State
from shigu.promotions.models import Grant, GrantState
from shigu.wallet.models import TopUp
from tests.fleet.chaos.buyers import Notebook

Broken = Sequence[tuple[float, float]]
Trade = Callable[[str], dict[str, Any] | None]


def unfinished() -> list[str]:
    """What time will still change: the reckoning waits until this is empty."""
    waiting = {
        "unpaid orders": Order.objects.filter(status=Status.UNPAID),
        "open payments": Attempt.objects.filter(state=State.OPEN),
        "unheard notices": Notice.objects.filter(handled_at=None),
        "refunds on their way": Refund.objects.filter(state=RefundState.SENDING),
        "mails on their way": notices.Notice.objects.filter(state=notices.State.WAITING),
    }
    return [f"{count} {what}" for what, rows in waiting.items() if (count := rows.count())]


def audit() -> Iterator[str]:
    """`shigu audit` is clean, and nothing was set aside for an operator."""
    for finding in auditing.audit():
        for row in finding.rows:
            yield f"{finding.number} {finding.title}: {row}"
    for aside in auditing.set_aside():
        yield f"set aside: {aside}"


def answers(notebooks: Sequence[Notebook]) -> Iterator[str]:
    """Whatever was answered "placed", "paid" or "cancelled" is; what was refused is not there."""
    for notes in notebooks:
        yield from notes.surprises
        mine = {order.key: order for order in Order.objects.filter(user_id=notes.user_id)}
        by_number = {order.number: order for order in mine.values()}
        for key, number in notes.placed.items():
            order = mine.get(f"one {key}")
            if order is None or order.number != number:
                yield f"{number} was answered as placed and is {order or 'not there'}"
        yield from _as_told(by_number, notes.paid, Status.PAID)
        yield from _as_told(by_number, notes.cancelled, Status.CANCELLED)
        told = set(notes.placed.values())
        for order in mine.values():
            key = order.key.removeprefix("one ")
            if key in notes.refused:
                yield f"{order} was refused and stands"
            elif order.number not in told and key not in notes.unanswered:
                yield f"{order} stands and nobody ordered it"


def _as_told(orders: dict[str, Order], numbers: set[str], status: Status) -> Iterator[str]:
    for number in sorted(numbers):
        order = orders.get(number)
        if order is None or order.status != status:
            is_now = Status(order.status).name if order else "gone"
            yield f"{number} was answered as {status.name} and is {is_now}"


def deadlines() -> Iterator[str]:
    """Each order that expired did so exactly once, and none before its time."""
    lapses = Counter(_lapses().values_list("order_id", flat=True))
    for order in Order.objects.filter(status=Status.EXPIRED):
        if lapses[order.pk] != 1:
            yield f"{order} is expired, and lapsed {lapses[order.pk]} times"
    for order in Order.objects.exclude(status=Status.EXPIRED).filter(pk__in=lapses):
        if (order.status, lapses[order.pk]) != (Status.PAID, 1):
            yield f"{order} lapsed {lapses[order.pk]} times and is {Status(order.status).name}"
    for event in _lapses().filter(at__lt=F("order__pay_by")):
        yield f"{event.order} lapsed at {event.at}, before {event.order.pay_by}"


def _lapses() -> Any:
    return OrderEvent.objects.filter(why="time").select_related("order")


def lateness(broken: Broken) -> list[tuple[float, float]]:
    """Of each order that nobody tried to pay: seconds from its time until it lapsed, all and undisturbed."""
    tried = Attempt.objects.filter(purpose="order").values("subject_id")
    rows = _lapses().exclude(order_id__in=tried).order_by("pk")
    spans = [(event.order.pay_by.timestamp(), event.at.timestamp()) for event in rows]
    return [(at - due, at - due - overlap(due, at, broken)) for due, at in spans]


def overlap(since: float, until: float, broken: Broken) -> float:
    """Seconds of a span in which nothing could ring."""
    return sum(max(0.0, min(until, end) - max(since, begin)) for begin, end in broken)


def backstops(most: float, broken: Broken) -> Iterator[str]:
    """Also an order that somebody went to pay waits for the provider's word no longer than it may."""
    for event in _lapses():
        due, at = event.order.pay_by.timestamp(), event.at.timestamp()
        if (late := at - due - overlap(due, at, broken)) > most:
            yield f"{event.order} lapsed {late:.1f} s after its time"


def money(trade_of: Trade) -> Iterator[str]:
    """What the provider took and did not give back is what was applied here, number by number."""
    for attempt in Attempt.objects.exclude(provider="balance").order_by("pk"):
        trade = trade_of(attempt.out_trade_no)
        kept = trade["fen"] - trade["refunded"] if trade and trade["paid_at"] else 0
        due = attempt.amount if attempt.money == Money.APPLIED else 0
        if kept != due:
            yield f"{attempt}: the provider keeps {kept} fen, {due} are applied here"


def charged(notebooks: Sequence[Notebook]) -> Iterator[str]:
    """An order for which a buyer was charged is paid, or the money went back."""
    sent = Refund.objects.filter(state=RefundState.SENT, attempt__purpose="order")
    returned = set(sent.values_list("attempt__subject_id", flat=True))
    numbers = {number for notes in notebooks for number in notes.charged}
    for order in Order.objects.filter(number__in=numbers).exclude(status=Status.PAID):
        if order.pk not in returned:
            yield f"{order}: charged, {Status(order.status).name}, nothing went back"


def pieces(received: int) -> Iterator[str]:
    """Nothing is held any more, what is sold is in paid orders, the rest is on the shelf."""
    sold = OrderLine.objects.filter(kind=Kind.GOODS, order__status=Status.PAID)
    in_orders: dict[int, int] = dict(sold.values_list("sku").annotate(n=Sum("quantity")))
    rows = list(Stock.objects.all())
    for row in rows:
        ordered = in_orders.get(row.pk, 0)
        if row.held or row.sold != ordered or row.on_hand < 0:
            yield f"SKU {row.pk}: {row.on_hand} here, {row.held} held, {row.sold} sold, {ordered} in orders"
    there = sum(row.on_hand + row.sold for row in rows)
    if there != received:
        yield f"{there} pieces on the shelf or sold, {received} were received"


def coupons(given: int) -> Iterator[str]:
    """Each is unused, or used by the one paid order that names it."""
    if Grant.objects.count() != given:
        yield f"{Grant.objects.count()} coupons, {given} were given"
    for grant in Grant.objects.exclude(state=GrantState.UNUSED):
        order = Order.objects.filter(grant=grant, status=Status.PAID, pk=grant.order_id or 0)
        if grant.state != GrantState.USED or not order.exists():
            yield f"coupon {grant} is {grant.state} by order {grant.order_id}"


def wallets(notebooks: Sequence[Notebook], credits: int) -> Iterator[str]:
    """Credits and balance of each buyer: what was given, less what paid orders took, and what they earned."""
    for notes in notebooks:
        paid = Order.objects.filter(user_id=notes.user_id, status=Status.PAID)
        orders = paid.aggregate(spent=Sum("credits", default=0), earned=Sum("earned", default=0))
        expected = {
            Book.CREDITS: credits - orders["spent"] + orders["earned"],
            Book.CREDITS_HELD: 0,
            Book.BALANCE: _topped_up(notes.user_id) - _taken(notes.user_id),
        }
        for book, figure in expected.items():
            row = Account.objects.filter(pk=account(book, notes.user_id)).first()
            if (row.balance if row else 0) != figure:
                yield f"user {notes.user_id}: {book.name} is {row and row.balance}, not {figure}"


def _topped_up(user_id: int) -> int:
    rows = TopUp.objects.filter(user_id=user_id, paid_at__isnull=False)
    return int(rows.aggregate(fen=Sum("amount", default=0))["fen"])


def _taken(user_id: int) -> int:
    rows = Attempt.objects.filter(user_id=user_id, provider="balance", money=Money.APPLIED)
    return int(rows.aggregate(fen=Sum("amount", default=0))["fen"])


def tally() -> dict[str, int]:
    """Orders by what became of them."""
    found = Counter(Order.objects.values_list("status", flat=True))
    return {Status(status).name.lower(): count for status, count in sorted(found.items())}
