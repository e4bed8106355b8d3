"""A buyer's payment from the button to the way back, for the cashier and for tests alike.

`settle_page` pays, lets the notify go first where a switch says so, and tells where the browser goes next.
"""

from __future__ import annotations

from alipay_simulator import trading
from alipay_simulator.courier import Courier
from alipay_simulator.desk import Desk
from alipay_simulator.returning import return_address
from alipay_simulator.rows import Page, Trade, TradeError, trade_by_numbers
from alipay_simulator.wallets import Buyer, buyer_of


async def settle_page(desk: Desk, courier: Courier, page: Page) -> tuple[Trade, str]:
    trade, notice = trading.pay(desk, page, joined_buyer(desk, page))
    first = desk.faults.take("notify_before_return", out_trade_no=trade.out_trade_no)
    if first is not None and notice is not None:
        await courier.deliver(notice)
    return trade, return_address(desk, page, trade, fresh=True)


def joined_buyer(desk: Desk, page: Page) -> Buyer | None:
    """Who logged in at this page, None before anyone did."""
    if page.trade_no is None:
        return None
    try:
        return buyer_of(trade_by_numbers(desk.store, page.trade_no, "").buyer)
    except TradeError:
        return None
