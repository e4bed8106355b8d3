"""What must be true of coupons alone; how grants agree with orders is asked where orders are known."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

INVARIANTS = [
    Invariant(
        number="2",
        title=_(
            "Used, held, unused, lapsed and revoked coupons are those issued, never above the number"
        ),
        sql="""
        SELECT c.id AS coupon, c.name_zh, c.total, c.issued, coalesce(g.unused, 0) AS unused,
               coalesce(g.held, 0) AS held, coalesce(g.used, 0) AS used, coalesce(g.lapsed, 0) AS lapsed,
               coalesce(g.revoked, 0) AS revoked
          FROM promotions_coupon c
          LEFT JOIN (SELECT coupon_id, count(*) FILTER (WHERE state = 'unused') AS unused,
                            count(*) FILTER (WHERE state = 'held') AS held,
                            count(*) FILTER (WHERE state = 'used') AS used,
                            count(*) FILTER (WHERE state = 'lapsed') AS lapsed,
                            count(*) FILTER (WHERE state = 'revoked') AS revoked
                       FROM promotions_grant WHERE coupon_id BETWEEN %(first)s AND %(last)s
                      GROUP BY coupon_id) g ON g.coupon_id = c.id
         WHERE c.id BETWEEN %(first)s AND %(last)s
           AND (c.issued > c.total
                OR c.issued <> coalesce(g.unused + g.held + g.used + g.lapsed + g.revoked, 0))
        """,
        table="promotions_coupon",
    ),
    Invariant(
        number="2",
        title=_("An unused coupon lapses at its end, a used or revoked one says when it was"),
        sql="""
        SELECT g.id AS "grant", g.coupon_id, g.user_id, g.state, g.valid_until, g.due_at
          FROM promotions_grant g
         WHERE g.id BETWEEN %(first)s AND %(last)s
           AND ((g.state = 'unused' AND g.due_at <> g.valid_until)
                OR (g.state = 'used') <> (g.used_at IS NOT NULL)
                OR (g.state = 'revoked') <> (g.revoked_at IS NOT NULL))
        """,
        table="promotions_grant",
    ),
]
