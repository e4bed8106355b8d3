"""The only row a fleet keeps: when an ordinary entry of `beat_schedule` was sent last."""

from __future__ import annotations

from django.db import models


class Turn(models.Model):
    """One entry; several schedulers at once read it, so that each moment is sent by one of them."""

    entry = models.CharField(max_length=200, unique=True)
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.entry
