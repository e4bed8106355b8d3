"""The ledger in the back office: found by people's names, never edited, adjusted once with a reason."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu.accounts.models import User
from shigu.ledger import acts
from shigu.ledger.models import Event, Transfer
from shigu.ledger.posting import Move
from tests.ledger.books import (
    CLEARING,
    ISSUED,
    SALES,
    balance_of,
    credits_of,
    everything,
    give,
    held_of,
    run,
    standing,
    write,
)
from tests.people import alice, bob, carol, operator

pytestmark = pytest.mark.django_db

ACCOUNTS, TRANSFERS = "/ops/ledger/account/", "/ops/ledger/transfer/"


@pytest.fixture(autouse=True)
def _plain_files(plain_files: None) -> None:
    """Pages are looked at here without collected files."""


@pytest.fixture(autouse=True)
def _books() -> None:
    """Alice has credits and a balance, bob a few credits."""
    give(alice(), 1_250)
    give(bob(), 10)
    write(Move(Event.HOLD, 1, credits_of(alice()), held_of(alice()), 250))
    write(Move(Event.TOP_UP, 1, CLEARING, balance_of(alice()), 123_456))
    write(Move(Event.PAYMENT, 2, balance_of(alice()), SALES, 3_456))


def office(user: User | None = None) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user or operator(), "django.contrib.auth.backends.ModelBackend")
    return client


def clerk(*rights: str) -> User:
    """Somebody of the staff with these rights in the ledger and no others."""
    user = carol()
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="ledger", codename__in=rights)
    )
    return user


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def adjust_page(account_id: int) -> str:
    return reverse("admin:ledger_account_adjust", args=[account_id])


def paper(**other: object) -> dict[str, object]:
    """The form, filled in."""
    given = {"way": "give", "amount": "50", "reason": "slow parcel", "number": acts.fresh_number()}
    return given | other


def messages_of(client: Client) -> str:
    return " ".join(str(message) for message in client.get("/ops/").context["messages"])


# -- looking ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("term", ["alice", "ALICE@shigu.test", " alice "])
def test_accounts_and_transfers_are_found_by_their_person(term: str) -> None:
    """By name or mail address in full; by a part of it nothing, and no error."""
    client = office()
    assert client.get(ACCOUNTS, {"q": term}).context["cl"].result_count == 3
    assert client.get(TRANSFERS, {"q": term}).context["cl"].result_count == 4
    for page in (ACCOUNTS, TRANSFERS):
        for nobody in ("ali", "zebra", "1' OR 1=1", "%"):
            assert client.get(page, {"q": nobody}).context["cl"].result_count == 0


def test_amounts_and_accounts_are_readable() -> None:
    """Credits with separators, fen in yuan, accounts by name and book, the house's by its book alone."""
    client = office()
    said = words(client.get(ACCOUNTS))
    assert "alice Credits 1,000" in said
    assert "alice Credits held by orders 250" in said
    assert "alice Balance ¥1,200.00" in said
    said = words(client.get(TRANSFERS))
    assert "At the payment provider alice · Balance ¥1,234.56" in said
    assert "alice · Credits alice · Credits held by orders 250" in said


@pytest.mark.parametrize(
    ("book", "found"), [("33", 2), ("34", 1), ("1", 1), ("17", 0), ("x", 4), ("", 4), ("9" * 9, 0)]
)
def test_accounts_are_filtered_by_book(book: str, found: int) -> None:
    """Each book shows its own; junk shows all of them or none."""
    assert office().get(ACCOUNTS, {"book": book}).context["cl"].result_count == found


def test_transfers_are_filtered_by_event_and_day() -> None:
    """One kind, one year; and a day that never was shows none."""
    client, year = office(), Transfer.objects.latest("pk").at.year
    assert client.get(TRANSFERS, {"kind__exact": "hold"}).context["cl"].result_count == 1
    assert client.get(TRANSFERS, {"at__year": year}).context["cl"].result_count == 5
    assert client.get(TRANSFERS, {"at__year": year - 9}).context["cl"].result_count == 0


def test_lists_do_not_ask_once_per_row() -> None:
    """Thirty rows cost what one costs."""
    client = office()
    for page in (ACCOUNTS, TRANSFERS):
        costs = []
        for term in ("bob", ""):
            with CaptureQueriesContext(connection) as asked:
                client.get(page, {"q": term})
            costs.append(len(asked))
        assert costs[1] <= costs[0], costs


def test_the_search_of_transfers_goes_by_index() -> None:
    """Among twenty thousand of others a person's own are found by the two partial indexes."""
    run(
        "INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)"
        " SELECT 'earn', 100000 + n, 0, 49, ((n % 3000 + 900) << 8) | 33, 1, now(), ''"
        " FROM generate_series(1, 20000) n"
    )
    run("ANALYZE ledger_transfer")
    with CaptureQueriesContext(connection) as asked:
        office().get(TRANSFERS, {"q": "alice"})
    [listing] = [q["sql"] for q in asked if "payer" in q["sql"] and "ORDER BY" in q["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + listing)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "transfer_from" in plan, plan
    assert "transfer_to" in plan, plan


def statement_page(account_id: int, page: object = 1) -> str:
    return f"{reverse('admin:ledger_account_statement', args=[account_id])}?page={page}"


def test_a_statement_tells_what_stood_after_each() -> None:
    """Newest first, with signs; credits also say what orders hold; the balance speaks yuan."""
    client = office()
    said = words(client.get(statement_page(credits_of(alice()))))
    assert "alice · Credits" in said
    assert said.index("−250 1,000 250") < said.index("+1,250 1,250 0")
    said = words(client.get(statement_page(balance_of(alice()))))
    assert said.index("−¥34.56 ¥1,200.00") < said.index("+¥1,234.56 ¥1,234.56")
    write(Move(Event.ADJUST, 99, SALES, balance_of(alice()), 1, note="<b>sorry</b>"))
    assert "&lt;b&gt;sorry" in client.get(statement_page(balance_of(alice()))).content.decode()


def test_statements_turn_pages() -> None:
    """Fifty a page; a page that is not there is the last, junk is the first; only the former asks twice."""
    write(*[Move(Event.EARN, 900 + n, ISSUED, credits_of(bob()), 1) for n in range(60)])
    client, costs = office(), []
    for page, first, rows in (
        (1, "+1 70", 50),
        (2, "+1 20", 11),
        (9, "+1 20", 11),
        ("x", "+1 70", 50),
    ):
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(statement_page(credits_of(bob()), page))
        costs.append(len(asked))
        assert first in words(answer), page
        assert len(answer.context["rows"]) == rows
    assert [cost - costs[0] for cost in costs] == [0, 0, 1, 0]


def test_what_the_house_stands_at() -> None:
    """Each book in its unit with what it means; in each unit everything together is nothing."""
    said = words(office().get(reverse("admin:ledger_account_house")))
    assert "below zero: what the provider took in for the shop −¥1,234.56" in said
    assert "what paid orders brought, less what was refunded ¥34.56" in said
    assert "below zero: credits that the shop gave out −1,260" in said
    assert "Together ¥0.00" in said
    assert "Together 0" in said


def test_rows_are_not_edited_by_hand() -> None:
    """Neither added nor changed nor deleted, not even by the owner of the shop."""
    client, before = office(), everything()
    row = Transfer.objects.order_by("pk")[0]
    for page in (ACCOUNTS, TRANSFERS):
        assert client.post(f"{page}add/", {"id": 1}).status_code == 403
        assert client.post(f"{page}{credits_of(alice())}/delete/", {"post": "yes"}).status_code in {
            302,
            403,
        }
    client.post(f"{ACCOUNTS}{credits_of(alice())}/change/", {"balance": "9"})
    client.post(f"{TRANSFERS}{row.pk}/change/", {"amount": "9"})
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    client.post(TRANSFERS, chosen)
    assert everything() == before


# -- adjusting --------------------------------------------------------------------------------------
def test_adjusting_asks_and_is_recorded() -> None:
    """Looking books nothing; sending it twice books it once, with name and reason in both logs."""
    client, page = office(), adjust_page(credits_of(alice()))
    before = everything()
    asked = client.get(page)
    assert "stands at 1,000" in words(asked)
    assert "alice" in words(asked)
    assert everything() == before
    number = asked.context["form"]["number"].value()
    for _ in range(2):
        answer = client.post(page, paper(number=number))
        assert answer.status_code == 302
    assert "booked already" in messages_of(client)
    row = Transfer.objects.get(kind=Event.ADJUST)
    assert (row.amount, row.note, row.by_id) == (50, "slow parcel", operator().pk)
    assert standing()[credits_of(alice())] == 1_050
    [entry] = LogEntry.objects.all()
    assert entry.user == operator()
    assert "slow parcel" in entry.change_message


def test_each_form_has_a_number_of_its_own() -> None:
    """Two forms that are shown count twice, also with the same words in them."""
    client, page = office(), adjust_page(credits_of(alice()))
    for _ in range(2):
        number = client.get(page).context["form"]["number"].value()
        client.post(page, paper(number=number))
    assert standing()[credits_of(alice())] == 1_100


def test_money_is_typed_in_yuan_and_taken_with_a_word() -> None:
    """12.34 is 1234 fen; more than is there is refused in words, and nothing is booked."""
    client, page = office(), adjust_page(balance_of(alice()))
    client.post(page, paper(way="take", amount="12.34"))
    assert standing()[balance_of(alice())] == 120_000 - 1_234
    before = everything()
    client.post(page, paper(way="take", amount="1187.67"))
    assert "There is only ¥1,187.66, so ¥1,187.67 cannot be taken" in messages_of(client)
    assert everything() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "½"},
        {"amount": "1.5"},
        {"amount": "1000001"},
        {"amount": "9" * 40},
        {"amount": ""},
        {"reason": ""},
        {"reason": "   "},
        {"reason": "x" * 121},
        {"reason": "a\0b"},
        {"way": "steal"},
        {"way": ""},
        {"number": ""},
        {"number": "7"},
        {"number": "7:forged"},
    ],
)
def test_a_wrong_form_is_shown_again(wrong: dict[str, str]) -> None:
    """The page comes back with the fault beside its field; nothing is booked."""
    client, before = office(), everything()
    answer = client.post(adjust_page(credits_of(alice())), paper(**wrong))
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == set(wrong)
    assert everything() == before


def test_a_number_cannot_be_chosen() -> None:
    """One that somebody signed for something else is none; the message says what to do."""
    from django.core.signing import Signer

    answer = office().post(
        adjust_page(credits_of(alice())), paper(number=Signer(salt="other").sign("5"))
    )
    assert "Open it again" in words(answer)
    assert not Transfer.objects.filter(kind=Event.ADJUST).exists()


@pytest.mark.parametrize("what", ["held", "house", "missing", "junk"])
def test_what_cannot_be_adjusted_has_no_page(what: str) -> None:
    """What orders hold follows them; the house's books follow everything."""
    places = {"held": held_of(alice()), "house": SALES, "missing": 99_999 << 8 | 33, "junk": "x"}
    page, before, client = f"{ACCOUNTS}{places[what]}/adjust/", everything(), office()
    for method in (client.get, client.post):
        assert method(page, paper()).status_code in {403, 404}
    assert everything() == before


def test_somebody_without_an_account_is_given_one() -> None:
    """By user name; the next page is that account's, and nothing is booked before it is sent."""
    client, page = office(), reverse("admin:ledger_account_adjust_somebody")
    assert client.get(page).status_code == 200
    assert credits_of(carol()) not in standing()
    answer = client.post(page, {"person": "carol", "book": "33"})
    assert answer.url == adjust_page(credits_of(carol()))
    assert standing()[credits_of(carol())] == 0
    client.post(answer.url, paper())
    assert standing()[credits_of(carol())] == 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"person": "nobody"},
        {"person": ""},
        {"person": "a\0b"},
        {"book": "34"},
        {"book": "17"},
        {"book": "x"},
        {"book": ""},
    ],
)
def test_nobody_and_nothing_is_opened(wrong: dict[str, str]) -> None:
    """Unknown names and books that are not adjusted: the form comes back."""
    before = everything()
    answer = office().post(
        reverse("admin:ledger_account_adjust_somebody"), {"person": "alice", "book": "33"} | wrong
    )
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == set(wrong)
    assert everything() == before


def test_who_may_look_may_not_adjust() -> None:
    """A right to view shows lists and sums; adjusting wants the right to change accounts."""
    looking = office(clerk("view_account", "view_transfer"))
    house = reverse("admin:ledger_account_house")
    somebody = reverse("admin:ledger_account_adjust_somebody")
    before = everything()
    for page in (ACCOUNTS, TRANSFERS, house):
        assert looking.get(page).status_code == 200
    assert "Give or take" not in words(looking.get(ACCOUNTS))
    for page in (adjust_page(credits_of(alice())), somebody):
        assert looking.get(page).status_code == 403
        assert looking.post(page, paper(person="alice", book="33")).status_code == 403
    assert everything() == before
    acting = office(clerk("view_account", "change_account"))
    assert acting.post(adjust_page(credits_of(alice())), paper()).status_code == 302
    assert standing()[credits_of(alice())] == 1_050


@pytest.mark.parametrize("rights", [[], ["view_transfer"]])
def test_the_door_is_shut_for_others(rights: list[str]) -> None:
    """Staff without the right is refused, a buyer and a stranger are sent away."""
    staff, before = office(clerk(*rights)), everything()
    for page in (
        ACCOUNTS,
        reverse("admin:ledger_account_house"),
        adjust_page(credits_of(alice())),
    ):
        assert staff.get(page).status_code == 403
        for client in (office(alice()), Client()):
            assert client.get(page).status_code == 302
            assert client.post(page, paper()).status_code == 302
    assert everything() == before


def test_the_ledger_has_its_room_in_the_office() -> None:
    """Accounts and transfers stand in the side bar of whoever may look."""
    page = office().get("/ops/").content.decode()
    assert ACCOUNTS in page
    assert TRANSFERS in page
