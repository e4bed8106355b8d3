"""Where Alipay's identity and keys come from: files, the environment, or the simulator's own folder.

`load()` gives `Keys`, or raises `NoKeys` with what is missing; a key never appears in a message. The
simulator's folder is looked at only where nothing is configured and the shop is not in production.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings

_PEM = re.compile(rb"-----BEGIN [^-]+-----.+?-----END [^-]+-----", re.DOTALL)


class NoKeys(Exception):
    """What is missing or unreadable, in words without secrets."""


@dataclass(frozen=True)
class Keys:
    """Who we are at Alipay, how we sign, and whose signatures we believe."""

    app_id: str
    seller_id: str
    private: RSAPrivateKey
    public: tuple[RSAPublicKey, ...]
    """Alipay's; more than one while it changes its key."""


def load() -> Keys:
    """The keys as they are now; a changed file is read again."""
    if from_simulator():
        folder = Path(settings.ALIPAY_SIMULATOR_DIR)
        app = _app(folder / "app.json")
        private, public = folder / "merchant_private.pem", folder / "alipay_public.pem"
        return Keys(app["app_id"], app["seller_id"], _private(private), _public(public))
    if missing := _missing():
        raise NoKeys(f"not set: {', '.join(missing)}")
    return Keys(
        settings.ALIPAY_APP_ID,
        settings.ALIPAY_SELLER_ID,
        _private(Path(settings.ALIPAY_PRIVATE_KEY_FILE)),
        _public(Path(settings.ALIPAY_PUBLIC_KEY_FILE)),
    )


NAMES = (
    "ALIPAY_APP_ID",
    "ALIPAY_SELLER_ID",
    "ALIPAY_PRIVATE_KEY_FILE",
    "ALIPAY_PUBLIC_KEY_FILE",
)


def _missing() -> list[str]:
    return [name for name in NAMES if not getattr(settings, name)]


def from_simulator() -> bool:
    """Nothing is configured, and this is no production."""
    return not settings.PRODUCTION and len(_missing()) == len(NAMES)


def _app(path: Path) -> dict[str, str]:
    try:
        told = json.loads(_bytes(path))
        return {name: str(told[name]) for name in ("app_id", "seller_id")}
    except (ValueError, KeyError, TypeError) as problem:
        raise NoKeys(f"{path.name} does not name an app and a seller") from problem


def _bytes(path: Path) -> bytes:
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as problem:
        raise NoKeys(f"cannot read {path.name}: {problem.strerror}") from problem


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> bytes:
    return path.read_bytes()


def _private(path: Path) -> RSAPrivateKey:
    key = _parsed_private(_bytes(path))
    if key is None:
        raise NoKeys(f"{path.name} is not an RSA private key")
    return key


@lru_cache(maxsize=4)
def _parsed_private(content: bytes) -> RSAPrivateKey | None:
    """PEM, or the bare base64 that Alipay's own key tool writes."""
    try:
        key = (
            load_pem_private_key(content, None)
            if b"-----" in content
            else load_der_private_key(base64.b64decode(content), None)
        )
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPrivateKey) else None


def _public(path: Path) -> tuple[RSAPublicKey, ...]:
    keys = _parsed_public(_bytes(path))
    if not keys:
        raise NoKeys(f"{path.name} is not Alipay's RSA public key")
    return keys


@lru_cache(maxsize=4)
def _parsed_public(content: bytes) -> tuple[RSAPublicKey, ...]:
    try:
        found = [load_pem_public_key(block) for block in _PEM.findall(content)]
        if not found:
            found = [load_der_public_key(base64.b64decode(content))]
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return ()
    return tuple(key for key in found if isinstance(key, RSAPublicKey))
