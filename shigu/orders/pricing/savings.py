"""What one activity takes off, in fen, by its kind: `alone` off one line, `together` off several.

Nothing here chooses: `activities.choose` compares these figures. A rate's saving is rounded half up to
the fen, once, on the whole line. No saving exceeds what it is taken off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind, Reach
from shigu.kit.money import Fen
from shigu.orders.pricing.facts import Wanted

TOGETHER = {ActivityKind.THRESHOLD, ActivityKind.BUNDLE}


def off_rate(amount: Fen, percent: int) -> Fen:
    """What is saved where `percent` of `amount` is still paid, rounded half up."""
    return (amount * (100 - percent) + 50) // 100


def alone(activity: Running, line: Wanted) -> Fen:
    """Off one line by an activity that looks at each line by itself; 0 for the others."""
    match activity.kind:
        case ActivityKind.FREE:
            return line.list_price
        case ActivityKind.DISCOUNT | ActivityKind.STUDENT:
            return off_rate(line.list_price, activity.percent)
        case ActivityKind.REDUCTION:
            return min(activity.amount, line.unit_price) * line.quantity
    return 0


def together(activity: Running, lines: Sequence[Wanted]) -> Fen:
    """Off all of these lines by a 满减 (the highest step their list prices reach) or a bundle."""
    total = sum(line.list_price for line in lines)
    if activity.kind == ActivityKind.BUNDLE:
        return min(activity.amount * _sets(activity, lines), total)
    reached = [step for step in activity.steps if step[0] <= total]
    return min(max(reached)[1], total) if reached else 0


def _sets(bundle: Running, lines: Sequence[Wanted]) -> int:
    """How often all of the bundle's products are there."""
    if bundle.scope.reach != Reach.PRODUCT:
        return 0
    pieces = Counter[int]()
    for line in lines:
        pieces[line.product_id] += line.quantity
    return min((pieces[product] for product in bundle.scope.ids), default=0)
