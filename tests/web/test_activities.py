"""Shelves and product pages show what the checkout asks for: activities in figures and in words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Activity, Product, Sku
from shigu.learning.models import Enrolment
from shigu.orders import quoting
from tests.activities import HOUR, bundle, discount, free, reduction, student, threshold
from tests.goods import course, fan, goods, python_course, sku, teapot
from tests.people import alice, bob
from tests.web.ordering import english, placed

pytestmark = pytest.mark.django_db


def text(answer: object) -> str:
    plain = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(plain.split())


def cards(client: Client, path: str = "/goods/") -> dict[str, tuple[int, int | None]]:
    found = client.get(path).context["offers"]
    return {card.product.slug: (card.price, card.was) for card in found}


def checkout(user: User, of: Sku, *, renew: bool = False) -> int:
    """What one piece costs where orders are placed."""
    row = Sku.objects.select_related("product__category").get(pk=of.pk)
    terms = quoting.terms([user.pk], clock.now())
    return terms.quote(user.pk, [quoting.wanted(row, 1, renew=renew)]).payable


def reading(client: Client, user: User, *, is_student: bool = False) -> Client:
    User.objects.filter(pk=user.pk).update(is_student=is_student)
    client.force_login(user)
    return client


# -- shelves -----------------------------------------------------------------------------------------
def test_a_card_shows_the_price_after_the_best_activity(client: Client) -> None:
    """Struck through beside it the list price; its name and its end stand on the card."""
    discount(90, name="Little"), discount(70, name="Summer"), reduction(1_000, name="Less")
    teapot(price=26_800)
    answer = english(client).get("/goods/")
    assert cards(client) == {"teapot": (18_760, 26_800)}
    assert "Summer" in text(answer)
    assert "Little" not in text(answer)
    assert 'class="tick"' in answer.content.decode()


def test_without_an_activity_everything_is_as_it_was(client: Client) -> None:
    """The list price, and the crossed-out one where the choice has one; ended and coming ones do nothing."""
    discount(50, starts=-2 * HOUR, ends=-HOUR), discount(50, starts=HOUR, ends=2 * HOUR)
    teapot(price=26_800), python_course()
    assert cards(client) == {"teapot": (26_800, None)}
    assert cards(client, "/courses/")["python-concurrency"] == (9_900, None)
    assert client.get("/p/python-concurrency/").context["choices"][1].label.was == 39_900


@pytest.mark.parametrize("is_student", [False, True])
def test_the_shelf_says_what_the_checkout_asks(client: Client, is_student: bool) -> None:
    """Every choice of every product, for a reader who is a student and for one who is not."""
    pot, cloth, lesson = teapot(), fan(green=3), python_course()
    discount(85, categories=[pot.category]), reduction(3_000, products=[cloth])
    discount(90, directions=[lesson.category.direction]), student(75, products=[lesson, pot])
    reading(client, alice(), is_student=is_student)
    for product in (pot, cloth, lesson):
        for choice in client.get(f"/p/{product.slug}/").context["choices"]:
            assert choice.label.price == checkout(alice(), choice.sku), choice.sku
    shown = cards(client) | cards(client, "/courses/")
    assert {slug: price for slug, (price, _) in shown.items()} == {
        product.slug: min(checkout(alice(), choice) for choice in product.skus.all())
        for product in (pot, cloth, lesson)
    }


def test_only_students_see_student_prices_as_theirs(client: Client) -> None:
    """Others are told of it on the product's page; a better offer for all is not outdone in words."""
    pot = teapot(price=10_000)
    student(80)
    assert cards(client) == {"teapot": (10_000, None)}
    told = "For students 20% off Only for buyers whom the shop knows as students"
    assert told in text(english(client).get("/p/teapot/"))
    reading(client, bob())
    assert told in text(client.get("/p/teapot/"))
    assert cards(client) == {"teapot": (10_000, None)}
    reading(client, alice(), is_student=True)
    assert cards(client) == {"teapot": (8_000, 10_000)}
    assert "For students" not in text(client.get("/p/teapot/"))
    reading(client, bob())
    discount(70, products=[pot])
    assert "For students" not in text(client.get("/p/teapot/"))


def test_spend_and_save_is_said_not_reckoned(client: Client) -> None:
    """One piece keeps its price; the steps stand on the card and on the page."""
    threshold((20_000, 3_000)), teapot(price=26_800)
    english(client)
    assert cards(client) == {"teapot": (26_800, None)}
    for path in ("/goods/", "/p/teapot/"):
        assert "Spend ¥200, save ¥30" in text(client.get(path))


def test_what_is_free_for_a_time_says_free(client: Client) -> None:
    """A word, not a zero; and not "from" it, though there are dearer choices."""
    free(products=[python_course()])
    page = client.get("/courses/").content.decode()
    assert "免费" in page
    assert "起" not in re.sub(r"<[^>]+>", "", page[page.index('class="foot"') :][:300])
    assert cards(client, "/courses/")["python-concurrency"] == (0, 9_900)


def test_prices_narrow_and_sort_as_shown(client: Client) -> None:
    """What costs ¥8 now is among what costs up to ¥10, and before what costs ¥9."""
    reduction(19_000, products=[teapot(price=19_800)])
    goods("cup", "杯", "Cup", [("", "", 900, 9)])
    assert list(cards(client, "/goods/?sort=cheap")) == ["teapot", "cup"]
    assert list(cards(client, "/goods/?sort=dear")) == ["cup", "teapot"]
    assert set(cards(client, "/goods/?most=8.50")) == {"teapot"}
    assert set(cards(client, "/goods/?least=8.50")) == {"cup"}


# -- home and activity pages ---------------------------------------------------------------------------
def test_home_announces_what_runs_and_what_comes(client: Client) -> None:
    """What ends first stands first and has the page's one drum; ended ones are not there."""
    pot = teapot()
    discount(85, name="Soon over", products=[pot], ends=HOUR)
    threshold((20_000, 3_000), name="Longer", ends=5 * HOUR)
    free(name="Coming free", starts=2 * HOUR, ends=9 * HOUR)
    free(name="Far away", starts=90 * HOUR, ends=99 * HOUR)
    discount(85, name="Over", starts=-2 * HOUR, ends=-HOUR)
    answer = english(client).get("/")
    assert [one.activity.name for one in answer.context["strip"]] == [
        "Soon over",
        "Longer",
        "Coming free",
    ]
    page = answer.content.decode()
    assert page.count('class="drum') == 1
    assert "Starts in" in page
    assert reverse("activity", args=[Activity.objects.get(name_en="Longer").pk]) in page


@pytest.mark.parametrize(
    ("running", "coming", "shown"),
    [(7, 3, "rrrrcc"), (6, 1, "rrrrrc"), (9, 0, "rrrrrr"), (1, 7, "rccccc")],
)
def test_what_comes_has_its_places(client: Client, running: int, coming: int, shown: str) -> None:
    """Two of the six are kept for what comes, as far as something comes; those that end or start first."""
    teapot()
    for nth in range(running):
        discount(85, name=f"r{nth}", ends=(nth + 1) * HOUR)
    for nth in range(coming):
        discount(85, name=f"c{nth}", starts=(nth + 1) * HOUR, ends=20 * HOUR)
    names = [one.activity.name for one in english(client).get("/").context["strip"]]
    runs, comes = shown.count("r"), shown.count("c")
    assert names == [f"r{nth}" for nth in range(runs)] + [f"c{nth}" for nth in range(comes)]


def test_an_activity_has_a_page_of_its_own(client: Client) -> None:
    """It lists what the activity covers, both kinds, with filters; an ended one and junk are not there."""
    pot, lesson = teapot(), python_course()
    fan()
    row = discount(85, name="Summer", products=[pot, lesson])
    english(client)
    path = reverse("activity", args=[row.pk])
    assert set(cards(client, path)) == {"teapot", "python-concurrency"}
    assert set(cards(client, f"{path}?kind=goods")) == {"teapot"}
    assert "15% off" in text(client.get(path))
    assert client.get(path + "?q=%00&page=x&sort=9").status_code == 200
    Activity.objects.filter(pk=row.pk).update(ends_at=clock.now())
    assert client.get(path).status_code == 404
    assert client.get("/activities/999999999999/").status_code == 404


def test_a_coming_activity_changes_no_price(client: Client) -> None:
    """Its page says when it starts; the cards on it cost what they cost today."""
    row = free(name="Coming", starts=HOUR, ends=2 * HOUR, products=[teapot(price=5_000)])
    path = reverse("activity", args=[row.pk])
    assert "Starts in" in text(english(client).get(path))
    assert cards(client, path) == {"teapot": (5_000, None)}


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def test_many_activities_cost_no_more_queries_than_one(client: Client) -> None:
    """Home, lists, search, a product and the page of an activity: the same number for one as for thirty."""
    pot, cloth = teapot(), fan()
    row = discount(90, products=[pot])
    threshold((1_000, 100)), bundle(500, pot, cloth), student(80), free(starts=HOUR, ends=2 * HOUR)
    paths = ["/", "/goods/", "/search/?q=pot", "/p/teapot/", reverse("activity", args=[row.pk])]
    few = {path: queries(client, path) for path in paths}
    for nth in range(30):
        goods(f"pot-{nth}", f"壶 {nth}", f"Pot {nth}", [("", "", 1_000 + nth, 3)])
        discount(60 + nth, products=[pot], name=f"n{nth}"), bundle(500 + nth, pot, cloth)
        threshold((1_000, 100)), free(starts=HOUR, ends=2 * HOUR)
    assert {path: queries(client, path) for path in paths} == few
    assert max(few.values()) <= 13


# -- one product ---------------------------------------------------------------------------------------
def test_each_choice_has_its_own_price(client: Client) -> None:
    """Figures for the script, the list price struck through, the activity of the chosen one shown."""
    lesson = python_course()
    reduction(8_000, name="Less", products=[lesson]), discount(50, name="Half", products=[lesson])
    page = english(client).get("/p/python-concurrency/").content.decode()
    # 30 days ¥99: ¥80 off is better; 365 days ¥279: half is better
    assert 'data-price="19.00"' in page
    assert 'data-price="139.50"' in page
    assert 'data-was="279.00"' in page
    shown = re.findall(r'data-run="\d+"( hidden)?><span class="chip run">(\w+)', page)
    assert {name: hidden for hidden, name in shown} == {"Less": "", "Half": " hidden"}


def test_credits_that_can_be_used_are_said(client: Client) -> None:
    """The product's cap, but never more than the price is worth; nothing where there is no cap."""
    pot = teapot(price=10_000)
    english(client)
    assert "credits can be used" not in text(client.get("/p/teapot/"))
    Product.objects.filter(pk=pot.pk).update(most_credits=300)
    assert "Up to 300 credits can be used here: ¥30.00 less" in text(client.get("/p/teapot/"))
    reduction(9_000)
    assert "Up to 100 credits can be used here: ¥10.00 less" in text(client.get("/p/teapot/"))


def test_a_bundle_leads_to_its_other_products(client: Client) -> None:
    """With links and what it saves; not where one of them cannot be had."""
    pot, cloth = teapot(), fan()
    bundle(2_000, pot, cloth)
    english(client)
    page = text(client.get("/p/teapot/"))
    assert "Together with Bamboo fan" in page
    assert "Bought together, ¥20 off" in page
    Product.objects.filter(pk=cloth.pk).update(on_sale=False)
    assert "Together with" not in text(client.get("/p/teapot/"))


# -- a renewal ---------------------------------------------------------------------------------------
def enrolled(product: Product, days: int | None = 3) -> Enrolment:
    order = placed(alice(), (sku(product), 1))
    order.status = 2
    order.due_at = None
    order.ended_at = clock.now()
    order.save()
    now = clock.now()
    return Enrolment.objects.create(
        user=alice(),
        product=product,
        order_line_id=order.lines.get().pk,
        valid_from=now,
        valid_until=now + timedelta(days=days) if days else None,
    )


def test_a_running_course_is_renewed_at_its_own_price(client: Client) -> None:
    """On its page each choice leads to confirm with its renewal's price; in my courses the one bought."""
    lesson = python_course()
    first, year = sku(lesson), sku(lesson, 1)
    Sku.objects.filter(pk=first.pk).update(renewal_price=6_000)
    discount(90, products=[lesson])
    enrolled(lesson)
    reading(english(client), alice())
    page = client.get("/p/python-concurrency/")
    prices = {choice.sku.pk: choice.label.price for choice in page.context["choices"]}
    assert prices[first.pk] == checkout(alice(), first, renew=True) == 5_400
    assert prices[year.pk] == checkout(alice(), year, renew=True) == 25_110
    assert '<input type="hidden" name="renew" value="1">' in page.content.decode()
    mine = client.get("/me/courses/").content.decode()
    assert f"{reverse('confirm')}?sku={first.pk}&amp;renew=1" in mine
    assert "Renew · ¥54.00" in mine


def test_what_cannot_be_renewed_offers_none(client: Client) -> None:
    """For ever, taken down, or lapsed (that is bought again): no renewal in either place."""
    lesson = python_course()
    row = enrolled(lesson, days=None)
    reading(english(client), alice())
    now = clock.now()

    def offered() -> bool:
        pages = client.get("/me/courses/"), client.get("/p/python-concurrency/")
        return any("renew" in page.content.decode().lower() for page in pages)

    assert not offered()
    Enrolment.objects.filter(pk=row.pk).update(valid_until=now - HOUR)
    assert not offered()
    Enrolment.objects.filter(pk=row.pk).update(valid_until=now + HOUR)
    assert offered()
    Product.objects.filter(pk=lesson.pk).update(on_sale=False)
    assert not offered()


def test_my_courses_ask_as_little_for_many(client: Client) -> None:
    """Renewals of ten courses cost as many queries as of one."""
    enrolled(python_course())
    reading(client, alice())
    few = queries(client, "/me/courses/")
    for nth in range(9):
        enrolled(course(f"course-{nth}", f"课 {nth}", f"Course {nth}", [(30, 900, None)]))
    assert queries(client, "/me/courses/") == few
