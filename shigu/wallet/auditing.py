"""What must hold of top-ups at every moment; that each payment is in the ledger is asked in payments."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.ledger.models import Book

PAID_ONCE = Invariant(
    "5",
    _("A paid top-up is one payment, and its money is on its buyer's balance"),
    """
    SELECT t.number, t.amount, t.paid_at, count(a.id) AS payments, sum(a.amount) AS paid,
           sum(m.amount) AS on_the_balance
      FROM wallet_topup t
      LEFT JOIN payments_attempt a
        ON a.purpose = 'top-up' AND a.subject_id = t.id AND a.money = 'applied' AND a.user_id = t.user_id
      LEFT JOIN ledger_transfer m
        ON m.kind = 'top-up' AND m.subject = a.id AND m.credit = (t.user_id << 8 | %(balance)s)
     WHERE t.id BETWEEN %(first)s AND %(last)s
     GROUP BY t.id
    HAVING count(a.id) <> CASE WHEN t.paid_at IS NULL THEN 0 ELSE 1 END
        OR count(m.id) <> count(a.id)
        OR (count(a.id) > 0 AND (sum(a.amount) <> t.amount OR sum(m.amount) IS DISTINCT FROM t.amount))
    """,
    params={"balance": Book.BALANCE.value},
    table="wallet_topup",
)

INVARIANTS = (PAID_ONCE,)
