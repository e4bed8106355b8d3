"""What a benchmark says: one figure of ours, those of the baselines and the limit, and how it was set up.

The JSON's shape is the same for every benchmark and stays. A ratio above 1 always means that Shigu is
better, whether the unit counts work (more is better) or waiting (less is better).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one benchmark, all in `unit`."""

    name: str
    unit: str
    ours: float
    baselines: dict[str, float] = field(default_factory=dict)
    limit: float | None = None
    setup: dict[str, Any] = field(default_factory=dict)
    less_is_better: bool = False

    @property
    def ratios(self) -> dict[str, float]:
        """How many times better than each baseline, and how near to the limit."""
        found = {f"vs_{name}": self._better_than(figure) for name, figure in self.baselines.items()}
        if self.limit is not None:
            found["of_limit"] = self._better_than(self.limit)
        return found

    def json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "name": self.name,
                "unit": self.unit,
                "ours": shown(self.ours),
                "baselines": {name: shown(figure) for name, figure in self.baselines.items()},
                "limit": None if self.limit is None else shown(self.limit),
                "ratios": self.ratios,
                "setup": self.setup,
            },
            ensure_ascii=False,
        )

    def table(self) -> str:
        """The same for a person."""
        rows = [("shigu", self.ours, "")]
        rows += [
            (name, figure, f"Shigu is {self._better_than(figure)} × as good")
            for name, figure in self.baselines.items()
        ]
        if self.limit is not None:
            rows.append(
                ("limit", self.limit, f"Shigu reaches {self._better_than(self.limit)} of it")
            )
        lines = [f"{self.name}: {self.unit}", ""]
        lines += [f"  {name:<14}{shown(figure):>12,}  {words}" for name, figure, words in rows]
        lines += ["", *(f"  {name}: {_words(value)}" for name, value in self.setup.items())]
        return "\n".join(lines)

    def _better_than(self, figure: float) -> float:
        above, below = (figure, self.ours) if self.less_is_better else (self.ours, figure)
        return round(above / below, 3) if below else 0.0


def shown(figure: float) -> float:
    """As many digits as a noisy machine can mean."""
    return round(figure, 3) if abs(figure) < 10 else round(figure, 1)


def _words(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
