"""Proof that buyers were told: each event in the history of an order has its notice in the inbox, once.

From the moment on at which notices exist here and none has been forgotten. It counts both ways: a notice of
something that never happened breaks it, too.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.notices.auditing import KEEPS

INVARIANTS = [
    Invariant(
        number="8",
        title=_(
            "every order that was placed, paid, shipped, refunded or lapsed told its buyer once"
        ),
        sql=f"""
        WITH since AS MATERIALIZED (SELECT {KEEPS} AS at),
        happened AS (
          SELECT e.order_id, o.user_id, count(*) AS times,
                 CASE e.why WHEN 'placed' THEN 'order.placed' WHEN 'paid' THEN 'order.paid'
                            WHEN 'revived' THEN 'order.paid' WHEN 'time' THEN 'order.lapsed'
                            WHEN 'shipped' THEN 'order.shipped' ELSE 'order.refunded' END AS event
            FROM orders_orderevent e JOIN orders_order o ON o.id = e.order_id CROSS JOIN since
           WHERE e.order_id BETWEEN %(first)s AND %(last)s AND e.at > since.at
             AND e.why IN ('placed', 'paid', 'revived', 'time', 'shipped', 'refunded')
             AND (e.why <> 'time' OR o.origin = '')  -- elsewhere the origin tells its own
           GROUP BY e.order_id, o.user_id, event
        ), told AS (
          SELECT n.subject AS order_id, n.user_id, n.event, count(*) AS times
            FROM notices_notice n CROSS JOIN since
           WHERE n.subject BETWEEN %(first)s AND %(last)s AND n.at > since.at AND n.channel = 'inbox'
             AND n.event IN ('order.placed', 'order.paid', 'order.lapsed', 'order.shipped',
                             'order.refunded')
           GROUP BY n.subject, n.user_id, n.event
        )
        SELECT order_id, user_id, event, coalesce(h.times, 0) AS happened, coalesce(t.times, 0) AS told
          FROM happened h FULL JOIN told t USING (order_id, user_id, event)
         WHERE coalesce(h.times, 0) <> coalesce(t.times, 0)
        """,
        table="orders_order",
    ),
    Invariant(
        number="8",
        title=_("nobody is reminded of an order after its time is over"),
        sql="""
        SELECT n.id, n.subject AS order_id, n.at, n.facts
          FROM notices_notice n
         WHERE n.id BETWEEN %(first)s AND %(last)s AND n.event = 'order.closing'
           AND n.at >= (n.facts ->> 'pay_by')::timestamptz
        """,
        table="notices_notice",
    ),
]
