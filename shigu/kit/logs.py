"""How the shop writes its logs: one line per event, key=value, no secrets and no local variables.

`configure()` is called once by the settings; modules use `structlog.get_logger(__name__)`.
"""

from __future__ import annotations

import structlog


def configure(*, json: bool) -> None:
    """JSON for machines (production), plain lines for people; tracebacks without their variables."""
    shown = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if json else []),
            shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    )
