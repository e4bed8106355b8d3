"""Rows for the clock to be tried on; they exist only in the databases of these tests."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from shigu import clock

WAITING = Q(state="waiting")


class Tower(models.Model):
    kin = models.IntegerField(default=0)

    class Meta:
        app_label = "bells"


class Bell(models.Model):
    """Rings once at `due_at`."""

    state = models.CharField(max_length=10, default="waiting")
    due_at = models.DateTimeField(null=True)
    bad = models.BooleanField(default=False)

    class Meta:
        app_label = "bells"
        indexes = [clock.due_index("bells_due", "due_at", among=WAITING)]


class Strike(models.Model):
    """Written each time a bell rings: a bell with two of them rang twice."""

    bell = models.BigIntegerField()
    tower = models.ForeignKey(Tower, models.DO_NOTHING, null=True)
    at = models.DateTimeField()

    class Meta:
        app_label = "bells"


class Question(models.Model):
    """Something the outside is asked at `ask_at`."""

    state = models.CharField(max_length=10, default="open")
    ask_at = models.DateTimeField(null=True)
    asks = models.IntegerField(default=0)
    answer = models.CharField(max_length=100, blank=True)

    class Meta:
        app_label = "bells"
        indexes = [clock.due_index("questions_due", "ask_at", among=Q(state="open"))]


class Loose(models.Model):
    """Has a due column that no index carries."""

    state = models.CharField(max_length=10, default="waiting")
    due_at = models.DateTimeField()

    class Meta:
        app_label = "bells"


ALL = [Tower, Bell, Strike, Question, Loose]
