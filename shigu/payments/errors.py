"""What payments refuse, said to a person.

    Refusal (kit)
    ├── NoSuchWay        the provider is not known or not set up
    ├── NotYours         somebody else's subject
    ├── NotEnoughBalance the balance does not suffice
    ├── OverRefund       more would go back than came
    └── NothingToSay     a difference is closed without a word

What a provider says that cannot be believed is no refusal but `provider.Unverified`.
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NoSuchWay(Refusal):
    """This way to pay is not available at the moment. Please choose another."""


class NotYours(Refusal):
    """There is nothing to pay here."""


class NotEnoughBalance(Refusal):
    """Your balance is ¥%(missing)s short of this. Top it up, or choose another way to pay."""


class OverRefund(Refusal):
    """At most %(left)s yuan of this payment can still go back."""


class NothingToSay(Refusal):
    """Say in a few words what came of it."""
