"""How a driver of the clock shows itself: a row that `shigu clock status` reads, once a second."""

from __future__ import annotations

import os
import socket
import time

from django.db import connection

from shigu.clock import periodic
from shigu.clock.models import Dispatcher
from shigu.kit.database import unhurried

SHOWN_EVERY = 1.0

SHOW = """
INSERT INTO clock_dispatcher (name, started_at, ticked_at) VALUES (%s, shigu_clock(), shigu_clock())
ON CONFLICT (name) DO UPDATE SET ticked_at = excluded.ticked_at
"""


class Presence:
    """One driver's row; `name` tells operators which process it is."""

    def __init__(self, role: str = "") -> None:
        place = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self.name = f"{role}:{place}" if role else place
        self._shown_at = 0.0

    def show(self) -> None:
        """It ticks; the first time, the rows of periodic work are made, too."""
        if time.monotonic() - self._shown_at < SHOWN_EVERY:
            return
        if not self._shown_at:
            periodic.ensure()
        self._shown_at = time.monotonic()
        with unhurried(), connection.cursor() as cursor:
            cursor.execute(SHOW, [self.name])

    def leave(self) -> None:
        """It has ended."""
        if self._shown_at:
            Dispatcher.objects.filter(name=self.name).delete()
            self._shown_at = 0.0
