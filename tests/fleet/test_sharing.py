"""Several processes over one Redis: limits, sessions, pushes; and what happens while it is away."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.cache import caches
from django.db import connection, transaction

from shigu.kit import caching, hearing, pushing, shared
from shigu.kit.caching import SessionCache, SharedCache
from shigu.kit.pushing import Speaker
from shigu.kit.shared import Away
from tests.fleet.brokers import Server
from tests.fleet.servers import Served, Street, signed_in
from tests.goods import sku, teapot
from tests.people import alice
from tests.web.ordering import placed
from tests.web.test_live import SHOP, heard, listening

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    """A memory of its own of whether Redis is away, which rests only for a moment."""
    fresh = Away()
    monkeypatch.setattr(caching, "away", fresh)
    monkeypatch.setattr(shared, "REST", 0.05)
    return fresh


@pytest.fixture
def paused(redis: tuple[str, Server]) -> Iterator[Callable[[bool], None]]:
    """`paused(True)`: Redis keeps what it has and answers nobody."""
    _, server = redis
    assert server.process

    def pause(stop: bool) -> None:
        assert server.process
        server.process.send_signal(signal.SIGSTOP if stop else signal.SIGCONT)

    yield pause
    pause(False)


def cache(kind: type[SharedCache] | type[SessionCache], url: str) -> Any:
    return kind(url, {"KEY_PREFIX": f"shigu:{time.monotonic_ns()}"})


def test_processes_count_together(redis: tuple[str, Server], away: Away) -> None:
    """What one adds the other counts on; a key is made once."""
    one = cache(SharedCache, redis[0])
    other = SharedCache(redis[0], {"KEY_PREFIX": one.key_prefix})
    assert one.add("limit", 1, 60)
    assert not other.add("limit", 1, 60)
    assert other.incr("limit") == 2
    assert one.get("limit") == 2


def test_while_it_is_away_a_process_counts_for_itself(away: Away) -> None:
    """No error; a limit still limits, and a lock is taken by one."""
    lonely = cache(SharedCache, NOBODY)
    assert lonely.get("page") is None
    lonely.set("page", "<p>", 60)
    assert lonely.get("page") == "<p>"
    assert lonely.add("limit", 1, 60)
    assert not lonely.add("limit", 1, 60)
    assert lonely.incr("limit") == 2
    assert lonely.get_many(["page", "none"]) == {"page": "<p>"}
    assert away.times >= 1


def test_it_is_waited_for_once_and_not_at_each_step(
    redis: tuple[str, Server], paused: Any, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty steps while it hangs cost one time-out."""
    monkeypatch.setattr(shared, "REST", 5.0)
    hanging = cache(SharedCache, redis[0])
    hanging.set("page", 1)
    paused(True)
    began = time.monotonic()
    for _ in range(30):
        hanging.get("page")
    assert time.monotonic() - began < 2
    assert away.times == 1


def test_sessions_believe_nothing_while_it_is_away(away: Away) -> None:
    """They are read from the database then."""
    lonely = cache(SessionCache, NOBODY)
    lonely.set("session", {"user": 1})
    assert lonely.get("session") is None
    assert lonely.get_many(["session"]) == {}
    assert lonely.delete("session") is False


@pytest.mark.parametrize("owing", [True, False], ids=["owing", "control"])
def test_who_signed_out_meanwhile_stays_signed_out(
    redis: tuple[str, Server],
    paused: Any,
    away: Away,
    monkeypatch: pytest.MonkeyPatch,
    owing: bool,
) -> None:
    """A key deleted while it hung is gone when it is back; without owing it would be believed again."""
    if not owing:
        monkeypatch.setattr(away, "owe", lambda keys: None)
    sessions = cache(SessionCache, redis[0])
    sessions.set("session", {"user": 1})
    monkeypatch.setattr(shared, "REST", 0.5)
    paused(True)
    sessions.get("another")
    sessions.delete("session")
    paused(False)
    time.sleep(0.8)
    assert (sessions.get("session") is None) is owing


def test_what_another_version_wrote_is_nothing(redis: tuple[str, Server], away: Away) -> None:
    """Bytes that cannot be read are a miss, and no error page."""
    held = cache(SharedCache, redis[0])
    held._cache._redis.get_client().set(held.make_key("page"), b"\x80junk")
    assert held.get("page") is None


def test_clearing_leaves_the_broker_alone(redis: tuple[str, Server], away: Away) -> None:
    """Only keys of this shop go."""
    held = cache(SharedCache, redis[0])
    client = held._cache._redis.get_client()
    client.set("celery-queue", "work")
    held.set("page", 1)
    held.clear()
    assert held.get("page") is None
    assert client.get("celery-queue") == b"work"


def test_a_session_lives_on_without_redis(clone: str, away: Away) -> None:
    """Django's own cached_db over it: written, read and ended while it is away."""
    store = SessionStore()
    store._cache = cache(SessionCache, NOBODY)
    store["basket"] = 3
    store.save()
    again = SessionStore(store.session_key)
    again._cache = store._cache
    assert again["basket"] == 3
    again.flush()
    gone = SessionStore(store.session_key)
    gone._cache = store._cache
    assert "basket" not in gone


def test_nothing_is_said_without_redis(db: None, settings: Any) -> None:
    """A small shop registers nothing at commit."""
    settings.REDIS_URL = ""
    with transaction.atomic():
        before = len(connection.run_on_commit)
        pushing.changed("order", [1])
        assert len(connection.run_on_commit) == before


def test_what_is_rolled_back_is_not_said(
    clone: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only commits speak."""
    settings.REDIS_URL = NOBODY
    said: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(pushing.speaker, "say", lambda what, ids: said.append((what, ids)))
    with transaction.atomic():
        pushing.changed("order", [1])
        transaction.set_rollback(True)
    with transaction.atomic():
        pushing.changed("order", [2])
        assert said == []
    assert said == [("order", [2])]


def test_a_redis_that_hangs_delays_nobody(
    redis: tuple[str, Server], paused: Any, settings: Any
) -> None:
    """Speaking takes no time; what was not said is counted, and later words are said again."""
    settings.REDIS_URL = redis[0]
    speaker = Speaker()
    paused(True)
    began = time.monotonic()
    for number in range(2000):
        speaker.say("order", [number])
    assert time.monotonic() - began < 0.5
    _until(lambda: speaker.lost > 0)
    paused(False)
    said = speaker.said

    def heard_again() -> bool:
        speaker.say("order", [1])
        time.sleep(0.1)
        return speaker.said > said

    _until(heard_again)


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        (b"[3, 1]", {1, 3}),
        (b"junk", set()),
        (b"7", set()),
        (b'["x", true, 2]', {2}),
        (b"{}", set()),
    ],
)
def test_only_ids_are_heard(message: bytes, ids: set[int]) -> None:
    """Whatever else comes over the line changes nothing."""
    assert hearing.read(message) == ids


def test_two_web_and_two_event_processes(street: Street, redis: tuple[str, Server]) -> None:
    """An order cancelled at either web process is heard at once at both event processes.

    They look at everything only every five seconds, so it is the push that is heard. The control: a web
    process without Redis pushes nothing, and its change is heard with the next look.
    """
    shares = {"SHIGU_REDIS_URL": redis[0]}
    streams = [street.events(**shares) for _ in range(2)]
    pages = [street.pages(**shares), street.pages(**shares), street.pages()]
    for served in pages[:2]:
        assert max(_cancelled_after(served, streams)) < 2.5
    control = (max(_cancelled_after(pages[2], streams)) for _ in range(5))
    assert any(2.5 < took < 12 for took in control)


def test_limits_and_sessions_are_shared(street: Street, redis: tuple[str, Server]) -> None:
    """Twenty placings a minute, whichever process they reach; pages stand when Redis is gone."""
    shares = {"SHIGU_REDIS_URL": redis[0]}
    pages = [street.pages(**shares) for _ in range(2)]
    with signed_in(alice()) as browser:
        statuses = [
            browser.post(f"{pages[n % 2].url}/confirm/place/", data={"items": ""}).status_code
            for n in range(42)
        ]
        assert 429 in statuses
        assert statuses.index(429) <= 40  # two windows at most
        redis[1].kill()
        try:
            for served in pages:
                began = time.monotonic()
                assert browser.get(f"{served.url}/me/").status_code == 200
                assert time.monotonic() - began < 10
        finally:
            redis[1].start()
        assert '"redis.away"' in pages[0].said


@pytest.mark.parametrize("way", ["alone", "redis", "control"])
def test_who_signed_out_at_one_is_out_at_the_other(
    street: Street, redis: tuple[str, Server], way: str
) -> None:
    """Whoever kept the cookie is a stranger everywhere; the control's processes believe what they remember."""
    ways = {
        "alone": {},
        "redis": {"SHIGU_REDIS_URL": redis[0]},
        "control": {"DJANGO_SETTINGS_MODULE": "tests.fleet.remembering"},
    }
    one, other = (street.pages(**ways[way]) for _ in range(2))
    with signed_in(alice()) as browser:
        for served in (one, other):
            assert browser.get(f"{served.url}/me/").status_code == 200
        kept = {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME]}
        assert browser.post(f"{one.url}/accounts/logout/").status_code == 302
    assert one.get("/me/", cookies=kept).status_code == 302
    assert other.get("/me/", cookies=kept).status_code == (200 if way == "control" else 302)


def _cancelled_after(web: Served, streams: list[Served]) -> list[float]:
    """Seconds from the answer to the click until each event process tells it."""
    from shigu.orders import watching

    order = placed(alice(), (sku(teapot()), 1))
    ticket = watching.sign(order.user_id, [order.pk], origin=SHOP)
    one, other = (listening(f"{served.url}/events/{ticket}") for served in streams)
    with one as first, other as second, signed_in(alice()) as browser:
        for fields in (first, second):
            assert heard(fields)["state"] == "unpaid"
        answer = browser.post(f"{web.url}/me/orders/{order.number}/cancel")
        assert answer.status_code == 302
        began = time.monotonic()
        took = []
        for fields in (first, second):
            assert heard(fields) == {"subject": order.number, "state": "cancelled"}
            took.append(time.monotonic() - began)
    return took


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.02)


def test_without_redis_each_process_keeps_its_own() -> None:
    """The default: as a small shop has it."""
    assert "locmem" in type(caches["default"]).__module__
    assert "locmem" in type(caches["sessions"]).__module__
    assert settings.SESSION_ENGINE == "django.contrib.sessions.backends.db"
