"""What must be true of notices at any moment, as queries that return the rows that break it.

`KEEPS` is the moment from which on nothing was forgotten yet: an app that proves that each of its events has
its notice (orders do, in `orders/told.py`) looks no further back.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

_KEPT = int(settings.NOTICES_KEPT.total_seconds())

KEEPS = f"""
(SELECT greatest(applied, shigu_clock() - interval '{_KEPT} seconds') FROM django_migrations
  WHERE app = 'notices' AND name = '0001_initial')
"""

INVARIANTS = [
    Invariant(
        number="8",
        title=_("whoever is told through another channel has it in the inbox, too"),
        sql=f"""
        SELECT n.id, n.event, n.subject, n.round, n.user_id, n.channel
          FROM notices_notice n
         WHERE n.id BETWEEN %(first)s AND %(last)s AND n.channel <> 'inbox'
           AND n.at > {KEEPS}
           AND NOT EXISTS (SELECT FROM notices_notice i
                            WHERE (i.subject, i.event, i.round, i.user_id, i.channel)
                                = (n.subject, n.event, n.round, n.user_id, 'inbox'))
        """,
        table="notices_notice",
    ),
    Invariant(
        number="8",
        title=_("what was sent says when, and what waits or is kept does not"),
        sql="""
        SELECT id, event, channel, state, tries, ended_at FROM notices_notice
         WHERE id BETWEEN %(first)s AND %(last)s
           AND ((state IN ('kept', 'waiting')) <> (ended_at IS NULL)
                OR (state = 'kept') <> (channel = 'inbox')
                OR (state = 'sent' AND tries = 0)
                OR (read_at IS NOT NULL AND channel <> 'inbox'))
        """,
        table="notices_notice",
    ),
]
