"""What an activity does, in the reader's words: `said(activity)` is "15% off", or "Spend ¥200, save ¥30"."""

from __future__ import annotations

from django.utils.translation import get_language, gettext, pgettext

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind
from shigu.kit.money import Fen, yuan


def said(activity: Running) -> str:
    """One line without the activity's name."""
    match activity.kind:
        case ActivityKind.FREE:
            return gettext("Free of charge")
        case ActivityKind.DISCOUNT:
            return rate(activity.percent)
        case ActivityKind.REDUCTION:
            return gettext("¥%(amount)s off each") % {"amount": short(activity.amount)}
        case ActivityKind.THRESHOLD:
            return " · ".join(_step(least, off) for least, off in activity.steps)
        case ActivityKind.BUNDLE:
            return gettext("Bought together, ¥%(amount)s off") % {"amount": short(activity.amount)}
    return gettext("For students %(rate)s") % {"rate": rate(activity.percent)}


def rate(percent: int) -> str:
    """What is still paid, as each language says it: 85 is "15% off" or 8.5 折."""
    chinese = (get_language() or "").startswith("zh")
    figure = f"{percent / 10:g}" if chinese else f"{100 - percent}%"
    return pgettext("discount", "%(figure)s off") % {"figure": figure}


def short(amount: Fen) -> str:
    """Yuan without fen where there are none."""
    return yuan(amount).removesuffix(".00")


def _step(least: Fen, off: Fen) -> str:
    figures = {"least": short(least), "off": short(off)}
    return gettext("Spend ¥%(least)s, save ¥%(off)s") % figures
