"""What must hold of money at every moment: the payment half of invariant 4, invariant 5, fen in the ledger.

Every payment and refund has exactly its transfers (`booking` writes them), so what Alipay owes the house
and what is in transit follow from the rows; the totals are asked for all the same. Each query returns the
rows that break it; see `kit.auditing`. That an order was settled by exactly its payable is asked above,
where orders are known.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.ledger.models import Book, account

MONEY_IN = "{payment,top-up,deposit,returning}"
"""What becomes of an attempt's money, once per attempt."""

BOOKS: dict[str, str | int | None] = {
    "money_in": MONEY_IN,
    "sales": account(Book.SALES),
    "clearing": account(Book.CLEARING),
    "transit": account(Book.TRANSIT),
    "balance": Book.BALANCE.value,
    "deposit": Book.DEPOSIT.value,
}
SOURCE = "CASE a.provider WHEN 'balance' THEN a.user_id << 8 | %(balance)s ELSE %(clearing)s END"

APPLIED_ONCE = Invariant(
    "4",
    _("No subject was paid by two payments"),
    """
    SELECT purpose, subject_id, count(*) AS payments, array_agg(out_trade_no) AS numbers
      FROM payments_attempt WHERE money = 'applied'
     GROUP BY purpose, subject_id HAVING count(*) > 1
    """,
)

RETURNED_WHOLE = Invariant(
    "5",
    _("Money that goes back has its refunds, to the fen"),
    """
    SELECT a.out_trade_no, a.money, a.amount, a.refunding, coalesce(sum(r.amount), 0) AS refunds
      FROM payments_attempt a LEFT JOIN payments_refund r ON r.attempt_id = a.id
     WHERE a.id BETWEEN %(first)s AND %(last)s
     GROUP BY a.id
    HAVING a.refunding <> coalesce(sum(r.amount), 0)
        OR (a.money = 'returning' AND a.refunding <> a.amount)
        OR (a.money = '' AND count(r.id) > 0)
    """,
    table="payments_attempt",
)

NOTHING_REFUSED = Invariant(
    "5",
    _("No refund was refused and left lying"),
    """
    SELECT r.request_no, r.amount, r.why, r.last_answer, r.ended_at
      FROM payments_refund r WHERE r.state = 'refused'
    """,
)

HEARD_MONEY_DECIDED = Invariant(
    "5",
    _("Every payment that was told has its money decided"),
    """
    SELECT n.out_trade_no, n.notify_id, n.outcome, a.state, a.money
      FROM payments_notice n
      LEFT JOIN payments_attempt a ON a.provider = n.provider AND a.out_trade_no = n.out_trade_no
     WHERE n.id BETWEEN %(first)s AND %(last)s
       AND n.outcome IN ('settled', 'repeated', 'returned')
       AND a.money IS DISTINCT FROM 'applied' AND a.money IS DISTINCT FROM 'returning'
    """,
    table="payments_notice",
)

BALANCE_AT_ONCE = Invariant(
    "5",
    _("No payment from a balance is open: it is paid at once or does not exist"),
    """
    SELECT out_trade_no, amount, opened_at, state FROM payments_attempt
     WHERE provider = 'balance' AND state <> 'paid' AND id BETWEEN %(first)s AND %(last)s
    """,
    table="payments_attempt",
)

PAYMENTS_BOOKED = Invariant(
    "5",
    _("Every decided payment stands in the ledger once, to the fen"),
    f"""
    SELECT a.out_trade_no, a.money, a.amount, count(t.id) AS transfers, sum(t.amount) AS booked
      FROM payments_attempt a
      LEFT JOIN ledger_transfer t ON t.subject = a.id AND t.kind = ANY(%(money_in)s)
     WHERE a.id BETWEEN %(first)s AND %(last)s
     GROUP BY a.id
    HAVING count(t.id) <> CASE a.money WHEN '' THEN 0 ELSE 1 END
        OR bool_or(t.amount <> a.amount OR t.debit <> {SOURCE}
                   OR (t.kind = 'returning') <> (a.money = 'returning')
                   OR t.kind = 'returning' AND t.credit <> %(transit)s
                   OR t.kind = 'payment' AND t.credit <> %(sales)s
                   OR t.kind = 'top-up' AND t.credit <> (a.user_id << 8 | %(balance)s)
                   OR t.kind = 'deposit' AND t.credit <> (a.subject_id << 8 | %(deposit)s)
                   OR (t.kind = 'deposit') <> (a.purpose = 'deposit' AND a.money = 'applied'))
    """,
    params=BOOKS,
    table="payments_attempt",
)

REFUNDS_BOOKED = Invariant(
    "5",
    _("Every refund stands in the ledger: decided once, sent once"),
    f"""
    SELECT r.request_no, r.state, r.amount, array_agg(t.kind ORDER BY t.id) AS transfers,
           array_agg(t.amount ORDER BY t.id) AS booked
      FROM payments_refund r
      JOIN payments_attempt a ON a.id = r.attempt_id
      LEFT JOIN ledger_transfer t ON t.subject = r.id AND t.kind IN ('refund', 'refunded')
     WHERE r.id BETWEEN %(first)s AND %(last)s
     GROUP BY r.id, a.id
    HAVING count(t.id) FILTER (WHERE t.kind = 'refund') <> (a.money = 'applied')::int
        OR count(t.id) FILTER (WHERE t.kind = 'refunded') <> (r.state = 'sent')::int
        OR bool_or(t.amount <> r.amount
                   OR t.kind = 'refund'
                      AND (t.credit <> %(transit)s OR t.debit NOT IN (%(sales)s, a.user_id << 8 | %(balance)s,
                                                           a.subject_id << 8 | %(deposit)s))
                   OR t.kind = 'refunded' AND (t.debit <> %(transit)s OR t.credit <> {SOURCE}))
    """,
    params=BOOKS,
    table="payments_refund",
)

BOOKED_FOR_SOMETHING = Invariant(
    "5",
    _("No fen move in the ledger without the payment or refund they belong to"),
    """
    SELECT t.id, t.kind, t.subject, t.amount, t.at
      FROM ledger_transfer t
      LEFT JOIN payments_attempt a ON a.id = t.subject AND t.kind = ANY(%(money_in)s)
      LEFT JOIN payments_refund r ON r.id = t.subject AND t.kind IN ('refund', 'refunded')
     WHERE t.id BETWEEN %(first)s AND %(last)s AND a.id IS NULL AND r.id IS NULL
       AND (t.kind = ANY(%(money_in)s) OR t.kind IN ('refund', 'refunded'))
    """,
    params={"money_in": MONEY_IN},
    table="ledger_transfer",
)

HOUSE_TOTALS = Invariant(
    "3",
    _("What the provider owes and what is in transit add up"),
    """
    WITH booked AS (
      SELECT sum(amount * ((credit = %(clearing)s)::int - (debit = %(clearing)s)::int)) AS clearing,
             sum(amount * ((credit = %(transit)s)::int - (debit = %(transit)s)::int)) AS transit
        FROM ledger_transfer
       WHERE kind = ANY(%(money_in)s) OR kind IN ('refund', 'refunded')
    ), paid AS (
      SELECT sum(amount) AS paid FROM payments_attempt WHERE state = 'paid' AND provider <> 'balance'
    ), back AS (
      SELECT sum(r.amount) FILTER (WHERE r.state = 'sent' AND a.provider <> 'balance') AS sent,
             sum(r.amount) FILTER (WHERE r.state <> 'sent') AS transit
        FROM payments_refund r JOIN payments_attempt a ON a.id = r.attempt_id
    )
    SELECT coalesce(booked.clearing, 0) AS clearing, coalesce(paid, 0) AS paid, coalesce(sent, 0) AS sent_back,
           coalesce(booked.transit, 0) AS in_transit, coalesce(back.transit, 0) AS not_sent
      FROM booked, paid, back
     WHERE coalesce(booked.clearing, 0) <> coalesce(sent, 0) - coalesce(paid, 0)
        OR coalesce(booked.transit, 0) <> coalesce(back.transit, 0)
    """,
    params=BOOKS,
)

INVARIANTS = (
    APPLIED_ONCE,
    RETURNED_WHOLE,
    NOTHING_REFUSED,
    HEARD_MONEY_DECIDED,
    BALANCE_AT_ONCE,
    PAYMENTS_BOOKED,
    REFUNDS_BOOKED,
    BOOKED_FOR_SOMETHING,
    HOUSE_TOTALS,
)
