"""What the wallet refuses, said to a person.

Refusal (kit)
├── NotAnAmount      too little, too much, or no amount at all
├── AlreadyPaid      the top-up's money is on the balance
└── TimeIsUp         its time to pay is over
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NotAnAmount(Refusal):
    """Top up with an amount between ¥%(least)s and ¥%(most)s."""


class AlreadyPaid(Refusal):
    """This top-up is paid: the money is on your balance."""


class TimeIsUp(Refusal):
    """The time to pay this top-up is over. Nothing was charged; start another one."""
