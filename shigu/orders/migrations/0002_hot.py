"""The orders table is left by its due index all day long: vacuum it early."""

from django.db import migrations

from shigu import clock


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("clock", "0002_rows")]
    operations = [clock.HotTable("orders_order")]
