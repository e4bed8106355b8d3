"""Delivers notifies: POST the form, take exactly `success` for an answer, else come again.

Eight deliveries in all, at once and then after 4 m, 10 m, 10 m, 1 h, 2 h, 6 h and 15 h (each divided by the
speed). The same notify_id every time; every attempt is written down with what was sent and what came back.
`Courier.run` is the worker, `Courier.deliver` one delivery.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from alipay_simulator.announcing import DONE, GIVEN_UP, PENDING, notice_by_id
from alipay_simulator.beijing import stamp
from alipay_simulator.desk import Desk
from alipay_simulator.faults import SENT
from alipay_simulator.flaws import flawed
from alipay_simulator.rows import Notice
from alipay_simulator.settings import reachable
from alipay_simulator.signing import notice_string, sign
from alipay_simulator.trading import tidy

WAITS = tuple(60.0 * minutes for minutes in (4, 10, 10, 60, 120, 360, 900))
AT_ONCE = 16
ANSWER_LIMIT = 4096
SENDER = "Mozilla/4.0 (alipay simulator)"


@dataclass(frozen=True)
class Reply:
    status_code: int | None
    answer: str
    problem: str

    @property
    def accepted(self) -> bool:
        return self.status_code == 200 and self.answer == "success"


class Courier:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        while True:
            self._desk.wake.clear()
            tidy(self._desk)
            self._start_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._desk.wake.wait(), self._pause())

    async def drop(self) -> None:
        """Forget what is under way; nothing of it is written down."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        await self.drop()
        await self._client.aclose()

    async def deliver(self, number: int) -> None:
        """One delivery, now or the one that is already under way."""
        await asyncio.shield(self._task(number))

    def _start_due(self) -> None:
        sql = "SELECT id FROM notices WHERE status = ? AND due_at <= ? ORDER BY due_at LIMIT ?"
        for row in self._desk.store.all(sql, PENDING, self._desk.now(), AT_ONCE * 2):
            if len(self._under_way) >= AT_ONCE:
                return
            self._task(row["id"])

    def _task(self, number: int) -> asyncio.Task[None]:
        task = self._under_way.get(number)
        if task is None:
            task = asyncio.create_task(self._delivery(number))
            self._under_way[number] = task
            task.add_done_callback(lambda _: self._ended(number))
        return task

    def _ended(self, number: int) -> None:
        self._under_way.pop(number, None)
        self._desk.wake.set()

    def _pause(self) -> float:
        """Seconds until the next delivery is due, at most one (the clock may be moved meanwhile)."""
        sql = "SELECT id, due_at FROM notices WHERE status = ? ORDER BY due_at LIMIT ?"
        waiting = self._desk.store.all(sql, PENDING, AT_ONCE + 1)
        due: list[float] = [row["due_at"] for row in waiting if row["id"] not in self._under_way]
        return min(max(due[0] - self._desk.now(), 0.005), 1.0) if due else 1.0

    async def _delivery(self, number: int) -> None:
        notice = notice_by_id(self._desk, number)
        if notice is None or notice.status != PENDING:
            return
        body, faults = self._written(notice)
        copies = range(notice.copies)
        replies = await asyncio.gather(*(self._attempt(notice, body, faults) for _ in copies))
        self._settle(notice, any(replies))

    def _written(self, notice: Notice) -> tuple[str, str]:
        """The signed form as it goes out, and the names of the flaws put into it."""
        now = stamp(self._desk.now())
        fields = json.loads(notice.fields) | {"notify_id": notice.notify_id, "notify_time": now}
        number = notice.out_trade_no
        taken = [f for name in SENT if (f := self._desk.faults.take(name, out_trade_no=number))]
        if taken:
            fields = flawed(self._desk, fields, taken)
        else:
            signature = sign(self._desk.keys.alipay, notice_string(fields).encode())
            fields |= {"sign_type": "RSA2", "sign": signature}
        return urlencode(fields), " ".join(fault.name for fault in taken)

    async def _attempt(self, notice: Notice, body: str, faults: str) -> bool:
        at, begun = self._desk.now(), time.monotonic()
        reply = await self._post(notice.url, body)
        took = int((time.monotonic() - begun) * 1000)
        self._desk.store.insert(
            "attempts",
            notice_id=notice.id,
            at=at,
            body=body,
            status_code=reply.status_code,
            answer=reply.answer,
            problem=reply.problem,
            ok=reply.accepted,
            took_ms=took,
            faults=faults,
        )
        return reply.accepted

    async def _post(self, url: str, body: str) -> Reply:
        if not reachable(self._desk.settings, url):
            return Reply(None, "", "this address is not on the allow-list")
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "user-agent": SENDER,
        }
        limit = self._desk.settings.notify_timeout
        try:
            async with asyncio.timeout(limit):
                post = self._client.stream(
                    "POST", url, content=body, headers=headers, timeout=limit
                )
                async with post as response:
                    return Reply(response.status_code, await _beginning(response), "")
        except (TimeoutError, httpx.TimeoutException):
            return Reply(None, "", f"no answer within {limit:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            return Reply(None, "", f"{type(problem).__name__}: {problem}"[:300])

    def _settle(self, notice: Notice, accepted: bool) -> None:
        """Done, or due again. A resend asked for meanwhile moved `due_at` and stays due."""
        sent = notice.sent + 1
        status, due_at = PENDING, None
        if accepted:
            status = DONE
        elif sent > len(WAITS):
            status = GIVEN_UP
        else:
            due_at = self._desk.now() + WAITS[sent - 1] / self._desk.settings.speed
        self._desk.store.run(
            "UPDATE notices SET status = ?, due_at = ?, sent = ?, copies = 1 WHERE id = ? AND due_at = ?",
            status,
            due_at,
            sent,
            notice.id,
            notice.due_at,
        )


async def _beginning(response: httpx.Response) -> str:
    """The first bytes of the answer, so that a merchant's endless page cannot fill the log."""
    read = b""
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) >= ANSWER_LIMIT:
            break
    return read[:ANSWER_LIMIT].decode("utf-8", "replace")
