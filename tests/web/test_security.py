"""What every answer carries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from shigu.web.security import cashier_origin

pytestmark = pytest.mark.django_db


def test_pages_load_nothing_from_elsewhere(client: Client) -> None:
    """A strict content policy, no framing, no sniffing, no referrer beyond the shop."""
    answer = client.get("/")
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("gateway", "origins"),
    [
        ("http://127.0.0.1:8003/gateway.do", "http://127.0.0.1:8003"),
        (
            "https://openapi.alipay.com/gateway.do",
            "https://openapi.alipay.com https://*.alipay.com",
        ),
        ("https://alipay.com.example.org/gateway.do", "https://alipay.com.example.org"),
    ],
)
def test_a_form_may_lead_to_the_cashier(settings: Any, gateway: str, origins: str) -> None:
    """Paying posts a form that ends at the provider; its own hosts are named, no look-alike is."""
    settings.ALIPAY_GATEWAY = gateway
    assert cashier_origin() == origins
