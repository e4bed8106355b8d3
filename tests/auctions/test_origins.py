"""Orders of the shop and of lots lapse in one batch, each by its own rules; the shop's cost nothing more."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu.auctions.models import LotState
from shigu.clock.drain import drain
from shigu.orders.models import Order, Status
from tests.auctions.sale import Sale, at, award, go_to, person, state
from tests.races.market import Market, assert_audit_holds

pytestmark = pytest.mark.usefixtures("house")


def expired(market: Market, orders: int) -> list[str]:
    """What is asked of the database while so many orders of the shop lapse together."""
    for _ in range(orders):
        market.over(market.ordered())
    with CaptureQueriesContext(connection) as asked:
        assert drain("orders.expire").affected == orders
    said = [one["sql"] for one in asked.captured_queries]
    ours = ("orders_", "promotions_", "ledger_", "catalogue_", "auctions_")
    return [sql for sql in said if any(table in sql for table in ours)]


def test_the_shop_is_not_slower_for_it() -> None:
    """Two or six orders: the same statements, none about auctions, the order itself written once."""
    market = Market()
    few, many = expired(market, 2), expired(market, 6)
    assert len(few) == len(many)
    assert not any("auctions_" in sql for sql in many)
    assert sum("UPDATE orders_order " in sql for sql in many) == 1
    assert_audit_holds()


def test_both_in_one_batch() -> None:
    """An order of the shop and one of a lot are due together: pieces come back, the lot is overdue."""
    market = Market()
    sale = Sale({}).live()
    [lot] = sale.lots
    sale.bid(lot, person("bob"), 5000)
    go_to(at(lot).closes_at)
    won = award(lot)
    order = market.ordered()
    Order.objects.filter(pk=order.pk).update(due_at=won.pay_by)
    go_to(won.pay_by, ring=False)
    assert drain("orders.expire").affected == 2
    assert market.status(order) == Status.EXPIRED
    assert market.counts() == (10, 0, 0)
    assert state(lot) == LotState.OVERDUE
    assert_audit_holds()
