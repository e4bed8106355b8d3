"""A month's accounts read the history of a month: a small index of time, built while the shop goes on."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0004_remind_at")]

    operations = [
        AddIndexConcurrently(
            "orderevent", BrinIndex(fields=["at"], name="order_event_time", autosummarize=True)
        ),
    ]
