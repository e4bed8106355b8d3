"""What a shop must have before it opens, as system checks: `shigu check` runs them, `serve` obeys them.

E101 no secret key of its own · E102 hosts are not named · E103 no https · E104 buyers are sent to an
address that is not https. Registries without a handler are `shigu.E001`; payments and the clock have theirs.
"""

from __future__ import annotations

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from shigu.kit.registry import check_registries

SHORTEST_KEY = 40
MADE_WITH = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"

register(check_registries)


@register()
def production_is_set_up(**_: object) -> list[CheckMessage]:
    """In production nothing may be left at what is handy for trying out."""
    if not settings.PRODUCTION:
        return []
    found: list[CheckMessage] = []
    if len(_secret_key()) < SHORTEST_KEY:
        hint = f"Make one with {MADE_WITH} and keep it."
        found.append(Error("SHIGU_SECRET_KEY is missing or too short.", hint=hint, id="shigu.E101"))
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        hint = "Name them, separated by commas: SHIGU_HOSTS=shop.example.com"
        found.append(Error("SHIGU_HOSTS must name this shop.", hint=hint, id="shigu.E102"))
    if not settings.SECURE_COOKIES:
        hint = "Cookies would travel in the clear; behind a proxy set SHIGU_BEHIND_PROXY=1 as well."
        found.append(Error("SHIGU_HTTPS=0 has no place in production.", hint=hint, id="shigu.E103"))
    if not settings.SITE_URL.startswith("https://"):
        hint = "Payment providers and mails send people there: SHIGU_URL=https://shop.example.com"
        found.append(Error("SHIGU_URL must be an https address.", hint=hint, id="shigu.E104"))
    return found


def _secret_key() -> str:
    """Django itself refuses to read an empty one."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""
