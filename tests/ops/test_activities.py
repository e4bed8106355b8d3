"""Activities in the back office: made with mistakes named, and looked at before anybody pays by them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localtime

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Activity, ActivityKind, Reach, Sku, Step
from shigu.ops.previewing import Preview
from shigu.orders import quoting
from tests import activities as running
from tests.goods import fan, free_course, goods, python_course, teapot
from tests.people import alice, carol, operator

ADD = "/ops/catalogue/activity/add/"
LIST = "/ops/catalogue/activity/"
PREVIEW = {"preview_unsaved": "1"}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_files")]


@pytest.fixture
def office() -> Client:
    return signed_in(operator())


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def clerk(*rights: str) -> User:
    """Somebody of the staff with these rights in the catalogue and no others."""
    user = carol()
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="catalogue", codename__in=rights)
    )
    return user


def typed(*steps: tuple[str, str], **other: Any) -> dict[str, Any]:
    """What an operator types for 15% off everything from 2020 to 2099, and steps in yuan."""
    given: dict[str, Any] = {
        "name_zh": "夏日",
        "name_en": "Summer",
        "kind": "discount",
        "percent": "85",
        "reach": "all",
        "starts_at_0": "2020-01-01",
        "starts_at_1": "00:00:00",
        "ends_at_0": "2099-01-01",
        "ends_at_1": "00:00:00",
        "steps-TOTAL_FORMS": str(len(steps)),
        "steps-INITIAL_FORMS": "0",
    }
    for place_of, (least, off) in enumerate(steps):
        given |= {f"steps-{place_of}-least": least, f"steps-{place_of}-off": off}
    return given | other


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Activity, Step)]


def faults(answer: Any) -> str:
    assert answer.status_code == 200
    context = answer.context
    found = [*context["adminform"].form.errors.values()]
    for inline in context["inline_admin_formsets"]:
        found += [inline.formset.non_form_errors(), *inline.formset.errors]
    return " ".join(str(one) for one in found)


def shown(answer: Any) -> Preview:
    assert answer.status_code == 200
    assert "shown" in answer.context, faults(answer)
    found: Preview = answer.context["shown"]
    return found


def preview_page(row: Activity) -> str:
    return reverse("admin:catalogue_activity_preview", args=[row.pk])


# -- making ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "given", "percent", "amount"),
    [
        ("free", {}, None, None),
        ("discount", {"percent": "85"}, 85, None),
        ("student", {"percent": "50"}, 50, None),
        ("reduction", {"amount": "12.34"}, None, 1_234),
    ],
)
@pytest.mark.parametrize("reach", ["all", "direction", "category", "product"])
def test_each_kind_in_each_reach_is_made(
    office: Client, kind: str, given: dict[str, Any], percent: int, amount: int, reach: str
) -> None:
    """Yuan are kept in fen; of all figures and choices those of its kind and reach alone."""
    pot = teapot()
    filled = {
        "percent": "99",
        "amount": "9",
        "products": [pot.pk],
        "categories": [pot.category_id],
        "directions": [pot.category.direction_id],
    }
    assert office.post(ADD, typed(kind=kind, reach=reach, **(filled | given))).status_code == 302
    row = Activity.objects.get()
    assert (row.kind, row.percent, row.amount, row.reach) == (kind, percent, amount, reach)
    chosen = [row.directions.count(), row.categories.count(), row.products.count()]
    assert chosen == [int(reach == one) for one in ("direction", "category", "product")]


def test_steps_and_bundles_are_made(office: Client) -> None:
    """Steps in any order, in yuan; a bundle of two products."""
    steps = [("500", "90"), ("199.99", "20")]
    assert office.post(ADD, typed(*steps, kind="threshold")).status_code == 302
    made = Activity.objects.get()
    assert list(made.steps.values_list("least", "off")) == [(19_999, 2_000), (50_000, 9_000)]
    products = [teapot().pk, fan().pk]
    other = {"kind": "bundle", "amount": "30", "reach": "product", "products": products}
    assert office.post(ADD, typed(**other)).status_code == 302
    bundle = Activity.objects.get(kind=ActivityKind.BUNDLE)
    assert (bundle.amount, set(bundle.products.values_list("pk", flat=True))) == (
        3_000,
        set(products),
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": ""}, "required"),
        ({"kind": "zeppelin"}, "Select a valid choice"),
        ({"name_zh": ""}, "required"),
        ({"percent": ""}, "from 1 to 99"),
        ({"percent": "0"}, "from 1 to 99"),
        ({"percent": "100"}, "from 1 to 99"),
        ({"percent": "½"}, "whole number"),
        ({"kind": "student", "percent": "-4"}, "from 1 to 99"),
        ({"kind": "reduction"}, "more than nothing"),
        ({"kind": "reduction", "amount": "0"}, "more than nothing"),
        ({"kind": "reduction", "amount": "-1"}, "greater than or equal"),
        ({"kind": "reduction", "amount": "1.999"}, "decimal places"),
        ({"kind": "reduction", "amount": "9" * 30}, "digits"),
        ({"reach": "product"}, "Choose at least one"),
        ({"reach": "category"}, "Choose at least one"),
        ({"reach": "direction"}, "Choose at least one"),
        ({"reach": "product", "products": ["999999"]}, "not one of the available choices"),
        ({"reach": "product", "products": ["\0", "x", "9" * 5_000]}, "Choose at least one"),
        ({"kind": "bundle", "amount": "5"}, "certain products"),
        ({"ends_at_0": "2019-01-01"}, "after it begins"),
        ({"ends_at_0": "2020-01-02"}, "over already"),
        ({"ends_at_0": "junk"}, "valid date"),
        ({"starts_at_0": ""}, "required"),
        ({"starts_at_0": "0001-01-01"}, "Choose a time"),
        ({"ends_at_0": "9999-12-31"}, "Choose a time"),
        ({"steps-TOTAL_FORMS": "junk"}, "ManagementForm"),
        ({"kind": "threshold"}, "at least one step"),
    ],
)
@pytest.mark.parametrize("button", [{}, PREVIEW], ids=["save", "preview"])
def test_a_mistake_is_named(
    office: Client, wrong: dict[str, Any], words: str, button: dict[str, str]
) -> None:
    """In words, whether it was to be saved or looked at; nothing is written."""
    assert words in faults(office.post(ADD, typed(**wrong, **button)))
    assert everything() == [[], []]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("100", "")], "required"),
        ([("100", "0")], "greater than or equal"),
        ([("-1", "-2")], "greater than or equal"),
        ([("100", "101")], "Nobody saves more"),
        ([("100", "20"), ("100", "30")], "begin at the same"),
        ([("100", "20"), ("200", "20")], "saves more than the one below"),
        ([("100", "20"), ("200", "10")], "saves more than the one below"),
        ([("1e3", "zeppelin")], "number"),
    ],
)
def test_senseless_steps_are_named(
    office: Client, steps: list[tuple[str, str]], words: str
) -> None:
    """The activity is not written without its steps."""
    assert words in faults(office.post(ADD, typed(*steps, kind="threshold")))
    assert everything() == [[], []]


def test_steps_of_another_kind_are_refused(office: Client) -> None:
    """They would be forgotten silently; a bundle of one is no bundle either."""
    assert "take them out" in faults(office.post(ADD, typed(("100", "10"))))
    one = {"kind": "bundle", "amount": "5", "reach": "product", "products": [teapot().pk]}
    assert "at least two products" in faults(office.post(ADD, typed(**one)))
    assert everything() == [[], []]


def test_what_runs_may_be_changed_and_ended(office: Client) -> None:
    """What is over may be renamed, not brought back to the past; steps go with their kind."""
    row = running.threshold((10_000, 1_000))
    step = row.steps.get()
    page = reverse("admin:catalogue_activity_change", args=[row.pk])
    kept = {
        "steps-INITIAL_FORMS": "1",
        "steps-0-id": str(step.pk),
        "steps-0-activity": str(row.pk),
    }
    office.post(page, typed(("200", "25"), kind="threshold", **kept))
    assert list(row.steps.values_list("pk", "least", "off")) == [(step.pk, 20_000, 2_500)]
    gone = kept | {"steps-0-DELETE": "on"}
    assert "at least one step" in faults(
        office.post(page, typed(("200", "25"), kind="threshold", **gone))
    )
    assert row.steps.exists()
    assert office.post(page, typed(("200", "25"), **gone)).status_code == 302
    row.refresh_from_db()
    assert (row.kind, row.percent, row.steps.count()) == ("discount", 85, 0)


# -- looking before --------------------------------------------------------------------------------------
def checkout(user: User, at: Any, *choices: Sku) -> list[tuple[int, str | None]]:
    """What the checkout asks of this buyer then, line by line, and by which activity."""
    lines = [quoting.wanted(one, 1) for one in choices]
    quote = quoting.terms([user.pk], at).quote(user.pk, lines)
    return [(line.price, line.activity.name_zh if line.activity else None) for line in quote.lines]


def figures(found: Preview) -> list[tuple[int, str | None]]:
    return [(row.together, row.by.name_zh if row.by else None) for row in found.rows]


def others() -> None:
    """Some of the shop's goods, and activities that compete for them."""
    for product in (teapot(), fan(), python_course(), free_course()):
        assert product.pk
    running.discount(90, name="Ninety", products=[teapot()])
    running.reduction(3_000, name="Thirty", products=[python_course()])
    later = {"starts": timedelta(hours=3), "ends": timedelta(hours=9)}
    running.discount(10, name="Later", products=[fan()], **later)


WAYS: list[tuple[list[tuple[str, str]], dict[str, str]]] = [
    ([], {"kind": "free"}),
    ([], {"percent": "85"}),
    ([], {"percent": "95"}),
    ([], {"kind": "student", "percent": "60"}),
    ([], {"kind": "reduction", "amount": "33.33"}),
    ([("90", "5"), ("200", "60.01")], {"kind": "threshold"}),
]


@pytest.mark.parametrize(("steps", "way"), WAYS)
@pytest.mark.parametrize("hours", [-1, 4], ids=["now", "coming"])
def test_the_preview_is_what_the_checkout_will_ask(
    office: Client, steps: list[tuple[str, str]], way: dict[str, str], hours: int
) -> None:
    """Line by line, with the activity that wins; nothing is saved by looking."""
    others()
    start = localtime(clock.now() + timedelta(hours=hours)).replace(microsecond=0)
    times = {"starts_at_0": f"{start:%Y-%m-%d}", "starts_at_1": f"{start:%H:%M:%S}"}
    before = everything()
    found = shown(office.post(ADD, typed(*steps, **way, **times, **PREVIEW)))
    assert everything() == before
    assert found.at == max(start, found.at)
    assert office.post(ADD, typed(*steps, **way, **times)).status_code == 302
    buyer = alice()
    buyer.is_student = way.get("kind") == "student"
    buyer.save()
    asked = [checkout(buyer, found.at, row.sku)[0] for row in found.rows]
    assert len(asked) == 7
    assert figures(found) == asked
    assert any(by == "夏日" for _price, by in asked)
    saved = shown(office.get(preview_page(Activity.objects.get(name_zh="夏日"))))
    assert figures(saved) == asked


def test_without_and_alone(office: Client) -> None:
    """Ninety percent run on the teapot; eighty-five win there, ninety-five do not."""
    others()
    running.student(50, name="Campus")
    for percent, alone, together, by in (
        ("85", 22_780, 22_780, "夏日"),
        ("95", 25_460, 24_120, "Ninety 活动"),
    ):
        given = {"reach": "product", "products": [teapot().pk], "percent": percent}
        [row] = shown(office.post(ADD, typed(**given, **PREVIEW))).rows
        assert (row.list_price, row.without, row.alone, row.together) == (
            26_800,
            24_120,
            alone,
            together,
        )
        assert (row.by and row.by.name_zh, row.changes) == (by, by == "夏日")


def test_a_bundle_is_shown_as_one_set(office: Client) -> None:
    """The cheapest choice of each, together as the checkout prices them; a missing part is told."""
    pot, leaf = teapot(), fan()
    bundle = {"kind": "bundle", "amount": "50", "reach": "product", "products": [pot.pk, leaf.pk]}
    found = shown(office.post(ADD, typed(**bundle, **PREVIEW)))
    assert found.total
    assert (found.total.list_price, found.total.together) == (36_600, 31_600)
    office.post(ADD, typed(**bundle))
    assert figures(found) == checkout(alice(), found.at, *[row.sku for row in found.rows])
    leaf.on_sale = False
    leaf.save()
    answer = office.get(preview_page(Activity.objects.get()))
    assert (shown(answer).rows, shown(answer).missing) == ([], 1)
    assert "nobody can get this bundle" in answer.content.decode()


def test_a_change_is_previewed_in_place_of_the_saved_row(office: Client) -> None:
    """The old figures of the same activity do not compete with the typed ones; it stays as it was."""
    teapot()
    row = running.discount(50, name="Half")
    before = everything()
    page = reverse("admin:catalogue_activity_change", args=[row.pk])
    [found] = shown(office.post(page, typed(percent="80", **PREVIEW))).rows
    assert (found.without, found.together) == (26_800, 21_440)
    assert everything() == before


def test_previews_turn_pages_and_ask_little(office: Client) -> None:
    """Fifty choices a page in as many queries as one; nothing on sale is told."""
    row = running.discount(80, products=[teapot()])
    with CaptureQueriesContext(connection) as few:
        shown(office.get(preview_page(row)))
    many = [goods(f"cup-{n}", f"杯 {n}", f"Cup {n}", [("", "", 1_000, 0)]) for n in range(60)]
    row.products.set(many)
    seen: list[int] = []
    for page in ("1", "2"):
        with CaptureQueriesContext(connection) as asked:
            found = shown(office.get(preview_page(row), {"page": page}))
        assert len(asked) <= len(few)
        seen += [one.sku.pk for one in found.rows]
    assert len(set(seen)) == 60
    for junk in ("x", "-1", "99", "²", "9" * 5_000):
        assert office.get(preview_page(row), {"page": junk}).status_code == 200
    Sku.objects.update(on_sale=False)
    assert "no price would change" in office.get(preview_page(row)).content.decode()


def test_words_are_escaped(office: Client) -> None:
    """A name with markup stays a name."""
    teapot()
    answer = office.post(ADD, typed(name_en="<script>alert(1)</script>", **PREVIEW))
    assert "<script>alert(1)" not in answer.content.decode()


# -- finding, rights ---------------------------------------------------------------------------------------
def test_stages_are_found(office: Client) -> None:
    """Coming, running and ended ones each by the filter; junk shows all."""
    hour = timedelta(hours=1)
    rows = {
        "coming": running.free(starts=hour, ends=2 * hour),
        "running": running.discount(85),
        "ended": running.threshold((100, 10), starts=-2 * hour, ends=-hour),
    }
    for stage, row in rows.items():
        listed = office.get(LIST, {"stage": stage}).context["cl"].result_list
        assert list(listed) == [row]
    assert len(office.get(LIST, {"stage": "junk"}).context["cl"].result_list) == 3
    assert "15% off" in office.get(LIST).content.decode()


def test_looking_is_not_making() -> None:
    """Who may only look sees list and preview of what is saved, and can neither try out nor save."""
    teapot()
    row = running.discount(85)
    page = reverse("admin:catalogue_activity_change", args=[row.pk])
    before, looking = everything(), signed_in(clerk("view_activity"))
    assert looking.get(LIST).status_code == 200
    assert looking.get(preview_page(row)).status_code == 200
    for address in (ADD, page):
        for button in ({}, PREVIEW):
            assert looking.post(address, typed(percent="1", **button)).status_code == 403
    assert everything() == before


def test_the_door_is_shut_for_others() -> None:
    """Staff without the right is refused, a buyer and a stranger are sent away."""
    row = running.discount(85)
    before, staff = everything(), signed_in(clerk("view_product"))
    for address in (LIST, ADD, preview_page(row)):
        assert staff.get(address).status_code == 403
        for client in (signed_in(alice()), Client()):
            for button in ({}, PREVIEW):
                assert client.post(address, typed(**button)).status_code == 302
    assert staff.post(ADD, typed(**PREVIEW)).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("junk", ["999999", "abc", "1' OR 1=1"])
def test_junk_is_not_found(office: Client, junk: str) -> None:
    """No such activity, no error page."""
    assert office.get(f"{LIST}{junk}/preview/").status_code in {403, 404}
    answer = office.post(f"{LIST}{junk}/change/", typed(**PREVIEW))
    assert answer.status_code != 500
    assert not Activity.objects.filter(reach=Reach.ALL).exists()
