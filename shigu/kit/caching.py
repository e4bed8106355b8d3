"""Django's caches over a Redis that may go away: no page fails for it.

While it is away `SharedCache` (pages, limits) counts in this process, as a shop without Redis does;
`SessionCache` knows nothing, so that sessions are read from the database, and nothing old is believed. Keys
that changed meanwhile are forgotten first when it is back: who signed out stays signed out.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from shigu.kit import shared
from shigu.kit.shared import away

READS = {"get", "get_many", "has_key"}
UNREADABLE = (
    *(pickle.UnpicklingError, AttributeError, ImportError, EOFError),
    *(LookupError, TypeError, ValueError),
)
"""What an older or newer version of the shop wrote."""

LOCAL = {"KEY_FUNCTION": lambda key, *_: key, "OPTIONS": {"MAX_ENTRIES": 10_000}}

NOTHING: dict[str, Callable[..., Any]] = {
    "get": lambda key, default=None: default,
    "get_many": lambda keys: {},
    "set_many": lambda data, timeout: [],
}


class Own(RedisCacheClient):
    """Clears what is this shop's, and not the whole database: a broker may live beside it."""

    def clear(self) -> bool:
        client = self.get_client(None, write=True)
        for key in client.scan_iter(match=shared.name("*"), count=1000):
            client.delete(key)
        return True


class Client:
    """What Django's `RedisCache` talks to: Redis, or `instead` while that is away."""

    def __init__(self, servers: list[str], **options: Any) -> None:
        self._redis = Own(servers, **{**shared.quick(), **options})

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        return partial(self._ask, verb)

    def _ask(self, verb: str, *args: Any) -> Any:
        if away.is_now:
            return self._without(verb, args)
        try:
            self._make_up()
            return getattr(self._redis, verb)(*args)
        except shared.lost() as error:
            away.happened(error)
            return self._without(verb, args)
        except UNREADABLE:
            if verb not in READS:
                raise
            return self.nothing(verb, *args)

    def _make_up(self) -> None:
        """Before anything is believed: what changed while it was away is forgotten."""
        if keys := away.take_owed():
            try:
                self._redis.delete_many(keys)
            except shared.lost():
                away.owe(keys)
                raise

    def _without(self, verb: str, args: tuple[Any, ...]) -> Any:
        if verb not in READS and args:
            away.owe([args[0]] if isinstance(args[0], str) else list(args[0]))
        return self.instead(verb, *args)

    def instead(self, verb: str, *args: Any) -> Any:
        """What is answered while it is away."""
        return self.nothing(verb, *args)

    def nothing(self, verb: str, *args: Any) -> Any:
        """As if nothing were there."""
        found = NOTHING.get(verb)
        return found(*args) if found else False


class LocalClient(Client):
    """While it is away, this process's own memory."""

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, **options)
        self._local = LocMemCache("while Redis is away", LOCAL)

    def instead(self, verb: str, *args: Any) -> Any:
        return getattr(self._local, verb)(*args)


class SharedCache(RedisCache):
    """For pages and limits."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = LocalClient


class SessionCache(RedisCache):
    """For sessions, which have the database behind them."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client
