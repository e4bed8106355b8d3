"""Claims walk the due index, with their conditions written out, and so cost what is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.clock import claiming, kinds
from shigu.clock.claiming import shape
from shigu.clock.drain import drain
from shigu.clock.plans import assert_claims_use_index, plan, problems
from tests.clock.bells import WAITING, Bell, Loose, Question, Strike
from tests.clock.conftest import Tower


def declare_question(**options: Any) -> kinds.Kind:
    options = {"due": "ask_at", "tries": "asks", "among": Q(state="open"), "name": "q"} | options
    clock.calls(Question, **options)(lambda question: None)
    return kinds.find("q")


def test_claims_use_the_due_index(tower: Tower) -> None:
    """Both shapes' claims have the due column as an index condition, with a floor or without."""
    tower.declare()
    declare_question()
    assert_claims_use_index()


def test_all_kinds_of_the_shop_use_theirs(clone: str) -> None:
    """The same for every kind any app of this shop has declared."""
    assert_claims_use_index()


def test_a_kind_without_index_is_found_out(tower: Tower) -> None:
    """Negative control: due on a column no index carries is reported, by name."""
    clock.rings(Loose, due="due_at", among=WAITING, name="bells.loose")(tower.ring)
    with pytest.raises(AssertionError, match=r"bells\.loose: no index condition"):
        assert_claims_use_index()


def test_an_index_of_other_rows_does_not_do(tower: Tower) -> None:
    """Negative control: a kind whose `among` the partial index does not carry is reported."""
    assert problems(tower.declare(among=Q(state="other")))


def test_a_volatile_clock_is_no_index_condition(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: claims that ask `shigu_clock()` do not pass."""
    query = claiming.claim_query

    def volatile(kind: kinds.Kind, limit: int, floor: Any) -> Any:
        text, values = query(kind, limit, floor)
        return text.replace("shigu_now()", "shigu_clock()"), values

    monkeypatch.setattr("shigu.clock.plans.claim_query", volatile)
    assert problems(tower.declare())


def test_real_plans_with_many_rows(tower: Tower) -> None:
    """With statistics and nothing switched off the planner walks the index among 20 000 rows."""
    tower.declare()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bells_bell (state, due_at, bad) SELECT CASE WHEN n %% 10 = 0 THEN"
            " 'waiting' ELSE 'rung' END, now() + n * interval '1 s', false"
            " FROM generate_series(1, 20000) n",
            [],
        )
        cursor.execute("ANALYZE bells_bell")
        query, values = claiming.claim_query(kinds.find("bells.ring"), 500, None)
        cursor.execute("EXPLAIN " + query, values)
        text = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using bells_due" in text
    assert "Index Cond: (due_at <= shigu_now())" in text


def test_in_production_the_function_is_inlined(tower: Tower) -> None:
    """On the real clock the condition is `statement_timestamp()` itself."""
    tower.declare()
    clock.forbid_shifting()
    query, values = claiming.claim_query(kinds.find("bells.ring"), 500, None)
    assert "statement_timestamp()" in str(plan(query, values))
    assert_claims_use_index()


@pytest.mark.parametrize(
    ("among", "expected"),
    [
        (Q(state="waiting"), """("bells_bell"."state" = 'waiting')"""),
        (Q(state__in=["a", "b"]), """("bells_bell"."state" IN ('a', 'b'))"""),
        (Q(state="it's 100%"), """("bells_bell"."state" = 'it''s 100%%')"""),
        (Q(bad=True), """("bells_bell"."bad")"""),
        (Q(), "true"),
        (Q(pk__in=[]), "false"),
    ],
)
def test_among_is_written_as_literals(tower: Tower, among: Q, expected: str) -> None:
    """No parameter is left in the condition, whatever its values are."""
    assert shape(tower.declare(among=among)).among == expected


def test_a_condition_with_signs_of_its_own_rings(tower: Tower) -> None:
    """Quotes and per cent signs in `among` reach PostgreSQL as they are."""
    tower.declare(among=Q(state="100% '"), handler=lambda ids, now: gone(ids))
    tower.hang(1, state="100% '")
    assert drain("bells.ring").claimed == 1


def gone(ids: list[int]) -> int:
    return Bell.objects.filter(pk__in=ids).delete()[0]


def test_among_may_not_join(tower: Tower) -> None:
    """A condition on another table is a mistake that is told."""
    clock.rings(Strike, due="at", among=Q(tower__kin__gt=1), name="s")(tower.ring)
    with pytest.raises(ImproperlyConfigured, match="beyond its own table"):
        shape(kinds.find("s"))


def test_due_must_be_a_time(tower: Tower) -> None:
    """A due column that is no time is a mistake that is told."""
    clock.rings(Strike, due="bell", name="t")(tower.ring)
    with pytest.raises(ImproperlyConfigured, match="is no time"):
        shape(kinds.find("t"))


def test_lease_moves_due_and_counts(tower: Tower) -> None:
    """A leasing claim pushes due a lease ahead, counts the try and tells the old due."""
    kind = declare_question(lease=timedelta(seconds=60))
    due = clock.now() - timedelta(seconds=3)
    Question.objects.create(ask_at=due)
    assert isinstance(kind, kinds.Leased)
    [row] = claiming.lease(kind, 10)
    question = Question.objects.get()
    assert (row.due, row.tries, question.asks) == (due, 1, 1)
    assert question.ask_at is not None
    assert 55 < (question.ask_at - clock.now()).total_seconds() <= 60
    assert claiming.lease(kind, 10) == []


def test_rows_without_a_due_time_never_ring(tower: Tower) -> None:
    """An empty due column is neither claimed nor next."""
    from shigu.clock.due import next_due

    tower.declare()
    Bell.objects.create(due_at=None)
    assert drain("bells.ring").claimed == 0
    assert next_due() is None


def test_next_due_is_the_earliest_of_all_kinds(tower: Tower) -> None:
    """Seconds until the earliest due row of all kinds, in one statement; parked kinds left out."""
    from shigu.clock.due import due_by_kind, next_due
    from shigu.clock.quarantine import park

    kind = tower.declare()
    declare_question()
    assert next_due() is None
    Question.objects.create(ask_at=clock.now() + timedelta(seconds=100))
    tower.hang(1, ago=-timedelta(seconds=40))
    found = next_due()
    assert found is not None
    assert 35 < found <= 40
    park(kind, "x")
    assert list(due_by_kind()) == ["q"]
    assert 95 < due_by_kind()["q"] <= 100


def test_due_index_and_hot_table(tower: Tower) -> None:
    """The helpers make the partial index and vacuum settings they promise, and take them back."""
    from django.db.migrations.state import ProjectState

    operation = clock.HotTable("bells_bell")
    assert operation.deconstruct() == ("HotTable", [], {"table": "bells_bell"})
    state = ProjectState()
    with connection.schema_editor() as editor:
        operation.database_forwards("bells", editor, state, state)
    assert "autovacuum_vacuum_threshold=1000" in options("bells_bell")
    with connection.schema_editor() as editor:
        operation.database_backwards("bells", editor, state, state)
    assert options("bells_bell") == []
    index = clock.due_index("bells_due", "due_at", among=WAITING)
    assert (index.fields, index.condition) == (["due_at", "id"], WAITING)


def options(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [table])
        return list(cursor.fetchone()[0] or [])
