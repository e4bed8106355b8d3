"""What goes wrong, and when: a shuffled deck of accidents, each played before any comes again.

`kill -9` of every process of the fleet (its main process, a child, or all of it), the broker emptied or killed,
the database restarted fast and immediately, the simulator stopped and killed. The seed decides all of it.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial

from redis import Redis
from redis.exceptions import RedisError

from tests.fleet.brokers import HOST
from tests.fleet.chaos.diary import Diary
from tests.fleet.chaos.town import KILLED, Town

Act = Callable[[], None]
BETWEEN = (1.5, 5.0)
"""Seconds from one accident to the next."""


class Mischief:
    """`go_on(seconds)` plays accidents for so long, and where that is long enough each at least once."""

    def __init__(self, town: Town, seed: int, diary: Diary) -> None:
        self.town, self.diary = town, diary
        self.dice = random.Random(f"{seed} mischief")
        self.deck = self._shuffled()
        self.played = 0

    def go_on(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """On a slow machine a little longer."""
        until = time.monotonic() + seconds
        enough = min(len(list(self._cards())), int(seconds / max(BETWEEN)))
        while time.monotonic() < until or self.played < enough:
            time.sleep(self.dice.uniform(*BETWEEN))
            next(self.deck)()
            self.played += 1
            meanwhile()

    def _shuffled(self) -> Iterator[Act]:
        while True:
            deck = list(self._cards())
            self.dice.shuffle(deck)
            yield from deck

    def _cards(self) -> Iterator[Act]:
        for name in KILLED:
            yield partial(self._kill, name)
        yield self._flush
        yield partial(self._away, "redis", None)
        yield partial(self._away, "postgres", signal.SIGINT)
        yield partial(self._away, "postgres", signal.SIGQUIT)
        yield partial(self._away, "simulator", signal.SIGTERM)
        yield partial(self._away, "simulator", None)

    def _kill(self, name: str) -> None:
        how = self.dice.choice(["main", "all", "child"])
        self._note(f"kill -9 {name}", f" ({how})")
        self.town.programs[name].kill(how)

    def _flush(self) -> None:
        self._note("broker flushed")
        try:
            with Redis(HOST, self.town.redis_port, socket_timeout=2) as client:
                client.flushall()
        except RedisError as error:
            self.diary.note(f"it was away: {error}")

    def _away(self, name: str, by: signal.Signals | None) -> None:
        """Ended (killed where no signal is named), away for a moment, started again by the keeper."""
        program, seconds = self.town.programs[name], self.dice.uniform(0.2, 3.0)
        self._note(f"{name} {WORDS[by]}", f", away for {seconds:.1f} s")
        program.hold()
        if by:
            program.end(by, patience=15)
        else:
            program.kill()
        time.sleep(seconds)
        program.release()

    def _note(self, what: str, more: str = "") -> None:
        self.diary.count(f"accident:{what}")
        self.diary.note(what + more)


WORDS = {
    None: "killed",
    signal.SIGTERM: "stopped",
    signal.SIGINT: "restarted (fast)",
    signal.SIGQUIT: "restarted (immediate)",
}
