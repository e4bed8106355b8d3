"""A simulator can be told of payments from before its time."""

from __future__ import annotations

import time

import pytest

from alipay_simulator.control import Simulator, SimulatorError
from tests.simulator.merchant import Merchant

PAID = {
    "out_trade_no": "202611010001000000001_1",
    "trade_no": "2026110122001000000000000001",
    "fen": 9_800,
    "subject": "Wood-fired teapot",
}


def old_trade(**other: object) -> dict[str, object]:
    return {**PAID, "paid_at": time.time() - 86_400, **other}


def test_a_remembered_payment_is_known_and_paid(sim: Simulator, shop: Merchant) -> None:
    """Told once, it can be queried; told twice, it is the same trade; nobody is notified."""
    assert sim.remember([old_trade()]) == 1
    assert sim.remember([old_trade(fen=1)]) == 0
    answer = shop.call("alipay.trade.query", out_trade_no=PAID["out_trade_no"])
    assert (answer["trade_status"], answer["total_amount"]) == ("TRADE_SUCCESS", "98.00")
    assert sim.notifications() == []


@pytest.mark.parametrize(
    "nonsense",
    [
        {"fen": 0},
        {"fen": True},
        {"fen": 1.5},
        {"paid_at": "now"},
        {"refunded": 9_801},
        {"trade_no": ""},
    ],
)
def test_nonsense_is_not_remembered(sim: Simulator, nonsense: dict[str, object]) -> None:
    """One bad trade in a list is refused with the whole list."""
    good = old_trade(out_trade_no="1_1", trade_no="1")
    with pytest.raises(SimulatorError, match="bad_request"):
        sim.remember([good, old_trade(**nonsense)])
    assert sim.state()["trades"] == []
