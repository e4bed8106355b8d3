"""The simulator's own clock, and Beijing time as Alipay writes it.

Everything inside is epoch seconds (float) of `Clock.now()`; only what goes over the wire or onto a page
is written with `stamp`. The clock can be moved by an offset so that windows of minutes or months can be
crossed in a test.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass
class Clock:
    offset: float = 0.0

    def now(self) -> float:
        return time.time() + self.offset


def moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, BEIJING)


def stamp(epoch: float) -> str:
    return moment(epoch).strftime(STAMP)


def stamp_ms(epoch: float) -> str:
    return moment(epoch).strftime(STAMP + ".%f")[:-3]


def read_stamp(text: str, *, minutes_too: bool = False) -> float | None:
    """Epoch seconds of a `yyyy-MM-dd HH:mm:ss` in Beijing, None when it is not one."""
    for form in (STAMP, "%Y-%m-%d %H:%M") if minutes_too else (STAMP,):
        try:
            return datetime.strptime(text, form).replace(tzinfo=BEIJING).timestamp()
        except ValueError:
            continue
    return None


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp()


def end_of_day(epoch: float) -> float:
    return midnight(moment(epoch).date() + timedelta(days=1))
