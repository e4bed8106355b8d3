"""The people of the tests: alice buys, bob and carol bid, the operator runs the shop.

Plain functions, each returns the same person however often it is called in one test.
"""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from shigu.accounts.models import Address, User

PASSWORD = "open sesame 1"


def alice() -> User:
    """The buyer."""
    return _person("alice")


def bob() -> User:
    """Somebody else, whose things are not alice's."""
    return _person("bob")


def carol() -> User:
    """A third one."""
    return _person("carol")


def operator() -> User:
    """The owner of the shop."""
    return _person("operator", is_staff=True, is_superuser=True)


def address_of(user: User, **other: object) -> Address:
    """Where goods go to `user`: the default address unless `other` says so."""
    given = {
        "name": user.username.title(),
        "phone": "13800000000",
        "region": "陕西省 西安市 莲湖区",
        "street": "西市坊 3 号",
        "is_default": not Address.objects.filter(user=user, is_default=True).exists(),
    }
    return Address.objects.create(user=user, **{**given, **other})


def _person(name: str, **more: object) -> User:
    if found := User.objects.filter(username=name).first():
        return found
    # One round of hashing: a test that signs in checks the password, not how long that takes.
    password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1)
    return User.objects.create(username=name, email=f"{name}@shigu.test", password=password, **more)
