"""The browser comes back from the provider: that settles nothing, it is only a reason to ask.

`come_back` verifies the return, asks the provider itself and settles with that answer.
"""

from __future__ import annotations

from datetime import timedelta

from shigu.payments.models import Attempt
from shigu.payments.polling import poll
from shigu.payments.provider import providers

EVERY = timedelta(seconds=1)
"""A return may be replayed by whoever has its address; the provider is not asked for each."""


def come_back(provider: str, query: bytes) -> Attempt | None:
    """The attempt the browser comes from, its news settled; None for an unknown number.

    Raises `Unverified` for a query that the provider did not sign.
    """
    number = providers[provider].parse_return(query)
    attempt = Attempt.objects.filter(provider=provider, out_trade_no=number[:64]).first()
    if attempt:
        poll(attempt.purpose, attempt.subject_id, every=EVERY)
    return attempt
