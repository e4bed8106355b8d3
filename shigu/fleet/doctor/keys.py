"""The secret key, and Alipay's: readable, of two pairs, and believed by Alipay when it is asked something."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from shigu.fleet.doctor.finding import Finding, well, wrong
from shigu.payments.providers.alipay import checks, gateway
from shigu.payments.providers.alipay import keys as alipay

SHORTEST = 40
UNKNOWN_NUMBER = "shigu-doctor-asks"
THERE_IS_NONE = "ACQ.TRADE_NOT_EXIST"


def look() -> Iterator[Finding]:
    """The secret key, then Alipay's."""
    yield _secret_key()
    problems = checks.problems()
    for problem in problems:
        yield wrong("alipay", problem, _("Set the ALIPAY_… names to readable files of your app."))
    if not problems:
        yield from _alipay()


def _secret_key() -> Finding:
    try:
        length = len(settings.SECRET_KEY)
    except ImproperlyConfigured:
        length = 0
    if settings.PRODUCTION and length < SHORTEST:
        todo = _("Make one of at least 50 characters and keep it in SHIGU_SECRET_KEY.")
        return wrong("secret key", _("missing or too short"), todo)
    if not settings.PRODUCTION:
        return well("secret key", _("for trying out; production demands one of its own"))
    return well("secret key", _("%(length)d characters") % {"length": length})


def _alipay() -> Iterator[Finding]:
    try:
        keys = alipay.load()
    except alipay.NoKeys as problem:
        todo = _("Start the demo once, or make them: python -m alipay_simulator init")
        yield wrong("alipay", str(problem), todo)
        return
    if _own_key_given_back(keys):
        todo = _("ALIPAY_PUBLIC_KEY_FILE must hold Alipay's key, not your app's.")
        yield wrong("alipay", _("the public key is the one of our own private key"), todo)
        return
    yield well("alipay", _("keys of two pairs can be read"))
    yield _believed(keys)


def _own_key_given_back(keys: alipay.Keys) -> bool:
    """The mistake that everybody makes once: the app's public key where Alipay's belongs."""
    ours = keys.private.public_key().public_numbers()
    return any(theirs.public_numbers() == ours for theirs in keys.public)


def _believed(keys: alipay.Keys) -> Finding:
    """Ask for a payment that there is not: the right answer shows that both sides' keys match."""
    try:
        reply = gateway.call(keys, "alipay.trade.query", {"out_trade_no": UNKNOWN_NUMBER})
    except gateway.Silence as silence:
        todo = _("Is ALIPAY_GATEWAY right, may this host reach it, are both public keys exchanged?")
        return wrong(
            "alipay", _("no answer to believe: %(why)s") % {"why": str(silence)[:120]}, todo
        )
    if reply.sub_code != THERE_IS_NONE:
        todo = _("Does ALIPAY_APP_ID belong to this private key?")
        return wrong("alipay", _("it answers %(code)s") % {"code": reply.sub_code}, todo)
    return well("alipay", _("it believes our signature, and we believe its own"))
