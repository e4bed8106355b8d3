"""Every fen that comes, goes back or is refunded stands in the ledger once, in the same transaction."""

from __future__ import annotations

import importlib
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from shigu import clock
from shigu.kit import breakpoints
from shigu.kit.auditing import offending
from shigu.ledger.models import Account, Book, Event, Transfer, account
from shigu.orders.cancelling import cancel
from shigu.payments import booking, locks
from shigu.payments.auditing import INVARIANTS
from shigu.payments.models import Attempt, Outcome, Refund, Why
from shigu.payments.provider import Answer, Fate, RefundAnswer, Standing
from shigu.payments.refunding import give_back, sent
from shigu.payments.settling import settle
from tests.payments.shopfront import PRICE, Shop, everything, now_of

SALES, CLEARING, TRANSIT = (account(b) for b in (Book.SALES, Book.CLEARING, Book.TRANSIT))


def told(attempt: Attempt) -> Outcome:
    answer = Answer(attempt.out_trade_no, Standing.PAID, amount=attempt.amount, trade_no="t")
    return settle("alipay", answer)


def give(attempt: Attempt, amount: int) -> Refund:
    with transaction.atomic():
        locks.attempts_of([(attempt.purpose, attempt.subject_id)])
        return give_back(attempt.pk, amount, Why.REFUND, now=clock.now())


def books() -> list[tuple[str, int, int, int, int]]:
    """All transfers: event, of which row, from, to, how much."""
    rows = Transfer.objects.order_by("pk").exclude(kind=Event.EARN).exclude(kind=Event.TAKE_BACK)
    return list(rows.values_list("kind", "subject", "debit", "credit", "amount"))


def test_a_payment_goes_into_sales(shop: Shop) -> None:
    """From the provider to the house, once however often it is told; no account of a person is touched."""
    attempt = shop.open(shop.order()).attempt
    assert [told(attempt), told(attempt)] == [Outcome.SETTLED, Outcome.REPEATED]
    assert books() == [("payment", attempt.pk, CLEARING, SALES, PRICE)]
    assert not Account.objects.filter(
        balance__gt=0, pk=account(Book.BALANCE, shop.alice.pk)
    ).exists()
    assert Transfer.objects.get(kind="payment").at == now_of(attempt).decided_at


def test_money_in_vain_is_in_transit_until_it_is_back(shop: Shop) -> None:
    """It never is the house's: it passes through, and Alipay is even again."""
    order = shop.order()
    attempt = shop.open(order).attempt
    cancel(order.pk, by=shop.alice.pk)
    assert told(attempt) == Outcome.RETURNED
    assert books() == [("returning", attempt.pk, CLEARING, TRANSIT, PRICE)]
    refund = Refund.objects.get()
    sent(refund.pk, RefundAnswer(Fate.SENT), tries=0)
    assert books()[1:] == [("refunded", refund.pk, TRANSIT, CLEARING, PRICE)]
    assert broken() == []


def test_a_refund_leaves_sales_when_it_is_decided(shop: Shop) -> None:
    """Two parts: each out of sales when decided, each at the provider when it was sent."""
    attempt = shop.open(shop.order()).attempt
    told(attempt)
    first, second = give(attempt, 4000), give(attempt, 900)
    assert books()[1:] == [
        ("refund", first.pk, SALES, TRANSIT, 4000),
        ("refund", second.pk, SALES, TRANSIT, 900),
    ]
    assert broken() == []
    sent(first.pk, RefundAnswer(Fate.SENT), tries=0)
    assert books()[3:] == [("refunded", first.pk, TRANSIT, CLEARING, 4000)]


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.UNKNOWN])
def test_what_was_not_sent_stays_in_transit(shop: Shop, fate: Fate) -> None:
    """Refused or unknown: nothing moves until somebody is sure."""
    attempt = shop.open(shop.order()).attempt
    told(attempt)
    refund = give(attempt, 4000)
    before = books()
    try:
        sent(refund.pk, RefundAnswer(fate), tries=0)
    except clock.Again:
        assert fate is Fate.UNKNOWN
    assert books() == before


def test_a_decision_that_dies_books_nothing(shop: Shop) -> None:
    """Money and ledger are one transaction: gone half-way, neither is there."""
    attempt = shop.open(shop.order()).attempt
    before = everything()

    def die() -> None:
        raise ZeroDivisionError

    with breakpoints.at("payments.settle.committing", die), pytest.raises(ZeroDivisionError):
        told(attempt)
    assert everything() == before
    assert books() == []


def test_the_ledger_itself_refuses_a_second_time(shop: Shop) -> None:
    """Whatever the code does, one attempt's money is booked once."""
    attempt = shop.open(shop.order()).attempt
    told(attempt)
    with pytest.raises(IntegrityError, match="transfer_once"), transaction.atomic():
        booking.decided(now_of(attempt), now=clock.now())
    assert len(books()) == 1


def test_alipays_money_for_orders_locks_nobodys_account(shop: Shop) -> None:
    """House accounts have no rows, so a thousand payments at once do not meet there."""
    attempt = shop.open(shop.order()).attempt
    with transaction.atomic():
        assert booking.lock([attempt]) == {}
        attempt.provider = "balance"
        assert set(booking.lock([attempt])) == {account(Book.BALANCE, shop.alice.pk)}


def broken() -> list[object]:
    return [i.title for i in INVARIANTS if offending(i)]


# -- from before the ledger ---------------------------------------------------------------------------


def migrate() -> None:
    """Run the data migration's statement."""
    module = importlib.import_module("shigu.payments.migrations.0003_booked")
    with connection.cursor() as cursor:
        cursor.execute(module.BOOK)


def old_shop(shop: Shop) -> list[tuple[str, int, int, int, int]]:
    """One paid, one refunded in part, one in vain and still sending, one open; what is in the books."""
    paid, refunded = (shop.open(shop.order()).attempt for _ in range(2))
    told(paid)
    told(refunded)
    sent(give(refunded, 5000).pk, RefundAnswer(Fate.SENT), tries=0)
    give(refunded, 100)
    order = shop.order()
    vain = shop.open(order).attempt
    cancel(order.pk, by=shop.alice.pk)
    told(vain)
    shop.open(shop.order())
    return books()


def test_what_stands_is_booked_by_the_migration(shop: Shop) -> None:
    """A database from before gets the very transfers that would have been posted, in their order."""
    written = old_shop(shop)
    times = list(Transfer.objects.order_by("pk").values_list("kind", "at"))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica; DELETE FROM ledger_transfer")
    assert broken() != []
    migrate()
    assert sorted(books()) == sorted(written)
    fen = {"payment", "returning", "refund", "refunded"}
    moments = Transfer.objects.order_by("pk").values_list("kind", "at")
    assert sorted(moments) == sorted(one for one in times if one[0] in fen)
    assert [at for _, at in moments] == sorted(at for _, at in moments)
    assert broken() == []


def test_the_migration_leaves_alone_what_is_booked(shop: Shop) -> None:
    """Run on a shop that books already, it writes nothing."""
    old_shop(shop)
    shop.ring()
    before = everything()
    with clock.shifted(timedelta(0)):
        migrate()
    assert everything() == before
