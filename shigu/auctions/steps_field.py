"""The table of increments in a form: from which price on, by how much; yuan for the person, fen in the row.

`StepsField` cleans to `[[from, step], …]`, ascending and from 0; two empty rows are always there to be
filled. Without a script it is a table of inputs like any other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from shigu.kit.money import fen, yuan

PRESETS: dict[str, list[list[int]]] = {
    "small": [[0, 500], [20_000, 1000], [50_000, 2000], [200_000, 5000]],
    "usual": [[0, 5000], [200_000, 10_000], [500_000, 20_000], [2_000_000, 50_000]],
    "large": [[0, 50_000], [2_000_000, 100_000], [5_000_000, 200_000]],
}
LEAST_ROWS = 4
MOST_ROWS = 20

Pairs = list[tuple[str, str]]


class StepsTable(forms.Widget):
    """Rows of two inputs, `<name>_from` and `<name>_step`."""

    template_name = "office/auctions/steps.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        rows = list(value or [])
        empty = max(LEAST_ROWS - len(rows), 2)
        context["widget"]["rows"] = [*rows, *[("", "")] * empty]
        return context

    def value_from_datadict(self, data: Any, files: MultiValueDict, name: str) -> Pairs:
        """What was typed, but for empty rows."""
        if not hasattr(data, "getlist"):
            return []
        starts, steps = data.getlist(f"{name}_from"), data.getlist(f"{name}_step")
        pairs = list(zip(starts, steps, strict=False))[: MOST_ROWS + 1]
        return [(a.strip(), b.strip()) for a, b in pairs if a.strip() or b.strip()]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}_from" not in data


class StepsField(forms.Field):
    """See the module."""

    widget = StepsTable
    default_error_messages = {
        "required": _("Write at least one step, from price 0."),
        "amount": _("Write prices and steps in yuan, with at most two decimals."),
        "first": _("The first row begins at price 0."),
        "rising": _("Each row begins at a higher price than the one before."),
        "zero": _("A step is more than nothing."),
        "many": _("At most %(most)d rows."),
    }

    def prepare_value(self, value: Any) -> Pairs:
        """Rows in fen become yuan; what was typed stays as it was."""
        return [
            (_typed(start), _typed(step)) if isinstance(start, int) else (start, step)
            for start, step in value or []
        ]

    def clean(self, value: Any) -> list[list[int]]:
        """From what was typed; of a field that cannot be typed into, what stands, which is in fen."""
        if self.disabled:
            return [list(row) for row in value]
        if not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(value) > MOST_ROWS:
            raise forms.ValidationError(
                self.error_messages["many"], code="many", params={"most": MOST_ROWS}
            )
        try:
            rows = [[fen(start or "0"), fen(step)] for start, step in value]
        except ValueError:
            raise forms.ValidationError(self.error_messages["amount"], code="amount") from None
        if wrong := _wrong(rows):
            raise forms.ValidationError(self.error_messages[wrong], code=wrong)
        return rows

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        try:
            return bool(self.clean(data) != [list(row) for row in initial or []])
        except forms.ValidationError:
            return True


def _wrong(rows: list[list[int]]) -> str:
    """What is wrong with them, first things first."""
    if rows[0][0]:
        return "first"
    if any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
        return "rising"
    return "" if all(step for _, step in rows) else "zero"


def _typed(amount: int) -> str:
    """As somebody would type it: 50, not 50.00."""
    return yuan(amount).removesuffix(".00")
