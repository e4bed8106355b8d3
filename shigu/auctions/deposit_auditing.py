"""What must hold of deposits at every moment: the second half of invariant 7.

Per deposit always: paid = held + returned (arrived or in transit) + forfeited + applied, in its row, in the
ledger and in its refunds alike. Who forfeits, how much and in what order is asked of the rows anew, without
the rule that decided it. Each query returns the rows that break it; see `kit.auditing`.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.ledger.models import Book, account

BOOKS = {
    "deposit": Book.DEPOSIT.value,
    "forfeited": account(Book.FORFEITED),
    "sales": account(Book.SALES),
}

PAID_ONCE = Invariant(
    "7",
    _("A deposit that was paid is one payment of its bidder, any other none"),
    """
    SELECT d.id, d.number, d.state, d.amount, d.attempt_id, count(a.id) AS payments, sum(a.amount) AS paid
      FROM auctions_deposit d
      LEFT JOIN payments_attempt a
        ON a.purpose = 'deposit' AND a.subject_id = d.id AND a.money = 'applied'
     WHERE d.id BETWEEN %(first)s AND %(last)s
     GROUP BY d.id
    HAVING count(a.id) <> (d.state IN (1, 2))::int OR (d.attempt_id IS NOT NULL) <> (d.state IN (1, 2))
        OR (d.paid_at IS NOT NULL) <> (d.state IN (1, 2))
        OR bool_or(a.id <> d.attempt_id OR a.amount <> d.amount OR a.user_id <> d.user_id)
    """,
    table="auctions_deposit",
)

# Accounts by the deposits' ids: the ledger asks the same of people's accounts by theirs.
CONSERVED = Invariant(
    "7",
    _("What was paid of a deposit is held, returned, forfeited or applied, to the fen"),
    """
    WITH t AS (
      SELECT account >> 8 AS id, sum(amount) AS held,
             coalesce(sum(amount) FILTER (WHERE kind = 'deposit'), 0) AS paid,
             coalesce(-sum(amount) FILTER (WHERE kind = 'refund'), 0) AS returned,
             coalesce(-sum(amount) FILTER (WHERE other = %(forfeited)s), 0) AS forfeited,
             coalesce(-sum(amount) FILTER (WHERE other = %(sales)s), 0) AS applied,
             count(*) FILTER (WHERE kind NOT IN ('deposit', 'refund', 'forfeit', 'reverse', 'apply')) AS strange
        FROM (SELECT credit, debit, kind, amount FROM ledger_transfer
               WHERE credit & 255 = %(deposit)s AND credit & 16 = 0
                 AND credit BETWEEN (%(first)s::bigint << 8) AND (%(last)s::bigint << 8 | 255)
              UNION ALL
              SELECT debit, credit, kind, -amount FROM ledger_transfer
               WHERE debit & 255 = %(deposit)s AND debit & 16 = 0
                 AND debit BETWEEN (%(first)s::bigint << 8) AND (%(last)s::bigint << 8 | 255)
             ) AS own(account, other, kind, amount)
       GROUP BY 1
    )
    SELECT d.id, d.number, d.state, d.amount, coalesce(a.balance, 0) AS held, d.returned, d.forfeited,
           d.applied, t.paid AS paid_in, t.held AS by_transfers, t.returned AS returned_by,
           t.forfeited AS forfeited_by, t.applied AS applied_by
      FROM auctions_deposit d
      LEFT JOIN t USING (id)
      LEFT JOIN ledger_account a ON a.id = (d.id << 8 | %(deposit)s)
     WHERE d.id BETWEEN %(first)s AND %(last)s
       AND (coalesce(t.paid, 0) <> CASE WHEN d.state IN (1, 2) THEN d.amount ELSE 0 END
            OR coalesce(t.paid, 0) <> coalesce(a.balance, 0) + d.returned + d.forfeited + d.applied
            OR coalesce(t.held, 0) <> coalesce(a.balance, 0)
            OR coalesce(t.returned, 0) <> d.returned OR coalesce(t.forfeited, 0) <> d.forfeited
            OR coalesce(t.applied, 0) <> d.applied OR t.strange > 0)
    """,
    params=BOOKS,
    table="auctions_deposit",
)

SOMEBODYS = Invariant(
    "7",
    _("An account of a deposit belongs to a deposit"),
    """
    SELECT a.id AS account, a.id >> 8 AS deposit_id, a.balance
      FROM ledger_account a LEFT JOIN auctions_deposit d ON d.id = a.id >> 8
     WHERE a.id & 255 = %(deposit)s AND d.id IS NULL
    """,
    params=BOOKS,
)

EMPTIED = Invariant(
    "7",
    _("A decided deposit holds nothing more, and what went back of it is on its way"),
    """
    SELECT d.id, d.number, d.amount, d.returned, d.forfeited, d.applied, sum(r.amount) AS refunds
      FROM auctions_deposit d
      LEFT JOIN payments_refund r ON r.attempt_id = d.attempt_id
     WHERE d.id BETWEEN %(first)s AND %(last)s AND d.state IN (1, 2)
     GROUP BY d.id
    HAVING d.returned <> coalesce(sum(r.amount), 0)
        OR (d.state = 2) <> (d.amount = d.returned + d.forfeited + d.applied)
        OR (d.state = 2) <> (d.ended_at IS NOT NULL)
    """,
    table="auctions_deposit",
)

# The trap of two outcomes at one moment: both looked, neither saw the other, and nobody looks again.
AWAITED = Invariant(
    "7",
    _("A held deposit waits for something: a lot to close, an award to be decided, or the clock"),
    """
    SELECT d.id, d.number, d.session_id, d.lot_id, d.paid_at
      FROM auctions_deposit d
      JOIN auctions_session s ON s.id = d.session_id
      LEFT JOIN auctions_bidding b ON b.lot_id = d.lot_id
     WHERE d.id BETWEEN %(first)s AND %(last)s AND d.state = 1 AND d.decide_at IS NULL
       AND CASE WHEN d.lot_id IS NULL THEN s.state IN (4, 5) ELSE b.state NOT IN (0, 1, 2) END
       AND NOT EXISTS (SELECT FROM auctions_award a WHERE a.deposit_id = d.id AND a.state = 0)
    """,
    table="auctions_deposit",
)

# Shares again from the rows: what a lot got less than its share was not there any more.
FORFEITED = Invariant(
    "7",
    _("Only what was not paid forfeits: its share or all that was left, in the order of deadlines"),
    """
    SELECT a.id, a.lot_id, a.state, a.deposit_id, d.amount, l.deposit AS share, a.forfeited, a.counted,
           t.amount AS booked
      FROM auctions_award a
      LEFT JOIN auctions_lot l ON l.id = a.lot_id
      LEFT JOIN auctions_deposit d ON d.id = a.deposit_id
      LEFT JOIN ledger_transfer t ON t.kind = 'forfeit' AND t.subject = a.id
     WHERE a.id BETWEEN %(first)s AND %(last)s
       AND (a.forfeited <> coalesce(t.amount, 0)
            OR t.debit <> (a.deposit_id << 8 | %(deposit)s) OR t.credit <> %(forfeited)s
            OR (a.forfeited > 0 AND (
                 a.state <> 2
                 OR a.forfeited > CASE WHEN d.lot_id IS NULL THEN l.deposit ELSE d.amount END
                 OR a.forfeited < CASE WHEN d.lot_id IS NULL THEN l.deposit ELSE d.amount END
                    AND d.amount > d.forfeited + d.applied AND a.reversed_at IS NULL
                    AND NOT EXISTS (SELECT FROM auctions_award b
                                     WHERE b.deposit_id = d.id AND b.reversed_at IS NOT NULL)
                 OR EXISTS (SELECT FROM auctions_award b
                             WHERE b.deposit_id = a.deposit_id
                               AND (b.pay_by, b.lot_id) < (a.pay_by, a.lot_id)
                               AND (b.state = 0 OR b.decided_at > t.at)))))
    """,
    params=BOOKS,
    table="auctions_award",
)

# What an earlier lot took may have left nothing; whoever got a forfeit back has had it decided by a person.
NOT_SPARED = Invariant(
    "7",
    _("What was not paid forfeits before anything goes back"),
    """
    SELECT a.id, a.lot_id, a.deposit_id, d.amount, d.returned, l.deposit AS share
      FROM auctions_award a
      JOIN auctions_deposit d ON d.id = a.deposit_id
      JOIN auctions_lot l ON l.id = a.lot_id
     WHERE a.id BETWEEN %(first)s AND %(last)s AND a.state = 2 AND a.forfeited = 0
       AND d.state = 2 AND d.returned > 0 AND (d.lot_id IS NOT NULL OR l.deposit > 0)
       AND NOT EXISTS (SELECT FROM auctions_award b
                        WHERE b.deposit_id = d.id AND b.reversed_at IS NOT NULL)
    """,
    table="auctions_award",
)

COUNTED = Invariant(
    "7",
    _(
        "A deposit counts toward the price of what was paid, and comes back by a contra transfer only"
    ),
    """
    SELECT a.id, a.lot_id, a.state, a.counted, a.forfeited, a.reversed_at, p.amount AS applied,
           r.amount AS reversed, r.note
      FROM auctions_award a
      LEFT JOIN ledger_transfer p ON p.kind = 'apply' AND p.subject = a.id
      LEFT JOIN ledger_transfer r ON r.kind = 'reverse' AND r.subject = a.id
     WHERE a.id BETWEEN %(first)s AND %(last)s
       AND (p.id IS NOT NULL AND a.state NOT IN (1, 3) OR p.id IS NULL AND a.state = 1 AND a.counted > 0
            OR p.amount <> a.counted OR p.debit <> (a.deposit_id << 8 | %(deposit)s) OR p.credit <> %(sales)s
            OR (r.id IS NOT NULL) <> (a.reversed_at IS NOT NULL)
            OR (a.state = 3 AND p.id IS NOT NULL AND r.id IS NULL)
            OR r.amount <> coalesce(p.amount, a.forfeited)
            OR r.debit <> CASE WHEN p.id IS NULL THEN %(forfeited)s ELSE %(sales)s END
            OR r.credit <> (a.deposit_id << 8 | %(deposit)s)
            OR (p.id IS NULL AND r.id IS NOT NULL AND (r.note = '' OR r.by_id IS NULL)))
    """,
    params=BOOKS,
    table="auctions_award",
)

FOR_AN_AWARD = Invariant(
    "7",
    _("No deposit was forfeited, applied or given back without an award"),
    """
    SELECT t.id, t.kind, t.subject, t.nth, t.amount, t.at
      FROM ledger_transfer t LEFT JOIN auctions_award a ON a.id = t.subject
     WHERE t.id BETWEEN %(first)s AND %(last)s AND t.kind IN ('forfeit', 'apply', 'reverse')
       AND (a.id IS NULL OR t.nth <> 0)
    """,
    table="ledger_transfer",
)

# Providers send money back for a year; ten months leave time for whoever must look.
NOT_OLD = Invariant(
    "7",
    _("No deposit is held for more than 300 days: after a year it cannot go back by its own way"),
    """
    SELECT d.id, d.number, d.user_id, d.paid_at FROM auctions_deposit d
     WHERE d.id BETWEEN %(first)s AND %(last)s AND d.state = 1
       AND d.paid_at < shigu_now() - interval '300 days'
    """,
    table="auctions_deposit",
)

INVARIANTS = (
    PAID_ONCE,
    CONSERVED,
    SOMEBODYS,
    EMPTIED,
    AWAITED,
    FORFEITED,
    NOT_SPARED,
    COUNTED,
    FOR_AN_AWARD,
    NOT_OLD,
)
