"""Grants leave their due index whenever an order takes one: vacuum them early."""

from django.db import migrations

from shigu import clock


class Migration(migrations.Migration):
    dependencies = [("promotions", "0001_initial"), ("clock", "0002_rows")]
    operations = [clock.HotTable("promotions_grant")]
