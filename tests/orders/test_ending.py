"""How orders end: lapsed, cancelled, refunded, shipped before that, and deleted from the list."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu.catalogue.models import Stock, StockMovement
from shigu.clock.drain import drain
from shigu.kit.auditing import audits, offending
from shigu.learning.models import Enrolment
from shigu.orders import cancelling, errors, hiding, lists, owning, refunding, restoring, shipping
from shigu.orders.models import Order, Shipment, Status
from tests.goods import python_course, sku, teapot
from tests.orders.shop import choice, lapse, paid, placed
from tests.people import alice, bob, operator

pytestmark = pytest.mark.usefixtures("clone")


def counts() -> tuple[int, int, int]:
    row = Stock.objects.get(sku=sku(teapot()))
    return row.on_hand, row.held, row.sold


def audit() -> None:
    assert not [invariant.title for invariant in audits if offending(invariant)]


def test_a_lapsed_order_gives_back_what_it_held() -> None:
    """Status, history and stock in one go; a second drain finds nothing."""
    order = placed(alice(), choice(teapot(), 3), choice(python_course()))
    lapse(order)
    assert (order.status, order.due_at) == (Status.EXPIRED, None)
    assert order.ended_at is not None
    assert counts() == (8, 0, 0)
    assert drain("orders.expire").claimed == 0
    audit()


def test_an_order_in_time_is_left_alone() -> None:
    """Nothing lapses early."""
    order = placed(alice(), choice(teapot()))
    assert drain("orders.expire").claimed == 0
    assert Order.objects.get(pk=order.pk).status == Status.UNPAID


def test_cancelling_twice_is_cancelling_once() -> None:
    """The second time changes nothing and complains about nothing."""
    order = placed(alice(), choice(teapot(), 2))
    for _ in range(2):
        cancelling.cancel(order.pk, by=alice().pk)
    assert counts() == (8, 0, 0)
    assert [event.why for event in order.events.all()] == ["placed", "cancelled"]
    audit()


@pytest.mark.parametrize("ended", ["paid", "lapsed"])
def test_only_an_unpaid_order_can_be_cancelled(ended: str) -> None:
    """Paid or lapsed, the answer says that it is too late, and nothing moves."""
    order = (
        paid(alice(), choice(teapot())) if ended == "paid" else placed(alice(), choice(teapot()))
    )
    if ended == "lapsed":
        lapse(order)
    before = counts(), order.events.count()
    with pytest.raises(errors.NotUnpaid):
        cancelling.cancel(order.pk, by=alice().pk)
    assert (counts(), order.events.count()) == before


def test_a_cancelled_order_cannot_be_restored() -> None:
    """The buyer said no; a new order is one click away."""
    order = placed(alice(), choice(teapot()))
    cancelling.cancel(order.pk, by=alice().pk)
    with pytest.raises(errors.NotExpired):
        restoring.restore(order.pk, by=alice().pk)
    assert counts() == (8, 0, 0)


def test_paid_goods_wait_and_are_shipped_once() -> None:
    """An operator ships with carrier and number; a second time is refused."""
    order = paid(alice(), choice(teapot(), 2))
    assert counts() == (6, 0, 2)
    assert Shipment.objects.get(order=order).shipped_at is None
    shipping.ship(order.pk, by=operator().pk, carrier="顺丰", tracking_no="SF1")
    with pytest.raises(errors.NotToShip):
        shipping.ship(order.pk, by=operator().pk, carrier="顺丰", tracking_no="SF2")
    assert Shipment.objects.get(order=order).tracking_no == "SF1"
    audit()


def test_a_course_has_nothing_to_ship() -> None:
    """No shipment for what is studied."""
    order = paid(alice(), choice(python_course()))
    with pytest.raises(errors.NotToShip):
        shipping.ship(order.pk, by=operator().pk, carrier="", tracking_no="")
    assert not Shipment.objects.exists()


def test_a_refund_before_shipping_brings_the_pieces_back() -> None:
    """Enrolment revoked, pieces back with a movement, the order refunded."""
    order = paid(alice(), choice(teapot(), 2), choice(python_course()))
    refunding.refund(order.pk, by=operator().pk)
    order.refresh_from_db()
    assert order.status == Status.REFUNDED
    assert counts() == (8, 0, 0)
    assert Enrolment.objects.get(user=alice()).revoked_at is not None
    assert [m.pieces for m in StockMovement.objects.filter(kind="return")] == [2]
    audit()


def test_a_refund_after_shipping_leaves_the_pieces_sold() -> None:
    """What left the house is not on its shelf."""
    order = paid(alice(), choice(teapot(), 2))
    shipping.ship(order.pk, by=operator().pk, carrier="顺丰", tracking_no="SF1")
    refunding.refund(order.pk, by=operator().pk)
    assert counts() == (6, 0, 2)
    audit()


def test_two_orders_can_be_refunded() -> None:
    """Each leaves its own movement."""
    for key in ("1", "2"):
        refunding.refund(paid(alice(), choice(teapot()), key=key).pk, by=operator().pk)
    assert counts() == (8, 0, 0)
    audit()


def test_only_a_paid_order_is_refunded() -> None:
    """There is no money to give back."""
    order = placed(alice(), choice(teapot()))
    with pytest.raises(errors.NotPaid):
        refunding.refund(order.pk, by=operator().pk)
    assert counts() == (8, 1, 0)


def test_a_course_can_be_bought_again_after_its_refund() -> None:
    """A revoked enrolment does not stand in the way."""
    refunding.refund(paid(alice(), choice(python_course())).pk, by=operator().pk)
    assert paid(alice(), choice(python_course()), key="again").status == Status.PAID
    audit()


def test_deleting_hides_an_ended_order_only() -> None:
    """A living order stays in the list; an ended one leaves it and nothing else changes."""
    alive, ended = (placed(alice(), choice(teapot()), key=key) for key in ("alive", "ended"))
    lapse(ended)
    with pytest.raises(errors.NotEnded):
        hiding.hide(alive.pk)
    hiding.hide(ended.pk)
    assert [order.pk for order in lists.mine(alice().pk)] == [alive.pk]
    with pytest.raises(Order.DoesNotExist):
        owning.of(alice().pk, ended.number)
    audit()


def test_tabs_count_what_they_show() -> None:
    """Each tab's figure is the length of its list."""
    placed(alice(), choice(teapot()), key="unpaid")
    paid(alice(), choice(teapot()), key="paid")
    lapse(placed(alice(), choice(teapot()), key="lapsed"))
    refunding.refund(paid(alice(), choice(teapot()), key="back").pk, by=operator().pk)
    cancelling.cancel(placed(alice(), choice(teapot()), key="no").pk, by=alice().pk)
    figures = lists.counts(alice().pk)
    assert figures == {"all": 5, "unpaid": 1, "paid": 1, "cancelled": 1, "expired": 1, "refunds": 1}
    for tab, figure in figures.items():
        assert lists.mine(alice().pk, tab).count() == figure
    assert lists.counts(bob().pk)["all"] == 0


def test_anothers_order_does_not_exist() -> None:
    """Bob cannot even learn that there is one."""
    order = placed(alice(), choice(teapot()))
    with pytest.raises(Order.DoesNotExist):
        owning.of(bob().pk, order.number)


def test_a_list_of_orders_takes_a_fixed_number_of_queries() -> None:
    """Ten orders cost as many queries as one: orders, lines, products, categories, history."""
    figures = []
    for n in range(10):
        placed(alice(), choice(teapot(stock=50)), key=str(n))
        if n in (0, 9):
            with CaptureQueriesContext(connection) as queries:
                for order in lists.mine(alice().pk):
                    _ = [(line.name, line.product.category.tone) for line in order.lines.all()]
                    _ = [event.why for event in order.events.all()]
            figures.append(len([q for q in queries if q["sql"].startswith("SELECT")]))
    assert figures[0] == figures[1] <= 7
