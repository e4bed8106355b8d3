"""What a bidder reads about a decision: `refusal(decision)` or, where the bid counts, `praise(decision)`."""

from __future__ import annotations

from django.utils.translation import gettext as _

from shigu.auctions.deciding import Decision
from shigu.auctions.errors import (
    AlreadyLeading,
    Barred,
    BiddingOver,
    BidRefused,
    DepositMissing,
    NotOpenYet,
    OfTheHouse,
    TooLow,
    WildJump,
)
from shigu.auctions.models import Verdict
from shigu.kit.money import grouped

REFUSALS: dict[Verdict, type[BidRefused]] = {
    Verdict.TOO_LOW: TooLow,
    Verdict.LEADING: AlreadyLeading,
    Verdict.NOT_OPEN: NotOpenYet,
    Verdict.ENDED: BiddingOver,
    Verdict.NO_DEPOSIT: DepositMissing,
    Verdict.BANNED: Barred,
    Verdict.WILD: WildJump,
    Verdict.OWN: OfTheHouse,
}


def refusal(decision: Decision) -> BidRefused | None:
    """Why this bid does not count; None where it does."""
    kind = REFUSALS.get(decision.verdict)
    if kind is None:
        return None
    amounts = {"least": decision.least, "due": decision.due, "amount": decision.offer.amount}
    refused = kind(**{name: grouped(amount) for name, amount in amounts.items()})
    refused.decision = decision
    return refused


def praise(decision: Decision) -> str:
    """What a bid that counts did, and what the next one has to be at least."""
    fill = {"price": grouped(decision.price or 0), "least": grouped(decision.next_least)}
    if decision.verdict == Verdict.RAISED:
        said = _("Your maximum is higher now; you lead at ¥%(price)s, others need ¥%(least)s.")
    elif decision.leads:
        said = _("You lead at ¥%(price)s; others need ¥%(least)s.")
    else:
        said = _("Somebody goes further: it stands at ¥%(price)s now, bid at least ¥%(least)s.")
    return said % fill
