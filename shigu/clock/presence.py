"""How a driver of the clock shows itself: a row that `shigu clock status` reads, once a second."""

from __future__ import annotations

import os
import socket
import time

from shigu.clock import periodic
from shigu.clock.models import Dispatcher
from shigu.clock.time import now

SHOWN_EVERY = 1.0


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
        at = now()
        Dispatcher.objects.update_or_create(
            name=self.name,
            defaults={"ticked_at": at},
            create_defaults={"ticked_at": at, "started_at": at},
        )

    def leave(self) -> None:
        """It has ended."""
        if self._shown_at:
            Dispatcher.objects.filter(name=self.name).delete()
            self._shown_at = 0.0
