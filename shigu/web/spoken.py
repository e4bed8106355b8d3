"""Times as people say them, in the reader's language and the shop's zone.

`countdown(seconds)` is what a drum or a tick shows, `since(moment, now)` how long ago,
`exact(moment)` the full time for a title, `at(moment, now)` a clock time with as much date as is
needed, `minutes_left(seconds)` the sentence for a screen reader, `span(seconds)` a length of study. A sentence
that such a time was put into goes through `close_up`, since “yesterday” is a figure in no language.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

MINUTE, HOUR, DAY = 60, 3600, 86400

_CHINESE = "\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
_GAP = re.compile(rf"(?<=[{_CHINESE}])((?:<[^<>]*>)*) ((?:<[^<>]*>)*)(?=[{_CHINESE}])")


def close_up(text: str) -> str:
    """No gap between two Chinese words (已于昨天), one between Chinese and figures (已于 16:03).

    Translations are written for figures; tags between the two words are seen through.
    """
    return _GAP.sub(r"\1\2", text)


def countdown(seconds: int) -> str:
    """`10:48`, `02:14:07`, `3d 11:02`; never below zero."""
    left = max(0, seconds)
    days, rest = divmod(left, DAY)
    hours, minutes, ticks = rest // HOUR, rest % HOUR // MINUTE, rest % MINUTE
    if days:
        return f"{days}{day_sign()} {hours:02d}:{minutes:02d}"
    return f"{hours:02d}:{minutes:02d}:{ticks:02d}" if hours else f"{minutes:02d}:{ticks:02d}"


def day_sign() -> str:
    """What stands behind the number of days in a countdown."""
    return pgettext("days, short", "d")


def minutes_left(seconds: int) -> str:
    """What a screen reader hears, coarse enough to be said once a minute."""
    if seconds <= 0:
        return _("Time is up")
    minutes = -(-seconds // MINUTE)
    if minutes == 1:
        return _("Less than a minute left")
    if minutes <= 120:
        return ngettext("%(count)d minute left", "%(count)d minutes left", minutes) % {
            "count": minutes
        }
    return _("%(span)s left") % {"span": _two_units(seconds)}


def since(moment: datetime, now: datetime) -> str:
    """Just now, a moment ago, N minutes ago; from half an hour on (and ahead) the time itself."""
    gone = (now - moment).total_seconds()
    if 0 <= gone < 3 * MINUTE:
        return _("just now")
    if 0 <= gone < 5 * MINUTE:
        return _("a moment ago")
    if 0 <= gone < 30 * MINUTE:
        minutes = int(gone // MINUTE)
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {
            "count": minutes
        }
    return at(moment, now)


def at(moment: datetime, now: datetime, seconds: bool = False) -> str:
    """The clock time; with the day where it is not today, with the year where needed."""
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    clock = date_format(local, "H:i:s" if seconds else "H:i")
    days = (local.date() - today).days
    if days == 0:
        return clock
    if days in (-1, 1):
        named = _("yesterday at %(clock)s") if days < 0 else _("tomorrow at %(clock)s")
        return named % {"clock": clock}
    return f"{day(moment, now)} {clock}"


def day(moment: datetime, now: datetime) -> str:
    """The date alone; the year only where it is another one."""
    local = timezone.localtime(moment)
    if local.year == timezone.localtime(now).year:
        return date_format(local, pgettext("date format within the year", "j M"))
    return date_format(local, pgettext("date format with the year", "j M Y"))


def exact(moment: datetime) -> str:
    """The whole truth, for the hover: `2026-11-21 18:15:03`."""
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s")


def span(seconds: int) -> str:
    """A length of time: `3 h 20 min`, `2 d 4 h`; `1 d` where there is nothing more to say."""
    if seconds >= DAY and not seconds % DAY // HOUR:
        return _("%(days)d d") % {"days": seconds // DAY}
    if DAY > seconds >= HOUR and not seconds % HOUR // MINUTE:
        return _("%(hours)d h") % {"hours": seconds // HOUR}
    return _two_units(seconds)


def _two_units(seconds: int) -> str:
    """The two largest, as the page's script says them, too."""
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // MINUTE
    if days:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes or not seconds:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(seconds)d s") % {"seconds": seconds}
