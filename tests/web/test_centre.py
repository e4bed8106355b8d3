"""The user centre: overview, courses with their ends, addresses, profile and picture, sign-in."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from shigu import clock
from shigu.accounts.models import Address, User
from tests.goods import course, python_course, sku, teapot
from tests.people import address_of, alice, bob
from tests.web.ordering import english, placed
from tests.web.paying import paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]

PLACE = {
    "name": "Alice",
    "phone": "+86 138-0000-0000",
    "region": "陕西省 西安市",
    "street": "西市坊 3 号",
}
PROFILE = {
    "nickname": "小满",
    "born_on": "1999-05-20",
    "gender": "f",
    "city": "西安",
    "job": "",
    "signature": "慢慢来",
}
JUNK = ["", "\0", "x" * 5000, "<script>alert(1)</script>", "🫖" * 100, "0000-00-00", "9999-99-99"]


@pytest.fixture
def buyer(client: Client, settings: Any, tmp_path: Path) -> Client:
    """Alice, signed in, reading English; uploads go to a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    client.force_login(alice())
    return english(client)


def text(answer: object) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def people() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in (User, Address)]


def picture() -> SimpleUploadedFile:
    out = BytesIO()
    Image.new("RGB", (400, 300), "red").save(out, "PNG")
    return SimpleUploadedFile("me.png", out.getvalue(), "image/png")


# -- overview and courses --------------------------------------------------------------------------
def test_the_overview_shows_what_is_mine(buyer: Client) -> None:
    """What waits for payment, how many orders, the courses; nothing of bob's."""
    paid(placed(alice(), (sku(python_course()), 1)))
    waiting = placed(alice(), (sku(teapot()), 1))
    others = placed(bob(), (sku(teapot()), 1))
    answer = buyer.get(reverse("centre"))
    assert waiting.number in text(answer)
    assert others.number not in text(answer)
    assert answer.context["strip"] == {"orders": 2, "courses": 1, "credits": 99}
    assert "Python concurrency" in text(answer)


def test_a_new_buyers_overview_is_a_page(buyer: Client) -> None:
    """Nothing is said kindly."""
    said = text(buyer.get(reverse("centre")))
    assert "Nothing waits for your payment" in said
    assert "No courses yet" in said


def test_courses_show_their_end_and_lapsed_ones_that_they_lapsed(buyer: Client) -> None:
    """The running one first; the lapsed one can be bought again, a permanent one never ends."""
    paid(placed(alice(), (sku(course("month", "一月", "One month", [(30, 100, None)])), 1)))
    paid(placed(alice(), (sku(python_course(), 1), 1)))
    paid(placed(alice(), (sku(course("always", "永远", "Always", [(0, 100, None)])), 1)))
    clock.shift(timedelta(days=31))
    answer = buyer.get(reverse("my_courses"))
    shelf = [(one.enrolment.product.slug, one.is_running) for one in answer.context["shelf"]]
    assert shelf == [("always", True), ("python-concurrency", True), ("month", False)]
    assert text(answer).count("Buy again") == 1
    assert text(answer).count("Lapsed") == 1
    assert "for ever" in text(answer)


def test_courses_cost_a_fixed_number_of_queries(buyer: Client) -> None:
    """Nine courses cost what one costs."""
    costs = []
    for number in (1, 9):
        for place in range(number):
            if not User.objects.filter(enrolments__product__slug=f"c{place}").exists():
                paid(
                    placed(
                        alice(), (sku(course(f"c{place}", f"课 {place}", "", [(0, 100, None)])), 1)
                    )
                )
        buyer.get(reverse("my_courses"))
        with CaptureQueriesContext(connection) as queries:
            assert len(buyer.get(reverse("my_courses")).context["shelf"]) == number
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 6


# -- addresses -------------------------------------------------------------------------------------
def test_an_address_is_kept_changed_chosen_and_removed(buyer: Client) -> None:
    """The whole life of an address, by its pages."""
    buyer.post(reverse("add_address"), PLACE)
    buyer.post(reverse("add_address"), PLACE | {"street": "Second"})
    first, second = Address.objects.order_by("pk")
    assert (first.is_default, second.is_default) == (True, False)
    buyer.post(reverse("first_address", args=[second.pk]))
    buyer.post(reverse("address", args=[first.pk]), PLACE | {"street": "Changed"})
    assert Address.objects.get(is_default=True) == second
    assert "Changed" in text(buyer.get(reverse("addresses")))
    buyer.post(reverse("remove_address", args=[second.pk]))
    assert Address.objects.get().is_default


@pytest.mark.parametrize("field", ["name", "phone", "region", "street"])
@pytest.mark.parametrize("junk", ["", "   ", "\0", "x" * 5000])
def test_a_wrong_address_is_shown_again_and_not_kept(buyer: Client, field: str, junk: str) -> None:
    """422, the words beside the field, nothing written; the same when changing one."""
    row = address_of(alice())
    before = people()
    for where in (reverse("add_address"), reverse("address", args=[row.pk])):
        answer = buyer.post(where, PLACE | {field: junk})
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert 'aria-invalid="true"' in answer.content.decode()
    assert people() == before


@pytest.mark.parametrize("page", ["address", "remove_address", "first_address"])
def test_anothers_address_is_not_found(buyer: Client, page: str) -> None:
    """Looking at it, changing it, removing it: 404, and nothing changes."""
    theirs = address_of(bob())
    before = people()
    assert buyer.post(reverse(page, args=[theirs.pk]), PLACE).status_code == 404
    assert buyer.get(reverse("address", args=[theirs.pk])).status_code == 404
    assert people() == before


def test_a_full_book_says_so(buyer: Client) -> None:
    """The form goes away at twenty, and a stale form is refused with a sentence."""
    for _ in range(20):
        address_of(alice())
    assert reverse("add_address") not in buyer.get(reverse("addresses")).content.decode()
    answer = buyer.post(reverse("add_address"), PLACE, follow=True)
    assert "up to 20 addresses" in text(answer)
    assert Address.objects.count() == 20


# -- profile and picture ---------------------------------------------------------------------------
def test_the_profile_is_saved(buyer: Client) -> None:
    """All of it, and it stands in the form again; a script in it is text."""
    buyer.post(reverse("save_profile"), PROFILE | {"signature": "<script>alert(1)</script>"})
    assert alice().nickname == "小满"
    html = buyer.get(reverse("profile")).content.decode()
    assert 'value="1999-05-20"' in html
    assert "<script>alert(1)" not in html


@pytest.mark.parametrize("junk", JUNK[1:])
@pytest.mark.parametrize("field", ["nickname", "born_on", "gender", "city", "job", "signature"])
def test_a_wrong_profile_changes_nothing(buyer: Client, field: str, junk: str) -> None:
    """Either it fits and is text, or it is 422 and nothing changed; never a 500."""
    before = people()
    answer = buyer.post(reverse("save_profile"), PROFILE | {field: junk})
    if answer.status_code == 302:
        assert getattr(alice(), field) == junk
    else:
        assert answer.status_code == 422
        assert people() == before


@pytest.mark.parametrize("born", ["1899-12-31", "2999-01-01"])
def test_a_birth_date_has_been(buyer: Client, born: str) -> None:
    """Neither before 1900 nor ahead."""
    answer = buyer.post(reverse("save_profile"), PROFILE | {"born_on": born})
    assert "already been" in text(answer)
    assert alice().born_on is None


def test_rights_cannot_be_written_with_the_profile(buyer: Client) -> None:
    """Fields that the form does not have are not read."""
    buyer.post(
        reverse("save_profile"),
        PROFILE | {"is_staff": "1", "is_superuser": "1", "username": "root"},
    )
    user = alice()
    assert (user.is_staff, user.is_superuser, user.username) == (False, False, "alice")


def test_a_picture_is_shown_and_removed(buyer: Client) -> None:
    """It comes from the shop itself, as a picture, and goes again."""
    buyer.post(reverse("change_picture"), {"picture": picture()})
    address = alice().avatar.url
    assert address in buyer.get(reverse("profile")).content.decode()
    answer = buyer.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    request_finished.disconnect(close_old_connections)  # this test's own transaction goes on
    answer.close()
    request_finished.connect(close_old_connections)
    buyer.post(reverse("change_picture"), {"remove": "1"})
    assert not alice().avatar


@pytest.mark.parametrize("data", [b"", b"junk", b"\xff\xd8\xff" + b"\0" * 99, b"GIF89a"])
def test_junk_for_a_picture_is_refused_with_a_sentence(buyer: Client, data: bytes) -> None:
    """And without any file at all; nothing changes."""
    before = people()
    for fields in (
        {"picture": SimpleUploadedFile("a.jpg", data, "image/jpeg")},
        {},
        {"picture": "text"},
    ):
        answer = buyer.post(reverse("change_picture"), fields, follow=True)
        assert "not a picture that can be read" in text(answer)
    assert people() == before


def test_uploads_are_limited(buyer: Client) -> None:
    """The eleventh within a minute is 429."""
    codes = [buyer.post(reverse("change_picture"), {}).status_code for _ in range(11)]
    assert codes == [302] * 10 + [429]


def test_security_leads_to_each_part_of_signing_in(buyer: Client) -> None:
    """Password and mail have pages; the mail is named."""
    answer = buyer.get(reverse("security"))
    html = answer.content.decode()
    for name in ("account_change_password", "account_email"):
        assert f'"{reverse(name)}"' in html
    assert "alice@shigu.test" in text(answer)


@pytest.mark.parametrize(
    "page", ["centre", "my_courses", "orders", "addresses", "profile", "security"]
)
def test_the_centre_is_nobody_elses_to_keep(buyer: Client, page: str) -> None:
    """No cache on the way may keep these pages."""
    assert "no-store" in buyer.get(reverse(page))["Cache-Control"]
