"""Claim and effect in one transaction: exactly once, never early, whoever is killed when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import django.db
import pytest
from django.db import connection, transaction

from shigu import clock
from shigu.clock import ringing
from shigu.clock.bisecting import bisect
from shigu.clock.claiming import claim_query
from shigu.clock.drain import Drained, drain, drain_all
from shigu.clock.memory import Memory
from shigu.clock.models import KindState, Quarantine
from shigu.kit.breakpoints import at
from tests.clock.bells import WAITING, Bell, Strike
from tests.clock.conftest import Tower


def in_threads(count: int, work: Callable[[], object]) -> None:
    """Run `work` in threads, each with a connection of its own; the first error is raised."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if errors:
        raise errors[0]


def test_rings_what_is_due_in_order_and_nothing_else(tower: Tower) -> None:
    """Due bells ring once, the earliest first; one due later waits."""
    tower.declare()
    due, later = tower.hang(5), tower.hang(1, ago=timedelta(hours=-1))
    done = drain("bells.ring")
    assert (done.claimed, done.affected, done.finished) == (5, 5, True)
    assert tower.rung() == due
    assert list(Bell.objects.filter(WAITING).values_list("pk", flat=True)) == later


def test_never_early(tower: Tower) -> None:
    """A bell due in 300 ms is not struck before that, by the database's clock."""
    tower.declare()
    tower.hang(1, ago=-timedelta(milliseconds=300))
    while not drain("bells.ring").claimed:
        pass
    strike, bell = Strike.objects.get(), Bell.objects.get()
    assert bell.due_at is not None
    assert strike.at >= bell.due_at


@pytest.mark.parametrize("drainers", [2, 4])
def test_exactly_once_with_many_drainers(tower: Tower, drainers: int) -> None:
    """However many drain at once, each bell is struck once and none is left."""
    tower.declare()
    hung = tower.hang(3000)
    in_threads(drainers, lambda: drain("bells.ring", memory=Memory(batch=50), budget=20))
    assert sorted(tower.rung()) == hung
    assert not tower.waiting()


def test_without_the_lock_bells_ring_twice(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: two drainers that claim without locking do strike bells twice."""

    def unlocked(kind: object, limit: int, floor: object) -> tuple[str, list[object]]:
        query, values = claim_query(kind, limit, floor)  # type: ignore[arg-type]
        return query.replace("FOR NO KEY UPDATE SKIP LOCKED", ""), values

    monkeypatch.setattr("shigu.clock.claiming.claim_query", unlocked)
    tower.declare()
    tower.hang(20)
    both = threading.Barrier(2, timeout=10)
    with at("clock.ring.claimed", both.wait):
        in_threads(2, lambda: ringing.ring_batch(kind(), Memory()))
    assert len(tower.rung()) == 40


def kind() -> ringing.Rings:
    from shigu.clock.kinds import Rings, find

    found = find("bells.ring")
    assert isinstance(found, Rings)
    return found


@pytest.mark.parametrize("moment", ["clock.ring.claimed", "clock.ring.done"])
def test_killed_in_the_middle_of_a_batch(tower: Tower, moment: str) -> None:
    """A connection terminated after the claim or before the commit loses nothing, doubles nothing."""
    tower.declare()
    hung = tower.hang(50)
    kills = iter([True])

    def kill() -> None:
        if next(kills, False):
            terminate_myself()

    with at(moment, kill):
        drain("bells.ring")
    assert tower.rung() == hung
    assert not Quarantine.objects.exists()


def terminate_myself() -> None:
    """End this connection from its own server side."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_poison_row_among_five_hundred(tower: Tower) -> None:
    """One bad bell costs at most 2 x 9 further calls; the 499 others ring."""
    tower.declare()
    hung = tower.hang(500)
    Bell.objects.filter(pk=hung[123]).update(bad=True)
    done = drain("bells.ring")
    assert (done.claimed, done.affected, done.failed) == (500, 499, 1)
    assert len(tower.calls) <= 1 + 2 * 9
    assert sorted(tower.rung()) == [pk for pk in hung if pk != hung[123]]
    entry = Quarantine.objects.get()
    bell = Bell.objects.get(pk=hung[123])
    assert (entry.kind, entry.subject, entry.attempts) == ("bells.ring", bell.pk, 1)
    assert entry.error.startswith("ValueError: cracked (conftest.py:")
    assert bell.due_at == entry.try_at > clock.now() > entry.due_at


def test_a_deferred_foreign_key_is_found(tower: Tower) -> None:
    """A broken foreign key, which PostgreSQL would tell at COMMIT only, is bisected like any error."""
    tower.declare(strike_towers)
    hung = tower.hang(64)
    Bell.objects.filter(pk=hung[7]).update(bad=True)
    done = drain("bells.ring")
    assert (done.affected, done.failed) == (63, 1)
    assert Quarantine.objects.get().subject == hung[7]
    assert tower.waiting() == 1


def strike_towers(ids: list[int], *, now: datetime) -> None:
    """Bad bells strike a tower that does not exist; the database tells at the end only."""
    Bell.objects.filter(pk__in=ids).update(state="rung")
    Strike.objects.bulk_create(
        Strike(bell=pk, at=now, tower_id=999 if bad else None)
        for pk, bad in Bell.objects.filter(pk__in=ids).values_list("pk", "bad")
    )


def test_without_immediate_constraints_the_batch_is_lost(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without SET CONSTRAINTS the error shows at COMMIT and nothing ever rings."""

    def lax(kind: ringing.Rings, pks: list[int], moment: datetime, *, again: bool) -> int | None:
        with transaction.atomic():
            return kind.handler(pks, now=moment)

    monkeypatch.setattr(ringing, "_in_savepoint", lax)
    tower.declare(strike_towers)
    hung = tower.hang(64)
    Bell.objects.filter(pk=hung[7]).update(bad=True)
    with pytest.raises(django.db.IntegrityError):
        drain("bells.ring")
    assert tower.waiting() == 64
    assert not Quarantine.objects.exists()


def test_a_deferred_constraint_may_be_broken_for_a_moment(tower: Tower) -> None:
    """Parts rung after another part still may insert child before parent, as in any transaction."""
    from tests.clock.bells import Tower as Parent

    def child_first(ids: list[int], *, now: datetime) -> None:
        if Bell.objects.filter(pk__in=ids, bad=True).exists():
            raise ValueError("cracked")
        Strike.objects.bulk_create(Strike(bell=pk, at=now, tower_id=pk) for pk in ids)
        Parent.objects.bulk_create(Parent(pk=pk) for pk in ids)
        Bell.objects.filter(pk__in=ids).update(state="rung")

    tower.declare(child_first)
    hung = tower.hang(8)
    Bell.objects.filter(pk=hung[3]).update(bad=True)
    done = drain("bells.ring")
    assert (done.affected, done.failed) == (7, 1)


def test_too_many_of_one_error_park_the_kind(tower: Tower) -> None:
    """A hundred thousand bad rows cost a few dozen calls: nine set aside, the kind parked."""
    tower.declare()
    tower.hang(10_000, bad=True)
    done = drain("bells.ring")
    assert done.parked
    assert Quarantine.objects.count() == 9
    assert len(tower.calls) < 60
    assert KindState.objects.get(name="bells.ring").parked_error == "builtins.ValueError"
    tower.hang(1)
    assert drain("bells.ring") == Drained("bells.ring", finished=True, parked=True)
    assert not tower.rung()


def test_good_rows_before_the_bad_ones_ring_also_when_parked(tower: Tower) -> None:
    """Parking keeps what was done: good bells rung before the ninth bad one stay rung."""
    tower.declare()
    good = tower.hang(10, ago=timedelta(seconds=5))
    tower.hang(20, bad=True)
    assert drain("bells.ring").parked
    assert tower.rung() == good


def test_a_deadlock_is_retried_whole_and_not_counted(tower: Tower) -> None:
    """Two deadlocks roll the batch back; it is rung whole, and nothing is set aside."""
    deadlocks = iter([True, True])

    def ring(ids: list[int], *, now: datetime) -> int:
        if next(deadlocks, False):
            tower.calls.append(ids)
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'd' USING ERRCODE = '40P01'; END $$")
        return tower.ring(ids, now=now)

    tower.declare(ring)
    hung = tower.hang(100)
    done = drain("bells.ring")
    assert [len(call) for call in tower.calls] == [100, 100, 100]
    assert tower.rung() == hung
    assert (done.affected, done.failed) == (100, 0)
    assert not Quarantine.objects.exists()


def test_a_deadlock_without_end_leaves_it_to_the_next_drain(tower: Tower) -> None:
    """Patience ends: the drain gives up for now, counts nothing, and the rows stay due."""

    def ring(ids: list[int], *, now: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 's' USING ERRCODE = '40001'; END $$")

    tower.declare(ring)
    tower.hang(3)
    done = drain("bells.ring")
    assert (done.claimed, done.finished) == (0, False)
    assert tower.waiting() == 3
    assert not Quarantine.objects.exists()


def test_a_timeout_halves_and_counts_at_size_one(tower: Tower) -> None:
    """A row that is too slow makes batches smaller until it stands alone, and is then set aside."""

    def ring(ids: list[int], *, now: datetime) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '200ms'")
            cursor.execute(
                "SELECT pg_sleep(5) FROM bells_bell WHERE id = ANY(%s) AND bad LIMIT 1", [ids]
            )
            cursor.execute("SET LOCAL statement_timeout = 0")
        return tower.ring(ids, now=now)

    tower.declare(ring)
    hung = tower.hang(16)
    Bell.objects.filter(pk=hung[5]).update(bad=True)
    for _ in range(5):
        drain("bells.ring", memory=Memory(batch=16))
    assert sorted(tower.rung()) == [pk for pk in hung if pk != hung[5]]
    assert Quarantine.objects.get().subject == hung[5]
    assert Quarantine.objects.get().error_class == "psycopg.errors.QueryCanceled"


def test_a_row_that_kills_its_connection_twice_alone_is_set_aside(tower: Tower) -> None:
    """A lost connection is forgiven once; a row that takes it down again, alone, is set aside."""

    def ring(ids: list[int], *, now: datetime) -> int:
        if Bell.objects.filter(pk__in=ids, bad=True).exists():
            terminate_myself()
        return tower.ring(ids, now=now)

    tower.declare(ring)
    hung = tower.hang(4)
    Bell.objects.filter(pk=hung[2]).update(bad=True)
    for _ in range(6):
        drain("bells.ring", memory=Memory(batch=4))
    assert sorted(tower.rung()) == [pk for pk in hung if pk != hung[2]]
    assert Quarantine.objects.get().subject == hung[2]


def test_goes_on_while_rows_are_claimed(tower: Tower) -> None:
    """A handler that changes nothing of a batch does not end the drain with a backlog left."""

    def quiet(ids: list[int], *, now: datetime) -> int:
        tower.ring(ids, now=now)
        return 0

    tower.declare(quiet)
    tower.hang(300)
    done = drain("bells.ring", memory=Memory(batch=10))
    assert (done.claimed, done.affected) == (300, 0)
    assert not tower.waiting()


def test_the_budget_ends_a_drain_between_batches(tower: Tower) -> None:
    """Past its budget a drain commits the batch in hand and says that it is not finished."""
    tower.declare()
    tower.hang(100)
    done = drain("bells.ring", memory=Memory(batch=10), budget=0)
    assert (done.claimed, done.finished) == (10, False)
    assert tower.waiting() == 90


def test_a_handler_that_moves_nothing_is_stopped(tower: Tower) -> None:
    """Rows left exactly as due as they were are set aside instead of ringing for ever."""
    calls = []

    def forgetful(ids: list[int], *, now: datetime) -> None:
        calls.append(ids)

    tower.declare(forgetful)
    tower.hang(3)
    memory = Memory()
    for _ in range(4):
        drain("bells.ring", memory=memory)
    assert len(calls) == 1
    assert {entry.error_class for entry in Quarantine.objects.all()} == {
        "shigu.clock.errors.StillDue"
    }


def test_skipped_as_locked_is_found_later(tower: Tower) -> None:
    """A bell that somebody holds is passed over without waiting, and rings when it is let go."""
    tower.declare()
    hung = tower.hang(3)
    memory, held, go = Memory(), threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Bell.objects.select_for_update().get(pk=hung[0])
            held.set()
            go.wait(10)

    thread = threading.Thread(target=lambda: in_threads(1, hold))
    thread.start()
    assert held.wait(10)
    assert drain("bells.ring", memory=memory).claimed == 2
    go.set()
    thread.join()
    assert drain("bells.ring", memory=memory).claimed == 1
    assert sorted(tower.rung()) == hung


def test_below_the_floor_only_the_unbounded_pass_finds(tower: Tower) -> None:
    """A bell committed late, far below the floor, is found by the pass without it, not before."""
    tower.declare()
    memory = Memory()
    tower.hang(5)
    drain("bells.ring", memory=memory)
    late = tower.hang(1, ago=timedelta(minutes=5))
    assert drain("bells.ring", memory=memory).claimed == 0
    memory.look_below_at = 0.0
    assert drain("bells.ring", memory=memory).claimed == 1
    assert tower.rung()[-1:] == late


def test_the_floor_keeps_a_margin(tower: Tower) -> None:
    """A bell due ten seconds before the last one rung is above the floor: found at once."""
    tower.declare()
    memory = Memory()
    tower.hang(1)
    drain("bells.ring", memory=memory)
    tower.hang(1, ago=timedelta(seconds=10))
    assert drain("bells.ring", memory=memory).claimed == 1


def test_a_floor_from_moved_time_hides_nothing(tower: Tower) -> None:
    """After the clock was moved ahead and back, bells due now are still above the floor."""
    tower.declare()
    memory = Memory()
    with clock.shifted(timedelta(hours=2)):
        tower.hang(1)
        drain("bells.ring", memory=memory)
    tower.hang(1)
    assert drain("bells.ring", memory=memory).claimed == 1


def test_drain_all_follows_what_rings_because_of_another(tower: Tower) -> None:
    """A bell that hangs another one is followed until nothing is due any more."""

    def chain(ids: list[int], *, now: datetime) -> int:
        changed = tower.ring(ids, now=now)
        if len(tower.rung()) < 5:
            tower.hang(1)
        return changed

    tower.declare(chain)
    tower.hang(1)
    assert drain_all()["bells.ring"].claimed == 5


def test_the_handlers_time_is_read_after_the_claim(tower: Tower) -> None:
    """`now` lies between the claim and the commit, by the database's clock."""
    seen: list[datetime] = []

    def ring(ids: list[int], *, now: datetime) -> int:
        seen.append(now)
        return tower.ring(ids, now=now)

    tower.declare(ring)
    tower.hang(1)
    before = clock.now()
    drain("bells.ring")
    assert before <= seen[0] <= clock.now()


def test_a_batch_inside_a_transaction_is_refused(tower: Tower) -> None:
    """Outside of tests' own transaction a drain insists on committing by itself."""
    tower.declare()
    tower.hang(1)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        drain("bells.ring")
    assert not tower.rung()


def test_unknown_kinds_are_refused(tower: Tower) -> None:
    """A name that nobody declared is an error that says so."""
    with pytest.raises(clock.UnknownKind, match=r"bells\.nothing"):
        drain("bells.nothing")


def test_bisect_is_what_isolates(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with a bisect that gives up at once no good bell of the batch rings."""
    monkeypatch.setattr(ringing, "bisect", lambda rows, ring, alone: bisect(rows[:0], ring, alone))
    tower.declare()
    tower.hang(10)
    drain("bells.ring")
    assert not tower.rung()
