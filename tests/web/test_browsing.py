"""The shop window shows what is on sale, to anyone, in both languages, in a fixed number of queries."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.catalogue import lists
from shigu.catalogue.lists import Sort, Wish
from shigu.catalogue.models import Kind, Product
from shigu.learning.models import Enrolment
from tests.goods import (
    category,
    course,
    direction,
    fan,
    free_course,
    goods,
    python_course,
    sku,
    teapot,
)
from tests.people import alice
from tests.web.ordering import english, holding, placed

pytestmark = pytest.mark.django_db

JUNK = [
    "",
    " ",
    "-1",
    "0",
    "²",
    "١",
    "9" * 30,
    "9" * 5000,
    "\0",
    "%00",
    "' OR 1=1--",
    "<b>",
    "🫖",
    "NaN",
    "1e9",
]


def names(page: object) -> set[str]:
    return {offer.product.slug for offer in page.context["offers"]}


def many(count: int) -> None:
    for number in range(count):
        goods(f"pot-{number}", f"壶 {number}", f"Pot {number}", [("", "", 1000 + number, 3)])


@pytest.mark.parametrize("path", ["/", "/courses/", "/goods/", "/search/", "/search/?q=x"])
def test_an_empty_shop_has_pages(client: Client, path: str) -> None:
    """Every list is a page also where nothing is on sale."""
    assert client.get(path).status_code == 200


def test_home_shows_courses_and_goods(client: Client) -> None:
    """Hot courses, hot goods and new arrivals stand on the home page, in Chinese first."""
    teapot(), fan(), python_course()
    page = client.get("/").content.decode()
    assert "鼓声一起" in page
    assert "柴烧小茶壶" in page
    assert "Python 并发" in page


def test_pages_speak_english(client: Client) -> None:
    """The same pages in English, words of the shop and names of the products."""
    teapot(), python_course()
    page = english(client).get("/goods/").content.decode()
    assert '<html lang="en"' in page
    assert "Wood-fired teapot" in page
    assert "柴烧小茶壶" not in page


def test_nothing_taken_down_is_shown(client: Client) -> None:
    """What was taken down is in no list, and its page says so with a 404."""
    Product.objects.filter(pk=teapot().pk).update(on_sale=False)
    for path in ("/", "/goods/", "/search/?q=茶壶"):
        assert "柴烧小茶壶" not in client.get(path).content.decode().replace("“茶壶”", "")
    page = client.get("/p/teapot/")
    assert page.status_code == 404
    assert "柴烧小茶壶" not in page.content.decode()


def test_a_product_without_anything_to_choose_is_in_no_list(client: Client) -> None:
    """All SKUs taken down: no list shows the product, its page says that nothing can be chosen."""
    teapot().skus.update(on_sale=False)
    assert names(client.get("/goods/")) == set()
    assert 'name="sku"' not in client.get("/p/teapot/").content.decode()


def test_filters_narrow(client: Client) -> None:
    """Direction, category, level and price each leave what fits."""
    python_course()
    ink = category("ink", "水墨", "Ink", direction("drawing", "书画", "Drawing", Kind.COURSE))
    other = course("ink-first", "水墨入门", "Ink for beginners", [(30, 4900, None)])
    Product.objects.filter(pk=other.pk).update(category=ink, level=1)
    assert names(client.get("/courses/?direction=drawing")) == {"ink-first"}
    assert names(client.get("/courses/?category=python")) == {"python-concurrency"}
    assert names(client.get("/courses/?level=1")) == {"ink-first"}
    assert names(client.get("/courses/?least=50")) == {"python-concurrency"}
    assert names(client.get("/courses/?most=99")) == {"python-concurrency", "ink-first"}
    assert names(client.get("/courses/?least=99&most=49")) == {"python-concurrency", "ink-first"}
    assert names(client.get("/courses/?direction=drawing&level=3")) == set()


def test_a_filter_keeps_the_others(client: Client) -> None:
    """The links of one filter carry what was chosen elsewhere and forget the page number."""
    python_course()
    category("ink", "水墨", "Ink", direction("drawing", "书画", "Drawing", Kind.COURSE))
    page = client.get("/courses/?level=2&sort=new&page=3").content.decode()
    assert "?level=2&amp;sort=cheap" in page
    assert "?sort=new&amp;level=3" in page


def test_an_address_that_means_nothing_says_so(client: Client) -> None:
    """An unknown category shows everything, and a note that a part was left out."""
    teapot()
    page = client.get("/goods/?category=no-such")
    assert names(page) == {"teapot"}
    assert page.context["shelf"].misread
    assert not client.get("/goods/?sort=hot").context["shelf"].misread


@pytest.mark.parametrize("path", ["/courses/", "/goods/", "/search/"])
@pytest.mark.parametrize(
    "name", ["q", "kind", "direction", "category", "level", "least", "most", "sort", "size", "page"]
)
def test_junk_in_a_query_never_fails(client: Client, path: str, name: str) -> None:
    """Whatever stands in an address, the answer is the list."""
    teapot(), python_course()
    for junk in JUNK:
        assert (
            client.get(path, {name: junk, "q" if name != "q" else "page": "x"}).status_code == 200
        )


def test_sorting(client: Client) -> None:
    """By price both ways, by time, by popularity."""
    teapot(), fan()
    Product.objects.filter(slug="fan").update(popularity=9)
    Product.objects.filter(slug="teapot").update(listed_at=clock.now() + timedelta(days=1))
    first = {sort: lists.products(Wish(kind=Kind.GOODS, sort=sort))[0].slug for sort in Sort}
    assert first == {"hot": "fan", "new": "teapot", "cheap": "fan", "dear": "teapot"}


def test_pages_and_the_jump(client: Client) -> None:
    """Pages of the chosen size; beyond the end stands the last one."""
    many(30)
    first = client.get("/goods/?sort=cheap")
    assert len(first.context["offers"]) == 12
    assert first.context["page"].paginator.num_pages == 3
    assert len(client.get("/goods/?size=24&page=2").context["offers"]) == 6
    assert client.get("/goods/?page=99").context["page"].number == 3


def test_a_list_never_asks_once_per_row(client: Client) -> None:
    """A full page of a list takes as many queries as a page of one."""
    many(1)
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get("/goods/")
    many(24)
    with CaptureQueriesContext(connection) as full:
        client.get("/goods/?size=24")
    assert len(full) == len(one) <= 7


def test_home_and_product_ask_little(client: Client, django_assert_max_num_queries: object) -> None:
    """Home takes three queries, one for auctions, the time, two for activities; a product page less."""
    many(12), python_course()
    with django_assert_max_num_queries(7):
        client.get("/")
    with django_assert_max_num_queries(5):
        client.get("/p/pot-1/")
    client.force_login(alice())
    with django_assert_max_num_queries(10):
        client.get("/p/python-concurrency/")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("茶壶", {"teapot"}),
        ("壶", {"teapot"}),
        ("TEAPOT", {"teapot"}),
        ("ｔｅａｐｏｔ", {"teapot"}),
        ("景德镇 柴烧", {"teapot"}),
        ("wood 茶壶", {"teapot"}),
        ("团扇 柴烧", set()),
        ("lin yuan", {"python-concurrency"}),
        ("并发：从", {"python-concurrency"}),
        ("陶瓷", {"teapot", "fan"}),
        ("编程", {"python-concurrency"}),
        ("%", set()),
        ("_", set()),
        ("'", set()),
    ],
)
def test_search_in_both_languages(client: Client, words: str, found: set[str]) -> None:
    """Words in Chinese or English, of any length, in names, makers, categories; all of them must fit."""
    teapot(), fan(), python_course()
    assert names(client.get("/search/", {"q": words})) == found


def test_search_in_one_kind(client: Client) -> None:
    """The search can be kept to courses or to goods, and its empty answer shows something to go on with."""
    teapot(), python_course()
    assert names(client.get("/search/?q=python&kind=goods")) == set()
    assert names(client.get("/search/?q=python&kind=course")) == {"python-concurrency"}
    assert "Python 并发" in client.get("/search/?q=nothing-like-it").content.decode()


def test_a_search_that_found_nothing_leads_on(client: Client) -> None:
    """Its words, each that finds something alone, ways back and what is hot; nothing to sort or filter."""
    teapot(), python_course()
    answer = client.get("/search/", {"q": "茶壶 zeppelin <b>"})
    page = answer.content.decode()
    assert "没有找到“茶壶 zeppelin &lt;b&gt;”" in page
    assert [choice.word for choice in answer.context["tries"]] == ["茶壶"]
    assert f'href="?{urlencode({"q": "茶壶"})}"' in page
    assert 'href="/courses/"' in page
    assert 'href="/p/teapot/"' in page
    assert "sort=" not in page
    assert "price-range" not in page
    assert 'class="filters"' not in page


def test_a_search_hidden_by_its_filters_says_so(client: Client) -> None:
    """Where a filter may be why nothing is found, it stays to be taken away; there is nothing to sort."""
    teapot()
    page = client.get("/search/?q=teapot&kind=course").content.decode()
    assert 'class="filters"' in page
    assert 'href="?q=teapot"' in page
    assert "sort=" not in page
    page = client.get("/search/?q=teapot&most=1").content.decode()
    assert 'class="filters"' in page
    assert "sort=" in client.get("/search/?q=teapot").content.decode()


def test_a_free_course_says_free(client: Client) -> None:
    """Card, product page, its tile and its bar: the word, never a zero that anybody sees."""
    free_course()
    for path in ("/", "/courses/", "/p/first-steps/"):
        page = client.get(path).content.decode()
        shown = re.sub(r"<span hidden>.*?</span></span>", "", page)
        assert "免费" in shown, path
        assert "¥0" not in re.sub(r"<[^>]+>", "", shown), path


def test_a_price_beside_a_free_choice_is_a_figure(client: Client) -> None:
    """The page carries both, and shows the figure for a choice that costs something."""
    python_course()
    page = client.get("/p/python-concurrency/").content.decode()
    assert page.count('<span hidden><span class="money') == 2
    assert "免费" not in re.sub(r"<span hidden>.*?</span></span>", "", page)


def test_whose_name_says_it_comes_first() -> None:
    """A hit in the name stands before a hit in the line below it, whatever is more popular."""
    fan(), teapot()
    Product.objects.filter(slug="fan").update(brief_zh="与茶壶相配", popularity=99)
    found = [row.slug for row in lists.products(Wish(words="茶壶"))]
    assert found == ["teapot", "fan"]


def test_search_has_its_index() -> None:
    """A search in names is answered from the index, not by reading every product."""
    teapot()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM catalogue_product WHERE grams @> catalogue_grams('茶壶')"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "product_words" in plan


def test_a_product_offers_its_choices(client: Client) -> None:
    """Validities with their prices, the crossed-out one too; the sold-out variant cannot be chosen."""
    python_course(), fan()
    page = client.get("/p/python-concurrency/").content.decode()
    assert "永久" in page
    assert "365 天" in page
    assert "¥399.00" in page
    page = client.get("/p/fan/").content.decode()
    assert page.count('type="radio"') == 2
    assert page.count("disabled") == 1


def test_a_product_keeps_the_choice_of_its_address(client: Client) -> None:
    """`?sku=` selects a choice; a sold-out or foreign one falls back to the first that can be had."""
    product = python_course()
    last = sku(product, 2)
    assert client.get(f"/p/{product.slug}/?sku={last.pk}").context["chosen"] == last
    for junk in [*JUNK, str(sku(teapot()).pk), str(sku(fan(), 1).pk)]:
        page = client.get("/p/fan/", {"sku": junk})
        assert page.context["chosen"] == sku(fan())


def test_sold_out_goods_say_so(client: Client) -> None:
    """Nothing left: no act, and a word that pieces may come back."""
    teapot(stock=0)
    page = english(client).get("/p/teapot/").content.decode()
    assert "Sold out" in page
    assert 'name="act"' not in page


def test_a_running_course_is_not_sold_again(client: Client) -> None:
    """Its page says until when it is yours, and offers no act; a lapsed one can be bought again."""
    product, now = python_course(), clock.now()
    client.force_login(alice())
    row = Enrolment.objects.create(
        user=alice(),
        product=product,
        order_line_id=1,
        valid_from=now,
        valid_until=now + timedelta(days=3),
    )
    page = english(client).get("/p/python-concurrency/").content.decode()
    assert "In your courses until" in page
    assert 'name="act"' not in page
    Enrolment.objects.filter(pk=row.pk).update(valid_until=now)
    assert 'name="act"' in client.get("/p/python-concurrency/").content.decode()


def test_a_course_in_an_unpaid_order_links_to_it(client: Client) -> None:
    """Its page leads to the order that waits; another reader may buy."""
    order = placed(alice(), (sku(python_course()), 1))
    client.force_login(alice())
    page = client.get("/p/python-concurrency/").content.decode()
    assert f"/pay/{order.number}/" in page
    assert 'name="act"' not in page
    assert 'name="act"' in Client().get("/p/python-concurrency/").content.decode()


def test_held_pieces_are_not_left(client: Client) -> None:
    """What unpaid orders hold is not counted as left."""
    pot = teapot(stock=3)
    placed(alice(), (sku(pot), 2))
    assert holding(sku(pot)) == (3, 2, 0)
    assert client.get("/p/teapot/").context["choices"][0][1] == 1
    assert client.get("/goods/").context["offers"][0].left == 1


def test_only_looking(client: Client) -> None:
    """The window is read by GET alone."""
    teapot()
    for path in ("/", "/courses/", "/goods/", "/search/", "/p/teapot/"):
        assert client.post(path).status_code == 405


def test_uploaded_pictures_only(client: Client, settings: object, tmp_path: object) -> None:
    """Pictures of the media folder are served; other files, folders and paths out of it are not there."""
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media" / "covers").mkdir(parents=True)
    (tmp_path / "media" / "covers" / "a.png").write_bytes(b"picture")
    (tmp_path / "media" / "covers" / "a.svg").write_text("<svg/>")
    (tmp_path / "secret.png").write_bytes(b"secret")
    answer = client.get("/media/covers/a.png")
    assert b"".join(answer.streaming_content) == b"picture"
    assert answer["X-Content-Type-Options"] == "nosniff"
    for path in (
        "covers/a.svg",
        "covers",
        "covers/b.png",
        "../secret.png",
        "%2e%2e/secret.png",
        "a%00.png",
    ):
        assert client.get(f"/media/{path}").status_code in (400, 404)


@pytest.mark.parametrize(
    "slug", ["x" * 5000, "no-such", "%00", "%2e%2e", "١", "🫖", "-", "' OR 1=1"]
)
def test_junk_for_a_product_is_not_there(client: Client, slug: str) -> None:
    """Whatever stands where a product's name should, the page is not there."""
    teapot()
    assert client.get(f"/p/{slug}/").status_code == 404
