"""Bidders at the shop's pages: their browsers, bids by form and by script, what a page says."""

from __future__ import annotations

import itertools
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from shigu.accounts.models import User
from shigu.auctions.models import Award, Bid, Bidding, Deposit, Lot, Session
from shigu.ledger.models import Transfer
from shigu.orders.models import Order, OrderEvent
from shigu.payments.models import Attempt, Refund
from tests.web.ordering import english

_keys = itertools.count(1)


def browser(who: User | None = None) -> Any:
    """A browser that reads English, of a visitor or of somebody signed in."""
    client = english(Client())
    if who:
        client.force_login(who)
    return client


def text(answer: Any) -> str:
    """What a page says, without its mark-up; money as one word."""
    page = re.sub(r"<script.*?</script>", " ", answer.content.decode(), flags=re.DOTALL)
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    return re.sub(r"¥ (?=\d)|(?<=\d) (?=\.\d\d)", lambda gap: gap.group().strip(), words)


def page_of(lot: Lot, name: str = "lot") -> str:
    """The address of one of a lot's pages."""
    return reverse(name, args=[lot.session.slug, lot.number])


def now_of(lot: Lot) -> str:
    """Where a lot's changing parts are asked for."""
    return reverse("lot_now", args=[lot.pk])


def bids(client: Client, lot: Lot, follow: bool = True, **form: str) -> Any:
    """A bid by form, with a key of its own unless one is given."""
    given = {"key": f"page {next(_keys)}", **form}
    return client.post(page_of(lot, "bid"), given, follow=follow)


def tells(client: Client, lot: Lot, **form: str) -> Any:
    """A bid by a script."""
    given = {"key": f"script {next(_keys)}", **form}
    return client.post(page_of(lot, "bid"), given, headers={"Accept": "application/json"})


def all_rows() -> list[object]:
    """Everything that an auction's pages may write; that somebody looked is counted whatever they do."""
    models = (Bid, Bidding, Deposit, Award, Order, OrderEvent, Attempt, Refund, Transfer, Session)
    return [[_row(one) for one in model.objects.order_by("pk").values()] for model in models]


def _row(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "views"}
