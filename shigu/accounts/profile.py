"""What a person tells about themselves: `change` writes it, and nothing of it is required.

Sign-in name and mail are not part of it (those have pages of their own), nor is the picture (`avatars`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from django.db import transaction

from shigu.accounts.models import User


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything a buyer may say, and may leave empty; `greeted` on their birthday, or not."""

    nickname: str = ""
    born_on: date | None = None
    job: str = ""
    city: str = ""
    gender: str = ""
    signature: str = ""
    greeted: bool = True


def change(user_id: int, profile: Profile) -> User:
    """Write the profile; ValidationError where a value does not fit its column."""
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        for name, value in asdict(profile).items():
            setattr(user, name, value)
        user.clean_fields(exclude=_others())
        user.save(update_fields=list(asdict(profile)))
    return user


def _others() -> set[str]:
    own = set(Profile.__slots__)
    return {field.name for field in User._meta.fields} - own
