"""People with browsers: so many at once, each on an errand, over real HTTP, a connection for every request.

`surf` is a crew's role. An errand belongs to one person, who is signed in, and is a list of asks, one after
the other; whoever is done takes the next errand. An answer that nobody expected ends the benchmark.
"""

from __future__ import annotations

import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from shigu.bench.crew import Answer

TOKEN = "Qw7csrfQw7csrfQw7csrfQw7csrfQw7c"
PATIENCE = 30.0
FORM = "application/x-www-form-urlencoded"

Ask = tuple[str, str, str, int]
"""Verb, path, body as it is sent, and the status that is expected."""

Errand = dict[str, Any]
"""`session` of the person (empty: nobody) and `asks`."""


def errand(session: str, *asks: Ask) -> Errand:
    """What one person does."""
    return {"session": session, "asks": asks}


def surf(job: dict[str, Any]) -> Answer:
    """All errands of the job by `clients` at once, each answer's milliseconds, and how each errand ended."""
    walk = partial(_walk, job["port"])
    with ThreadPoolExecutor(job["clients"]) as crowd:
        began = time.monotonic()
        walks = list(crowd.map(walk, job["errands"]))
        ended = time.monotonic()
    waited = [round(ms, 3) for walk in walks for ms in walk["waited"]]
    return {
        "began": began,
        "ended": ended,
        "waited": waited,
        "ends": [walk["end"] for walk in walks],
        "wrong": [walk["wrong"] for walk in walks if walk["wrong"]],
    }


def _walk(port: int, errand: Errand) -> dict[str, Any]:
    waited: list[float] = []
    end: dict[str, Any] = {}
    for verb, path, body, expected in errand["asks"]:
        began = time.monotonic()
        status, where, page = _ask(port, errand["session"], verb, path, body)
        waited.append((time.monotonic() - began) * 1000)
        if status != expected:
            said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))[-400:]
            wrong = f"{verb} {path}: {status} {where}, not {expected}: {said}"
            return {"waited": waited, "end": end, "wrong": wrong}
        end = {"location": where, "fields": fields(page) if verb == "GET" else {}}
    return {"waited": waited, "end": end, "wrong": ""}


def _ask(port: int, session: str, verb: str, path: str, body: str) -> tuple[int, str, str]:
    """Status, where it leads, the page."""
    headers = {"Connection": "close", "User-Agent": "bench"}
    if session:
        headers |= {"Cookie": f"sessionid={session}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN}
    if verb == "POST":
        headers["Content-Type"] = FORM
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        talk.request(verb, path, body=body or None, headers=headers)
        answer = talk.getresponse()
        page = answer.read().decode(errors="replace")
        return answer.status, answer.headers.get("Location", ""), page
    finally:
        talk.close()


def fields(page: str) -> dict[str, str]:
    """What a browser would send of a page's form if nobody touched it."""
    found: dict[str, str] = {}
    for field in re.findall(r"<input[^>]*>", page):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', field))
        untouched = said.get("type") in {"radio", "checkbox"} and " checked" not in field
        if "name" in said and not untouched:
            found.setdefault(said["name"], said.get("value", ""))
    return found
