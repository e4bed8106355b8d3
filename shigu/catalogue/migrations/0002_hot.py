"""Stock rows change with every order: room on their pages keeps those changes off the index (HOT)."""

from django.db import migrations

from shigu import clock


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial"), ("clock", "0002_rows")]
    operations = [
        clock.HotTable("catalogue_stock"),
        migrations.RunSQL(
            "ALTER TABLE catalogue_stock SET (fillfactor = 50)",
            "ALTER TABLE catalogue_stock RESET (fillfactor)",
        ),
    ]
