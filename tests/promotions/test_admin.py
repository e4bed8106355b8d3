"""Coupons in the back office: made and changed with mistakes named, given to many, stopped, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from shigu import clock
from shigu.catalogue.models import Reach
from shigu.clock.drain import drain
from shigu.promotions import claiming, issuing
from shigu.promotions.models import Coupon, CouponKind, Grant, GrantState, Issuing, Way
from tests.goods import teapot
from tests.people import alice, bob, carol, operator
from tests.promotions.booth import DAY, assert_coupons_add_up, coupon, crowd, in_hand, issued

pytestmark = pytest.mark.usefixtures("clone", "plain_files")

ADD = "/ops/promotions/coupon/add/"
GRANTS = "/ops/promotions/grant/"


@pytest.fixture
def office() -> Client:
    return signed_in(operator())


def signed_in(user: Any) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def typed(**other: Any) -> dict[str, Any]:
    """What an operator types for ¥20 off from ¥100 on, fifty of them."""
    given = {
        "name_zh": "春日",
        "name_en": "Spring",
        "kind": "fixed",
        "amount": "20",
        "least": "100",
        "reach": "all",
        "way": "claim",
        "total": "50",
        "per_user": "1",
        "valid_from_0": "2020-01-01",
        "valid_from_1": "00:00:00",
        "valid_until_0": "2099-01-01",
        "valid_until_1": "00:00:00",
        "on_offer": "on",
    }
    return {name: value for name, value in (given | other).items() if value is not None}


def page(row: Coupon | Grant, act: str = "change") -> str:
    return reverse(f"admin:promotions_{row._meta.model_name}_{act}", args=[row.pk])


def errors(answer: Any) -> Mapping[str, Any]:
    assert answer.status_code == 200
    found: Mapping[str, Any] = answer.context["adminform"].form.errors
    return found


def said(client: Client) -> str:
    return " ".join(str(message) for message in client.get("/ops/").context["messages"])


# -- making ------------------------------------------------------------------------------------------
def test_a_coupon_is_made_in_yuan(office: Client) -> None:
    """Twenty yuan are two thousand fen; nothing is issued yet."""
    assert office.post(ADD, typed()).status_code == 302
    row = Coupon.objects.get()
    assert (row.kind, row.amount, row.percent, row.least) == (CouponKind.FIXED, 2_000, None, 10_000)
    assert (row.total, row.issued, row.way, row.code) == (50, 0, Way.CLAIM, "")
    assert claiming.claim(row.pk, alice().pk)


def test_what_does_not_belong_to_its_kind_is_put_away(office: Client) -> None:
    """Fields that were filled before the kind was changed do no harm."""
    pot = teapot()
    other = {"kind": "rate", "percent": "85", "on_all_lines": "on", "code": "OLD-CODE"}
    assert office.post(ADD, typed(**other, products=[pot.pk])).status_code == 302
    row = Coupon.objects.get()
    assert (row.amount, row.percent, row.on_all_lines, row.code) == (None, 85, True, "")
    assert not row.products.exists()


def test_a_scope_and_a_code_are_kept(office: Client) -> None:
    """The code as it is compared."""
    pot = teapot()
    other = {"reach": "product", "products": [pot.pk], "way": "code", "code": "drum - 300"}
    assert office.post(ADD, typed(**other)).status_code == 302
    row = Coupon.objects.get()
    assert (row.reach, list(row.products.all()), row.code) == (Reach.PRODUCT, [pot], "DRUM-300")


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"amount": ""}, "amount", "more than nothing"),
        ({"amount": "0"}, "amount", "more than nothing"),
        ({"amount": "-3"}, "amount", "greater than or equal"),
        ({"amount": "1.999"}, "amount", "decimal places"),
        ({"kind": "rate"}, "percent", "from 1 to 99"),
        ({"kind": "rate", "percent": "100"}, "percent", "from 1 to 99"),
        ({"kind": "rate", "percent": "zeppelin"}, "percent", "whole number"),
        ({"kind": ""}, "kind", "required"),
        ({"reach": "product"}, "products", "Choose at least one"),
        ({"reach": "product", "products": ["\0", "x"]}, "products", "Choose at least one"),
        ({"reach": "direction"}, "directions", "Choose at least one"),
        ({"reach": "category"}, "categories", "Choose at least one"),
        ({"way": "code"}, "code", "4 to 32"),
        ({"valid_from_0": "0001-01-01"}, "valid_from", "Choose a time"),
        ({"valid_until_0": "9999-12-31"}, "valid_until", "Choose a time"),
        ({"way": "code", "code": "abc"}, "code", "4 to 32"),
        ({"way": "code", "code": "ÄÖÜ-100"}, "code", "4 to 32"),
        ({"way": "code", "code": "taken-1"}, "code", "Another coupon"),
        ({"valid_until_0": "2019-01-01"}, "valid_until", "after it begins"),
        ({"valid_until_0": "2020-01-02"}, "valid_until", "over already"),
        ({"valid_until_0": "junk"}, "valid_until", "valid date"),
        ({"total": "0"}, "total", "At least one"),
        ({"total": "-1"}, "total", "greater than or equal"),
        ({"total": "9" * 30}, "total", "less than or equal"),
        ({"per_user": "0"}, "per_user", "not more than there are"),
        ({"per_user": "51"}, "per_user", "not more than there are"),
        ({"name_zh": ""}, "name_zh", "required"),
    ],
)
def test_a_mistake_is_named_beside_its_field(
    office: Client, wrong: dict[str, Any], field: str, words: str
) -> None:
    """In words, and nothing is written."""
    coupon("taken", way=Way.CODE, code="TAKEN-1")
    found = errors(office.post(ADD, typed(**wrong)))
    assert words in " ".join(found[field]), found
    assert Coupon.objects.count() == 1


# -- changing ----------------------------------------------------------------------------------------
def changed(row: Coupon, **other: Any) -> dict[str, Any]:
    """The form as it stands for `row`, with other values."""
    form = {"name_zh": row.name_zh, "name_en": "", "total": str(row.total), "least": "0"}
    times = {
        f"valid_{name}_{n}": part
        for name, moment in (("from", row.valid_from), ("until", row.valid_until))
        for n, part in enumerate(local(moment))
    }
    return typed(**{**form, **times, **other})


def local(moment: Any) -> tuple[str, str]:
    from django.utils.timezone import localtime

    there = localtime(moment)
    return f"{there:%Y-%m-%d}", f"{there:%H:%M:%S}"


def whole_seconds(**more: Any) -> Coupon:
    """A coupon whose times an operator can type."""
    row = coupon(**more)
    row.valid_from, row.valid_until = (
        moment.replace(microsecond=0) for moment in (row.valid_from, row.valid_until)
    )
    row.save()
    return row


def test_changing_forgets_nobody_who_claims_meanwhile(office: Client) -> None:
    """The form was opened at none issued; it is sent when two are: both stay counted."""
    row = whole_seconds()
    form = changed(row, total="20")
    office.get(page(row))
    for buyer in (alice(), bob()):
        claiming.claim(row.pk, buyer.pk)
    assert office.post(page(row), form).status_code == 302
    row.refresh_from_db()
    assert (row.total, row.issued) == (20, 2)
    assert_coupons_add_up()


def test_never_fewer_than_are_issued(office: Client) -> None:
    """Three are in people's hands: two is refused, three is fine."""
    row = whole_seconds()
    for buyer in (alice(), bob(), carol()):
        in_hand(row, buyer)
    found = errors(office.post(page(row), changed(row, total="2")))
    assert "3 are issued already" in " ".join(found["total"])
    assert office.post(page(row), changed(row, total="3")).status_code == 302
    assert Coupon.objects.get().total == 3


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "30"},
        {"least": "5"},
        {"kind": "rate", "percent": "50"},
        {"reach": "product", "products": [1]},
    ],
)
def test_what_somebody_has_keeps_its_worth(office: Client, other: dict[str, Any]) -> None:
    """Before anybody has one it may be changed, afterwards not; times and number still may."""
    row = whole_seconds()
    if "products" in other:
        other = other | {"products": [teapot().pk]}
    assert office.post(page(row), changed(row, **other)).status_code == 302
    row = whole_seconds(name="second")
    in_hand(row, alice())
    before = list(Coupon.objects.filter(pk=row.pk).values())
    found = errors(office.post(page(row), changed(row, **other)))
    assert "Somebody has this coupon" in str(found)
    assert list(Coupon.objects.filter(pk=row.pk).values()) == before
    later = changed(row, total="99", valid_until_0="2098-01-01")
    assert office.post(page(row), later).status_code == 302


def test_changing_an_offer_changes_nobodys_coupon(office: Client) -> None:
    """The times of the offer are for who comes later."""
    row = whole_seconds()
    grant = in_hand(row, alice())
    office.post(page(row), changed(row, valid_until_0="2098-01-01"))
    row.refresh_from_db()
    assert row.valid_until.year >= 2097
    assert Grant.objects.get(pk=grant.pk).valid_until == grant.valid_until


# -- giving to many ------------------------------------------------------------------------------------
def test_giving_asks_then_begins_and_the_bar_moves(
    office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GET changes nothing, POST begins; a part of the page tells how far it is, and rests at the end."""
    monkeypatch.setattr(issuing, "BATCH", 3)
    row, people = coupon(total=100), crowd(6)
    url, part = page(row, "issue"), page(row, "issuings")
    assert office.get(url).status_code == 200
    assert not Issuing.objects.exists()
    office.post(url, {"audience": "all"})
    assert f"{len(people) + 1} people" in said(office)
    one = Issuing.objects.get()
    assert one.by_id == operator().pk
    shown = [office.get(part).content.decode()]
    while drain(issuing.issue).claimed:
        shown.append(office.get(part).content.decode())
    assert ["every 1s" in text for text in shown] == [True, True, True, False]
    assert ['value="0"' in shown[0], 'value="3"' in shown[1]] == [True, True]
    assert "7 got one, 0 had one" in shown[-1]
    assert "every 1s" not in office.get(page(row)).content.decode()
    assert [entry.user for entry in LogEntry.objects.all()] == [operator()]


def test_a_list_with_a_stranger_on_it_gives_nothing(office: Client) -> None:
    """The wrong name is told beside the list; an empty list too."""
    row, name = coupon(), alice().username
    for names, words in (
        (f"{name}, zoe", "“zoe”"),
        ("", "at least one"),
        ("\0", "Null characters"),
    ):
        answer = office.post(page(row, "issue"), {"audience": "listed", "names": names})
        assert words in " ".join(answer.context["form"].errors["names"])
    assert not Issuing.objects.exists()
    office.post(page(row, "issue"), {"audience": "listed", "names": name})
    drain(issuing.issue)
    assert row.grants.get().user == alice()


def test_nothing_left_is_told(office: Client) -> None:
    """A refusal of the domain is a message, not an error."""
    row = coupon(total=1)
    in_hand(row, alice())
    office.post(page(row, "issue"), {"audience": "all"})
    assert "None of this coupon is left" in said(office)
    assert not Issuing.objects.exists()


def test_a_clock_that_does_not_run_is_told(office: Client) -> None:
    """After a while the page says what it waits for."""
    row = coupon()
    issuing.start(row.pk, "all", by=operator().pk)  # type: ignore[arg-type]
    assert "waits for the clock" not in office.get(page(row, "issuings")).content.decode()
    with clock.shifted(DAY / 100):
        assert "waits for the clock" in office.get(page(row, "issuings")).content.decode()


def test_stopping_stops_claims_and_takes_nothing_away(office: Client) -> None:
    """Who has it keeps it."""
    row = coupon()
    grant = in_hand(row, alice())
    for _ in range(2):
        office.post(page(row, "withdraw"))
    row.refresh_from_db()
    assert not row.on_offer
    assert Grant.objects.get(pk=grant.pk).state == GrantState.UNUSED
    assert "/withdraw" not in office.get(page(row)).content.decode()


# -- revoking ------------------------------------------------------------------------------------------
def test_one_is_revoked_with_a_reason(office: Client) -> None:
    """Without a reason nothing happens; with one it is gone, and on record."""
    grant = in_hand(coupon(), alice())
    assert office.get(page(grant)).status_code == 200
    assert office.post(page(grant, "revoke"), {"reason": " "}).status_code == 200
    assert Grant.objects.get().state == GrantState.UNUSED
    office.post(page(grant, "revoke"), {"reason": "Sent by mistake"})
    after = Grant.objects.get()
    assert (after.state, after.reason, after.by_id) == (
        GrantState.REVOKED,
        "Sent by mistake",
        operator().pk,
    )
    assert "Sent by mistake" in LogEntry.objects.get().get_change_message()


def test_a_held_one_is_refused_with_the_reason(office: Client) -> None:
    """The button is not there, and sent all the same it is refused."""
    grant = in_hand(coupon(), alice(), GrantState.HELD)
    assert "/revoke" not in office.get(page(grant)).content.decode()
    office.post(page(grant, "revoke"), {"reason": "x"})
    assert "An unpaid order holds this coupon" in said(office)
    assert Grant.objects.get().state == GrantState.HELD


@pytest.mark.parametrize("across", ["0", "1"])
def test_many_are_revoked_and_the_rest_is_named(office: Client, across: str) -> None:
    """First it asks why; then what is unused goes, and who keeps theirs is named with the state."""
    row = coupon()
    free, held = in_hand(row, alice()), in_hand(row, bob(), GrantState.HELD)
    other = in_hand(row, carol())
    chosen = {"_selected_action": [free.pk, held.pk], "select_across": across}
    asked = office.post(GRANTS, {"action": "revoke_selected", **chosen})
    assert b'name="reason"' in asked.content
    assert Grant.objects.filter(state=GrantState.REVOKED).count() == 0
    sent = {"action": "revoke_selected", **chosen, "apply": "1", "reason": "Season over"}
    office.post(GRANTS, sent)
    states = dict(Grant.objects.values_list("pk", "state"))
    assert (states[free.pk], states[held.pk]) == (GrantState.REVOKED, GrantState.HELD)
    assert states[other.pk] == (GrantState.REVOKED if across == "1" else GrantState.UNUSED)
    assert "bob (Held by an order)" in said(office)
    assert LogEntry.objects.count() == (2 if across == "1" else 1)
    assert_coupons_add_up()


def test_all_unused_of_a_coupon_are_revoked(office: Client) -> None:
    """From the coupon's own page."""
    row = coupon()
    in_hand(row, alice()), in_hand(row, bob(), GrantState.USED)
    office.post(page(row, "revoke_unused"), {"reason": "Withdrawn"})
    assert sorted(Grant.objects.values_list("state", flat=True)) == ["revoked", "used"]
    assert "1 coupon was revoked" in said(office)


def test_grants_are_found_by_person_and_state(office: Client) -> None:
    """By name or mail in full; an unused one past its end is found among the lapsed."""
    row = coupon()
    mine, old = (
        in_hand(row, alice()),
        in_hand(row, bob(), valid_until=clock.now(), due_at=clock.now()),
    )
    for query, found in (
        ("q=alice", {mine.pk}),
        ("q=ALICE@shigu.test", {mine.pk}),
        ("q=ali", set()),
        ("now=unused", {mine.pk}),
        ("now=lapsed", {old.pk}),
        ("now=junk", {mine.pk, old.pk}),
        (f"coupon_id={row.pk}", {mine.pk, old.pk}),
    ):
        answer = office.get(f"{GRANTS}?{query}")
        assert answer.status_code == 200
        assert {one.pk for one in answer.context["cl"].queryset} == found, query


# -- rights --------------------------------------------------------------------------------------------
def test_looking_is_not_acting() -> None:
    """Who may only look sees both lists and can do nothing; a buyer sees nothing."""
    clerk = bob()
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=["view_coupon", "view_grant"])
    )
    client, row = signed_in(clerk), coupon()
    grant = in_hand(row, alice())
    assert client.get(GRANTS).status_code == 200
    assert client.get(page(row, "issuings")).status_code == 200
    for url, sent in (
        (page(row, "issue"), {"audience": "all"}),
        (page(row, "withdraw"), {}),
        (page(row, "revoke_unused"), {"reason": "x"}),
        (page(grant, "revoke"), {"reason": "x"}),
    ):
        assert client.post(url, sent).status_code in {302, 403}, url
    client.post(
        GRANTS,
        {"action": "revoke_selected", "_selected_action": [grant.pk], "apply": "1", "reason": "x"},
    )
    assert Grant.objects.get().state == GrantState.UNUSED
    row.refresh_from_db()
    assert row.on_offer
    assert not Issuing.objects.exists()
    assert signed_in(carol()).get(page(row, "issuings")).status_code == 302
    assert issued(row) == 1
