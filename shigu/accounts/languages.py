"""The language somebody reads: what they chose last (at sign-up, by switching, in their settings).

Pages follow the browser; this is for what reaches people when no browser is there, like mail.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from shigu.accounts.models import User


def language_of(user: User) -> str:
    """The reader's language; the shop's own for somebody who never chose."""
    return user.language if user.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def remember(user_id: int, language: str) -> bool:
    """Keep what they chose; False for a language that the shop does not speak."""
    if language not in dict(settings.LANGUAGES):
        return False
    with transaction.atomic(durable=True):
        User.objects.filter(pk=user_id).exclude(language=language).update(language=language)
    return True
