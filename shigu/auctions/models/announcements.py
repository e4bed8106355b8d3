"""What people are still to be told about an open lot: an `Announcement` per lot, beside its hot row."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from shigu import clock
from shigu.auctions.models.sales import Lot

OUTBID = Q(outbid_at__isnull=False)
ENDING = Q(ending_at__isnull=False)


class Announcement(models.Model):
    """When to tell who lost the lead (`outbid_at`), and who cares that the lot ends soon (`ending_at`).

    Leads up to decision `told` are dealt with; `round` counts the times that somebody was told. A bid only
    sets `outbid_at`, so however fast it goes, people are told at most once a second, by the clock.
    """

    lot = models.OneToOneField(Lot, models.PROTECT, primary_key=True, related_name="announcement")
    outbid_at = models.DateTimeField(null=True, blank=True)
    ending_at = models.DateTimeField(null=True, blank=True)
    told = models.PositiveIntegerField(default=0)
    round = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            clock.due_index("announce_outbid", "outbid_at", among=OUTBID, pk="lot"),
            clock.due_index("announce_ending", "ending_at", among=ENDING, pk="lot"),
        ]
