"""The seeded shop: whole, told through the shop's own verbs, and added to only once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import lists
from shigu.auctions.models import (
    Award,
    AwardState,
    Ban,
    Bid,
    Bidding,
    Deposit,
    DepositState,
    Lot,
    LotState,
    Session,
)
from shigu.catalogue.models import (
    Activity,
    ActivityKind,
    Category,
    Direction,
    Kind,
    Product,
    Reach,
    Sku,
    Step,
    StockMovement,
)
from shigu.learning.models import Enrolment
from shigu.ledger import posting
from shigu.ledger.models import Account, Book, Event, Transfer, account
from shigu.ops import auditing
from shigu.ops.seeding import bulk
from shigu.ops.seeding.people import PASSWORD, PEOPLE
from shigu.ops.seeding.run import NotHere, seed
from shigu.orders.models import Order, OrderLine, Shipment, Status
from shigu.payments.models import Attempt, Refund, RefundState
from shigu.promotions.models import Coupon, CouponKind, Grant, GrantState, Issuing, Way
from shigu.wallet.models import TopUp
from shigu.web.drawing.art import drawings
from shigu.web.drawing.tones import TONES

ROWS = [
    *(User, Direction, Category, Product, Sku, StockMovement, Order, Attempt, Refund, Enrolment),
    *(Activity, Step, Coupon, Grant, Issuing, TopUp, Account, Transfer),
    *(Session, Lot, Bidding, Bid, Deposit, Award, Ban),
]


def counts() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in ROWS}


@pytest.mark.usefixtures("tried")
def test_there_is_enough_to_look_at() -> None:
    """At least 14 courses in 4 directions, 12 goods in 3 departments, all with words in two languages."""
    for kind, products, directions in ((Kind.COURSE, 14, 4), (Kind.GOODS, 12, 3)):
        rows = Product.objects.filter(kind=kind).select_related("category")
        assert len(rows) >= products
        assert len({row.category.direction_id for row in rows}) >= directions
        for row in rows:
            assert all([row.name_zh, row.name_en, row.brief_zh, row.brief_en, row.story_en])
            assert row.motif in drawings("goods" if kind == Kind.GOODS else "course"), row.slug
            assert row.category.tone in TONES


@pytest.mark.usefixtures("tried")
def test_orders_are_in_every_state() -> None:
    """Unpaid, paid, cancelled, expired, refunded; to ship and shipped; money on its way and back."""
    assert set(Order.objects.values_list("status", flat=True)) == set(Status.values)
    shipped = Shipment.objects.filter(recalled_at=None)
    assert {bool(at) for at in shipped.values_list("shipped_at", flat=True)} == {True, False}
    states = set(Refund.objects.values_list("state", flat=True))
    assert states == {RefundState.SENDING, RefundState.SENT}
    assert Order.objects.filter(events__why="revived").exists()


@pytest.mark.usefixtures("tried")
def test_activities_of_each_kind_run_and_are_to_come() -> None:
    """Each of the six kinds now and later, one is over; each has its words and covers something."""
    now = clock.now()
    everything = set(ActivityKind.values)
    running = Activity.objects.filter(starts_at__lte=now, ends_at__gt=now)
    assert set(running.values_list("kind", flat=True)) == everything
    coming = Activity.objects.filter(starts_at__gt=now)
    assert set(coming.values_list("kind", flat=True)) == everything
    assert Activity.objects.filter(ends_at__lte=now).exists()
    for row in Activity.objects.all():
        chosen = [row.directions, row.categories, row.products]
        assert row.name_en
        assert row.reach == Reach.ALL or any(some.exists() for some in chosen), row.name_zh
        assert row.kind != ActivityKind.THRESHOLD or row.steps.exists(), row.name_zh


@pytest.mark.usefixtures("tried")
def test_coupons_of_every_sort_are_offered() -> None:
    """Four scopes, two kinds, four ways to get one; one coming, one over, one of which none is left."""
    now = clock.now()
    coupons = Coupon.objects.all()
    assert {row.reach for row in coupons} == set(Reach.values)
    assert {row.kind for row in coupons} == set(CouponKind.values)
    assert {row.way for row in coupons} == set(Way.values)
    assert all(row.name_en for row in coupons)
    claimed = [row for row in coupons if row.way == Way.CLAIM]
    running = [row for row in claimed if row.valid_from <= now < row.valid_until]
    assert len([row for row in running if row.left]) >= 3
    assert [row for row in running if not row.left]
    assert [row for row in claimed if row.valid_from > now]
    assert [row for row in claimed if row.valid_until <= now]


@pytest.mark.usefixtures("tried")
def test_alice_has_coupons_credits_and_a_balance() -> None:
    """Coupons usable, held, used and lapsed; a bob who is a student; what was topped up and spent adds up."""
    alice = User.objects.get(username="alice")
    grants = Grant.objects.filter(user=alice)
    states = {"unused", "held", "used", "lapsed"}
    assert set(grants.values_list("state", flat=True)) == states
    assert len([grant for grant in grants if grant.is_usable(clock.now())]) >= 3
    mine = [account(book, alice.pk) for book in (Book.CREDITS, Book.CREDITS_HELD, Book.BALANCE)]
    assert all(posting.balances(mine).values())
    assert TopUp.objects.filter(user=alice, paid_at=None).exists()
    assert TopUp.objects.exclude(paid_at=None).filter(user=alice).count() == 2
    assert Attempt.objects.filter(user=alice, provider="balance", purpose="order").exists()
    assert User.objects.get(username="bob").is_student
    assert set(Transfer.objects.values_list("kind", flat=True)) >= {
        *(Event.WELCOME, Event.EARN, Event.SPEND, Event.HOLD, Event.RELEASE, Event.ADJUST),
        *(Event.GIVE_BACK, Event.TAKE_BACK, Event.TOP_UP, Event.REFUNDED),
    }


@pytest.mark.usefixtures("tried")
def test_orders_tell_what_coupons_and_credits_did() -> None:
    """One lapsed and one refunded with all of it back, one renewed for less, one refunded to a balance."""
    both = Order.objects.exclude(grant=None).exclude(credits=0)
    for status in (Status.EXPIRED, Status.REFUNDED):
        order = both.get(status=status)
        assert order.grant is not None
        assert (order.grant.state, order.grant.order_id) == (GrantState.UNUSED, None)
    assert both.filter(status=Status.UNPAID).exists()
    renewed = OrderLine.objects.get(is_renewal=True)
    assert renewed.unit_price == renewed.sku.renewal_price
    assert renewed.unit_price < renewed.sku.price
    assert Enrolment.objects.filter(product=renewed.product, user=renewed.order.user).count() == 2
    assert Refund.objects.filter(attempt__provider="balance", state=RefundState.SENT).exists()
    reasons = set(OrderLine.objects.values_list("reason", flat=True))
    assert reasons >= {"free", "discount", "reduction", "threshold", "student"}


@pytest.mark.usefixtures("tried")
def test_auctions_are_live_coming_and_over() -> None:
    """One live with bids and lots that close within minutes, two to come, one over; all in two languages."""
    now = clock.now()
    phases = [lists.phase(session, now) for session in Session.objects.all()]
    assert sorted(phases) == ["coming", "ended", "live", "preview"]
    [live] = lists.sessions(now, "live")
    ends = [row.closes_at for row in Bidding.objects.filter(session_id=live.pk).order_by("lot")]
    assert len(ends) >= 6
    assert all(end - now < timedelta(minutes=30) for end in ends)
    assert lists.bids_of(live.pk) >= 6
    held = Deposit.objects.filter(session=live, state=DepositState.HELD)
    assert set(held.values_list("user__username", flat=True)) == {"bob", "carol"}
    for row in [*Session.objects.all(), *Lot.objects.all()]:
        assert all([row.name_zh, row.name_en, row.story_zh, row.story_en]), row
    for sku in Sku.objects.filter(product__kind=Kind.LOT).select_related("product"):
        assert sku.product.motif in drawings("goods"), sku.code
        assert {sku.on_sale, sku.product.on_sale} == {False}


@pytest.mark.usefixtures("tried")
def test_the_ended_session_has_every_result() -> None:
    """Two paid, one passed in, one overdue with its deposit forfeited; all deposits are decided."""
    [past] = lists.sessions(clock.now(), "ended")
    states = Bidding.objects.filter(session_id=past.pk).values_list("state", flat=True)
    assert sorted(states) == sorted(
        [LotState.PAID, LotState.PAID, LotState.PASSED_IN, LotState.OVERDUE]
    )
    overdue = Award.objects.get(lot__session=past, state=AwardState.OVERDUE)
    assert (overdue.user.username, overdue.forfeited) == ("alice", 20_000)
    assert overdue.ban.until < clock.now()
    deposits = Deposit.objects.filter(session=past)
    assert {row.state for row in deposits} == {DepositState.DECIDED}
    assert sum(row.returned for row in deposits) == 280_000
    assert past.hammer_total > past.paid_total > 0


@pytest.mark.usefixtures("tried")
def test_statements_read_from_top_to_bottom() -> None:
    """Nobody's account has a later row of an earlier time."""
    for row in Account.objects.all():
        moved = Transfer.objects.filter(debit=row.pk) | Transfer.objects.filter(credit=row.pk)
        moments = list(moved.order_by("pk").values_list("at", flat=True))
        assert moments == sorted(moments), row


@pytest.mark.usefixtures("tried")
def test_every_promise_holds_after_seeding() -> None:
    """The audit finds nothing; money on its way since a moment ago is not overdue yet."""
    assert Refund.objects.filter(started_at__gt=clock.now() - timedelta(minutes=1)).exists()
    assert not [finding.title for finding in auditing.audit() if not finding.ok]


@pytest.mark.usefixtures("tried")
def test_no_time_runs_backwards() -> None:
    """Every order's history is in order, and nothing in it is in the future."""
    now = clock.now()
    for order in Order.objects.prefetch_related("events"):
        moments = [event.at for event in order.events.all()]
        assert moments == sorted(moments), order.number
        assert order.placed_at <= moments[0]
        assert moments[-1] <= now, order.number


@pytest.mark.usefixtures("shop")
def test_a_second_time_adds_nothing() -> None:
    """Not a row, and what an operator changed since stays changed."""
    Product.objects.filter(slug="name-seal").update(name_zh="改过的名字")
    before = counts()
    new = seed()
    assert (new.products, new.orders) == (0, 0)
    assert counts() == before
    assert Product.objects.get(slug="name-seal").name_zh == "改过的名字"
    assert clock.offset().total_seconds() == 0


@pytest.mark.usefixtures("shop")
def test_a_shop_that_was_shut_has_a_live_session_again() -> None:
    """Its lots ended while nobody was there to close them: the next seed makes another, with its bids."""
    ended = clock.now() - timedelta(minutes=1)
    before = Session.objects.get(slug="evening-sale-1")
    Bidding.objects.filter(session_id=before.pk).update(closes_at=ended)
    seed()
    again = Session.objects.get(slug="evening-sale-2")
    assert lists.phase(again, clock.now()) == "live"
    assert lists.bids_of(again.pk) == lists.bids_of(before.pk)
    assert Session.objects.count() == 5


@pytest.mark.usefixtures("shop")
def test_everybody_can_sign_in() -> None:
    """With the one password that the command prints."""
    assert all(authenticate(username=name, password=PASSWORD) for name in PEOPLE)


@pytest.mark.usefixtures("tried")
def test_a_production_shop_is_not_seeded(settings: Any) -> None:
    """Everybody would know a password; nothing is written."""
    settings.PRODUCTION = True
    before = counts()
    with pytest.raises(NotHere):
        seed()
    assert counts() == before


@pytest.mark.usefixtures("shop")
def test_orders_in_bulk_keep_every_promise() -> None:
    """Three thousand more in all states, twice asked for and once made."""
    for added in (3_000, 0):
        assert bulk.fill(3_000, lambda done, total: None) == added
    many = Order.objects.filter(key__startswith=bulk.KEY)
    assert many.count() == 3_000
    assert set(many.values_list("status", flat=True)) == set(Status.values)
    assert not [finding.title for finding in auditing.audit() if not finding.ok]
