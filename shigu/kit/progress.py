"""What a person at a terminal sees while something takes long: one line that fills.

`Bar(out).show(done, total)` redraws it; where the output is no terminal, a line is written for each tenth.
"""

from __future__ import annotations

from typing import TextIO

WIDTH = 32


class Bar:
    """A bar on `out`, with a word for what is being counted."""

    def __init__(self, out: TextIO, what: str) -> None:
        self.out, self.what, self._tenth = out, what, -1

    def show(self, done: int, total: int) -> None:
        """Draw it; the last call (done = total) ends the line."""
        full = WIDTH * done // total if total else WIDTH
        line = f"  {'█' * full}{'░' * (WIDTH - full)}  {done:,} / {total:,} {self.what}"
        if self.out.isatty():
            self.out.write(f"\r{line}" + ("\n" if done >= total else ""))
        elif (tenth := 10 * done // total if total else 10) != self._tenth:
            self._tenth = tenth
            self.out.write(f"{line}\n")
        self.out.flush()
