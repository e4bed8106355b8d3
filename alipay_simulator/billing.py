"""The bill a merchant reconciles with: a zip of GBK CSV, one file of details and one of sums.

`offer` hands out a token good for thirty seconds, `packed` builds the zip. A day's bill exists from ten
o'clock of the next day, a month's from the fourth of the next month; the switch `bill_early` lifts that.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from alipay_simulator.beijing import midnight, moment, stamp
from alipay_simulator.desk import Desk
from alipay_simulator.rows import TradeError
from alipay_simulator.wallets import SCANNER, buyer_of
from alipay_simulator.yuan import yuan

LIFE = 30.0
MOST_ROWS = 20_000
KINDS = {"trade": "业务明细", "signcustomer": "账务明细"}
TRADE_HEAD = [
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "商品名称",
    "创建时间",
    "完成时间",
    "门店编号",
    "门店名称",
    "操作员",
    "终端号",
    "对方账户",
    "订单金额（元）",
    "商家实收（元）",
    "支付宝红包（元）",
    "集分宝（元）",
    "支付宝优惠（元）",
    "商家优惠（元）",
    "券核销金额（元）",
    "券名称",
    "商家红包消费金额（元）",
    "卡消费金额（元）",
    "退款批次号/请求号",
    "服务费（元）",
    "分润（元）",
    "备注",
]
ACCOUNT_HEAD = [
    "账务流水号",
    "业务流水号",
    "商户订单号",
    "商品名称",
    "发生时间",
    "对方账号",
    "收入金额（+元）",
    "支出金额（-元）",
    "账户余额（元）",
    "交易渠道",
    "业务类型",
    "备注",
]
SUM_HEAD = [
    "门店编号",
    "门店名称",
    "交易订单总笔数",
    "退款订单总笔数",
    "订单金额（元）",
    "商家实收（元）",
]


class NoBill(TradeError):
    def __init__(self) -> None:
        super().__init__("isp.bill_not_exist")
        self.message = "账单不存在"


@dataclass(frozen=True)
class Row:
    """One movement; fen below zero is a refund."""

    trade_no: str
    out_trade_no: str
    subject: str
    buyer: str
    created_at: float
    at: float
    fen: int
    request_no: str


def offer(desk: Desk, kind: str, day: str) -> str:
    if kind not in KINDS:
        raise TradeError("ACQ.INVALID_PARAMETER")
    since, until, ready = _span(day)
    now = desk.now()
    if now < ready and desk.faults.take("bill_early") is None:
        raise NoBill
    token = secrets.token_urlsafe(18)
    desk.store.insert(
        "bills", token=token, kind=kind, since=since, until=until, expires_at=now + LIFE
    )
    return token


def _span(day: str) -> tuple[float, float, float]:
    """Begin, end and the moment from which the bill exists."""
    found = re.fullmatch(r"(\d{4})-(\d\d)(?:-(\d\d))?", day, re.ASCII)
    try:
        if found is None or not 2000 <= int(found[1]) <= 2900:
            raise ValueError(day)
        first = date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError as problem:
        raise TradeError("ACQ.INVALID_PARAMETER") from problem
    if found[3]:
        after = first + timedelta(days=1)
        return midnight(first), midnight(after), midnight(after) + 10 * 3600
    after = (first + timedelta(days=31)).replace(day=1)
    return midnight(first), midnight(after), midnight(after + timedelta(days=3))


def packed(desk: Desk, token: str) -> bytes | None:
    """The zip, None when the token is unknown or its thirty seconds are over."""
    bill = desk.store.one(
        "SELECT * FROM bills WHERE token = ? AND expires_at > ?", token, desk.now()
    )
    if bill is None:
        return None
    rows = _flawed(desk, _rows(desk, bill["since"], bill["until"]))
    stem = f"{desk.keys.seller_id}_{moment(bill['since']):%Y%m%d}_{KINDS[bill['kind']]}"
    head = [
        f"#支付宝{KINDS[bill['kind']]}查询",
        f"#账号：[{desk.keys.seller_id}]",
        f"#起始日期：[{stamp(bill['since'])}]   终止日期：[{stamp(bill['until'])}]",
    ]
    table = _trade_table(rows) if bill["kind"] == "trade" else _account_table(rows)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{stem}.csv", _csv(desk, head, table, rows))
        archive.writestr(f"{stem}(汇总).csv", _csv(desk, head, _sum_table(rows), rows))
    return out.getvalue()


def _rows(desk: Desk, since: float, until: float) -> list[Row]:
    found = desk.store.all(
        """SELECT trade_no, out_trade_no, subject, buyer, created_at, paid_at AS at, fen, '' AS request_no
             FROM trades WHERE paid_at >= ?1 AND paid_at < ?2
           UNION ALL
           SELECT trade_no, out_trade_no, subject, buyer, created_at, refunded_at, -refunds.fen, request_no
             FROM refunds JOIN trades USING (trade_no) WHERE refunded_at >= ?1 AND refunded_at < ?2
           ORDER BY at LIMIT ?3""",
        since,
        until,
        MOST_ROWS,
    )
    return [Row(**dict(row)) for row in found]


def _flawed(desk: Desk, rows: list[Row]) -> list[Row]:
    """The reconciliation switches: a row too few, a row too many, a row that differs."""
    if rows and desk.faults.take("bill_missing_row"):
        rows = rows[1:]
    if rows and (fault := desk.faults.take("bill_wrong_amount")):
        rows = [
            replace(rows[0], fen=rows[0].fen + 1, request_no=fault.value or rows[0].request_no),
            *rows[1:],
        ]
    if fault := desk.faults.take("bill_surplus_row"):
        now = desk.now()
        number = fault.value or "SURPLUS0000000001"
        rows = [
            *rows,
            Row(f"{moment(now):%Y%m%d}2200{0:016d}", number, "多出的一笔", "", now, now, 100, ""),
        ]
    return rows


def _account(row: Row) -> str:
    return (buyer_of(row.buyer) or SCANNER).masked


def _trade_table(rows: Sequence[Row]) -> list[list[str]]:
    return [
        TRADE_HEAD,
        *(
            [
                row.trade_no,
                row.out_trade_no,
                "交易" if row.fen > 0 else "退款",
                row.subject,
                stamp(row.created_at),
                stamp(row.at),
                "",
                "",
                "",
                "",
                _account(row),
                yuan(row.fen),
                yuan(row.fen),
                *["0.00"] * 5,
                "",
                "0.00",
                "0.00",
                row.request_no,
                "0.00",
                "0.00",
                "",
            ]
            for row in rows
        ),
    ]


def _account_table(rows: Sequence[Row]) -> list[list[str]]:
    table, balance = [ACCOUNT_HEAD], 0
    for place, row in enumerate(rows, 1):
        balance += row.fen
        into, out = (yuan(row.fen), "0.00") if row.fen > 0 else ("0.00", yuan(row.fen))
        table.append(
            [
                f"{place:018d}",
                row.trade_no,
                row.out_trade_no,
                row.subject,
                stamp(row.at),
                _account(row),
                into,
                out,
                yuan(balance),
                "支付宝",
                "在线支付" if row.fen > 0 else "交易退款",
                row.request_no,
            ]
        )
    return table


def _sum_table(rows: Sequence[Row]) -> list[list[str]]:
    paid, total = sum(row.fen > 0 for row in rows), yuan(sum(row.fen for row in rows))
    return [SUM_HEAD, ["合计", "", str(paid), str(len(rows) - paid), total, total]]


def _csv(desk: Desk, head: list[str], table: list[list[str]], rows: Sequence[Row]) -> bytes:
    """Alipay's habit: comment lines around the table, a tab after every text field."""
    out = io.StringIO()
    print(*head, "#" + "-" * 40, sep="\r\n", end="\r\n", file=out)
    csv.writer(out).writerow(table[0])
    csv.writer(out).writerows([f"{field}\t" for field in line] for line in table[1:])
    paid = [row.fen for row in rows if row.fen > 0]
    back = [row.fen for row in rows if row.fen < 0]
    print(
        "#" + "-" * 40,
        f"#交易合计：{len(paid)}笔，商家实收共{yuan(sum(paid))}元",
        f"#退款合计：{len(back)}笔，商家实收退款共{yuan(sum(back))}元",
        f"#导出时间：[{stamp(desk.now())}]",
        sep="\r\n",
        end="\r\n",
        file=out,
    )
    return out.getvalue().encode("gb18030")
