"""What people want to hear of by mail: everything, until they switch a kind off. The inbox stays."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from shigu.accounts.models import User
from shigu.notices.letters import events
from shigu.notices.models import Silence

CHANNEL = "mail"


def wanted(user_id: int) -> dict[str, bool]:
    """Every kind of event there is, and whether this person hears of it by mail."""
    off = Silence.objects.filter(user_id=user_id, channel=CHANNEL).values_list("event", flat=True)
    silent = set(off)
    kinds = sorted(events, key=lambda kind: kind[1].place)
    return {name: name not in silent for name, _ in kinds}


def choose(user_id: int, kinds: Collection[str]) -> None:
    """Hear of these kinds by mail from now on, and of no others; unknown names are passed over."""
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        Silence.objects.filter(user_id=user_id, channel=CHANNEL).delete()
        Silence.objects.bulk_create(
            Silence(user_id=user_id, event=name, channel=CHANNEL)
            for name, _ in events
            if name not in kinds
        )
