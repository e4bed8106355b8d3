"""What must hold of money at every moment: the payment half of invariant 4, and invariant 5.

Each query returns the rows that break it; see `kit.auditing`. That an order was settled by exactly its
payable is asked above, where orders are known.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

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

INVARIANTS = (APPLIED_ONCE, RETURNED_WHOLE, NOTHING_REFUSED, HEARD_MONEY_DECIDED)
