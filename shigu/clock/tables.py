"""What an app's tables need so that claims stay cheap: the due index, and a keen autovacuum.

In `Meta.indexes`: `clock.due_index("orders_due", "due_at", among=Q(...))`, with the very `among`
of the kind. In a migration: `clock.HotTable("orders_order")`.
"""

from __future__ import annotations

from django.db.migrations.operations import RunSQL
from django.db.models import Index, Q

_KEEN = {
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "1000",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_delay": "0",
}


def due_index(name: str, due: str, *, among: Q | None = None, pk: str = "id") -> Index:
    """The index a kind's claim walks: rows alive, in the order in which they become due."""
    return Index(name=name, fields=[due, pk], condition=among)


class HotTable(RunSQL):
    """Vacuum this table early and without pauses: rows leave its due index all day long."""

    def __init__(self, table: str) -> None:
        self.table = table
        keen = ", ".join(f"{name} = {value}" for name, value in _KEEN.items())
        super().__init__(
            f'ALTER TABLE "{table}" SET ({keen})',
            f'ALTER TABLE "{table}" RESET ({", ".join(_KEEN)})',
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        return (type(self).__qualname__, [], {"table": self.table})

    def describe(self) -> str:
        return f"Vacuum {self.table} keenly"
