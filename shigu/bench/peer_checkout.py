"""How people place an order at django-oscar's over HTTP: the checkout it has, with as few requests as it takes.

Into the basket, the address of one's book, the pages it leads through by itself, the preview, and the
button on it. Whoever is signed in and knows the way needs no fewer; pages between that only show are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.db import connection

from shigu.bench.crew import Crew
from shigu.bench.crowd import Crowd, Stage
from shigu.bench.errors import NotTheSame
from shigu.bench.servers import Served
from shigu.bench.surfing import Ask, errand
from shigu.kit import postgres

DATABASE = "bench_oscar"
Person = dict[str, Any]
"""`session` and `address`."""

DOOR = "shigu.bench.peer_oscar_site:application"


class Oscar:
    """A shop of django-oscar with people, addresses and goods, in a database of its own."""

    def __init__(self, crew: Crew, env: dict[str, str], sizes: tuple[int, int, int]) -> None:
        self._crew, self.env = crew, env
        people, early, skus = sizes
        found = crew.work([{"do": "furnish", "people": people + early, "skus": skus}], within=300)[
            0
        ]
        self.people, self.early = found["people"][early:], found["people"][:early]
        self.products = found["products"]

    def trip(self, crowd: Crowd, served: Served, who: list[Person]) -> dict[str, Stage]:
        """Each of them orders something; all of it is there afterwards."""
        had = self._count()
        products = [self.products[n % len(self.products)] for n in range(len(who))]
        ways = [
            errand(person["session"], *_way(product, person["address"]))
            for person, product in zip(who, products, strict=True)
        ]
        before, _ = crowd.go(served, ways)
        press = ("POST", "/checkout/preview/", urlencode({"action": "place_order"}), 302)
        place, ends = crowd.go(served, [errand(person["session"], press) for person in who])
        if astray := [end for end in ends if end["location"] != "/checkout/thank-you/"]:
            raise NotTheSame(f"django-oscar: placing an order led to {astray[0]['location']}")
        made = {name: count - had[name] for name, count in self._count().items()}
        if set(made.values()) != {len(ends)}:
            raise NotTheSame(f"django-oscar answered for {len(ends)} orders and has {made}")
        return {"before": before, "place": place}

    def _count(self) -> dict[str, int]:
        return self._crew.work([{"do": "count"}], within=60)[0]


def _way(product: int, address: int) -> list[Ask]:
    """To the page with the button; what it leads through by itself is followed as a browser does."""
    ship = urlencode({"address_id": address, "action": "ship_to"})
    return [
        ("POST", f"/basket/add/{product}/", urlencode({"quantity": 1}), 302),
        ("POST", "/checkout/shipping-address/", ship, 302),
        ("GET", "/checkout/shipping-method/", "", 302),
        ("GET", "/checkout/payment-method/", "", 302),
        ("GET", "/checkout/payment-details/", "", 200),
        ("GET", "/checkout/preview/", "", 200),
    ]


@contextmanager
def oscar(people: int, early: int, skus: int) -> Iterator[Oscar]:
    """Its database on the same server, empty at first and gone afterwards."""
    host = connection.settings_dict["HOST"]
    env = {
        "DATABASE_URL": postgres.url(host, DATABASE),
        "DJANGO_SETTINGS_MODULE": "shigu.bench.peer_oscar_settings",
    }
    with psycopg.connect(postgres.url(host, "postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE}")
        try:
            with Crew("shigu.bench.peer_oscar:answer", 1, env) as crew:
                yield Oscar(crew, env, (people, early, skus))
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
