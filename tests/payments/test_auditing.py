"""Each invariant about money finds the row that breaks it, and nothing on a sound database."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from shigu import clock
from shigu.kit.auditing import offending
from shigu.payments import auditing
from shigu.payments.auditing import INVARIANTS
from shigu.payments.models import Attempt, Refund, Why
from shigu.payments.provider import Answer, Standing
from shigu.payments.refunding import give_back
from shigu.payments.settling import settle
from tests.payments.shopfront import PRICE, Shop


@pytest.fixture
def settled(shop: Shop) -> Attempt:
    """One payment that applied."""
    attempt = shop.open(shop.order()).attempt
    settle("alipay", Answer(attempt.out_trade_no, Standing.PAID, amount=PRICE, trade_no="t"))
    return attempt


def damage(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_sound_database(settled: Attempt) -> None:
    """Nothing is found."""
    assert [offending(invariant) for invariant in INVARIANTS] == [[]] * len(INVARIANTS)


def test_applied_twice(settled: Attempt) -> None:
    """Two payments applied to one order."""
    damage(
        "INSERT INTO payments_attempt SELECT (jsonb_populate_record(a, jsonb_build_object("
        "'id', a.id + 1, 'out_trade_no', a.out_trade_no || 'x'))).* FROM payments_attempt a"
    )
    (found,) = offending(auditing.APPLIED_ONCE)
    assert (found["subject_id"], found["payments"]) == (settled.subject_id, 2)


@pytest.mark.parametrize(
    "change", ["refunding = 100", "money = 'returning'", "money = 'returning', refunding = amount"]
)
def test_returned_without_its_refund(settled: Attempt, change: str) -> None:
    """Money said to go back, without the refunds that carry it."""
    damage(f"UPDATE payments_attempt SET {change}")
    (found,) = offending(auditing.RETURNED_WHOLE)
    assert found["out_trade_no"] == settled.out_trade_no


def test_refused_refund(settled: Attempt) -> None:
    """A refund that nobody took care of."""
    now = clock.now()
    refund = {"amount": 1, "why": "late", "request_no": "r", "try_at": now, "started_at": now}
    Refund.objects.create(attempt=settled, state="refused", **refund)
    assert offending(auditing.NOTHING_REFUSED)[0]["request_no"] == "r"


def test_told_and_not_decided(settled: Attempt) -> None:
    """A notice said to be settled, whose payment is still open."""
    damage(
        "INSERT INTO payments_notice (provider, notify_id, out_trade_no, trade_status, raw, received_at,"
        " handled_at, outcome) VALUES ('alipay', 'n', %s, 'x', '', now(), now(), 'settled')",
        settled.out_trade_no,
    )
    assert offending(auditing.HEARD_MONEY_DECIDED) == []
    damage("UPDATE payments_attempt SET state = 'open', money = '', decided_at = NULL")
    (found,) = offending(auditing.HEARD_MONEY_DECIDED)
    assert found["notify_id"] == "n"


def test_looks_in_ranges(settled: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long table is looked at range by range, over wide gaps of ids, until enough was found."""
    from shigu.kit import auditing as kit

    monkeypatch.setattr(kit, "RANGE", 1)
    damage(
        "INSERT INTO payments_attempt SELECT (jsonb_populate_record(a, jsonb_build_object("
        "'id', a.id + n * 1000000000::bigint, 'out_trade_no', a.out_trade_no || n))).*"
        " FROM payments_attempt a, generate_series(1, 5) n"
    )
    damage("UPDATE payments_attempt SET refunding = 1")
    assert len(offending(auditing.RETURNED_WHOLE)) == 6
    assert len(offending(auditing.RETURNED_WHOLE, most=4)) == 4


def test_the_audit_writes_nothing(settled: Attempt) -> None:
    """A look is read-only for the database itself."""
    from shigu.kit.auditing import Invariant

    with pytest.raises(Exception, match="read-only"):
        offending(Invariant("0", "x", "DELETE FROM payments_notice RETURNING id"))


# -- the ledger's half ----------------------------------------------------------------------------------

MONEY = "(kind, subject, nth, debit, credit, amount, at, note)"


def quietly(statement: str) -> None:
    """Damage past the trigger that refuses it."""
    with transaction.atomic():
        damage("SET LOCAL session_replication_role = replica")
        damage(statement)


@pytest.fixture
def refunded(settled: Attempt) -> Refund:
    """The payment, half of it on its way back."""
    with transaction.atomic():
        return give_back(settled.pk, 4900, Why.REFUND, now=clock.now())


def found_by() -> set[str]:
    """Which of the ledger's promises are broken."""
    names = (
        "BALANCE_AT_ONCE",
        "PAYMENTS_BOOKED",
        "REFUNDS_BOOKED",
        "BOOKED_FOR_SOMETHING",
        "HOUSE_TOTALS",
    )
    return {name for name in names if offending(getattr(auditing, name))}


BOOKED, BACK, OF_WHAT, TOTALS = (
    "PAYMENTS_BOOKED",
    "REFUNDS_BOOKED",
    "BOOKED_FOR_SOMETHING",
    "HOUSE_TOTALS",
)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM ledger_transfer WHERE kind = 'payment'", {BOOKED, TOTALS}),
        ("DELETE FROM ledger_transfer WHERE kind = 'refund'", {BACK, TOTALS}),
        ("UPDATE ledger_transfer SET amount = amount + 1 WHERE kind = 'payment'", {BOOKED, TOTALS}),
        ("UPDATE ledger_transfer SET debit = 19 WHERE kind = 'payment'", {BOOKED, TOTALS}),
        ("UPDATE ledger_transfer SET credit = 20 WHERE kind = 'payment'", {BOOKED}),
        ("UPDATE ledger_transfer SET credit = 18 WHERE kind = 'refund'", {BACK, TOTALS}),
        ("UPDATE ledger_transfer SET debit = 20 WHERE kind = 'refund'", {BACK}),
        ("UPDATE ledger_transfer SET kind = 'returning' WHERE kind = 'payment'", {BOOKED}),
        ("UPDATE ledger_transfer SET subject = 0 WHERE kind = 'payment'", {BOOKED, OF_WHAT}),
        ("UPDATE ledger_transfer SET subject = 0 WHERE kind = 'refund'", {BACK, OF_WHAT}),
        (
            f"INSERT INTO ledger_transfer {MONEY} SELECT 'refunded', id, 0, 19, 18, 4900, now(), ''"
            " FROM payments_refund",
            {BACK, TOTALS},
        ),
        (
            f"INSERT INTO ledger_transfer {MONEY} SELECT kind, subject, 1, debit, credit, 1, now(), ''"
            " FROM ledger_transfer WHERE kind = 'payment'",
            {BOOKED, TOTALS},
        ),
        ("UPDATE payments_refund SET state = 'sent'", {BACK, TOTALS}),
        ("UPDATE payments_attempt SET provider = 'balance'", {BOOKED, TOTALS}),
        ("UPDATE payments_attempt SET user_id = user_id, money = 'returning'", {BOOKED, BACK}),
    ],
)
def test_the_ledger_and_the_payments_agree(refunded: Refund, harm: str, told: set[str]) -> None:
    """A transfer lost, changed, doubled, of nothing, a row that says otherwise: each is found."""
    assert found_by() == set()
    quietly(harm)
    assert found_by() == told


def test_an_open_payment_from_a_balance(shop: Shop) -> None:
    """It does not exist outside of the transaction that pays it."""
    attempt = shop.open(shop.order()).attempt
    damage("UPDATE payments_attempt SET provider = 'balance'")
    (found,) = offending(auditing.BALANCE_AT_ONCE)
    assert found["out_trade_no"] == attempt.out_trade_no
