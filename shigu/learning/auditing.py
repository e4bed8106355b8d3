"""What must be true of enrolments: each paid course line has exactly one that stands, others none."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

INVARIANTS = [
    Invariant(
        number="4",
        title=_("a course line enrols exactly while its order is paid"),
        sql="""
        SELECT l.id AS line, o.number, o.status, e.id AS enrolment, e.revoked_at
          FROM orders_orderline l
          JOIN orders_order o ON o.id = l.order_id
          LEFT JOIN learning_enrolment e ON e.order_line_id = l.id
         WHERE l.kind = 'course'
           AND (o.status = 1) <> (e.id IS NOT NULL AND e.revoked_at IS NULL)
        """,
    ),
    Invariant(
        number="4",
        title=_("an enrolment belongs to a course line of its own buyer"),
        sql="""
        SELECT e.id AS enrolment, e.order_line_id
          FROM learning_enrolment e
          LEFT JOIN orders_orderline l ON l.id = e.order_line_id AND l.kind = 'course'
                                      AND l.product_id = e.product_id
          LEFT JOIN orders_order o ON o.id = l.order_id AND o.user_id = e.user_id
         WHERE o.id IS NULL
        """,
    ),
]
