"""Attempts leave their due index all day long: vacuum them early."""

from django.db import migrations

from shigu import clock


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("clock", "0002_rows")]
    operations = [clock.HotTable("payments_attempt")]
