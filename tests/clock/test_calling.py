"""The outside is called without a transaction, at least once; an old claim's answer is dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django.db
import pytest
from django.db import connection, transaction
from django.db.models import Q

from shigu import clock
from shigu.clock import lateness, status
from shigu.clock.drain import drain, drain_all
from shigu.clock.kinds import Calls
from shigu.clock.models import Quarantine
from shigu.kit.breakpoints import at
from tests.clock.bells import Question
from tests.clock.conftest import Tower

LEASE = timedelta(seconds=60)
RETRY = clock.Backoff(first=timedelta(seconds=5), factor=2, most=timedelta(minutes=10))


class Outside:
    """A provider that answers what it is told to, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.in_transaction: set[bool] = set()
        self.errors: list[Exception | None] = []

    def answer(self, question: Question) -> str:
        self.asked.append((question.pk, question.asks))
        self.in_transaction.add(connection.in_atomic_block)
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        return f"answer {question.asks}"


def record(pk: int, answer: str, *, tries: int) -> None:
    """Write the answer down where the row is still at this try."""
    with transaction.atomic(durable=True):
        question = Question.objects.select_for_update(no_key=True).get(pk=pk)
        clock.StaleClaim.unless(question.asks == tries)
        Question.objects.filter(pk=pk).update(state="done", answer=answer)


@pytest.fixture
def outside(tower: Tower) -> Outside:
    return declare(Outside())


def declare(provider: Outside, recorder: Any = record, **options: Any) -> Outside:
    options = {"lease": LEASE, "retry": RETRY, "name": "bells.ask"} | options
    ask: Calls[Question, str] = clock.calls(
        Question, due="ask_at", tries="asks", among=Q(state="open"), **options
    )(provider.answer)
    ask.records(recorder)
    return provider


def put(count: int = 1) -> list[int]:
    due = clock.now() - timedelta(seconds=1)
    return [q.pk for q in Question.objects.bulk_create(Question(ask_at=due) for _ in range(count))]


def test_asked_and_written_down(outside: Outside) -> None:
    """Every due question is asked once, with no transaction open, and its answer kept."""
    put(20)
    done = drain("bells.ask")
    assert (done.claimed, done.affected, done.failed) == (20, 20, 0)
    assert outside.in_transaction == {False}
    assert {tries for _, tries in outside.asked} == {1}
    assert Question.objects.filter(state="done", answer="answer 1").count() == 20


def test_calls_run_together_but_bounded(outside: Outside, tower: Tower) -> None:
    """Slow calls overlap, never more than `at_once` of them."""
    going, most, lock = 0, 0, threading.Lock()

    def slow(_question: Question) -> str:
        nonlocal going, most
        with lock:
            going += 1
            most = max(most, going)
        time.sleep(0.3)
        with lock:
            going -= 1
        return "x"

    outside.answer = slow  # type: ignore[method-assign]
    ask = clock.calls(
        Question, due="ask_at", tries="asks", among=Q(state="open"), at_once=3, name="bells.slow"
    )(slow)
    ask.records(record)
    put(9)
    started = time.monotonic()
    drain("bells.slow")
    assert most == 3
    assert time.monotonic() - started < 9 * 0.3


def test_an_error_is_not_known_and_is_tried_again(outside: Outside) -> None:
    """A call that raises leaves the row open, due after the backoff, and remembers the error."""
    outside.errors = [ConnectionError("refused")]
    put(1)
    assert drain("bells.ask").failed == 1
    question = Question.objects.get()
    assert question.ask_at is not None
    wait = (question.ask_at - clock.now()).total_seconds()
    assert question.state == "open"
    assert 3 < wait <= 5
    assert drain("bells.ask").claimed == 0
    with clock.shifted(timedelta(seconds=6)):
        assert drain("bells.ask").affected == 1
    assert outside.asked == [(question.pk, 1), (question.pk, 2)]
    assert not Quarantine.objects.exists()


def test_shown_to_operators_after_five_failures(outside: Outside) -> None:
    """Failures are shown from the fifth on, and the row is still tried."""
    put(1)
    outside.errors = [ConnectionError("refused")] * 5
    for n in range(5):
        assert status.of(clock.kinds.find("bells.ask")).set_aside == 0
        with clock.shifted(timedelta(hours=n)):
            drain("bells.ask")
    assert Quarantine.objects.get().attempts == 5
    assert status.of(clock.kinds.find("bells.ask")).set_aside == 1
    with clock.shifted(timedelta(hours=9)):
        assert drain("bells.ask").affected == 1
    assert not Quarantine.objects.exists()


def undecided(after: timedelta | None) -> Callable[..., None]:
    def recorder(pk: int, answer: str, *, tries: int) -> None:
        raise clock.Again(after=after)

    return recorder


def wait_of_the_only() -> float:
    asked = Question.objects.get().ask_at
    assert asked is not None
    return (asked - clock.now()).total_seconds()


def test_again_at_its_own_time_is_no_failure(outside: Outside) -> None:
    """`Again(after=...)` puts the row off by that and forgets failures before it."""
    outside.errors = [ConnectionError("refused")]
    clock.kinds.find("bells.ask").record = undecided(timedelta(seconds=90))  # type: ignore[attr-defined]
    put(1)
    drain("bells.ask")
    assert Quarantine.objects.exists()
    with clock.shifted(timedelta(seconds=6)):
        done = drain("bells.ask")
        assert 85 < wait_of_the_only() <= 90
    assert (done.claimed, done.affected, done.failed) == (1, 0, 0)
    assert not Quarantine.objects.exists()


def test_again_without_a_time_is_a_try_that_failed(outside: Outside) -> None:
    """`Again` alone waits by the backoff and is counted: what nobody answers is shown in the end."""
    clock.kinds.find("bells.ask").record = undecided(None)  # type: ignore[attr-defined]
    put(1)
    for n in range(5):
        with clock.shifted(timedelta(hours=n)):
            assert drain("bells.ask").failed == 1
            assert 0.75 * 5 * 2**n < wait_of_the_only() <= 5 * 2**n
    entry = Quarantine.objects.get()
    assert (entry.attempts, entry.shown) == (5, True)


def test_the_answer_of_an_old_claim_is_dropped(outside: Outside) -> None:
    """A call that outlives its lease is claimed anew; its late answer changes nothing."""
    put(1)
    order = iter(["first", "second"])

    def answered() -> None:
        if next(order, "") == "first":
            with clock.shifted(LEASE * 2):
                drain("bells.ask")  # somebody else's drain, in this thread

    with at("clock.call.answered", answered):
        done = drain("bells.ask")
    assert Question.objects.get().answer == "answer 2"
    assert [tries for _, tries in outside.asked] == [1, 2]
    assert (done.affected, done.failed) == (0, 0)


def test_without_the_check_the_old_answer_wins(outside: Outside) -> None:
    """Negative control: a recorder that does not look at the try writes the old answer."""

    def careless(pk: int, answer: str, *, tries: int) -> None:
        Question.objects.filter(pk=pk).update(state="done", answer=answer)

    clock.kinds.find("bells.ask").record = careless  # type: ignore[attr-defined]
    put(1)
    order = iter(["first", "second"])

    def answered() -> None:
        if next(order, "") == "first":
            with clock.shifted(LEASE * 2):
                drain("bells.ask")

    with at("clock.call.answered", answered):
        drain("bells.ask")
    assert Question.objects.get().answer == "answer 1"


def test_a_late_failure_of_an_old_claim_changes_nothing(outside: Outside) -> None:
    """An old claim that ends in an error neither moves the row nor counts."""
    put(1)
    order = iter(["first", "second"])

    def answered() -> None:
        if next(order, "") == "first":
            with clock.shifted(LEASE * 2):
                drain("bells.ask")
            raise ConnectionError("cut off")

    with at("clock.call.answered", answered):
        drain("bells.ask")
    assert Question.objects.get().answer == "answer 2"
    assert not Quarantine.objects.exists()


def test_killed_between_claim_and_call(outside: Outside) -> None:
    """A process that dies with a row in hand loses nothing: it is asked when the lease is over."""

    def die() -> None:
        raise KeyboardInterrupt

    [pk] = put(1)
    with at("clock.call.claimed", die), pytest.raises(KeyboardInterrupt):
        drain("bells.ask")
    assert drain("bells.ask").claimed == 0
    with clock.shifted(LEASE + timedelta(seconds=1)):
        assert drain("bells.ask").affected == 1
    assert outside.asked == [(pk, 2)]


def test_two_drainers_ask_each_question_once(outside: Outside) -> None:
    """Two drainers at once claim different questions."""
    put(60)
    threads = [threading.Thread(target=drain_apart) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outside.asked) == len(set(outside.asked)) == 60


def drain_apart() -> None:
    drain("bells.ask", budget=20)
    connection.close()


def test_an_answer_is_written_again_after_a_deadlock(outside: Outside) -> None:
    """A known answer survives a deadlock in its recorder: the outside is not asked again."""
    fails = iter([True, True])

    def shaky(pk: int, answer: str, *, tries: int) -> None:
        if next(fails, False):
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'd' USING ERRCODE = '40P01'; END $$")
        record(pk, answer, tries=tries)

    clock.kinds.find("bells.ask").record = shaky  # type: ignore[attr-defined]
    put(1)
    assert drain("bells.ask").affected == 1
    assert len(outside.asked) == 1


def test_a_recorder_that_breaks_counts_as_a_failure(outside: Outside) -> None:
    """An error of the recorder itself is kept, shown and tried again like one of the call."""

    def broken(pk: int, answer: str, *, tries: int) -> None:
        raise django.db.IntegrityError("no")

    clock.kinds.find("bells.ask").record = broken  # type: ignore[attr-defined]
    put(1)
    assert drain("bells.ask").failed == 1
    assert Quarantine.objects.get().error.startswith("IntegrityError: no (")


def test_lateness_counts_from_the_due_that_was(outside: Outside) -> None:
    """The lease does not hide how late the answer came."""
    put(1)
    with clock.shifted(timedelta(minutes=1)):
        drain("bells.ask")
        lateness.flush(at_once=True)
        [p50] = lateness.quantiles("bells.ask", 0.5)
    assert p50 is not None
    assert 60 < p50 < 80


@pytest.mark.django_db
def test_inside_a_tests_own_transaction_calls_run_in_turn(db: None) -> None:
    """Where a test holds everything in one transaction, drain_all works in its own thread."""
    with connection.schema_editor() as editor:
        editor.create_model(Question)
    with clock.kinds.apart():
        provider = declare(Outside())
        put(3)
        assert drain_all()["bells.ask"].affected == 3
        assert len(provider.asked) == 3
