"""The Celery application. It carries hints, and the tasks of extensions.

What must hold is `FIXED`; what a shop may set otherwise, by a `CELERY_…` in its settings, is `USUAL`.
A hint is acknowledged before it is looked at: redelivering one is worth nothing, and a broker that
waits for an answer would close the channel of a worker that is busy.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.db import close_old_connections

from shigu.clock import trouble
from shigu.fleet.queues import EXTENSIONS, is_rabbit, queues

DRAIN = "shigu.drain"

CONNECTING = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}
"""How often a publisher tries again. Celery's own answer is: for ever, with the caller waiting."""


class Task(DjangoTask):
    """Every task begins with connections that live, and keeps them open for the next one."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        close_old_connections()
        trouble.replace_dead()

    def after_return(self, *_: Any) -> None:
        close_old_connections()


def _fixed(broker: str) -> dict[str, Any]:
    return {
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_queues": queues(broker),
        "task_default_queue": EXTENSIONS,
        "task_default_exchange": "shigu" if is_rabbit(broker) else "",
        "task_default_exchange_type": "topic" if is_rabbit(broker) else "direct",
        "task_default_routing_key": EXTENSIONS,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # Celery would hang up on the database before and after each task; `Task` does what is needed.
        "CELERY_DB_REUSE_MAX": 1_000_000_000,
    }


def _usual(broker: str) -> dict[str, Any]:
    options = (
        {"confirm_publish": True} if is_rabbit(broker) else {"queue_order_strategy": "priority"}
    )
    return {
        "timezone": settings.TIME_ZONE,
        "task_acks_late": False,
        "task_ignore_result": not settings.CELERY_RESULT_BACKEND,
        "task_publish_retry_policy": CONNECTING,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": not is_rabbit(broker),
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_timeout": 4,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker waits for its broker, however long
        "broker_transport_options": {**CONNECTING, **options},
        "control_queue_exclusive": True,
        "event_queue_exclusive": True,
    }


def _make(broker: str) -> Celery:
    made = Celery("shigu", task_cls=Task)
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.conf.update(_fixed(broker))
    made.add_defaults(_usual(broker))
    made.autodiscover_tasks()
    return made


app = _make(settings.CELERY_BROKER_URL)
