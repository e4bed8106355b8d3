"""A queue for each urgency, and Celery's own for the tasks of extensions.

On Redis a hint goes straight to its list: there is no table of bindings that a flushed server would
have forgotten. On RabbitMQ (3.10 or newer) they are quorum queues behind one topic exchange, as
Celery's delayed delivery of extensions' retries wants it; hints that nobody reads are dropped there
by the server, too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from kombu import Exchange, Queue

from shigu.clock.kinds import Urgency

URGENCIES: tuple[Urgency, ...] = get_args(Urgency)
EXTENSIONS = "celery"
LIFE = timedelta(seconds=30)
"""How long a hint is worth reading: what is still due then is hinted at again."""


def is_rabbit(broker: str) -> bool:
    """Whether this broker speaks AMQP."""
    return broker.startswith(("amqp", "pyamqp"))


def queues(broker: str) -> list[Queue]:
    """All queues a worker reads unless told otherwise, the most urgent first."""
    hints = {"x-message-ttl": int(LIFE.total_seconds() * 1000)}
    return [
        *(_queue(broker, urgency, hints) for urgency in URGENCIES),
        _queue(broker, EXTENSIONS, {}),
    ]


def _queue(broker: str, name: str, arguments: dict[str, Any]) -> Queue:
    if not is_rabbit(broker):
        return Queue(name, Exchange(""), routing_key=name)
    exchange = Exchange("shigu", type="topic", durable=True)
    quorum = {"x-queue-type": "quorum", **arguments}
    return Queue(name, exchange, routing_key=name, queue_arguments=quorum)
