"""RSA2 (SHA256withRSA, PKCS#1 v1.5), written from the protocol and shared with no shop.

`request_string` is what a merchant signs, `notice_string` what Alipay signs on returns and notifies,
`verify` answers yes or no and never raises on junk.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


def request_string(params: Mapping[str, str]) -> str:
    """Every filled parameter but `sign`, sorted, unescaped; `sign_type` stays in."""
    return _joined({k: v for k, v in params.items() if k != "sign" and v != ""})


def notice_string(params: Mapping[str, str]) -> str:
    """Returns and notifies leave out both `sign` and `sign_type`."""
    return _joined({k: v for k, v in params.items() if k not in ("sign", "sign_type")})


def _joined(params: Mapping[str, str]) -> str:
    return "&".join(f"{key}={params[key]}" for key in sorted(params))


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, PKCS1v15(), hashes.SHA256())).decode()


def sign_sha1(key: RSAPrivateKey, message: bytes) -> str:
    """The retired RSA (SHA-1) signature, only ever made to see a merchant refuse it."""
    return base64.b64encode(key.sign(message, PKCS1v15(), hashes.SHA1())).decode()


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
