"""A browser that insists: a lost answer is asked for again, at the other server too, with the same form.

`insist` returns the first answer that says anything. Connections refused or cut, answers that did not come in
time and errors of a server that has lost its database are counted and tried again, as a person would.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Mapping, Sequence

import httpx

from tests.fleet.brokers import HOST
from tests.fleet.chaos.diary import Diary

TOKEN = "Qw7csrfQw7csrfQw7csrfQw7csrfQw7c"
PATIENCE = 20.0
TOO_OFTEN = 2.0


class Gone(Exception):
    """Nobody answered until everybody went home."""


class Browser:
    """One buyer's, with its cookies; `asks` may be used from two threads at once."""

    def __init__(
        self, bases: Sequence[str], session: str, dice: random.Random, diary: Diary
    ) -> None:
        self.bases, self.dice, self.diary = list(bases), dice, diary
        self.closing = threading.Event()
        self._client = httpx.Client(
            trust_env=False,
            timeout=PATIENCE,
            headers={"Accept-Language": "en", "X-CSRFToken": TOKEN},
        )
        for name, value in {"csrftoken": TOKEN, "sessionid": session}.items():
            self._client.cookies.set(name, value, domain=HOST)

    def get(self, path: str) -> httpx.Response:
        return self.insist("GET", path)

    def post(self, path: str, form: Mapping[str, str], *, hasty: bool = False) -> httpx.Response:
        """`hasty`: the first answer is not waited for, and the same is sent again."""
        return self.insist("POST", path, form, hasty=hasty)

    def insist(
        self, verb: str, path: str, form: Mapping[str, str] | None = None, *, hasty: bool = False
    ) -> httpx.Response:
        """The first answer that says anything; `Gone` where none comes at all."""
        patience = 0.03 if hasty else PATIENCE
        while not self.closing.is_set():
            answer = self._try(verb, self._whole(path), form, patience)
            if answer is not None:
                return answer
            patience = PATIENCE
            time.sleep(self.dice.uniform(0.1, 0.6))
        raise Gone(path)

    def close(self) -> None:
        self._client.close()

    def _whole(self, path: str) -> str:
        return path if path.startswith("http") else self.dice.choice(self.bases) + path

    def _try(
        self, verb: str, url: str, form: Mapping[str, str] | None, patience: float
    ) -> httpx.Response | None:
        try:
            answer = self._client.request(verb, url, data=form, timeout=patience)
        except httpx.TransportError as error:
            self.diary.count(f"lost:{type(error).__name__}")
            return None
        if answer.status_code >= 500:
            self.diary.count(f"lost:{answer.status_code}")
            return None
        if answer.status_code == 429:
            self.diary.count("lost:429")
            time.sleep(TOO_OFTEN)
            return None
        return answer


def fields(page: str) -> dict[str, str]:
    """A page's form as a browser would send it, but for what only a click adds."""
    found: dict[str, str] = {}
    for field in re.findall(r"<input[^>]*>", page):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', field))
        if said.get("type") == "radio" and " checked" not in field:
            continue
        if "name" in said:
            found.setdefault(said["name"], said.get("value", ""))
    return found
