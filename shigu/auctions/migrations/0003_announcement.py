"""When people are told about an open lot, beside its hot row."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("auctions", "0002_hot")]

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                (
                    "lot",
                    models.OneToOneField(
                        on_delete=models.deletion.PROTECT,
                        primary_key=True,
                        related_name="announcement",
                        serialize=False,
                        to="auctions.lot",
                    ),
                ),
                ("outbid_at", models.DateTimeField(blank=True, null=True)),
                ("ending_at", models.DateTimeField(blank=True, null=True)),
                ("told", models.PositiveIntegerField(default=0)),
                ("round", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["outbid_at", "lot"],
                        name="announce_outbid",
                        condition=Q(("outbid_at__isnull", False)),
                    ),
                    models.Index(
                        fields=["ending_at", "lot"],
                        name="announce_ending",
                        condition=Q(("ending_at__isnull", False)),
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE auctions_announcement SET (fillfactor = 50)",
            "ALTER TABLE auctions_announcement RESET (fillfactor)",
        ),
    ]
