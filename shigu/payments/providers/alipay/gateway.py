"""One signed request to Alipay's gateway, and the only two things that may come of it.

`call(keys, method, content)` gives a `Reply` whose signature was verified, or raises `Silence`: no
answer, no JSON, no or a wrong signature, too much, too late. Which of these, operators read; the shop treats
them alike, because each may hide that the request was carried out. `address` signs a page for a browser.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import httpx
from django.conf import settings

from shigu import clock
from shigu.payments.providers.alipay.keys import Keys
from shigu.payments.providers.alipay.signing import sign, signed_node, verify

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
STAMP = "%Y-%m-%d %H:%M:%S"
MOST_BYTES = 1024 * 1024

_making = threading.Lock()
logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells every address, a bill's among them
SUCCESS = "10000"
REFUSED = "40004"


class Silence(Exception):
    """Nothing that can be believed was heard."""


@dataclass(frozen=True)
class Reply:
    """A verified answer: its code, the reason of a refusal, its fields."""

    code: str
    sub_code: str
    fields: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.code == SUCCESS

    @property
    def said(self) -> str:
        """Code and reason, for operators."""
        return f"{self.code} {self.sub_code}".strip()[:200]

    def text(self, name: str) -> str:
        """A field as text; empty when it is absent or no text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


def call(keys: Keys, method: str, content: Mapping[str, object]) -> Reply:
    """Send one request and believe only a signed answer; `Silence` otherwise."""
    body = post(settings.ALIPAY_GATEWAY, _signed(keys, method, content))
    name = method.replace(".", "_") + "_response"
    node, sign = signed_node(body, name), _signature(body)
    if node is None or not sign:
        raise Silence(f"unsigned: {_beginning(body)}")
    if not verify(keys.public, node, sign):
        raise Silence("the answer's signature is wrong")
    fields = _object(node)
    return Reply(str(fields.get("code", "")), str(fields.get("sub_code", "")), fields)


def address(keys: Keys, method: str, content: Mapping[str, object], **common: str) -> str:
    """Where a browser goes, with everything signed in it."""
    return f"{settings.ALIPAY_GATEWAY}?{urlencode(_signed(keys, method, content, **common))}"


def stamp(moment: datetime) -> str:
    """Beijing time to the second, as Alipay writes it."""
    return moment.astimezone(BEIJING).strftime(STAMP)


def _signed(
    keys: Keys, method: str, content: Mapping[str, object], **common: str
) -> dict[str, str]:
    params = common | {
        "app_id": keys.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": stamp(clock.now()),
        "version": "1.0",
        "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
    }
    return params | {"sign": sign(keys.private, params)}


def post(url: str, form: dict[str, str]) -> bytes:
    """The whole body of the answer, within the time-out for everything together."""
    return fetch("POST", url, most=MOST_BYTES, data=form)


def fetch(method: str, url: str, *, most: int, data: dict[str, str] | None = None) -> bytes:
    """Like `post`, for any method; an answer other than 200 is silence."""
    limit = settings.ALIPAY_TIMEOUT.total_seconds()
    until = time.monotonic() + limit
    try:
        with _client().stream(method, url, data=data, timeout=limit) as response:
            if response.status_code != httpx.codes.OK:
                raise Silence(f"HTTP {response.status_code}")
            return b"".join(_chunks(response, until, most))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as problem:
        raise Silence(type(problem).__name__) from problem


def _chunks(response: httpx.Response, until: float, most: int) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > most:
            raise Silence("the answer is too long")
        if time.monotonic() > until:
            raise Silence("the answer takes too long")
        yield chunk


def _client() -> httpx.Client:
    """One pool of connections a process; the environment's proxies and redirects are not for money."""
    with _making:
        return _client_of(os.getpid())


@lru_cache(maxsize=1)
def _client_of(process: int) -> httpx.Client:
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=20)
    client = httpx.Client(trust_env=False, follow_redirects=False, limits=limits)
    atexit.register(client.close)
    return client


def _signature(body: bytes) -> str:
    signature = _object(body).get("sign")
    return signature if isinstance(signature, str) else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise Silence("the answer is not JSON") from problem
    return read if isinstance(read, dict) else {}


def _beginning(body: bytes) -> str:
    """The reason in an unsigned error, if there is one: shown to operators, believed by nobody."""
    told = _object(body).get("error_response")
    return str(told.get("sub_code", ""))[:80] if isinstance(told, dict) else "no node"
