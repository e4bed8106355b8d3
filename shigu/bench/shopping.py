"""How people shop here over HTTP, stage by stage: browse, look at the order, place it, pay.

Everybody buys one piece, through the page with everything and its one button. Paying is what the shop does
for it: it opens the provider's cashier, and hears the provider's letter; both are signed for real.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlencode

from shigu.accounts.models import Address, User
from shigu.bench import same_rows, world
from shigu.bench.crowd import Crowd, End, Stage
from shigu.bench.errors import NotTheSame
from shigu.bench.servers import Provider, Served
from shigu.bench.sessions import session_of
from shigu.bench.surfing import Ask, Errand, errand
from shigu.catalogue.models import Product
from shigu.orders.models import Order, Status

NOTIFY = "/pay/notify/alipay/"


class Shop:
    """A furnished shop whose people are signed in and have an address; `early` ones come to warm it up."""

    def __init__(self, people: int, early: int, skus: int, provider: Provider) -> None:
        shop = world.furnish(people=people + early, skus=skus)
        self.skus, self.provider = shop.skus, provider
        sessions = [session_of(user) for user in User.objects.order_by("pk")]
        self.people, self.early = sessions[early:], sessions[:early]
        Address.objects.bulk_create(_home(user) for user in shop.people)
        slugs = Product.objects.order_by("pk").values_list("slug", flat=True)
        self.products = [f"/p/{slug}/" for slug in slugs]

    def trip(self, crowd: Crowd, served: Served, who: list[str], pages: int) -> dict[str, Stage]:
        """Each of them looks around, orders something and pays; all of it is there afterwards."""
        browse, _ = crowd.go(served, self._browsing(who, pages))
        wishes = [f"/confirm/?sku={self.skus[n % len(self.skus)]}" for n in range(len(who))]
        before, forms = crowd.go(served, _each(who, (("GET", wish, "", 200) for wish in wishes)))
        sent = [urlencode(form["fields"]) for form in forms]
        place, ends = crowd.go(
            served, _each(who, (("POST", "/confirm/place/", form, 302) for form in sent))
        )
        numbers = [_number(end) for end in ends]
        pay = self._pay(crowd, served, who, numbers)
        _expect_paid(numbers)
        return {"browse": browse, "before": before, "place": place, "pay": pay}

    def _browsing(self, who: list[str], pages: int) -> list[Errand]:
        """The home page, the list of goods and a product in turn, by everybody in turn."""
        turns = [
            ("/", "/goods/", self.products[n % len(self.products)])[n % 3] for n in range(pages)
        ]
        return [errand(who[n % len(who)], ("GET", page, "", 200)) for n, page in enumerate(turns)]

    def _pay(self, crowd: Crowd, served: Served, who: list[str], numbers: list[str]) -> Stage:
        """The shop's share of it; what the buyer does at the provider's is not counted."""
        way = urlencode({"way": "alipay"})
        opening = _each(who, (("POST", f"/pay/{number}/open", way, 302) for number in numbers))
        opened, doors = crowd.go(served, opening)
        letters = self.provider.charge([door["location"] for door in doors])
        heard, _ = crowd.go(served, [errand("", ("POST", NOTIFY, one, 200)) for one in letters])
        return opened + heard


def _each(who: list[str], asks: Iterable[Ask]) -> list[Errand]:
    """One ask for each person."""
    return [errand(person, ask) for person, ask in zip(who, asks, strict=True)]


def _home(user: int) -> Address:
    name, phone, region, street = "alice", "13800000000", "Shaanxi, Xi'an", "1 West Market"
    return Address(
        user_id=user, name=name, phone=phone, region=region, street=street, is_default=True
    )


def _number(end: End) -> str:
    found = re.fullmatch(r"/pay/(\d+)/", end["location"])
    if not found:
        raise NotTheSame(f"placing an order led to {end['location']}")
    return found[1]


def _expect_paid(numbers: list[str]) -> None:
    paid = Order.objects.filter(number__in=numbers, status=Status.PAID).count()
    if paid != len(numbers) or len(set(numbers)) != paid:
        raise NotTheSame(f"{len(numbers)} orders were placed and paid, {paid} stand so")
    same_rows.sound("shigu")
