"""RSA2 (SHA256withRSA, PKCS#1 v1.5) over exactly the bytes that travel.

A request is signed over all its filled parameters except `sign`; notifies and returns over all
except `sign` and `sign_type`, as they arrived; an answer over the very bytes of its node, which
`signed_node` cuts out without reading the JSON anew. `verify` answers yes or no and never raises.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from shigu.payments.provider import Unverified

MOST_FIELDS = 100
MOST_BYTES = 64 * 1024
CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
}


def sign(key: RSAPrivateKey, params: Mapping[str, str]) -> str:
    """The signature of a request."""
    message = _joined({k: v for k, v in params.items() if k != "sign" and v}).encode()
    return base64.b64encode(key.sign(message, PKCS1v15(), hashes.SHA256())).decode()


def verify(keys: Iterable[RSAPublicKey], message: bytes, signature: str) -> bool:
    """Was `message` signed by the owner of one of these keys?"""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    # The last letter has bits that decoding ignores: one signature has one spelling here.
    if base64.b64encode(raw).decode() != signature:
        return False
    return any(_fits(key, message, raw) for key in keys)


def _fits(key: RSAPublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message, PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def read_signed(form: bytes, keys: Iterable[RSAPublicKey]) -> dict[str, str]:
    """The fields of a notify or return whose signature is good; `Unverified` otherwise.

    Fields are verified as bytes, in whatever charset they are, and decoded only after that.
    """
    fields = _fields(form)
    if fields.get("sign_type") != "RSA2":
        raise Unverified("sign-type")
    if not (signature := fields.get("sign")):
        raise Unverified("no-signature")
    told = {k: v for k, v in fields.items() if k not in ("sign", "sign_type")}
    if not verify(keys, _joined(told).encode("latin-1"), signature):
        raise Unverified("signature")
    return _decoded(told)


def _fields(form: bytes) -> dict[str, str]:
    """One value by name, each byte of it one character (latin-1): nothing is lost, nothing guessed."""
    if len(form) > MOST_BYTES:
        raise Unverified("too-big")
    text = form.decode("latin-1")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, encoding="latin-1", max_num_fields=MOST_FIELDS
        )
    except ValueError as problem:
        raise Unverified("malformed") from problem
    if len(found := dict(pairs)) != len(pairs):
        raise Unverified("malformed")
    return found


def _decoded(fields: Mapping[str, str]) -> dict[str, str]:
    encoding = CHARSETS.get(fields.get("charset", "utf-8").lower())
    try:
        read = {k: v.encode("latin-1").decode(encoding or "utf-8") for k, v in fields.items()}
    except UnicodeDecodeError as problem:
        raise Unverified("malformed") from problem
    if any("\0" in value for value in read.values()):
        raise Unverified("malformed")
    return read


def _joined(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields))


def signed_node(body: bytes, name: str) -> bytes | None:
    """The bytes of the object under `"name":` at the top of an answer, braces in texts disregarded."""
    mark = b'"%s"' % name.encode()
    start = body.find(b"{", body.find(mark) + len(mark)) if mark in body else -1
    if start < 0 or body[body.find(mark) + len(mark) : start].strip() != b":":
        return None
    end = _closing(body, start)
    return body[start:end] if end else None


def _closing(body: bytes, start: int) -> int | None:
    """Where the object that begins at `start` ends, or None when it does not."""
    depth, text, escaped = 0, False, False
    for place in range(start, len(body)):
        byte = body[place : place + 1]
        if text:
            text, escaped = byte != b'"' or escaped, byte == b"\\" and not escaped
        elif byte == b'"':
            text = True
        elif byte in b"{}":
            depth += 1 if byte == b"{" else -1
            if not depth:
                return place + 1
    return None
