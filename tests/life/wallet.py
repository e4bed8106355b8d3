"""What becomes of one buyer's coupons and credits, told step by step by what was there before and is now.

`Wallet.look()` names everything that happened since the last look. A coupon that moved as the design draws no
line is an AssertionError.
"""

from __future__ import annotations

from shigu.ledger.models import Event, Transfer
from shigu.orders.models import Order
from shigu.promotions.models import Grant, GrantState

UNUSED, HELD, USED, LAPSED, _ = GrantState
COUPON = {
    (UNUSED, HELD): "coupon held",
    (UNUSED, USED): "coupon used at once",
    (HELD, USED): "coupon used",
    (HELD, UNUSED): "coupon back",
    (HELD, LAPSED): "coupon back too late",
    (USED, UNUSED): "coupon back with a refund",
    (USED, LAPSED): "coupon back too late",
    (UNUSED, LAPSED): "coupon lapsed",
}
CREDITS = {
    Event.HOLD: "credits held",
    Event.RELEASE: "credits back",
    Event.SPEND: "credits spent",
    Event.EARN: "credits earned",
    Event.TAKE_BACK: "credits taken back",
    Event.GIVE_BACK: "credits back with a refund",
}
HAPPENS = {*COUPON.values(), *CREDITS.values()}
"""All that can happen to them."""


class Wallet:
    """One buyer's coupons, whose grants are there already, and credits."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        self._states = self._read()
        self._seen = 0

    def look(self) -> list[str]:
        """What happened since the last look, once for each coupon and each transfer."""
        before, self._states = self._states, self._read()
        moves = [(before[pk], state) for pk, state in self._states.items() if before[pk] != state]
        assert set(moves) <= set(COUPON), moves
        return [COUPON[move] for move in moves] + [CREDITS[kind] for kind in self._kinds()]

    def _read(self) -> dict[int, GrantState]:
        rows = Grant.objects.filter(user_id=self._user_id).values_list("pk", "state")
        return {pk: GrantState(state) for pk, state in rows}

    def _kinds(self) -> list[Event]:
        orders = Order.objects.filter(user_id=self._user_id).values_list("pk", flat=True)
        fresh = Transfer.objects.filter(pk__gt=self._seen, kind__in=CREDITS, subject__in=orders)
        rows = list(fresh.order_by("pk").values_list("pk", "kind"))
        self._seen = max([self._seen, *(pk for pk, _ in rows)])
        return [Event(kind) for _, kind in rows]
