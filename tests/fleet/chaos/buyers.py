"""Buyers with a will of their own: they order, and pay, leave, cancel or forget; and note what they were told.

Every answer is either foreseen or a surprise, and a surprise fails the test. What was told is kept in a
`Notebook`, which the reckoning compares with the rows afterwards.
"""

from __future__ import annotations

import random
import re
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.fleet.chaos.browser import PATIENCE, Browser, Gone, fields
from tests.fleet.chaos.diary import Diary

PAID = {"paid", "to_ship", "shipped"}
CASHIER = {"buyer": "alice@sandbox.test", "password": "135790"}


@dataclass(frozen=True)
class Guest:
    """Somebody who is signed in."""

    user_id: int
    name: str
    session: str


@dataclass
class Notebook:
    """What one buyer was told."""

    user_id: int
    placed: dict[str, str] = field(default_factory=dict)
    """By the key it was sent with: the number of the order that the shop said was placed."""
    refused: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    """Keys for which everybody went home before an answer came."""
    paid: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    charged: set[str] = field(default_factory=set)
    """Orders for which the provider said that it had taken the money."""
    surprises: list[str] = field(default_factory=list)


class Buyer:
    """One of them: buys until `leaving`, and insists on answers until the browser is `closing`."""

    def __init__(
        self, guest: Guest, skus: Sequence[int], bases: Sequence[str], seed: int, diary: Diary
    ) -> None:
        self.name, self.skus, self.diary = guest.name, list(skus), diary
        self.dice = random.Random(f"{seed} {guest.name}")
        self.browser = Browser(bases, guest.session, self.dice, diary)
        self.notes = Notebook(guest.user_id)
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self._live, name=guest.name, daemon=True)

    def _live(self) -> None:
        try:
            self._top_up("50000")
            while not self.leaving.wait(self.dice.uniform(0.2, 1.0)):
                self._shop_once()
        except Gone as gone:
            self.diary.note(f"{self.name} had no answer in the end: {gone}")
        except Exception:
            self.notes.surprises.append(f"{self.name}: {traceback.format_exc()}")

    def _shop_once(self) -> None:
        number = self._order()
        if number:
            fate = self.dice.choices(list(FATES), [FATES[fate] for fate in FATES])[0]
            self.diary.count(f"fate:{fate.__name__.strip('_')}")
            fate(self, number)

    # -- ordering --------------------------------------------------------------------------------

    def _order(self) -> str:
        """The number of an order placed; empty for a refusal."""
        sku, pieces = (
            self.dice.choice([*self.skus[:3] * 2, *self.skus]),
            self.dice.choice([1, 1, 2]),
        )
        page = self.browser.get(f"/confirm/?sku={sku}&quantity={pieces}")
        if not self._foreseen(page, "confirming", {200}):
            return ""
        form = fields(page.text)
        if self.dice.random() < 0.6:
            form = self._with_wallet(form)
        return self._place(form) if "payable" in form else ""

    def _with_wallet(self, form: dict[str, str]) -> dict[str, str]:
        """Another coupon or none, and some credits; the page says what it comes to."""
        if self.dice.random() < 0.4:
            form["coupon"] = ""
        if self.dice.random() < 0.6:
            form["credits"] = str(self.dice.choice([10, 50, 120, 300]))
        page = self.browser.post("/confirm/update/", form)
        self._foreseen(page, "figures", {200, 409})
        return fields(page.text)

    def _place(self, form: dict[str, str]) -> str:
        key, chance = form["key"], self.dice.random()
        self.notes.unanswered.add(key)
        if chance < 0.1:
            answers = self._place_twice(form)
        else:
            answers = [self.browser.post("/confirm/place/", form, hasty=chance < 0.2)]
        self.notes.unanswered.discard(key)
        numbers = {self._number_in(answer) for answer in answers}
        if len(numbers) > 1:
            self.notes.surprises.append(f"{self.name}: one key, several answers: {numbers}")
        number = numbers.pop()
        if number:
            self.notes.placed[key] = number
        else:
            self.notes.refused.add(key)
        self.diary.count("placed" if number else "refused")
        return number

    def _place_twice(self, form: dict[str, str]) -> list[httpx.Response]:
        """Two clicks at once."""
        self.diary.count("sent twice")
        with ThreadPoolExecutor(2) as pool:
            sent = [pool.submit(self.browser.post, "/confirm/place/", form) for _ in range(2)]
            return [one.result() for one in sent]

    def _number_in(self, answer: httpx.Response) -> str:
        found = re.match(r"/pay/(\d+)/", answer.headers.get("location", ""))
        if answer.status_code == 302 and found:
            return found[1]
        self._foreseen(answer, "placing", {409})
        return ""

    # -- what becomes of an order ------------------------------------------------------------------

    def _pay(self, number: str) -> None:
        """At the provider; the browser comes back, or is closed at once."""
        back = self._charged(f"/pay/{number}/open")
        if not back:
            return
        self.notes.charged.add(number)
        if self.dice.random() < 0.7:
            self._foreseen(self.browser.get(back), "coming back", {302})
            self._until_told(number)

    def _pay_late(self, number: str) -> None:
        """The cashier is opened at once, and paid when there is hardly any time left, or none."""
        if self._charged(f"/pay/{number}/open", wait=self.dice.uniform(9.5, 12.5)):
            self.notes.charged.add(number)

    def _pay_from_balance(self, number: str) -> None:
        self.browser.post(f"/pay/{number}/open", {"way": "balance"})
        self._ask(number)

    def _leave_at_cashier(self, number: str) -> None:
        """The provider's page is opened, or its code scanned, and nobody pays."""
        self._at_cashier(f"/pay/{number}/open", {} if self.dice.random() < 0.5 else None)

    def _cancel(self, number: str) -> None:
        self.browser.post(f"/me/orders/{number}/cancel", {})
        if self._ask(number) == "cancelled":
            self.notes.cancelled.add(number)

    def _forget(self, number: str) -> None:
        """Nothing at all: it lapses."""

    def _top_up(self, yuan: str) -> None:
        page = self.browser.get("/me/balance/")
        form = {"key": fields(page.text)["key"], "pick": "other", "amount": yuan}
        answer = self.browser.post("/me/balance/top-up", form)
        found = re.match(r"/me/top-ups/(\d+)/", answer.headers.get("location", ""))
        if not found:
            self.notes.surprises.append(f"{self.name}: topping up: {answer.status_code}")
        elif back := self._charged(f"/me/top-ups/{found[1]}/open"):
            self.browser.get(back)

    # -- at the provider -----------------------------------------------------------------------------

    def _at_cashier(self, door: str, scan: dict[str, str] | None = None) -> str:
        """The address of the provider's page for it; empty where the shop or the provider refuses."""
        answer = self.browser.post(door, {"way": "alipay"})
        where = answer.headers.get("location", "")
        if not where.startswith("http"):
            return ""  # time's up, or it is paid
        page = self.browser.get(where)
        token = re.search(r"/cashier/\w[\w-]*", page.headers.get("location", ""))
        if not token:
            return ""
        cashier = f"{where.partition('/gateway.do')[0]}{token[0]}"
        if scan is not None:
            self.browser.post(f"{cashier}/scan", scan)
        return cashier

    def _charged(self, door: str, *, wait: float = 0) -> str:
        """Pay there; the address of the way back, or empty where no money was taken."""
        cashier = self._at_cashier(door)
        if wait:
            self.browser.closing.wait(wait)
        if not cashier or self.browser.post(f"{cashier}/login", CASHIER).status_code != 303:
            return ""
        back = self.browser.post(f"{cashier}/pay", {}).headers.get("location", "")
        return back if back.startswith("http") else ""

    def _until_told(self, number: str) -> None:
        """A waiting page asks a few times."""
        for _ in range(6):
            if self._ask(number) in PAID:
                return
            time.sleep(0.5)

    def _ask(self, number: str) -> str:
        answer = self.browser.get(f"/pay/{number}/state")
        if not self._foreseen(answer, "asking", {200}):
            return ""
        word = str(answer.json()["state"])
        if word in PAID:
            self.notes.paid.add(number)
        return word

    def _foreseen(self, answer: httpx.Response, doing: str, expected: set[int]) -> bool:
        if answer.status_code in expected and "/accounts/login" not in answer.headers.get(
            "location", ""
        ):
            return True
        said = f"{answer.status_code} {answer.headers.get('location', '')}"
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))
        self.notes.surprises.append(f"{self.name}: {doing} {answer.url}: {said} {text[:300]}")
        return False


FATES: dict[Callable[[Buyer, str], None], int] = {
    Buyer._pay: 30,
    Buyer._pay_late: 8,
    Buyer._pay_from_balance: 15,
    Buyer._leave_at_cashier: 14,
    Buyer._cancel: 12,
    Buyer._forget: 30,
}
"""What buyers do with an order, and how often."""


class Crowd:
    """All buyers together."""

    def __init__(self, buyers: Sequence[Buyer]) -> None:
        self.buyers = list(buyers)

    def come(self) -> None:
        for buyer in self.buyers:
            buyer.thread.start()

    def go_home(self, patience: float = 60) -> None:
        """Nobody begins anything new; whoever waits for an answer waits on, for all is up again."""
        for buyer in self.buyers:
            buyer.leaving.set()
        until = time.monotonic() + patience
        for buyer in self.buyers:
            buyer.thread.join(max(0.0, until - time.monotonic()))
        self.close()

    def close(self) -> None:
        """At once, also in the midst of something."""
        for buyer in self.buyers:
            buyer.leaving.set()
            buyer.browser.closing.set()
        for buyer in self.buyers:
            if buyer.thread.ident:
                buyer.thread.join(PATIENCE + 5)
            if buyer.thread.is_alive():
                buyer.notes.surprises.append(f"{buyer.name} never came home")
            buyer.browser.close()

    @property
    def notebooks(self) -> list[Notebook]:
        return [buyer.notes for buyer in self.buyers]
