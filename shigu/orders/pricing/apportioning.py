"""Splitting an amount over lines so that nothing is lost: `apportion(amount, weights)`.

Largest remainder: each share is rounded down, and the units that are left go one each to the shares
that lost most, earlier ones first. Exact for any weights. No share exceeds its weight while the amount
does not exceed their sum, so prices and caps are weights and limits at once.
"""

from __future__ import annotations

from collections.abc import Sequence


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` whole units split by `weights`; evenly where all of them are zero."""
    if amount < 0 or min(weights, default=0) < 0 or (amount and not weights):
        raise ValueError(f"cannot apportion {amount} over {list(weights)}")
    if not any(weights):
        weights = [1] * len(weights)
    total = sum(weights)
    shares = [amount * weight // total for weight in weights]
    lost = [amount * weight % total for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda place: -lost[place])
    for place in by_loss[: amount - sum(shares)]:
        shares[place] += 1
    return shares
