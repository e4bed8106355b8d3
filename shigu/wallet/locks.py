"""Every lock that the wallet takes: top-ups, in pk order, before their attempts and the balance."""

from __future__ import annotations

from collections.abc import Collection

from shigu.wallet.models import TopUp


def locked_top_ups(ids: Collection[int]) -> list[TopUp]:
    """These top-ups, locked until the transaction ends."""
    return list(TopUp.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
