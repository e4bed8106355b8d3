"""Robots of a demonstration: marked as such, through the same doors as everybody, never in production."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shigu.accounts.models import User
from shigu.auctions.models import Bid, Deposit, DepositState
from shigu.ledger.models import Transfer
from shigu.ops import auditing
from shigu.ops.seeding.bidders import COUNT, REASON, Robots
from shigu.ops.seeding.run import NotHere


@pytest.mark.usefixtures("shop")
def test_they_bid_like_anybody() -> None:
    """Money with its reason in the ledger, deposits that are held, bids in the log; and all agrees."""
    robots = Robots(random.Random(7))
    before = Bid.objects.count()
    accepted = sum(robots.act() for _ in range(12))
    people = User.objects.filter(username__startswith="robot-")
    assert len(people) == COUNT
    assert all("机器人" in person.nickname for person in people)
    assert not any(person.has_usable_password() for person in people)
    assert Transfer.objects.filter(note=REASON).count() == COUNT
    assert accepted >= 3
    assert Bid.objects.count() >= before + accepted
    bidders = set(Bid.objects.filter(bidder_id__in=people).values_list("bidder_id", flat=True))
    held = Deposit.objects.filter(user__in=people, state=DepositState.HELD)
    assert {deposit.user_id for deposit in held} >= bidders
    assert not [finding.title for finding in auditing.audit() if not finding.ok]


@pytest.mark.usefixtures("tried")
def test_there_are_none_in_production(settings: Any) -> None:
    """Nobody is made."""
    settings.PRODUCTION = True
    with pytest.raises(NotHere):
        Robots()
    assert not User.objects.filter(username__startswith="robot-").exists()
