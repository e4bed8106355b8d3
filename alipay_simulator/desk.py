"""The running simulator: settings, keys, rows, clock and switches in one object handed to every verb."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from alipay_simulator.beijing import Clock
from alipay_simulator.faults import Faults
from alipay_simulator.keyring import Keyring, open_keyring
from alipay_simulator.settings import Settings
from alipay_simulator.store import Store


@dataclass
class Desk:
    settings: Settings
    keys: Keyring
    store: Store
    clock: Clock
    faults: Faults
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        return self.clock.now()

    def move_clock(self, offset: float) -> None:
        self.clock.offset = offset
        self.store.run("INSERT OR REPLACE INTO meta VALUES ('offset', ?)", repr(offset))
        self.wake.set()


def open_desk(settings: Settings) -> Desk:
    keys = open_keyring(settings)
    store = Store(settings.data / "simulator.sqlite3")
    row = store.one("SELECT value FROM meta WHERE key = 'offset'")
    return Desk(settings, keys, store, Clock(float(row["value"]) if row else 0.0), Faults(store))
