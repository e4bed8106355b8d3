"""Alipay's bill: a zip of GBK tables, comment lines around them, a tab after every field.

`download(address)` reads the table of movements (the zip's other table only sums them up). A table
whose columns or figures cannot be read raises `NoBill`: half a bill would accuse the other half.
"""

from __future__ import annotations

import csv
import io
import zipfile
from urllib.parse import urlsplit

from django.conf import settings

from shigu.kit.money import Fen, fen
from shigu.payments.provider import BillRow, NoBill
from shigu.payments.providers.alipay.gateway import fetch
from shigu.payments.providers.alipay.reading import moment

MOST_BYTES = 64 * 1024 * 1024
TRADE_NO, NUMBER, KIND, SUBJECT, AT = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "商品名称",
    "完成时间",
)
AMOUNT, REQUEST_NO = "订单金额（元）", "退款批次号/请求号"
SUMS = "汇总"
REFUND = "退款"


def download(address: str) -> list[BillRow]:
    """All movements behind a bill's address, which lives for thirty seconds."""
    if not _believable(address):
        raise NoBill("the bill's address is not Alipay's")
    return read(fetch("GET", address, most=MOST_BYTES))


def _believable(address: str) -> bool:
    """Over TLS like the gateway, or on the gateway's own host (the simulator's)."""
    there, gateway = urlsplit(address), urlsplit(settings.ALIPAY_GATEWAY)
    return there.scheme == "https" or there[:2] == gateway[:2]


def read(content: bytes) -> list[BillRow]:
    """The movements in a bill's zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = _table(archive).decode("gb18030")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return [_row(fields) for fields in csv.DictReader(lines)]
    except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError, KeyError, ValueError) as problem:
        raise NoBill(f"unreadable bill: {type(problem).__name__}") from problem


def _table(archive: zipfile.ZipFile) -> bytes:
    found = next(part for part in archive.infolist() if SUMS not in _name(part))
    if found.file_size > MOST_BYTES:
        raise ValueError("too big")
    return archive.read(found)


def _name(part: zipfile.ZipInfo) -> str:
    """Names are GBK without saying so; zipfile then reads them as cp437."""
    if part.flag_bits & 0x800:
        return part.filename
    return part.filename.encode("cp437", "replace").decode("gb18030", "replace")


def _row(fields: dict[str, str]) -> BillRow:
    told = {name.strip(): (value or "").strip() for name, value in fields.items()}
    at = moment(told[AT])
    if at is None:
        raise ValueError("no time")
    return BillRow(
        trade_no=told[TRADE_NO],
        out_trade_no=told[NUMBER],
        request_no=told[REQUEST_NO],
        amount=_signed(told[AMOUNT], refund=told[KIND] == REFUND),
        at=at,
        subject=told[SUBJECT],
    )


def _signed(text: str, *, refund: bool) -> Fen:
    figure = fen(text.removeprefix("-"))
    return -figure if refund else figure
