"""One signature has one spelling."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shigu.payments.providers.alipay.signing import sign, verify

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_another_spelling_of_the_same_signature_is_refused(key: rsa.RSAPrivateKey) -> None:
    """The bits of its last letter that decoding ignores must be those that encoding writes."""
    signature = sign(key, {"a": "1"})
    assert verify([key.public_key()], b"a=1", signature)
    last = signature[-3]
    other = ALPHABET[ALPHABET.index(last) ^ 1]
    spelled = signature[:-3] + other + "=="
    assert base64.b64decode(spelled) == base64.b64decode(signature)
    assert not verify([key.public_key()], b"a=1", spelled)
