"""How the shop writes its logs: one line per event, JSON in production, no secrets, no local variables.

`configure()` is called once by the settings, `stdlib()` is their `LOGGING`: Django's and every library's
records come out as the same lines. Modules use `structlog.get_logger(__name__)`; what a request binds
(`request_id`, `route`, `order`) is on each of its lines. Whatever is named like a secret is masked, errors
are told without the values a database repeats in them, and requests are named by their route, because
addresses hold keys.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

MASK = "***"
SECRET = re.compile(
    r"pass(word|wd)|secret|token|csrf|cookie|(session|private|api)_?(key|id)|authorization", re.I
)
IN_URLS = re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@")
"""The password of an address such as postgresql://shop:…@db/shop."""


def configure(*, json: bool) -> None:
    """Lines for machines (production) or for people; tracebacks without their variables."""
    structlog.configure(
        processors=[*_shared(), *_last(json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )


def stdlib(*, json: bool) -> dict[str, Any]:
    """Django's `LOGGING`: records of Django and of libraries, in the same shape."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*_shared(), without_addresses],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(json)],
    }
    quiet = {"level": "ERROR"}  # a request's own line says that it was refused
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["out"], "level": "WARNING"},
        "loggers": {
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.request": quiet,
            "django.security": quiet,
        },
    }


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last(json: bool) -> list[Processor]:
    if json:
        shown: Processor = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        return [structlog.processors.ExceptionRenderer(_as_text), masked, shown]
    return [
        structlog.processors.ExceptionRenderer(_as_text),
        masked,
        structlog.dev.ConsoleRenderer(colors=False),
    ]


def _as_text(exc_info: ExcInfo) -> str:
    return told(exc_info[1])


def told(error: BaseException) -> str:
    """An error with its frames; each message cut to its first line, behind which databases repeat rows."""
    said = []
    for each in reversed(_chain(error)):
        frames = "".join(traceback.format_tb(each.__traceback__))
        said.append(f"{frames}{type(each).__qualname__}: {first_line(each)}")
    return "\n".join(said)


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        unsaid = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or unsaid
    return found


def first_line(error: BaseException) -> str:
    """What went wrong, without the row it went wrong with."""
    return next(iter(str(error).strip().splitlines()), "")[:500]


def masked(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """What is named like a secret is not told, nor the password inside an address."""
    for key, value in line.items():
        if SECRET.search(key):
            line[key] = MASK
        elif isinstance(value, Mapping):
            line[key] = masked(_logger, _name, dict(value))
        elif isinstance(value, str):
            line[key] = IN_URLS.sub(rf"\1:{MASK}@", value)
    return line


def without_addresses(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """Django ends its messages about a request with its address, which may hold a key: leave it out."""
    record = line.get("_record")
    if record is not None and record.name.startswith(("django.request", "django.security")):
        line["event"] = str((record.args or (record.msg,))[0])
    return line
