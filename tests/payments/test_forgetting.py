"""Old notices of providers are deleted, for they name people; what somebody should look at stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shigu import clock
from shigu.payments import forgetting
from shigu.payments.forgetting import forget
from shigu.payments.models import Notice, Outcome

pytestmark = pytest.mark.django_db
KEPT = timedelta(days=10)


def notice(
    name: str, ago: timedelta, outcome: str = Outcome.SETTLED, *, handled: bool = True
) -> None:
    at = clock.now() - ago
    Notice.objects.create(
        provider="alipay",
        notify_id=name,
        out_trade_no="1_1",
        trade_status="TRADE_SUCCESS",
        raw="buyer_logon_id=a***@example.org",
        received_at=at,
        handled_at=at if handled else None,
        due_at=None if handled else at,
        outcome=outcome,
    )


def names() -> set[str]:
    return set(Notice.objects.values_list("notify_id", flat=True))


def test_only_what_is_old_and_done_goes(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In as many chunks as it takes; the young, the unhandled and the strange stay; twice is once."""
    settings.PROVIDER_NOTICES_KEPT = KEPT
    monkeypatch.setattr(forgetting, "CHUNK", 2)
    old, young = KEPT + timedelta(minutes=1), KEPT - timedelta(minutes=1)
    for number in range(5):
        notice(f"old-{number}", old)
    notice("young", young)
    notice("unhandled", old, "", handled=False)
    for strange in (Outcome.WRONG_AMOUNT, Outcome.FOREIGN, Outcome.UNKNOWN):
        notice(strange, old, strange)
    assert forget(now=clock.now()) == 5
    assert forget(now=clock.now()) == 0
    assert names() == {"young", "unhandled", "wrong-amount", "foreign", "unknown"}
