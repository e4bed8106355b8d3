"""One committer per process and SKU: those who wait for the same hot row are placed together.

`place` is the one door for placing an order; the lanes in which requests gather are `kit.lanes`.
"""

from __future__ import annotations

from collections.abc import Sequence

from shigu.kit.errors import Refusal
from shigu.kit.lanes import Lanes
from shigu.orders.admission import Placing
from shigu.orders.placing import Answer, Placed, place_many


def _answer(placings: Sequence[Placing]) -> list[Answer]:
    return place_many(placings)


lanes: Lanes[Placing, Answer] = Lanes(_answer)


def place(placing: Placing) -> Placed:
    """Place one order; raises the Refusal that says why not. Call it outside any transaction."""
    sku = min((choice.sku_id for choice in placing.choices), default=0)
    answer = lanes.submit(sku, placing)
    if isinstance(answer, Refusal):
        raise answer
    return answer
