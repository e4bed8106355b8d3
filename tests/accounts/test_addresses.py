"""The address book: one comes first, always; nobody touches another's; nonsense is refused whole."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from shigu.accounts import addresses
from shigu.accounts.addresses import MOST, Place
from shigu.accounts.errors import AddressIncomplete, TooManyAddresses
from shigu.accounts.models import Address
from tests.people import alice, bob

HOME = Place("Alice", "13800000000", "陕西省 西安市", "西市坊 3 号")


def rows() -> list[object]:
    return list(Address.objects.order_by("pk").values())


def first_of(user_id: int) -> list[int]:
    return list(
        Address.objects.filter(user_id=user_id, is_default=True).values_list("pk", flat=True)
    )


@pytest.mark.django_db
def test_the_very_first_address_comes_first() -> None:
    """Nobody has to say so; the second one does not push it away."""
    one = addresses.add(alice().pk, HOME)
    two = addresses.add(alice().pk, HOME)
    assert first_of(alice().pk) == [one.pk]
    assert [row.pk for row in addresses.mine(alice().pk)] == [one.pk, two.pk]


@pytest.mark.django_db
def test_another_can_be_put_first() -> None:
    """By adding, by changing and by choosing it; there is always exactly one."""
    one = addresses.add(alice().pk, HOME)
    two = addresses.add(alice().pk, HOME, first=True)
    assert first_of(alice().pk) == [two.pk]
    addresses.change(alice().pk, one.pk, HOME, first=True)
    assert first_of(alice().pk) == [one.pk]
    addresses.make_default(alice().pk, two.pk)
    assert first_of(alice().pk) == [two.pk]


@pytest.mark.django_db
def test_the_newest_left_takes_the_place_of_the_removed_first() -> None:
    """Whoever has an address has one that comes first; the last one may go too."""
    one, two, three = (addresses.add(alice().pk, HOME) for _ in range(3))
    addresses.remove(alice().pk, one.pk)
    assert first_of(alice().pk) == [three.pk]
    addresses.remove(alice().pk, two.pk)
    assert first_of(alice().pk) == [three.pk]
    addresses.remove(alice().pk, three.pk)
    assert rows() == []


@pytest.mark.django_db
def test_changing_writes_the_text_and_trims_it() -> None:
    """Blanks around a part are no part of it."""
    one = addresses.add(alice().pk, HOME)
    addresses.change(alice().pk, one.pk, Place(" Alice Chen ", "138", "上海市", " 衡山路 12 弄 "))
    one.refresh_from_db()
    assert (one.name, one.street, one.is_default) == ("Alice Chen", "衡山路 12 弄", True)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["of", "change", "remove", "make_default"])
def test_anothers_address_does_not_exist(verb: str) -> None:
    """Bob is told what he would be told of a number nobody has, and nothing changes."""
    mine = addresses.add(alice().pk, HOME)
    before = rows()
    more = [HOME] if verb == "change" else []
    for pk in (mine.pk, mine.pk + 1000):
        with pytest.raises(Address.DoesNotExist):
            getattr(addresses, verb)(bob().pk, pk, *more)
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        Place("", "1", "a", "b"),
        Place("a", " ", "a", "b"),
        Place("a", "1", "", "b"),
        Place("a", "1", "a", "\t"),
        Place("a" * 41, "1", "a", "b"),
        Place("a", "1" * 21, "a", "b"),
        Place("a", "1", "a", "b" * 161),
        Place("a\nb", "1", "a", "b"),
        Place("a", "1", "a\0", "b"),
    ],
)
def test_an_incomplete_address_is_refused_whole(wrong: Place) -> None:
    """Missing, too long or unprintable: nothing is written, neither new nor over an old one."""
    one = addresses.add(alice().pk, HOME)
    before = rows()
    with pytest.raises(AddressIncomplete):
        addresses.add(alice().pk, wrong)
    with pytest.raises(AddressIncomplete):
        addresses.change(alice().pk, one.pk, wrong)
    assert rows() == before


@pytest.mark.django_db
def test_there_is_an_end_to_the_book() -> None:
    """The twenty-first is refused; one less makes room."""
    kept = [addresses.add(alice().pk, HOME) for _ in range(MOST)]
    with pytest.raises(TooManyAddresses):
        addresses.add(alice().pk, HOME)
    assert Address.objects.count() == MOST
    addresses.remove(alice().pk, kept[0].pk)
    addresses.add(alice().pk, HOME)
    addresses.add(bob().pk, HOME)


@pytest.mark.django_db
def test_the_database_itself_allows_one_first() -> None:
    """A second one set past the verbs breaks the constraint."""
    addresses.add(alice().pk, HOME)
    other = addresses.add(alice().pk, HOME)
    with pytest.raises(IntegrityError, match="address_one_default"), transaction.atomic():
        Address.objects.filter(pk=other.pk).update(is_default=True)


def test_eight_tabs_make_one_first(clone: str) -> None:
    """All of them put another address first at once: every tab succeeds, one address comes first."""
    user = alice()
    ids = [addresses.add(user.pk, HOME).pk for _ in range(8)]
    failed: list[Exception] = []
    start = threading.Barrier(len(ids))

    def choose(pk: int) -> None:
        try:
            start.wait(10)
            addresses.make_default(user.pk, pk)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=choose, args=[pk]) for pk in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failed == []
    assert len(first_of(user.pk)) == 1
