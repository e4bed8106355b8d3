"""Whom a coupon is for when it is given to many: everybody, students, or a list that somebody pasted.

`people(audience)` is everybody who may sign in and is meant; `listed(text)` makes ids of user names, mail
addresses and ids, and refuses with the ones that nobody has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from shigu.accounts.models import User
from shigu.promotions.errors import PeopleUnknown, TooManyListed
from shigu.promotions.models import Audience

MOST = 10_000
SHOWN = 10

_GAPS = re.compile(r"[\s,;，；、]+")
_ID = re.compile(r"[0-9]{1,18}")


def people(audience: Audience, ids: Iterable[int] = ()) -> QuerySet[User]:
    """Active people of an audience; `ids` are those on the list."""
    found = User.objects.filter(is_active=True)
    if audience == Audience.STUDENTS:
        return found.filter(is_student=True)
    return found.filter(pk__in=list(ids)) if audience == Audience.LISTED else found


def listed(text: str) -> list[int]:
    """Ids of the people that a list names, each once, rising. PeopleUnknown names those it cannot find."""
    asked = list(dict.fromkeys(filter(None, _GAPS.split(text.replace("\0", " ")))))
    if len(asked) > MOST:
        raise TooManyListed(most=MOST)
    known = _known(asked)
    if missing := [name for name in asked if name.lower() not in known and name not in known]:
        more = ["…"] if len(missing) > SHOWN else []
        raise PeopleUnknown(names=", ".join([f"“{name[:60]}”" for name in missing[:SHOWN]] + more))
    return sorted({known.get(name) or known[name.lower()] for name in asked})


def _known(asked: list[str]) -> dict[str, int]:
    """Ids by what people may be called by; a user name wins over a mail address, that over an id."""
    mails = [name.lower() for name in asked if "@" in name]
    ids = [int(name) for name in asked if _ID.fullmatch(name)]
    rows = list(
        User.objects.annotate(mail=Lower("email"))
        .filter(Q(username__in=asked) | Q(mail__in=mails) | Q(pk__in=ids), is_active=True)
        .values_list("pk", "mail", "username")
    )
    by_id = {str(pk): pk for pk, _, _ in rows}
    by_mail = {mail: pk for pk, mail, _ in rows if mail}
    return by_id | by_mail | {name: pk for pk, _, name in rows}
