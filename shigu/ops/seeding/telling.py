"""A story told through the shop's own verbs, at the moments when it happened.

The database's clock is moved back for each step, so every time in every row is what it would have
been. `tell` does nothing for a story whose order stands already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Kind, Sku
from shigu.clock.drain import drain
from shigu.ops.seeding.stories import Plot, Story
from shigu.orders import cancelling, quoting, refunding, shipping
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place
from shigu.orders.expiry import expire
from shigu.orders.models import Order, Status
from shigu.payments.models import Attempt, Refund
from shigu.payments.opening import Addresses, Way, open_attempt
from shigu.payments.paying import pay_from_balance
from shigu.payments.provider import Answer, Fate, RefundAnswer, Standing
from shigu.payments.refunding import sent
from shigu.payments.settling import settle
from shigu.promotions.models import Grant

NOWHERE = Addresses("http://127.0.0.1/", "http://127.0.0.1/")
MINUTE = settings.PAY_WINDOW / 15
"""Of a shop that gives fifteen of them to pay."""


def travel(ago: timedelta) -> None:
    """Move the clock to `ago` before the true moment."""
    clock.shift(-ago - clock.offset())


@dataclass
class Telling:
    """One order on its way through its story."""

    story: Story
    user: User
    operator: User
    order_id: int = 0
    after: timedelta = timedelta(0)

    def later(self, by: timedelta) -> None:
        """Some time passes, but never beyond the present."""
        self.after += by
        travel(max(self.story.ago - self.after, timedelta(0)))

    def order(self) -> Order:
        return Order.objects.get(pk=self.order_id)

    def attempt(self) -> Attempt:
        return Attempt.objects.get(purpose="order", subject_id=self.order_id)


def tell(story: Story, people: Mapping[str, User]) -> bool:
    """Make this order what the story says; False where it was told before."""
    user = people[story.who]
    if Order.objects.filter(user=user, key=story.key).exists():
        return False
    telling = Telling(story, user, people["operator"])
    travel(story.ago)
    telling.order_id = place(_placing(story, user)).order_id
    PLOTS[story.plot](telling)
    return True


def _placing(story: Story, user: User) -> Placing:
    counts = {item.partition("*")[0]: item.partition("*")[2] for item in story.items.split()}
    skus = Sku.objects.select_related("product").in_bulk(list(counts), field_name="code")
    has_goods = any(sku.product.kind == Kind.GOODS for sku in skus.values())
    address = user.addresses.first() if has_goods else None
    return Placing(
        user_id=user.pk,
        key=story.key,
        choices=tuple(
            Choice(
                skus[code].pk,
                int(count or 1),
                quoting.unit_price(skus[code], renew=story.renew),
                renew=story.renew,
            )
            for code, count in counts.items()
        ),
        sent_to=str(address) if address else "",
        grant_id=_grant(user, story.coupon) if story.coupon else None,
        credits=story.credits,
    )


def _grant(user: User, name: str) -> int:
    """The coupon of this Chinese name that the buyer holds."""
    return Grant.objects.filter(user=user, coupon__name_zh=name).order_by("pk")[0].pk


def _nothing(telling: Telling) -> None:
    """The order stays as it was placed."""


def _open(telling: Telling) -> None:
    telling.later(MINUTE / 2)
    open_attempt("order", telling.order_id, user_id=telling.user.pk, way=Way(), addresses=NOWHERE)


def pay_at_provider(attempt: Attempt) -> None:
    """The provider says that this was paid just now."""
    _hear(attempt, Standing.PAID)


def _hear(attempt: Attempt, standing: Standing) -> None:
    """The provider says how the payment stands."""
    number = f"{attempt.opened_at:%Y%m%d}22001{attempt.pk:015d}"
    paid = standing is Standing.PAID
    settle(
        attempt.provider,
        Answer(
            out_trade_no=attempt.out_trade_no,
            standing=standing,
            amount=attempt.amount if paid else None,
            trade_no=number if paid else "",
            paid_at=clock.now() if paid else None,
            said="TRADE_SUCCESS" if paid else "TRADE_CLOSED",
        ),
    )


def _pay(telling: Telling) -> None:
    _open(telling)
    telling.later(1.5 * MINUTE)
    pay_at_provider(telling.attempt())


def _pay_from_balance(telling: Telling) -> None:
    telling.later(MINUTE)
    pay_from_balance("order", telling.order_id, user_id=telling.user.pk)


def _ship_from_balance(telling: Telling) -> None:
    _pay_from_balance(telling)
    _send_off(telling)


def _ship(telling: Telling) -> None:
    _pay(telling)
    _send_off(telling)


def _send_off(telling: Telling) -> None:
    telling.later(timedelta(hours=20))
    number = f"SF{7_000_000_000 + telling.order_id * 37}"
    shipping.ship(telling.order_id, by=telling.operator.pk, carrier="顺丰", tracking_no=number)


def _cancel(telling: Telling) -> None:
    telling.later(6 * MINUTE)
    cancelling.cancel(telling.order_id, by=telling.user.pk)


def _pay_too_late(telling: Telling) -> None:
    """A code still on a screen was paid after the buyer had cancelled: the money went back."""
    _open(telling)
    _cancel(telling)
    telling.later(MINUTE)
    pay_at_provider(telling.attempt())
    _money_is_back(telling)


def _expire(telling: Telling) -> None:
    telling.later(settings.PAY_WINDOW + timedelta(seconds=1))
    _until_expired(telling)


def _give_up(telling: Telling) -> None:
    """The cashier was opened and left; the provider closed it, and the order lapsed."""
    _open(telling)
    telling.later(settings.PAY_WINDOW)
    _hear(telling.attempt(), Standing.CLOSED)
    _until_expired(telling)


def _until_expired(telling: Telling) -> None:
    drain(expire)
    if telling.order().status != Status.EXPIRED:
        raise RuntimeError(f"order {telling.order().number} should have lapsed by now")


def _revive(telling: Telling) -> None:
    """Paid in time, but heard of so late that the order had lapsed."""
    _open(telling)
    telling.later(settings.PAY_WINDOW + settings.ASK_BACKSTOP + timedelta(seconds=1))
    _until_expired(telling)
    telling.later(MINUTE)
    pay_at_provider(telling.attempt())


def _refund(telling: Telling) -> None:
    _pay(telling)
    _give_back(telling)


def _back_to_balance(telling: Telling) -> None:
    _pay_from_balance(telling)
    _give_back(telling)


def _give_back(telling: Telling) -> None:
    telling.later(timedelta(hours=30))
    refunding.refund(telling.order_id, by=telling.operator.pk)
    telling.later(MINUTE)
    _money_is_back(telling)


def _money_is_back(telling: Telling) -> None:
    for refund in Refund.objects.filter(attempt_id=telling.attempt().pk):
        sent(refund.pk, RefundAnswer(Fate.SENT, "10000"), tries=refund.tries)


def _decide_now(telling: Telling) -> None:
    """Decided just now, so that somebody who looks sees money on its way."""
    _pay(telling)
    travel(MINUTE / 6)
    refunding.refund(telling.order_id, by=telling.operator.pk)


PLOTS: dict[Plot, Callable[[Telling], None]] = {
    Plot.UNPAID: _nothing,
    Plot.AT_THE_CASHIER: _open,
    Plot.FREE: _nothing,
    Plot.PAID: _pay,
    Plot.SHIPPED: _ship,
    Plot.CANCELLED: _cancel,
    Plot.PAID_TOO_LATE: _pay_too_late,
    Plot.EXPIRED: _expire,
    Plot.GAVE_UP: _give_up,
    Plot.REVIVED: _revive,
    Plot.REFUNDING: _decide_now,
    Plot.REFUNDED: _refund,
    Plot.FROM_BALANCE: _pay_from_balance,
    Plot.SHIPPED_FROM_BALANCE: _ship_from_balance,
    Plot.BACK_TO_BALANCE: _back_to_balance,
}
