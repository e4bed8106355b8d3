"""The keys and the one registered app, as files in the data directory.

`open_keyring(settings)` makes what is missing and leaves what is there, so it may run at every start.
Files: alipay_private.pem, alipay_public.pem, merchant_private.pem, merchant_public.pem, app.json;
a shop is configured from alipay_public.pem, merchant_private.pem and app.json. All are mode 0600.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from alipay_simulator.settings import Refused, Settings


@dataclass
class Keyring:
    app_id: str
    seller_id: str
    alipay: RSAPrivateKey
    merchant: RSAPublicKey


def open_keyring(settings: Settings) -> Keyring:
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    alipay = pair(settings.data, "alipay")
    merchant = _merchant_key(settings)
    app = _registered(settings)
    _write_app(settings, app)
    return Keyring(app["app_id"], app["seller_id"], alipay, merchant)


def pair(folder: Path, name: str, *, fresh: bool = False) -> RSAPrivateKey:
    """The named pair, generated when missing (or when asked to rotate)."""
    path = folder / f"{name}_private.pem"
    if fresh or not path.exists():
        made = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        private = (ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
        write_private(path, made.private_bytes(*private))
    key = ser.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise Refused(f"{path.name} is not an RSA private key")
    write_private(folder / f"{name}_public.pem", public_pem(key.public_key()))
    return key


def public_pem(key: RSAPublicKey) -> bytes:
    return key.public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)


def read_public(text: bytes) -> RSAPublicKey:
    """A PEM file, or the bare base64 that Alipay's own key tool writes."""
    try:
        if b"-----" in text:
            key = ser.load_pem_public_key(text)
        else:
            key = ser.load_der_public_key(base64.b64decode(text))
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as problem:
        raise Refused("the merchant key is neither PEM nor base64 of a public key") from problem
    if not isinstance(key, RSAPublicKey):
        raise Refused("the merchant key is not an RSA public key")
    return key


def write_private(path: Path, content: bytes) -> None:
    """Replace the file in one step, readable by its owner only from the first byte."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    fresh.replace(path)


def _merchant_key(settings: Settings) -> RSAPublicKey:
    own = pair(settings.data, "merchant").public_key()
    if settings.merchant_key is None:
        return own
    try:
        return read_public(settings.merchant_key.read_bytes())
    except OSError as problem:
        raise Refused(f"cannot read the merchant key: {problem.strerror}") from problem


def _registered(settings: Settings) -> dict[str, str]:
    path = settings.data / "app.json"
    try:
        known = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as problem:
        raise Refused("app.json is not JSON; move it away to have a new one made") from problem
    app_id = settings.app_id or known.get("app_id") or f"2021{secrets.randbelow(10**12):012d}"
    seller = settings.seller_id or known.get("seller_id") or f"2088{secrets.randbelow(10**12):012d}"
    return {"app_id": str(app_id), "seller_id": str(seller)}


def _write_app(settings: Settings, app: dict[str, str]) -> None:
    told = app | {
        "gateway": f"{settings.origin}/gateway.do",
        "console": f"{settings.origin}/",
        "alipay_public_key": "alipay_public.pem",
        "merchant_private_key": "merchant_private.pem",
        "sign_type": "RSA2",
        "charset": "utf-8",
    }
    write_private(settings.data / "app.json", (json.dumps(told, indent=2) + "\n").encode())
