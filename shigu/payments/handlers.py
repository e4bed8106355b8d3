"""Doors that payments open: what rings, the providers, what is audited, what production checks."""

from __future__ import annotations

from django.core.checks import register

from shigu.kit.auditing import audits
from shigu.payments import asking, comparing, forgetting, notices, refunding
from shigu.payments.auditing import INVARIANTS
from shigu.payments.provider import providers
from shigu.payments.providers.alipay.adapter import Alipay
from shigu.payments.providers.alipay.checks import check_alipay
from shigu.payments.providers.balance.adapter import Balance

KINDS = (
    *(asking.ask, notices.handle, refunding.send),
    *(comparing.each_morning, comparing.compare, forgetting.forget),
)
"""The clock's kinds are declared where they are written; importing them here makes them known."""

providers.register("alipay", Alipay())
providers.register("balance", Balance())
audits.extend(INVARIANTS)
register(check_alipay)
