"""The back office: every room opens, every act goes through its verb and is on record."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu.accounts.models import User
from shigu.catalogue.models import Product, Sku, Stock, StockMovement
from shigu.clock.kinds import known
from shigu.ops import auditing
from shigu.orders.models import Order, Shipment, Status
from shigu.payments.models import Refund, RefundState


@pytest.fixture(autouse=True)
def _plain_files(plain_files: None) -> None:
    """Pages are looked at here without collected files."""


def office(name: str = "operator") -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
    return client


def act_on(row: Order | Stock, act: str) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{act}", args=[row.pk])


def one(**state: object) -> Order:
    return Order.objects.filter(**state).order_by("pk")[0]


def messages_of(client: Client) -> str:
    return " ".join(str(message) for message in client.get("/ops/").context["messages"])


@pytest.mark.usefixtures("tried")
def test_every_room_opens() -> None:
    """The first page, every list, and one row of each, in a bounded number of queries."""
    client = office()
    assert client.get("/ops/").status_code == 200
    for model in admin.site._registry:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            meta = model._meta
            answer = client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
        assert answer.status_code == 200, model
        assert len(asked) <= 40 + 6 * len(known()), (
            model,
            len(asked),
        )  # one page asks of each kind
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            page = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
            assert client.get(page).status_code == 200, page


@pytest.mark.usefixtures("tried")
def test_lists_do_not_ask_once_per_row() -> None:
    """Orders, shipments and stock cost as many queries with few rows as with many."""
    client = office()
    for path, narrow in (
        ("orders/order", "q=alice"),
        ("orders/shipment", "q=nobody"),
        ("catalogue/stock", "q=POT-140"),
        ("catalogue/stockmovement", "q=first"),
        ("catalogue/product", "q=tea"),
        ("learning/enrolment", "q=nobody"),
        ("accounts/user", "q=alice"),
        ("payments/attempt", "q=nobody"),
    ):
        figures = []
        for query in (narrow, ""):
            with CaptureQueriesContext(connection) as asked:
                assert client.get(f"/ops/{path}/?{query}").status_code == 200
            figures.append(len(asked))
        assert figures[1] <= figures[0] + 1, (path, figures)


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("who", ["alice", ""])
def test_the_door_is_shut_for_others(who: str) -> None:
    """A buyer is refused, a stranger is sent to sign in; neither sees a row."""
    client = office(who) if who else Client()
    answer = client.get("/ops/orders/order/")
    assert answer.status_code in {302, 403}
    if not who:
        answer = client.get("/ops/login/?next=/ops/")
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("account_login"))


@pytest.mark.usefixtures("shop")
def test_shipping_asks_and_is_recorded() -> None:
    """Looking changes nothing; sending without a number is refused; then it is shipped, once."""
    client, order = (
        office(),
        one(
            status=Status.PAID, refunding_at=None, shipment__shipped_at=None, shipment__isnull=False
        ),
    )
    url = act_on(order, "ship")
    assert client.get(url).status_code == 200
    assert client.post(url, {"carrier": "顺丰"}).status_code == 200
    assert Shipment.objects.get(pk=order.pk).shipped_at is None
    for number in ("SF1", "SF2"):
        client.post(url, {"carrier": "顺丰", "tracking_no": number})
    assert Shipment.objects.get(pk=order.pk).tracking_no == "SF1"
    assert [entry.user.username for entry in LogEntry.objects.all()] == ["operator"]
    assert "does not wait to be shipped" in messages_of(client)


@pytest.mark.usefixtures("shop")
def test_cancelling_gives_everything_back() -> None:
    """By the verb, with its history and the operator's name in the log."""
    client, order = office(), one(status=Status.UNPAID, lines__kind="goods")
    client.post(act_on(order, "cancel"))
    order.refresh_from_db()
    assert order.status == Status.CANCELLED
    assert order.events.order_by("pk").last().by_id == User.objects.get(username="operator").pk
    assert LogEntry.objects.get().object_id == str(order.pk)
    assert all(finding.ok for finding in auditing.audit())


@pytest.mark.usefixtures("shop")
def test_refunding_decides_once() -> None:
    """One refund however often it is sent; the money's way is the clock's."""
    client, order = office(), one(status=Status.PAID, payable__gt=0, refunding_at=None)
    for _ in range(2):
        client.post(act_on(order, "refund"))
    refunds = Refund.objects.filter(attempt__purpose="order", attempt__subject_id=order.pk)
    assert [refund.state for refund in refunds] == [RefundState.SENDING]
    assert order.status == Status.PAID


@pytest.mark.usefixtures("shop")
def test_a_late_cancel_is_a_message() -> None:
    """The verb refuses what is paid, and the operator reads why; nothing moves."""
    client, order = office(), one(status=Status.PAID)
    before = order.events.count()
    client.post(act_on(order, "cancel"))
    assert "no longer waiting for payment" in messages_of(client)
    assert (one(pk=order.pk).status, order.events.count()) == (Status.PAID, before)
    assert not LogEntry.objects.exists()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("junk", ["999999999", "abc", "1' OR 1=1"])
def test_junk_is_not_found(junk: str) -> None:
    """No order of that name, no error page."""
    client = office()
    for method in (client.get, client.post):
        assert method(f"/ops/orders/order/{junk}/cancel/").status_code in {403, 404}


@pytest.mark.usefixtures("shop")
def test_pieces_are_received_once_however_often_the_form_is_sent() -> None:
    """Counts and movement agree; the second time is refused in words."""
    client, row = office(), Stock.objects.get(sku__code="POT-140")
    sent = {"kind": "receipt", "pieces": "5", "reason": "kiln opened", "event": "e1"}
    for _ in range(2):
        client.post(act_on(row, "correct"), sent)
    assert Stock.objects.get(pk=row.pk).on_hand == row.on_hand + 5
    assert StockMovement.objects.get(subject="kiln opened [e1]").by == "operator"
    assert "booked already" in messages_of(client)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("pieces", ["-1000", "0", "9e9", "", "½"])
def test_impossible_pieces_are_refused(pieces: str) -> None:
    """More than there is, none, or nonsense: nothing is booked and nothing breaks."""
    client, row = office(), Stock.objects.get(sku__code="POT-140")
    sent = {"kind": "correction", "pieces": pieces, "reason": "count", "event": "e2"}
    assert client.post(act_on(row, "correct"), sent).status_code in {200, 302}
    assert Stock.objects.get(pk=row.pk).on_hand == row.on_hand
    assert not StockMovement.objects.filter(subject__contains="e2").exists()


def product_form(product: Product, **other: str) -> dict[str, str]:
    skus = list(product.skus.order_by("position", "pk"))
    fields = {
        name: str(getattr(product, name) or "")
        for name in (
            "name_zh", "name_en", "slug", "brief_zh", "brief_en", "story_zh", "story_en", "maker_zh",
            "maker_en", "lessons", "motif", "popularity",
        )
    }  # fmt: skip
    fields |= {
        "category": str(product.category_id),
        "on_sale": "on",
        "lessons": "0",
        "most_credits": "0",
    }
    fields |= {"skus-TOTAL_FORMS": str(len(skus)), "skus-INITIAL_FORMS": str(len(skus))}
    for place, sku in enumerate(skus):
        prefix = f"skus-{place}-"
        fields |= {
            f"{prefix}id": str(sku.pk),
            f"{prefix}product": str(product.pk),
            f"{prefix}code": sku.code,
            f"{prefix}price": f"{sku.price / 100:.2f}",
            f"{prefix}was": f"{sku.was / 100:.2f}" if sku.was else "",
            f"{prefix}on_sale": "on",
            f"{prefix}position": str(sku.position),
        }
    return fields | other


@pytest.mark.usefixtures("shop")
def test_prices_are_typed_in_yuan() -> None:
    """268.50 is 26850 fen; a new variant of goods gets its counts; the audit holds."""
    client, product = office(), Product.objects.get(slug="wood-fired-teapot")
    new = {
        "skus-0-price": "268.50",
        "skus-TOTAL_FORMS": "3",
        "skus-2-code": "POT-90",
        "skus-2-price": "198",
        "skus-2-on_sale": "on",
        "skus-2-position": "5",
        "skus-2-product": str(product.pk),
    }
    url = reverse("admin:catalogue_product_change", args=[product.pk])
    answer = client.post(url, product_form(product, **new))
    assert answer.status_code == 302, answer.context["errors"]
    assert Sku.objects.get(code="POT-140").price == 26850
    assert Stock.objects.get(sku__code="POT-90").on_hand == 0
    assert all(finding.ok for finding in auditing.audit())


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "wrong",
    [
        {"skus-1-was": "1.00"},
        {"skus-0-price": "-1"},
        {"skus-0-price": "1.234"},
        {"skus-0-validity_days": "30"},
    ],
)
def test_a_senseless_price_is_refused(wrong: dict[str, str]) -> None:
    """A crossed-out price below the price, less than nothing, thirds of a fen, goods that lapse."""
    client, product = office(), Product.objects.get(slug="wood-fired-teapot")
    before = list(product.skus.values_list("price", "was", "validity_days"))
    url = reverse("admin:catalogue_product_change", args=[product.pk])
    assert client.post(url, product_form(product, **wrong)).status_code == 200
    assert list(product.skus.values_list("price", "was", "validity_days")) == before


@pytest.mark.usefixtures("shop")
def test_a_validity_that_never_ends_is_refused() -> None:
    """So many days that no date is that late: whoever bought it could not be enrolled."""
    client, sku = office(), Sku.objects.filter(validity_days=30).first()
    assert sku
    url = reverse("admin:catalogue_product_change", args=[sku.product_id])
    place = list(sku.product.skus.order_by("position", "pk")).index(sku)
    count = sku.product.skus.count()
    days = {f"skus-{nth}-validity_days": "30" for nth in range(count)}
    days[f"skus-{place}-validity_days"] = "2147483647"
    answer = client.post(url, product_form(sku.product, **days))
    assert answer.status_code == 200
    assert "At most 3650 days" in answer.content.decode()
    sku.refresh_from_db()
    assert sku.validity_days == 30


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("term", ["alice", "ALICE@shop.test", " alice "])
def test_orders_are_found_by_their_buyer(term: str) -> None:
    """By name or mail address in full, by number in full; by a part of it nothing, and no error."""
    client = office()
    mine = Order.objects.filter(user__username="alice").count()
    assert client.get("/ops/orders/order/", {"q": term}).context["cl"].result_count == mine
    number = Order.objects.order_by("pk")[0].number
    assert client.get("/ops/orders/order/", {"q": number}).context["cl"].result_count == 1
    assert client.get("/ops/orders/order/", {"q": "ali"}).context["cl"].result_count == 0
