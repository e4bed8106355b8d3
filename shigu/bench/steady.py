"""A shop that takes orders while something else is measured, or strained: paced buyers in one process.

`take_orders` is a crew's role: so many threads, each placing orders of one to three hot SKUs through the
real door, at a pace or as fast as they are answered.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from django.db import connection

from shigu.bench.crew import Answer
from shigu.bench.world import ADDRESS
from shigu.catalogue.models import Sku
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place


def take_orders(job: dict[str, Any]) -> Answer:
    """`people` order from `skus` for `seconds`, each one every `pause` seconds; milliseconds waited."""
    prices = dict(Sku.objects.filter(pk__in=job["skus"]).values_list("pk", "price"))
    buyers = [Shopper(person, prices, job) for person in job["people"]]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    for buyer in buyers:
        if buyer.error:
            raise buyer.error
    return {"waited": [ms for buyer in buyers for ms in buyer.waited]}


class Shopper(threading.Thread):
    """One buyer; `waited` holds the milliseconds of each order."""

    def __init__(self, person: int, prices: dict[int, int], job: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.person, self.prices = person, prices
        self.seconds, self.pause = float(job["seconds"]), float(job["pause"])
        self.prefix = f"{job['prefix']}-{person}"
        self.chance = random.Random(person)
        self.waited: list[float] = []
        self.error: Exception | None = None

    def run(self) -> None:
        """Order until time is up."""
        ends = time.monotonic() + self.seconds
        time.sleep(self.pause * self.chance.random())
        try:
            while (began := time.monotonic()) < ends:
                place(self._wish())
                took = time.monotonic() - began
                self.waited.append(round(took * 1000, 3))
                time.sleep(max(0.0, self.pause - took))
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def _wish(self) -> Placing:
        """One to three SKUs, in no order."""
        chosen = self.chance.sample(list(self.prices), self.chance.randint(1, 3))
        choices = tuple(Choice(sku, 1, self.prices[sku]) for sku in chosen)
        return Placing(self.person, f"{self.prefix}-{len(self.waited)}", choices, ADDRESS)
