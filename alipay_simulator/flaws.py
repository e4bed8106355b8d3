"""What a hostile or broken notify looks like: the switches of `faults.SENT`, applied to one delivery.

Flaws of content are signed like any other content; flaws of the signature come after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alipay_simulator.desk import Desk
from alipay_simulator.faults import Fault
from alipay_simulator.signing import notice_string, sign, sign_sha1

Fields = dict[str, str]

CONTENT: dict[str, tuple[str, str]] = {
    "notify_wrong_amount": ("total_amount", "0.01"),
    "notify_app_id": ("app_id", "2021999999999999"),
    "notify_seller_id": ("seller_id", "2088999999999999"),
    "notify_out_trade_no": ("out_trade_no", "UNKNOWN0000000000"),
}


def flawed(desk: Desk, fields: Fields, faults: Sequence[Fault]) -> Fields:
    for fault in faults:
        if fault.name in CONTENT:
            key, usual = CONTENT[fault.name]
            fields = fields | {key: fault.value or usual}
    signature = sign(desk.keys.alipay, notice_string(fields).encode())
    fields = fields | {"sign_type": "RSA2", "sign": signature}
    for fault in faults:
        if fault.name in SIGNATURE:
            fields = SIGNATURE[fault.name](desk, fields)
    return fields


def bad_signature(desk: Desk, fields: Fields) -> Fields:
    """Well-formed and made with the right key, but of something else."""
    return fields | {"sign": sign(desk.keys.alipay, b"something else")}


def _missing(desk: Desk, fields: Fields) -> Fields:
    return {key: value for key, value in fields.items() if key != "sign"}


def _junk(desk: Desk, fields: Fields) -> Fields:
    return fields | {"sign": "A"}


def _retired(desk: Desk, fields: Fields) -> Fields:
    old = sign_sha1(desk.keys.alipay, notice_string(fields).encode())
    return fields | {"sign_type": "RSA", "sign": old}


def tampered(desk: Desk, fields: Fields) -> Fields:
    return fields | {"total_amount": "88888.88"}


SIGNATURE: dict[str, Callable[[Desk, Fields], Fields]] = {
    "notify_sign_bad": bad_signature,
    "notify_sign_missing": _missing,
    "notify_sign_junk": _junk,
    "notify_sign_type_rsa": _retired,
    "notify_tampered": tampered,
}
