"""Writing notices, in the transaction of the event: `tell` a few people, `tell_from` whom a query finds.

One statement whoever and how many they are; the unique key says each thing once to each person on each
channel, so a caller need not know whether it was told before. A notice never makes its event fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import connection

from shigu.notices.channels import channels
from shigu.notices.models import State

WRITE = """
INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, due_at, tries)
SELECT %(event)s, s.subject, s.round, s.user_id, c.name, s.facts, %(at)s,
       CASE WHEN c.waits THEN '{waiting}' ELSE '{kept}' END, CASE WHEN c.waits THEN %(at)s END, 0
  FROM ({source}) AS s(user_id, subject, round, facts)
  JOIN accounts_user u ON u.id = s.user_id
 CROSS JOIN (VALUES {channels}) AS c(name, waits)
 WHERE CASE c.name {reach} END
   AND NOT EXISTS (SELECT FROM notices_silence q
                    WHERE q.user_id = s.user_id AND q.event = %(event)s AND q.channel = c.name){rested}
    ON CONFLICT (subject, event, round, user_id, channel) DO NOTHING
"""

# What waits to be sent keeps a distance; the inbox has all of it.
RESTED = """
   AND NOT (c.waits AND EXISTS (SELECT FROM notices_notice m
                                 WHERE m.subject = s.subject AND m.event = %(event)s
                                   AND m.user_id = s.user_id AND m.channel = c.name
                                   AND m.at > %(at)s - %(rest)s))
"""

ROWS = """
SELECT user_id, subject, round, facts
  FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r(user_id bigint, subject bigint, round smallint, facts jsonb)
"""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told about which subject; `facts` are what its event needs to write the letter."""

    user_id: int
    subject: int
    round: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


def tell(event: str, told: Iterable[Told], *, at: datetime) -> int:
    """Tell these people; how many rows that made."""
    rows = [
        {"user_id": t.user_id, "subject": t.subject, "round": t.round, "facts": dict(t.facts)}
        for t in told
    ]
    return tell_from(event, ROWS, {"rows": json.dumps(rows)}, at=at) if rows else 0


def tell_from(
    event: str,
    source: str,
    values: Mapping[str, Any],
    *,
    at: datetime,
    rest: timedelta | None = None,
) -> int:
    """Tell whom `source` selects as (user_id, subject, round, facts as jsonb); how many rows that made.

    With `rest` nobody gets two mails about one subject within it.
    """
    given = {**values, "event": event, "at": at, "rest": rest}
    with connection.cursor() as cursor:
        cursor.execute(telling(source, rested=rest is not None), given)
        return int(cursor.rowcount)


@cache
def telling(source: str, *, rested: bool = False) -> str:
    """The statement of `tell_from`, for who makes it a part of a larger one: it takes `event` and `at`.

    With `rested` it takes `rest` too. Names and conditions are the channels' own, written by programmers:
    nothing of a reader's.
    """
    known = list(channels)
    return WRITE.format(
        source=source,
        rested=RESTED if rested else "",
        waiting=State.WAITING.value,
        kept=State.KEPT.value,
        channels=", ".join(f"('{name}', {channel.waits})" for name, channel in known),
        reach=" ".join(f"WHEN '{name}' THEN {channel.reach}" for name, channel in known),
    )
