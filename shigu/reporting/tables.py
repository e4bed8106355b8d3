"""Months as a table that any spreadsheet opens: `table(months)`, in yuan and in the reader's language."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from django.utils.translation import gettext as _

from shigu.kit.money import yuan
from shigu.reporting.models import Month

BYTE_ORDER = "\ufeff"
"""Spreadsheets take a file without it for something older than UTF-8."""


def table(months: Iterable[Month]) -> str:
    """One line for each, under a line of names."""
    page = io.StringIO(BYTE_ORDER)
    page.seek(0, io.SEEK_END)
    writer = csv.writer(page)
    writer.writerow(_names())
    writer.writerows(_line(month) for month in months)
    return page.getvalue()


def _names() -> list[str]:
    return [
        *(_("Month"), _("Time zone"), _("Orders placed"), _("Orders paid"), _("Orders lapsed")),
        *(_("Orders cancelled"), _("Takings (yuan)"), _("Of them from balances (yuan)")),
        *(_("Refunds (yuan)"), _("Forfeits (yuan)"), _("Net (yuan)"), _("Top-ups (yuan)")),
        *(_("Credits issued"), _("Credits redeemed")),
    ]


def _line(month: Month) -> list[str | int]:
    orders = (month.placed, month.paid, month.lapsed, month.cancelled)
    amounts = (
        month.takings,
        month.from_balance,
        month.refunds,
        month.forfeits,
        month.net,
        month.top_ups,
    )
    credits = (month.credits_issued, month.credits_redeemed)
    return [str(month), month.zone, *orders, *(yuan(amount) for amount in amounts), *credits]
