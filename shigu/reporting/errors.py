"""What reports refuse, said to an operator.

Refusal (kit)
└── NotOver     the month still runs
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NotOver(Refusal):
    """%(month)s is not over yet; its accounts are made on the first of the next month."""
