"""Tickets to watch orders change: `sign` gives one to a buyer's page, `read` is for the event stream.

A ticket names the buyer, a few order ids and the shop's origin that the page was read from. It is
signed, lives for `LIFE` of real time, and tells nothing but how those orders stand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core import signing

SALT = "shigu.orders.watching"
LIFE = 20 * 60
MOST = 20


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who watches which orders, from a page of which origin."""

    user_id: int
    order_ids: tuple[int, ...]
    origin: str


class BadTicket(Exception):
    """Not ours, changed, or too old."""


def sign(user_id: int, order_ids: Iterable[int], *, origin: str) -> str:
    """A ticket for at most `MOST` orders; whose they are is for the caller to know."""
    ids = sorted(order_ids)[-MOST:]
    return signing.dumps({"u": user_id, "o": ids, "f": origin}, salt=SALT, compress=True)


def read(token: str) -> Ticket:
    """What a ticket says; BadTicket for anything that `sign` did not write lately."""
    try:
        said = signing.loads(token, salt=SALT, max_age=LIFE)
        return Ticket(int(said["u"]), tuple(int(pk) for pk in said["o"]), str(said["f"]))
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise BadTicket from error
