"""What happened when, in seconds since the beginning; printed where something is wrong in the end."""

from __future__ import annotations

import threading
import time
from collections import Counter


class Diary:
    """`note` a line; `count` what is only of interest as a number; all from any thread."""

    def __init__(self, *, aloud: bool = False) -> None:
        self.began = time.time()
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self._aloud = aloud
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        line = f"{time.time() - self.began:7.1f} s  {text}"
        with self._lock:
            self.lines.append(line)
            if self._aloud:
                print(line, flush=True)

    def count(self, what: str, times: int = 1) -> None:
        with self._lock:
            self.counts[what] += times

    def counted(self, prefix: str) -> dict[str, int]:
        """All counts under `prefix:`, most first."""
        with self._lock:
            found = [(k, n) for k, n in self.counts.most_common() if k.startswith(f"{prefix}:")]
        return {name.removeprefix(f"{prefix}:"): count for name, count in found}
