"""A month's accounts read the transfers of a month: a small index of time, built while the shop goes on."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("ledger", "0003_adjustments_and_no_truncate")]

    operations = [
        AddIndexConcurrently(
            "transfer", BrinIndex(fields=["at"], name="transfer_time", autosummarize=True)
        ),
    ]
