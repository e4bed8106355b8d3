"""The back office as an operator sees it in tests: signed in, plain files, forms as they are typed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localtime

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions.models import Session
from tests.auctions.sale import HOUR

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def plain_files(settings: Any) -> None:
    """Pages are looked at here without collected files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]


def operator() -> User:
    """May do everything."""
    given = {"is_staff": True, "is_superuser": True, "email": "operator@shigu.test"}
    return User.objects.get_or_create(username="operator", defaults=given)[0]


def office(user: User | None = None, language: str = "en") -> Client:
    """Signed in, reading this language."""
    client = Client(headers={"accept-language": language})
    client.force_login(user or operator(), BACKEND)
    return client


def clerk(*rights: str) -> User:
    """Staff with these rights only."""
    user = User.objects.create(username="clerk", email="clerk@shigu.test", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def page(name: str, *args: object) -> str:
    """The address of a page of the back office."""
    return reverse(f"admin:auctions_{name}", args=args)


def typed(moment: datetime) -> str:
    """As a browser's picker sends it."""
    return localtime(moment).strftime("%Y-%m-%dT%H:%M:%S")


def words_of(answer: Any) -> str:
    """What was said at the top of the next page."""
    return " ".join(str(one) for one in get_messages(answer.wsgi_request))


def a_session(**other: Any) -> dict[str, Any]:
    """The composer's form, filled in rightly but for what a test says."""
    now = clock.now()
    times = {
        "preview_from": typed(now + HOUR),
        "preview_until": typed(now + 2 * HOUR),
        "opens_at": typed(now + 3 * HOUR),
        "closes_at": typed(now + 4 * HOUR),
    }
    words = {"name_zh": "秋拍", "name_en": "Autumn sale", "slug": "autumn-sale", "tone": "mo"}
    figures = {"stagger": "60", "preset": "soft", "deposit": "1000", "pay_seconds": "86400"}
    soft = {"soft_window": "1", "soft_extension": "2", "most_extensions": "3", "wild_steps": "20"}
    return {**words, **times, **figures, **soft, **other}


def as_typed(session: Session, **other: Any) -> dict[str, Any]:
    """The form as it stands for a session, but for what is typed anew."""
    names = ("name_zh", "name_en", "slug", "tone", "stagger", "pay_seconds", "wild_steps")
    soft = ("soft_window", "soft_extension", "most_extensions")
    times = ("preview_from", "preview_until", "opens_at", "closes_at")
    return {
        **{name: getattr(session, name) for name in (*names, *soft)},
        **{name: typed(getattr(session, name)) for name in times},
        "deposit": session.deposit // 100,
        "preset": "own",
        **other,
    }


def a_lot(**other: Any) -> dict[str, Any]:
    """The form of a lot."""
    given = {"name_zh": "青瓷杯", "name_en": "Celadon cup", "start_price": "10", "deposit": "100"}
    steps = {"steps_from": ["0", "100"], "steps_step": ["1", "5"]}
    return {**given, **steps, "rows": "年代 | Period | 清 | Qing\n高 | 8 cm", **other}
