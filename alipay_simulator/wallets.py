"""The sandbox buyers. Their passwords are printed on the cashier, for nobody's money is behind them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

WRONG_TRIES = 5


@dataclass(frozen=True)
class Buyer:
    logon_id: str
    user_id: str
    password: str
    solvent: bool = True

    @property
    def masked(self) -> str:
        name, _, house = self.logon_id.partition("@")
        return f"{name[:3]}***@{house}"


BUYERS = (
    Buyer("alice@sandbox.test", "2088900000000018", "135790"),
    Buyer("bob@sandbox.test", "2088900000000026", "246801"),
    Buyer("carol@sandbox.test", "2088900000000034", "112358", solvent=False),
)
SCANNER = BUYERS[0]


def buyer_of(logon_id: str) -> Buyer | None:
    return next((buyer for buyer in BUYERS if buyer.logon_id == logon_id.strip().lower()), None)


def signed_in(logon_id: str, password: str) -> Buyer | None:
    """The buyer, None for a wrong name or password."""
    buyer = buyer_of(logon_id)
    good = hmac.compare_digest((buyer or SCANNER).password.encode(), password.strip().encode())
    return buyer if buyer and good else None
