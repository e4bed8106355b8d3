"""The audit holds on a seeded shop, and each of its promises catches what breaks it."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils.translation import override

from shigu.clock import periodic
from shigu.clock.claiming import shape
from shigu.clock.kinds import known
from shigu.kit.auditing import Invariant, audits, offending
from shigu.ledger.models import Book, account
from shigu.ops import auditing

ONE_PAID = "(SELECT min(id) FROM orders_order WHERE status = 1 AND payable > 0)"
A_TRANSFER = "INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)"
A_DEPOSIT = (
    "INSERT INTO auctions_deposit (number, user_id, session_id, amount, key, state, asked_at, pay_by,"
    " due_at, decide_at, paid_at, ended_at, returned, forfeited, applied)"
    " SELECT 'planted', id, %s, 100, 'planted %s', %s, now(), now(), %s, %s, %s, NULL, %s, 0, 0"
    " FROM accounts_user WHERE username = 'operator'"
)
A_PENDING_DEPOSIT = A_DEPOSIT % (999998, 1, 0, "now() + interval '1 day'", "NULL", "NULL", 0)
A_HELD_DEPOSIT = A_DEPOSIT.replace("'planted', id", "'planted too', id") % (
    *(999999, 2, 1, "NULL", "now() + interval '1 day'", "now()", 0),
)
AN_ENDED_SESSION = (
    "INSERT INTO auctions_session (slug, name_zh, name_en, story_zh, story_en, cover, motif, tone,"
    " video_url, state, preview_from, preview_until, opens_at, closes_at, stagger, soft_window,"
    " soft_extension, most_extensions, deposit, deposit_counts, pay_seconds, wild_steps, open_lots,"
    " views, hammer_total, paid_total, ended_at, withdrawn_why) VALUES ('planted', '专场', '', '', '',"
    " '', '', 'mo', '', 4, now() - interval '4 h', now() - interval '3 h', now() - interval '2 h',"
    " now() - interval '1 h', 0, 0, 0, 0, 100, false, 60, 20, 0, 0, 0, 0, now(), '') RETURNING id"
)
AN_AWARD = (
    "INSERT INTO auctions_award (lot_id, user_id, order_id, price, counted, state, second_chance, at,"
    " pay_by, decided_at, forfeited) SELECT 999999, id, 999999, 100, %s, %s, false, now(), now(),"
    " now(), %s FROM accounts_user WHERE username = 'operator'"
)
SALES, CLEARING, TRANSIT = (account(book) for book in (Book.SALES, Book.CLEARING, Book.TRANSIT))
PLANTS = {
    "Goods have a validity never and their counts always, courses the other way round": (
        "UPDATE catalogue_sku SET validity_days = 30"
        " WHERE id = (SELECT min(sku_id) FROM catalogue_stock)"
    ),
    "Every stock movement is of goods that exist": (
        "INSERT INTO catalogue_stockmovement (sku_id, kind, pieces, subject, by, at)"
        " VALUES (999999, 'receipt', 0, 'planted', '', now())"
    ),
    "Used, held, unused, lapsed and revoked coupons are those issued, never above the number": (
        "UPDATE promotions_coupon SET issued = issued - 1"
        " WHERE id = (SELECT min(id) FROM promotions_coupon WHERE issued > 0)"
    ),
    "An unused coupon lapses at its end, a used or revoked one says when it was": (
        "UPDATE promotions_grant SET due_at = due_at + interval '1 hour'"
        " WHERE id = (SELECT min(id) FROM promotions_grant WHERE state = 'unused')"
    ),
    "a held coupon belongs to the one unpaid order that names it, a used one to a paid one": (
        "UPDATE promotions_grant SET state = 'held', used_at = NULL"
        " WHERE id = (SELECT min(id) FROM promotions_grant WHERE state = 'used')"
    ),
    "an unpaid order holds its coupon, a paid one used it, an ended one has given it back": (
        "UPDATE promotions_grant SET state = 'lapsed', order_id = NULL"
        " WHERE id = (SELECT min(id) FROM promotions_grant WHERE state = 'held')"
    ),
    "held pieces are those of unpaid orders": (
        "UPDATE catalogue_stock SET held = held + 1 WHERE sku_id ="
        " (SELECT min(sku_id) FROM catalogue_stock WHERE on_hand > held)"
    ),
    "sold pieces are those of paid orders, and of refunded ones that were shipped": (
        "UPDATE catalogue_stock SET sold = sold + 1"
        " WHERE sku_id = (SELECT min(sku_id) FROM catalogue_stock)"
    ),
    "pieces on hand are the sum of their movements": (
        "UPDATE catalogue_stock SET on_hand = on_hand + 1"
        " WHERE sku_id = (SELECT min(sku_id) FROM catalogue_stock)"
    ),
    "a paid order was settled by exactly its payable": (
        f"UPDATE orders_order SET payable = payable + 1 WHERE id = {ONE_PAID}"
    ),
    "paid goods have exactly one shipment, unpaid ones none": (
        "DELETE FROM orders_shipment WHERE order_id = (SELECT min(order_id) FROM orders_shipment)"
    ),
    "line payables add up to the order's": (
        "UPDATE orders_orderline SET payable = payable - 1, coupon_off = coupon_off + 1"
        " WHERE id = (SELECT min(id) FROM orders_orderline WHERE payable > 0)"
    ),
    "every order that was placed, paid, shipped, refunded or lapsed told its buyer once": (
        "INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, tries)"
        " SELECT 'order.shipped', min(id), 0, min(user_id), 'inbox', '{}', shigu_clock(), 'kept', 0"
        " FROM orders_order WHERE status = 0"
    ),
    "everybody who won a lot, lost it again or lost a deposit for it was told so": (
        AN_AWARD % (0, 0, 0)
    ),
    "nobody is reminded of an order after its time is over": (
        "UPDATE notices_notice SET event = 'order.closing', at = at + interval '1 day'"
        " WHERE id = (SELECT min(id) FROM notices_notice)"
    ),
    "whoever is told through another channel has it in the inbox, too": (
        "UPDATE notices_notice SET subject = -1, at = shigu_clock()"
        " WHERE id = (SELECT min(id) FROM notices_notice WHERE channel = 'mail')"
    ),
    "what was sent says when, and what waits or is kept does not": (
        "UPDATE notices_notice SET ended_at = at"
        " WHERE id = (SELECT min(id) FROM notices_notice WHERE channel = 'inbox')"
    ),
    "an order's last history row says what its status is": (
        f"DELETE FROM orders_orderevent WHERE order_id = {ONE_PAID} AND status = 1"
    ),
    "a course line enrols exactly while its order is paid": (
        "UPDATE learning_enrolment SET revoked_at = now() WHERE id ="
        " (SELECT min(id) FROM learning_enrolment WHERE revoked_at IS NULL)"
    ),
    "an enrolment belongs to a course line of its own buyer": (
        "UPDATE learning_enrolment SET user_id ="
        " (SELECT id FROM accounts_user WHERE username = 'operator')"
        " WHERE id = (SELECT min(id) FROM learning_enrolment)"
    ),
    "No subject was paid by two payments": (
        "UPDATE payments_attempt SET subject_id = (SELECT min(subject_id) FROM payments_attempt"
        " WHERE money = 'applied') WHERE id = (SELECT max(id) FROM payments_attempt"
        " WHERE money = 'applied')"
    ),
    "Money that goes back has its refunds, to the fen": (
        "UPDATE payments_refund SET amount = amount - 1"
        " WHERE id = (SELECT min(id) FROM payments_refund)"
    ),
    "No refund was refused and left lying": (
        "UPDATE payments_refund SET state = 'refused'"
        " WHERE id = (SELECT min(id) FROM payments_refund)"
    ),
    "No payment from a balance is open: it is paid at once or does not exist": (
        "UPDATE payments_attempt SET provider = 'balance'"
        " WHERE id = (SELECT min(id) FROM payments_attempt WHERE state <> 'paid')"
    ),
    "Every decided payment stands in the ledger once, to the fen": (
        f"{A_TRANSFER} SELECT 'payment', id, 9, {CLEARING}, {SALES}, 1, now(), ''"
        " FROM payments_attempt WHERE id = (SELECT min(id) FROM payments_attempt)"
    ),
    "Every refund stands in the ledger: decided once, sent once": (
        f"{A_TRANSFER} SELECT 'refunded', id, 9, {TRANSIT}, {CLEARING}, amount, now(), ''"
        " FROM payments_refund WHERE id = (SELECT min(id) FROM payments_refund)"
    ),
    "No fen move in the ledger without the payment or refund they belong to": (
        f"{A_TRANSFER} VALUES ('payment', 999999, 0, {CLEARING}, {SALES}, 1, now(), '')"
    ),
    "What the provider owes and what is in transit add up": (
        f"{A_TRANSFER} VALUES ('refund', 999999, 0, {SALES}, {TRANSIT}, 1, now(), '')"
    ),
    "A paid top-up is one payment, and its money is on its buyer's balance": (
        "UPDATE wallet_topup SET amount = amount + 1"
        " WHERE id = (SELECT min(id) FROM wallet_topup WHERE paid_at IS NOT NULL)"
    ),
    "an account holds the sum of its transfers": (
        "UPDATE ledger_account SET balance = balance + 1"
        " WHERE id = (SELECT min(id) FROM ledger_account)"
    ),
    "a transfer is between accounts that exist, in one unit": (
        f"{A_TRANSFER} VALUES ('earn', 999999, 0, 49, 999999 << 8 | 33, 1, now(), '')"
    ),
    "the ledger sums to zero in each unit": (
        "UPDATE ledger_account SET balance = balance + 1"
        " WHERE id = (SELECT min(id) FROM ledger_account)"
    ),
    "no account is below zero, and each is somebody's": (
        "INSERT INTO ledger_account (id, balance) VALUES (999999 << 8 | 33, 0)"
    ),
    "welcome credits went once, to the person they were for": (
        f"{A_TRANSFER} SELECT 'welcome', id, 1, 49, id << 8 | 33, 100, now(), ''"
        " FROM accounts_user WHERE username = 'alice'"
    ),
    "credits that a person has held are those of their unpaid orders": (
        "INSERT INTO ledger_account (id, balance) SELECT id << 8 | 34, 5 FROM accounts_user"
        " WHERE username = 'operator'"
    ),
    "credits that moved for an order are its buyer's": (
        f"{A_TRANSFER} SELECT 'release', o.id, 9, u.id << 8 | 34, u.id << 8 | 33, 1, now(), ''"
        f" FROM orders_order o, accounts_user u WHERE o.id = {ONE_PAID}"
        " AND u.username = 'operator'"
    ),
    "an unpaid order holds its credits, every other order none": (
        f"{A_TRANSFER} SELECT 'hold', id, 9, user_id << 8 | 33, user_id << 8 | 34, 1, now(), ''"
        f" FROM orders_order WHERE id = {ONE_PAID}"
    ),
    "a paid order spent and earned its credits once, a refunded one has them back": (
        f"UPDATE orders_order SET earned = earned + 7 WHERE id = {ONE_PAID}"
    ),
    "A deposit that was paid is one payment of its bidder, any other none": A_HELD_DEPOSIT,
    "What was paid of a deposit is held, returned, forfeited or applied, to the fen": (
        A_DEPOSIT % (999999, 1, 3, "NULL", "NULL", "NULL", 1)
    ),
    "An account of a deposit belongs to a deposit": (
        "INSERT INTO ledger_account (id, balance) VALUES (999999 << 8 | 2, 0)"
    ),
    "A decided deposit holds nothing more, and what went back of it is on its way": (
        A_DEPOSIT % (999999, 1, 2, "NULL", "NULL", "now()", 0)
    ),
    "A held deposit waits for something: a lot to close, an award to be decided, or the clock": (
        f"WITH s AS ({AN_ENDED_SESSION}) "
        + A_DEPOSIT.replace("FROM accounts_user", "FROM accounts_user CROSS JOIN s")
        .replace("'planted', id, %s", "'planted', accounts_user.id, s.id")
        .replace("WHERE username", "WHERE accounts_user.username")
        % (1, 1, "NULL", "NULL", "now()", 0)
    ),
    "Only what was not paid forfeits: its share or all that was left, in the order of deadlines": (
        AN_AWARD % (0, 2, 1)
    ),
    "What was not paid forfeits before anything goes back": (
        "INSERT INTO auctions_award (lot_id, user_id, order_id, deposit_id, price, counted, state,"
        " second_chance, at, pay_by, decided_at, forfeited)"
        " SELECT (SELECT min(id) FROM auctions_lot WHERE deposit > 0), user_id, 999999, id, 100, 0, 2,"
        " false, now(), now(), now(), 0 FROM auctions_deposit WHERE state = 2 AND returned > 0 LIMIT 1"
    ),
    "A deposit counts toward the price of what was paid, and comes back by a contra transfer only": (
        AN_AWARD % (1, 1, 0)
    ),
    "No deposit was forfeited, applied or given back without an award": (
        f"{A_TRANSFER} VALUES ('forfeit', 999999, 0, 999999 << 8 | 2, 21, 1, now(), '')"
    ),
    "No deposit is held for more than 300 days: after a year it cannot go back by its own way": (
        A_DEPOSIT % (999999, 1, 1, "NULL", "NULL", "now() - interval '301 days'", 0)
    ),
    "every lot's log, replayed, gives its verdicts, prices, ends, numbers and its winner": (
        "UPDATE auctions_bidding SET maximum = maximum + 1"
        " WHERE lot_id = (SELECT min(lot_id) FROM auctions_bidding WHERE maximum IS NOT NULL)"
    ),
    "who bid on a lot had a deposit for it that was paid and not decided": (
        "UPDATE auctions_deposit SET paid_at = paid_at + interval '20 days', ended_at = NULL"
        " WHERE id = (SELECT min(id) FROM auctions_deposit WHERE lot_id IS NULL AND state = 2)"
    ),
    "an order from a lot and its award are one: buyer, price, what became of them": (
        "UPDATE auctions_award SET price = price + 1"
        " WHERE id = (SELECT min(id) FROM auctions_award)"
    ),
    "a lot is what its awards say: sold and paid ones have one that stands, others none": (
        "UPDATE auctions_bidding SET hammer = hammer + 1"
        " WHERE lot_id = (SELECT min(lot_id) FROM auctions_bidding WHERE state = 4)"
    ),
    "a session's figures are the sums of its lots": (
        "UPDATE auctions_session SET hammer_total = hammer_total + 1"
        " WHERE id = (SELECT min(id) FROM auctions_session)"
    ),
    "states are not ahead of their times, and what is over is not due": (
        "UPDATE auctions_session SET ended_at = NULL"
        " WHERE id = (SELECT min(id) FROM auctions_session WHERE state = 4)"
    ),
    "whoever did not pay what they won was barred, once, and nobody else for an award": (
        "DELETE FROM auctions_ban WHERE id = (SELECT min(id) FROM auctions_ban)"
    ),
    "Every payment that was told has its money decided": (
        "INSERT INTO payments_notice (provider, notify_id, out_trade_no, trade_status, raw,"
        " received_at, handled_at, outcome) VALUES ('alipay', 'planted', 'nobody_1',"
        " 'TRADE_SUCCESS', '', now(), now(), 'settled')"
    ),
}
"""How each promise is broken, by its English title."""

A_NOTICE = (
    "INSERT INTO payments_notice (provider, notify_id, out_trade_no, trade_status, raw, received_at,"
    " due_at, outcome) VALUES ('alipay', 'waiting', 'n_1', '', '', now(), now(), '')"
)
AN_ISSUING = (
    "INSERT INTO promotions_issuing (coupon_id, audience, listed, until_id, after_id, people, gave, had,"
    " short, started_at, due_at) SELECT min(id), 'all', '{}', 0, 0, 1, 0, 0, 0, now(), now()"
    " FROM promotions_coupon"
)
A_BILL_DAY = (
    "INSERT INTO payments_billday (provider, day, state, since, try_at, tries)"
    " VALUES ('alipay', '2020-02-02', 'waiting', now(), shigu_now() + interval '1 hour', 0)"
)
A_MAIL = (
    "UPDATE notices_notice SET state = 'waiting', due_at = shigu_now(), ended_at = NULL"
    " WHERE id = (SELECT min(id) FROM notices_notice WHERE channel = 'mail')"
)
A_BILL_DAY = (
    "INSERT INTO payments_billday (provider, day, state, since, try_at, tries)"
    " VALUES ('alipay', '2020-02-02', 'waiting', now(), shigu_now() + interval '1 hour', 0)"
)
WAITING = (A_NOTICE, AN_ISSUING, A_BILL_DAY, A_MAIL)
"""A row of each kind that a seeded shop has none of."""

AN_ANNOUNCEMENT = (
    "UPDATE auctions_announcement SET outbid_at = shigu_now() + interval '1 hour',"
    " ending_at = shigu_now() + interval '1 hour'"
    " WHERE lot_id = (SELECT min(lot_id) FROM auctions_announcement)"
)

WAITING = (
    *(A_NOTICE, A_PENDING_DEPOSIT, A_HELD_DEPOSIT, AN_ISSUING, A_BILL_DAY, A_MAIL),
    AN_ANNOUNCEMENT,
)
"""A row of each kind that a seeded shop has none of."""


def by_title() -> dict[str, Invariant]:
    with override("en"):
        return {str(invariant.title): invariant for invariant in audits}


def run(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.rowcount)


def test_every_promise_has_a_plant() -> None:
    """Whoever adds an invariant shows here that it can fail."""
    assert set(by_title()) == set(PLANTS)


@pytest.mark.usefixtures("tried")
def test_a_seeded_shop_keeps_every_promise() -> None:
    """The same look finds nothing before anything was planted."""
    assert not [finding.title for finding in auditing.audit() if not finding.ok]


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("title", PLANTS)
def test_a_broken_promise_is_found(title: str) -> None:
    """Clean before, one row wrong, found after."""
    invariant = by_title()[title]
    assert offending(invariant) == []
    assert run(PLANTS[title]) == 1
    assert len(offending(invariant)) >= 1


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("name", sorted(kind.name for kind in known()))
def test_what_lies_too_long_is_found(name: str) -> None:
    """A row of each kind, due longer ago than its alarm line allows."""
    periodic.ensure()
    for row in WAITING:
        run(row)
    (kind,) = [kind for kind in known() if kind.name == name]
    found = shape(kind)
    (invariant,) = [
        one for each, one in zip(known(), auditing.overdue(), strict=True) if each is kind
    ]
    assert offending(invariant) == []
    seconds = kind.alarm.total_seconds() + 1
    late = f"shigu_now() - interval '{seconds} seconds'"
    assert run(f"UPDATE {found.table} SET {found.due} = {late} WHERE {found.among}") >= 1
    assert offending(invariant)


@pytest.mark.usefixtures("tried")
def test_the_command_tells_and_fails() -> None:
    """Status 1, the promise named, the rows shown; the same as JSON."""
    run(PLANTS["pieces on hand are the sum of their movements"])
    out = StringIO()
    with override("en"), pytest.raises(SystemExit) as ended:
        call_command("audit", stdout=out)
    assert ended.value.code == 1
    assert "BROKEN   1  pieces on hand are the sum of their movements" in out.getvalue()
    assert "by_movements" in out.getvalue()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("audit", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert not told["ok"]
    assert [one["rows"][0]["on_hand"] for one in told["invariants"] if not one["ok"]] == [40]


@pytest.mark.usefixtures("shop")
def test_the_command_is_content_with_a_seeded_shop() -> None:
    """Status 0, and every promise said to hold."""
    out = StringIO()
    with override("en"):
        call_command("audit", stdout=out)
    assert "promises hold." in out.getvalue()


@pytest.mark.usefixtures("tried")
def test_rows_set_aside_are_told_apart() -> None:
    """What the clock could not do is no breach, and is not kept quiet either."""
    run(
        "INSERT INTO clock_quarantine (kind, subject, attempts, error_class, error, due_at, try_at,"
        " failed_at, shown) VALUES ('orders.expire', 7, 3, 'X', 'planted', now(), now(), now(), true)"
    )
    assert [row["row"] for row in auditing.set_aside()] == [7]
