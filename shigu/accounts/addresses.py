"""A buyer's addresses: `mine`, `of`, `add`, `keep`, `change`, `remove`, `make_default`.

Whoever has an address has exactly one that is used first; the constraint `address_one_default` holds
it, and every verb takes the buyer's row lock, so two tabs never disagree. Another person's address
does not exist: Address.DoesNotExist.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from django.db import transaction
from django.db.models import QuerySet

from shigu.accounts.errors import AddressIncomplete, TooManyAddresses
from shigu.accounts.models import Address, User

MOST = 20
LENGTHS = {"name": 40, "phone": 20, "region": 80, "street": 160}


@dataclass(frozen=True, slots=True)
class Place:
    """What an envelope says."""

    name: str
    phone: str
    region: str
    street: str

    def checked(self) -> Place:
        """Trimmed; AddressIncomplete where a part is missing or does not fit."""
        tidy = Place(*(str(part).strip() for part in astuple(self)))
        for part, most in zip(astuple(tidy), LENGTHS.values(), strict=True):
            if not 0 < len(part) <= most or not part.isprintable():
                raise AddressIncomplete
        return tidy


def mine(user_id: int) -> QuerySet[Address]:
    """All of one's addresses, the one used first at the top."""
    return Address.objects.filter(user_id=user_id).order_by("-is_default", "-pk")


def of(user_id: int, pk: int) -> Address:
    """One's own address; Address.DoesNotExist for anyone else's."""
    return Address.objects.get(user_id=user_id, pk=pk)


def add(user_id: int, place: Place, *, first: bool = False) -> Address:
    """Keep a new address; the very first one, or `first`, is the one used first."""
    place = place.checked()
    with transaction.atomic(durable=True):
        _lock(user_id)
        count = Address.objects.filter(user_id=user_id).count()
        if count >= MOST:
            raise TooManyAddresses(most=MOST)
        address = Address.objects.create(user_id=user_id, **_columns(place))
        if first or not count:
            _put_first(address)
    return address


def keep(user_id: int, place: Place) -> Address:
    """The same address as before where one's book has it, else a new one."""
    for address in mine(user_id):
        if (address.name, address.phone, address.region, address.street) == astuple(place):
            return address
    return add(user_id, place)


def change(user_id: int, pk: int, place: Place, *, first: bool = False) -> Address:
    """Write another text into one's address. Orders keep the copy they were placed with."""
    place = place.checked()
    with transaction.atomic(durable=True):
        _lock(user_id)
        address = of(user_id, pk)
        for column, text in _columns(place).items():
            setattr(address, column, text)
        address.save(update_fields=list(LENGTHS))
        if first:
            _put_first(address)
    return address


def remove(user_id: int, pk: int) -> None:
    """Forget an address; where it was the one used first, the newest left takes its place."""
    with transaction.atomic(durable=True):
        _lock(user_id)
        address = of(user_id, pk)
        was_first = address.is_default
        address.delete()
        successor = mine(user_id)[:1] if was_first else []
        for heir in successor:
            _put_first(heir)


def make_default(user_id: int, pk: int) -> Address:
    """Use this one first from now on."""
    with transaction.atomic(durable=True):
        _lock(user_id)
        address = of(user_id, pk)
        _put_first(address)
    return address


def _lock(user_id: int) -> None:
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user_id)


def _columns(place: Place) -> dict[str, str]:
    return dict(zip(LENGTHS, astuple(place), strict=True))


def _put_first(address: Address) -> None:
    # Two statements: a unique index is checked row by row, so the old one goes first.
    Address.objects.filter(user_id=address.user_id, is_default=True).update(is_default=False)
    Address.objects.filter(pk=address.pk).update(is_default=True)
    address.is_default = True
