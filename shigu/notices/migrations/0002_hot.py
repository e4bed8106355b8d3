"""Notices leave their due index as soon as they are sent: vacuum them early."""

from django.db import migrations

from shigu import clock


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial"), ("clock", "0002_rows")]
    operations = [clock.HotTable("notices_notice")]
