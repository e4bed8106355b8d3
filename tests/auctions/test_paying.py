"""What was won is arranged, paid, or not paid: by the provider's own instant, and never by its silence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import arranging
from shigu.auctions.errors_life import (
    AddressFirst,
    CashierOpen,
    CouponNotOnLots,
    NotAnAward,
    NotGivenUp,
    NotRestored,
)
from shigu.auctions.models import Award, AwardState, Ban, DepositState, LotState
from shigu.auctions.paying import LotOrders
from shigu.clock.drain import drain_all
from shigu.clock.models import Quarantine
from shigu.orders import cancelling, refunding, restoring
from shigu.orders.errors import CouponGone, CouponMinimum, NotUnpaid, TimeIsUp
from shigu.orders.models import OrderEvent, Shipment, Status
from shigu.payments.models import Outcome, Refund, Why
from shigu.payments.opening import Way, open_attempt
from shigu.payments.provider import Standing
from shigu.promotions.models import Coupon, Grant, GrantState
from tests.auctions.house import Alipay
from tests.auctions.sale import (
    HOME,
    HOUR,
    NOWHERE,
    Sale,
    answer,
    deposit,
    go_to,
    later,
    opened,
    paid,
    person,
    state,
    status,
)
from tests.races.market import assert_audit_holds

SECOND = timedelta(seconds=1)


def won(price: int = 50_000, **session: object) -> Award:
    """Bob won a lot with a deposit of his own for it."""
    sale = Sale({"deposit": 20_000}, **session)
    sale.publish()
    deposit(person("bob"), lot=sale.lots[0])
    go_to(sale.session.opens_at)
    return sale.sold(sale.lots[0], person("bob"), price)


def arranged(found: Award) -> Award:
    """It has an address."""
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    found.order.refresh_from_db()
    return found


def coupon(who: User, off: int = 3000, **more: object) -> Grant:
    """A coupon for lots, unless told otherwise."""
    now = clock.now()
    row = Coupon.objects.create(
        **{
            "name_zh": "拍卖券",
            "kind": "fixed",
            "amount": off,
            "on_lots": True,
            "total": 9,
            "issued": 1,
            "way": "operator",
            "valid_from": now - HOUR,
            "valid_until": now + 99 * HOUR,
            **more,
        }
    )
    return Grant.objects.create(
        coupon=row,
        user=who,
        nth=1,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        due_at=row.valid_until,
        got_at=now,
        way="operator",
    )


def decided(found: Award) -> tuple[int, int]:
    """What became of the award and of its lot."""
    found.refresh_from_db()
    return found.state, state(found.lot)


def held(found: Award) -> tuple[int, int, int]:
    """What became of its deposit: state, returned, forfeited."""
    assert found.deposit
    found.deposit.refresh_from_db()
    return found.deposit.state, found.deposit.returned, found.deposit.forfeited


PAID = (AwardState.PAID, LotState.PAID)
OVERDUE = (AwardState.OVERDUE, LotState.OVERDUE)
PENDING = (AwardState.PENDING, LotState.SOLD)
BACK = (DepositState.DECIDED, 20_000, 0)
GONE = (DepositState.DECIDED, 0, 20_000)


def test_paid_in_time(house: Alipay) -> None:
    """Shipment, totals, and the deposit goes back by the way it came."""
    found = arranged(won())
    assert paid(opened("order", found.order_id, found.user)) == Outcome.SETTLED
    drain_all()
    assert (decided(found), held(found)) == (PAID, BACK)
    assert Shipment.objects.filter(pk=found.order_id, shipped_at=None).exists()
    found.lot.session.refresh_from_db()
    assert found.lot.session.paid_total == 50_000
    assert_audit_holds()


def test_not_paid_at_all(house: Alipay) -> None:
    """Nobody opened a cashier: at the deadline the lot is overdue, the deposit forfeited, bob barred."""
    found = won()
    go_to(found.pay_by - HOUR)
    assert (decided(found), status(found.order)) == (PENDING, Status.UNPAID)
    go_to(found.pay_by)
    assert (decided(found), held(found)) == (OVERDUE, GONE)
    assert status(found.order) == Status.EXPIRED
    [ban] = Ban.objects.all()
    assert (ban.user_id, ban.award_id) == (found.user_id, found.pk)
    assert ban.until - ban.since == settings.AUCTION_BAN
    found.lot.session.refresh_from_db()
    assert (found.lot.session.hammer_total, found.lot.session.paid_total) == (50_000, 0)
    assert_audit_holds()


def test_a_deadline_is_asked_for_before_anything_is_forfeited(house: Alipay) -> None:
    """The cashier was open and nobody told us: the provider is asked, and it was paid a second before."""
    found = arranged(won())
    attempt = opened("order", found.order_id, found.user)
    moment = found.pay_by - SECOND
    house.of[attempt.out_trade_no] = answer(attempt, Standing.PAID, moment)
    go_to(found.pay_by + 2 * HOUR)
    assert house.asked.count(attempt.out_trade_no) == 1
    assert (decided(found), held(found)) == (PAID, BACK)
    assert not Ban.objects.exists()
    assert_audit_holds()


def test_a_definite_no_ends_it(house: Alipay) -> None:
    """The provider never heard of the number: final only after its own time and a margin, then overdue."""
    found = arranged(won())
    opened("order", found.order_id, found.user)
    go_to(found.pay_by)
    assert decided(found) == PENDING
    go_to(found.pay_by + settings.ASK_MARGIN + timedelta(seconds=5))
    assert (decided(found), held(found)) == (OVERDUE, GONE)
    assert_audit_holds()


def waits_for_its_provider(house: Alipay) -> None:
    """Unreachable at the deadline and for three days after, then it answers."""
    found = arranged(won())
    attempt = opened("order", found.order_id, found.user)
    house.of[attempt.out_trade_no] = answer(attempt, Standing.UNKNOWN)
    go_to(found.pay_by)
    for _ in range(8):
        later(9 * HOUR)
    assert (decided(found), status(found.order)) == (PENDING, Status.UNPAID)
    assert held(found) == (DepositState.HELD, 0, 0)
    assert Quarantine.objects.filter(kind="payments.ask", subject=attempt.pk, shown=True).exists()
    assert not Ban.objects.exists()
    assert_audit_holds()
    house.of[attempt.out_trade_no] = answer(attempt, Standing.PAID, found.pay_by)
    later(HOUR)
    assert (decided(found), held(found)) == (PAID, BACK)
    assert_audit_holds()


def test_a_silent_provider_never_forfeits(house: Alipay) -> None:
    """It waits and is shown, for as long as it takes; then the answer decides."""
    waits_for_its_provider(house)


def test_control_with_the_shops_own_backstop_silence_forfeits(
    house: Alipay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: ended half an hour after its deadline, as an order of the shop, it forfeits."""
    monkeypatch.setattr(LotOrders, "backstop", settings.ASK_BACKSTOP)
    with pytest.raises(AssertionError, match="OVERDUE"):
        waits_for_its_provider(house)


def test_money_of_the_deadline_itself_counts_a_moment_later_goes_back(house: Alipay) -> None:
    """Paid at `pay_by` counts, learnt of a day later; a microsecond after, it goes back and the order ends."""
    for late in (timedelta(0), timedelta(microseconds=1)):
        found = arranged(won())
        attempt = opened("order", found.order_id, found.user)
        house.of[attempt.out_trade_no] = answer(attempt, Standing.UNKNOWN)
        go_to(found.pay_by + 24 * HOUR)
        outcome = paid(attempt, found.pay_by + late)
        drain_all()
        if late:
            assert outcome == Outcome.RETURNED
            assert (decided(found), held(found)) == (OVERDUE, GONE)
            back = Refund.objects.get(attempt=attempt)
            assert (back.amount, back.why) == (50_000, Why.LATE)
        else:
            assert outcome == Outcome.SETTLED
            assert (decided(found), held(found)) == (PAID, BACK)
        assert_audit_holds()


def test_late_money_for_a_lapsed_order_goes_back(house: Alipay) -> None:
    """No revival: the lot may be somebody else's by now."""
    found = arranged(won())
    attempt = opened("order", found.order_id, found.user)
    go_to(found.pay_by + HOUR)
    assert decided(found) == OVERDUE
    assert paid(attempt) == Outcome.RETURNED
    assert (decided(found), held(found)) == (OVERDUE, GONE)
    assert_audit_holds()


def test_paid_twice(house: Alipay) -> None:
    """Two open cashiers, both paid: the first counts, the second goes back."""
    found = arranged(won())
    first = opened("order", found.order_id, found.user)
    second = open_attempt(
        "order", found.order_id, user_id=found.user_id, way=Way("alipay", "wap"), addresses=NOWHERE
    ).attempt
    assert (paid(first), paid(second)) == (Outcome.SETTLED, Outcome.RETURNED)
    assert decided(found) == PAID
    assert_audit_holds()


def test_an_address_comes_before_the_cashier(house: Alipay) -> None:
    """No cashier without an address; with one it opens, and then address and coupon stand."""
    found = won()
    with pytest.raises(AddressFirst):
        opened("order", found.order_id, found.user)
    with pytest.raises(AddressFirst):
        arranging.arrange(found.order_id, by=found.user_id, sent_to="  ")
    arranged(found)
    assert found.order.sent_to == HOME
    opened("order", found.order_id, found.user)
    with pytest.raises(CashierOpen):
        arranging.arrange(found.order_id, by=found.user_id, sent_to="Elsewhere")
    found.order.refresh_from_db()
    assert found.order.sent_to == HOME
    assert_audit_holds()


def test_one_coupon_that_is_for_lots(house: Alipay) -> None:
    """It is held, changed for another, let go; quoted from the hammer price each time."""
    found = won()
    bob = found.user
    small, large = coupon(bob), coupon(bob, 10_000)
    said = []
    for grant in (small, large, None, small):
        order = arranging.arrange(
            found.order_id, by=bob.pk, sent_to=HOME, grant_id=grant.pk if grant else None
        )
        said.append((order.coupon_off, order.payable, order.grant_id))
        assert_audit_holds()
    assert said == [
        (3000, 47_000, small.pk),
        (10_000, 40_000, large.pk),
        (0, 50_000, None),
        (3000, 47_000, small.pk),
    ]
    best = [(choice.grant, choice.off) for choice in arranging.choices(found.order, clock.now())]
    assert best == [(large, 10_000), (small, 3000)]
    paid(opened("order", found.order_id, bob))
    small.refresh_from_db()
    large.refresh_from_db()
    assert (small.state, large.state) == (GrantState.USED, GrantState.UNUSED)
    assert_audit_holds()


def test_coupons_that_do_not_fit(house: Alipay) -> None:
    """Not for lots, somebody else's, below the minimum, none at all: refused, and nothing is held."""
    found = won()
    bob, carol = found.user, person("carol")
    for grant, refusal in (
        (coupon(bob, on_lots=False), CouponNotOnLots),
        (coupon(carol), CouponGone),
        (coupon(bob, least=50_001), CouponMinimum),
        (None, CouponGone),
    ):
        with pytest.raises(refusal):
            arranging.arrange(
                found.order_id, by=bob.pk, sent_to=HOME, grant_id=grant.pk if grant else 9999
            )
        found.order.refresh_from_db()
        assert (found.order.payable, found.order.sent_to, found.order.grant_id) == (
            50_000,
            "",
            None,
        )
    assert not Grant.objects.exclude(state=GrantState.UNUSED).exists()
    assert_audit_holds()


def test_the_coupon_comes_back_and_the_forfeit_knows_nothing_of_it(house: Alipay) -> None:
    """Not paid in time: the coupon is the winner's again, all of the deposit is forfeited."""
    found = won()
    grant = coupon(found.user)
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME, grant_id=grant.pk)
    go_to(found.pay_by)
    grant.refresh_from_db()
    assert grant.state == GrantState.UNUSED
    assert (decided(found), held(found)) == (OVERDUE, GONE)
    assert_audit_holds()


def test_what_costs_nothing_any_more_is_settled_at_once(house: Alipay) -> None:
    """A coupon takes off all of it: arranged is paid."""
    found = won(price=2000)
    grant = coupon(found.user, 5000)
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME, grant_id=grant.pk)
    drain_all()
    assert (decided(found), held(found)) == (PAID, BACK)
    assert_audit_holds()


def test_arranging_is_for_the_winner_in_time(house: Alipay) -> None:
    """Nobody else's, not after the deadline, not when it is paid."""
    found = won()
    with pytest.raises(NotAnAward):
        arranging.arrange(found.order_id, by=person("carol").pk, sent_to=HOME)
    go_to(found.pay_by, ring=False)
    with pytest.raises(TimeIsUp):
        arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    drain_all()
    with pytest.raises(NotAnAward):
        arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    assert_audit_holds()


def test_winning_binds(house: Alipay) -> None:
    """A winner neither cancels nor restores; nothing changes by the attempt."""
    found = won()
    with pytest.raises(NotGivenUp):
        cancelling.cancel(found.order_id, by=found.user_id)
    assert (decided(found), status(found.order)) == (PENDING, Status.UNPAID)
    go_to(found.pay_by)
    with pytest.raises(NotRestored):
        restoring.restore(found.order_id, by=found.user_id)
    with pytest.raises(NotUnpaid):
        cancelling.cancel(found.order_id, by=person("operator").pk)
    assert list(OrderEvent.objects.values_list("why", flat=True)) == ["awarded", "time"]
    assert_audit_holds()


def test_an_operator_takes_a_sale_back(house: Alipay) -> None:
    """The order is cancelled, the deposit returned, nobody barred; late money goes back."""
    found = arranged(won())
    attempt = opened("order", found.order_id, found.user)
    cancelling.cancel(found.order_id, by=person("operator").pk)
    drain_all()
    assert decided(found) == (AwardState.CANCELLED, LotState.WITHDRAWN)
    assert held(found) == BACK
    assert not Ban.objects.exists()
    assert paid(attempt) == Outcome.RETURNED
    assert_audit_holds()


@pytest.mark.parametrize("counts", [False, True])
def test_a_paid_lot_is_refunded(house: Alipay, counts: bool) -> None:
    """The money goes back by the way it came, with what the deposit counted for; the lot is the shop's."""
    found = arranged(won(deposit_counts=counts))
    paid(opened("order", found.order_id, found.user))
    drain_all()
    refunding.refund(found.order_id, by=person("operator").pk)
    drain_all()
    assert status(found.order) == Status.REFUNDED
    assert decided(found) == (AwardState.CANCELLED, LotState.WITHDRAWN)
    # 20 000 of deposit and 50 000 of price were paid, or 20 000 and 30 000 where the deposit counts
    assert sum(Refund.objects.values_list("amount", flat=True)) == (50_000 if counts else 70_000)
    found.lot.session.refresh_from_db()
    assert found.lot.session.paid_total == 0
    assert_audit_holds()
