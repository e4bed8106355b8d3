"""Activities as plain facts: what runs when, what it covers, in how many queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from shigu import clock
from shigu.catalogue.activities import Running, coming, facts, running
from shigu.catalogue.activity_words import said
from shigu.catalogue.featured import featured
from shigu.catalogue.lists import Sort, Wish, products
from shigu.catalogue.models import Activity, ActivityKind, Kind, Product, Reach
from shigu.catalogue.reckoning import ALONE
from shigu.catalogue.scopes import Scope, scopes_of
from shigu.orders.pricing import Wanted, quote
from tests.activities import HOUR, bundle, discount, free, reduction, student, threshold
from tests.goods import category, course, direction, fan, goods, python_course, sku, teapot

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def names(now: datetime) -> list[str]:
    return [activity.name_en for activity in running(now)]


def test_an_activity_runs_from_its_start_until_before_its_end() -> None:
    """The first instant counts, the last one does not, and neither does the one before the first."""
    now = clock.now()
    row = discount(85, now=now)
    assert names(row.starts_at - INSTANT) == []
    assert names(row.starts_at) == ["Summer"]
    assert names(row.ends_at - INSTANT) == ["Summer"]
    assert names(row.ends_at) == []


def test_what_comes_is_announced_until_it_runs() -> None:
    """Within the time asked for, both ends counted as people would; the next one first."""
    now = clock.now()
    later = discount(85, name="later", now=now, starts=5 * HOUR, ends=9 * HOUR)
    sooner = free(name="sooner", now=now, starts=2 * HOUR, ends=9 * HOUR)
    discount(85, name="running", now=now)
    found = coming(now, 5 * HOUR)
    assert [(starts, one.name_en) for starts, one in found] == [
        (sooner.starts_at, "sooner"),
        (later.starts_at, "later"),
    ]
    assert coming(sooner.starts_at, HOUR) == ()
    assert coming(now, 2 * HOUR - INSTANT) == ()


def test_the_facts_of_each_kind() -> None:
    """Percent, amount and steps as they were typed; steps rise however they were typed."""
    pot, cloth = teapot(), fan()
    free(), discount(85), reduction(500), student(80)
    threshold((20_000, 3_000), (10_000, 1_000)), bundle(2_000, pot, cloth)
    found = {one.kind: one for one in running(clock.now())}
    assert set(found) == set(ActivityKind)
    assert found[ActivityKind.DISCOUNT].percent == 85
    assert found[ActivityKind.REDUCTION].amount == 500
    assert found[ActivityKind.THRESHOLD].steps == ((10_000, 1_000), (20_000, 3_000))
    assert found[ActivityKind.BUNDLE].scope == Scope(Reach.PRODUCT, frozenset({pot.pk, cloth.pk}))
    assert found[ActivityKind.STUDENT].name_zh == "Summer 活动"


def test_each_reach_covers_what_it_says() -> None:
    """Everything, the direction, the category, the product: and nothing beside."""
    pot, lesson = teapot(), python_course()
    other = category("ink", "水墨", "Ink", direction("drawing", "书画", "Drawing", Kind.COURSE))
    rows = [
        (discount(90), {pot, lesson}),
        (discount(90, directions=[lesson.category.direction]), {lesson}),
        (discount(90, categories=[pot.category, other]), {pot}),
        (discount(90, products=[lesson]), {lesson}),
        (discount(90, products=[]), set()),
    ]
    scopes = scopes_of(Activity, [row.pk for row, _ in rows])
    for row, covered in rows:
        found = {p for p in (pot, lesson) if covers(scopes[row.pk], p)}
        assert found == covered, row.reach


def test_only_the_reach_that_is_chosen_counts() -> None:
    """Products chosen before an activity was turned to its direction cover nothing any more."""
    pot, lesson = teapot(), python_course()
    row = discount(90, products=[pot])
    row.directions.set([lesson.category.direction])
    Activity.objects.filter(pk=row.pk).update(reach=Reach.DIRECTION)
    scope = scopes_of(Activity, [row.pk])[row.pk]
    assert (covers(scope, pot), covers(scope, lesson)) == (False, True)


def test_nothing_asked_nothing_read() -> None:
    """Where no activity runs one query says so; many cost as much as one."""
    now = clock.now()
    assert asked(lambda: running(now)) == 1
    threshold((1_000, 100)), discount(85, products=[teapot()])
    few = asked(lambda: running(now))
    for nth in range(20):
        threshold((1_000, 100), name=f"more {nth}", products=[teapot(), fan()])
    assert asked(lambda: running(now)) == few == 3
    assert asked(lambda: facts([])) == 0


def test_running_has_its_index() -> None:
    """What ended long ago is not read: the index on the end finds the few that still run."""
    now = clock.now()
    Activity.objects.bulk_create(
        Activity(
            kind=ActivityKind.FREE,
            name_zh=f"旧 {nth}",
            starts_at=now - timedelta(days=400 + nth),
            ends_at=now - timedelta(days=399 + nth),
        )
        for nth in range(3_000)
    )
    discount(85, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalogue_activity")
        rows = Activity.objects.filter(starts_at__lte=now, ends_at__gt=now).order_by("pk")
        query, params = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN {query}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "activity_ends" in plan
    assert names(now) == ["Summer"]


def test_products_to_show_an_activity_with() -> None:
    """The most popular on sale of each reach, at most so many, none that was taken down, in one query."""
    many = [goods(f"pot-{n}", f"壶 {n}", f"Pot {n}", [("", "", 1_000, 3)]) for n in range(5)]
    for heat, product in enumerate(many):
        Product.objects.filter(pk=product.pk).update(popularity=heat)
    Product.objects.filter(pk=many[4].pk).update(on_sale=False)
    many[3].skus.update(on_sale=False)
    lesson = python_course()
    rows = [
        discount(85, directions=[many[0].category.direction]),
        discount(85, categories=[lesson.category]),
        discount(85, products=[many[0], many[4]]),
        discount(85, products=[]),
        discount(85),
    ]
    ids = [row.pk for row in rows]
    found = featured(ids, 2)
    popular = [many[2].pk, many[1].pk]
    assert [found[pk] for pk in ids] == [popular, [lesson.pk], [many[0].pk], [], popular]
    assert asked(lambda: featured(ids, 2)) == 1
    assert asked(lambda: featured([], 2)) == 0


@pytest.mark.parametrize(
    ("make", "chinese", "english"),
    [
        (lambda: free(), "限时免费", "Free of charge"),
        (lambda: discount(85), "8.5 折", "15% off"),
        (lambda: discount(70), "7 折", "30% off"),
        (lambda: discount(5), "0.5 折", "95% off"),
        (lambda: reduction(4_100), "每件立减 ¥41", "¥41 off each"),
        (lambda: reduction(4_150), "每件立减 ¥41.50", "¥41.50 off each"),
        (
            lambda: threshold((20_000, 3_000), (30_000, 6_000)),
            "满 ¥200 减 ¥30 · 满 ¥300 减 ¥60",
            "Spend ¥200, save ¥30 · Spend ¥300, save ¥60",
        ),
        (lambda: bundle(2_000), "一起买立减 ¥20", "Bought together, ¥20 off"),
        (lambda: student(80), "学生 8 折", "For students 20% off"),
    ],
)
def test_what_it_does_in_words(make: Callable[[], Activity], chinese: str, english: str) -> None:
    """As a shop says it, in both languages."""
    make()
    (found,) = running(clock.now())
    with translation.override("zh-hans"):
        assert said(found) == chinese
    with translation.override("en"):
        assert said(found) == english


PRICES = [0, 1, 49, 50, 51, 99, 101, 1_000, 3_333, 9_900, 27_999]


def many_prices() -> None:
    for price in PRICES:
        course(
            f"at-{price}", f"课 {price}", f"At {price}", [(30, price, None), (0, price + 7, None)]
        )
        goods(f"pot-{price}", f"壶 {price}", f"Pot {price}", [("", "", price, 3)])


def engine(product: Product, activities: tuple[Running, ...]) -> int:
    wanted = Wanted(
        sku(product).pk,
        sku(product).price,
        1,
        product.pk,
        product.category_id,
        product.category.direction_id,
    )
    return quote([wanted], activities=activities, is_student=True).payable


@pytest.mark.parametrize("percent", [1, 33, 50, 67, 85, 99])
def test_lists_reckon_as_the_engine_does(percent: int) -> None:
    """To the fen, for every kind that looks at a line alone, each reach, and the best of several."""
    many_prices()
    shelf = Product.objects.select_related("category")
    lesson, pot = shelf.get(slug="at-3333"), shelf.get(slug="pot-3333")
    discount(percent, directions=[lesson.category.direction])
    reduction(50, categories=[pot.category])
    reduction(2_000, products=[lesson])
    student(min(99, percent + 3))
    free(products=[shelf.get(slug="pot-9900")])
    threshold((1, 1)), bundle(1, lesson, pot)
    found = tuple(one for one in running(clock.now()) if one.kind in ALONE)
    rows = products(Wish(sort=Sort.CHEAP, activities=found))
    assert {row.slug: row.price_now for row in rows} == {
        row.slug: engine(row, found) for row in shelf
    }
    assert len(found) == 5


def test_prices_sort_and_narrow_as_they_are_shown() -> None:
    """A dear course that costs little now stands among the cheap ones, and within the price asked for."""
    course("dear", "贵课", "Dear", [(30, 90_000, None)])
    course("cheap", "便宜课", "Cheap", [(30, 5_000, None)])
    now = clock.now()
    reduction(88_000, products=[Product.objects.get(slug="dear")], now=now)
    found = running(now)

    def slugs(**wish: Any) -> list[str]:
        return [row.slug for row in products(Wish(activities=found, **wish))]

    assert slugs(sort=Sort.CHEAP) == ["dear", "cheap"]
    assert slugs(sort=Sort.DEAR) == ["cheap", "dear"]
    assert slugs(most=2_000) == ["dear"]
    assert slugs(least=2_001) == ["cheap"]
    assert [row.slug for row in products(Wish(sort=Sort.CHEAP))] == ["cheap", "dear"]


def covers(scope: Scope, product: Product) -> bool:
    return scope.covers(product.pk, product.category_id, product.category.direction_id)


def asked(what: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        what()
    return len(captured)
