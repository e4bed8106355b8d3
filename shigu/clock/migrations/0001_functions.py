"""`shigu_now()` and `shigu_clock()`, reading PostgreSQL's own clocks."""

from __future__ import annotations

from django.db import migrations

from shigu.clock import functions


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(functions.REAL, functions.DROP + functions.DROP_TABLE)]
