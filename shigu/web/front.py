"""The inside of the home page, built beforehand for each language: `front(request, now)`.

The clock builds it every five minutes (`rebuild`) into a cache that all processes share: Redis, or files on
this machine. It holds nothing of a reader, so students, whose prices are their own, get one built for them.
What an activity's start or end has overtaken, or nobody has rebuilt for `HOME_KEPT`, is built by whoever asks.
What is under the hammer moves with every bid: it is read for each reader and put where `HAMMER` stands.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import caches
from django.db.models import Min, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.catalogue import activities, lists
from shigu.catalogue.models import Activity, Kind
from shigu.kit.caching import UNREADABLE
from shigu.web.labels import Labels, labels
from shigu.web.lot_cards import on_home
from shigu.web.strip import strip

EDITION = 2
"""Raised when what is kept changes its shape."""

HAMMER = "<!--hammer-->"

log = structlog.get_logger(__name__)


def front(request: HttpRequest, now: datetime) -> SafeString:
    """What the reader sees between the head and the foot of the home page."""
    hammer = render_to_string("web/shop/_hammer.html", {"auctions": on_home(now), "now": now})
    return mark_safe(_quiet(request, now).replace(HAMMER, hammer, 1))  # both are our own templates


def _quiet(request: HttpRequest, now: datetime) -> SafeString:
    """All of it that stands still for a while."""
    if request.user.is_authenticated and request.user.is_student:
        return _built(labels(request, now), now)
    return _kept(now) or _keep(now)


@clock.every("*/5 * * * *", name="web.rebuild_home", title=_("Home page"))
def rebuild(*, now: datetime) -> int:
    """Build it anew in every language; how many."""
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            _keep(now)
    return len(settings.LANGUAGES)


def _keep(now: datetime) -> SafeString:
    """Built for everybody, in the language that is active, and kept until it is overtaken."""
    built, kept = _built(Labels(activities.running(now)), now), settings.HOME_KEPT
    if kept:
        until = min([now + kept, *_changes(now)])
        try:
            caches["built"].set(_key(), (str(built), now, until), 2 * kept.total_seconds())
        except OSError as error:
            log.warning("web.front_not_kept", error=str(error))
    return built


def _kept(now: datetime) -> SafeString | None:
    """What was built before, where it still holds."""
    if not settings.HOME_KEPT:
        return None
    try:
        html, since, until = caches["built"].get(_key()) or ("", now, now)
    except (*UNREADABLE, OSError, zlib.error):
        return None
    return mark_safe(html) if since <= now < until else None  # our own template wrote it


def _key() -> str:
    """By language, and by what it is dressed with: a newer version of the shop builds its own."""
    dress = getattr(staticfiles_storage, "manifest_hash", "")
    return f"home:{EDITION}:{dress}:{translation.get_language()}"


def _changes(now: datetime) -> list[datetime]:
    """When the next activity starts and the next one ends."""
    ahead = Activity.objects.filter(ends_at__gt=now)
    found: dict[str, Any] = ahead.aggregate(
        starts=Min("starts_at", filter=Q(starts_at__gt=now)), ends=Min("ends_at")
    )
    return [moment for moment in found.values() if moment]


def _built(priced: Labels, now: datetime) -> SafeString:
    goods = priced.of_offers(lists.hottest(Kind.GOODS, 5))
    context = {
        "now": now,
        "shop": {"pay_window": int(settings.PAY_WINDOW / timedelta(seconds=1))},
        "strip": strip(priced, now),
        "first": goods[0] if goods else None,
        "goods": goods[1:],
        "courses": priced.of_offers(lists.hottest(Kind.COURSE, 4)),
        "fresh": priced.of_offers(lists.newest(4)),
    }
    return render_to_string("web/shop/_front.html", context)
