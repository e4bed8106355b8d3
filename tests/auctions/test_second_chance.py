"""What its winner did not pay is offered to the next bidder, or listed again; never both, never twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu.auctions import arranging, relisting, second_chance
from shigu.auctions.errors_life import (
    BadTime,
    NobodyElse,
    NotADraft,
    NothingToOffer,
    NotRelistable,
    RelistedAlready,
)
from shigu.auctions.models import Award, AwardState, Ban, Lot, LotState
from shigu.clock.drain import drain_all
from shigu.orders import cancelling
from tests.auctions.sale import (
    HOME,
    HOUR,
    Sale,
    at,
    award,
    go_to,
    opened,
    paid,
    person,
    state,
)
from tests.races.market import assert_audit_holds

pytestmark = pytest.mark.usefixtures("house")


def unpaid() -> Sale:
    """Bob won at ¥60 over carol (who went to ¥55 by proxy) and alice (¥30), and did not pay."""
    sale = Sale({}).live()
    [lot] = sale.lots
    sale.bid(lot, person("alice"), 3000)
    sale.bid(lot, person("carol"), 4000, 5500)
    sale.bid(lot, person("bob"), 6000)
    go_to(at(lot).closes_at)
    go_to(award(lot).pay_by)
    assert (state(lot), award(lot).price) == (LotState.OVERDUE, 6000)
    return sale


def test_the_next_bidder_takes_it_at_their_own_amount() -> None:
    """Carol's own maximum, which the price had passed; no deposit; paid, the lot is hers."""
    sale = unpaid()
    [lot] = sale.lots
    found = second_chance.offer(lot.pk, seconds=3600)
    assert (found.user, found.price, found.deposit, found.second_chance) == (
        person("carol"),
        5500,
        None,
        True,
    )
    assert (state(lot), found.pay_by - found.at) == (LotState.SOLD, HOUR)
    assert_audit_holds()
    with pytest.raises(NothingToOffer):
        second_chance.offer(lot.pk)
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    paid(opened("order", found.order_id, found.user))
    sale.session.refresh_from_db()
    assert (sale.session.hammer_total, sale.session.paid_total) == (6000, 5500)
    assert state(lot) == LotState.PAID
    assert_audit_holds()


def test_a_lot_that_was_never_published_is_not_offered() -> None:
    """Whatever its page is sent, there is nothing to offer."""
    sale = Sale({})
    with pytest.raises(NothingToOffer):
        second_chance.offer(sale.lots[0].pk)


def test_an_offer_binds_nobody() -> None:
    """It expires, or is declined: no forfeit, no bar, and the next one may be asked, until nobody is left."""
    sale = unpaid()
    [lot] = sale.lots
    bans = Ban.objects.count()
    first = second_chance.offer(lot.pk)
    go_to(first.pay_by)
    first.refresh_from_db()
    assert (first.state, state(lot)) == (AwardState.OVERDUE, LotState.OVERDUE)
    second = second_chance.offer(lot.pk)
    assert (second.user, second.price) == (person("alice"), 3000)
    cancelling.cancel(second.order_id, by=second.user_id)
    drain_all()
    second.refresh_from_db()
    assert (second.state, state(lot)) == (AwardState.CANCELLED, LotState.OVERDUE)
    assert_audit_holds()
    with pytest.raises(NobodyElse):
        second_chance.offer(lot.pk)
    assert (Ban.objects.count(), Award.objects.count()) == (bans, 3)
    assert_audit_holds()


def test_whoever_is_barred_is_not_asked() -> None:
    """Carol did not pay something else: alice is next."""
    sale = unpaid()
    carol = person("carol")
    since = award(sale.lots[0]).pay_by
    Ban.objects.create(user=carol, since=since, until=since + timedelta(days=30))
    assert second_chance.next_bidder(sale.lots[0].pk) == (person("alice").pk, 3000)


def test_offers_are_for_unpaid_lots_and_for_a_sensible_time() -> None:
    """Not for a lot that is sold or passed in; between a minute and thirty days."""
    sale = Sale({}, {}).live()
    found = sale.sold(sale.lots[0], person("bob"))
    for lot in sale.lots:
        with pytest.raises(NothingToOffer):
            second_chance.offer(lot.pk)
    with pytest.raises(BadTime):
        second_chance.offer(found.lot_id, seconds=5)
    assert Award.objects.count() == 1
    assert_audit_holds()


def test_relisting() -> None:
    """A new lot of the same thing in a draft; the old rows stay; once; the defaulter is barred from it."""
    sale = unpaid()
    [old] = sale.lots
    before = (Lot.objects.filter(pk=old.pk).values().get(), at(old).price)
    coming = Sale({})
    new = relisting.relist(old.pk, session_id=coming.session.pk)
    assert (new.sku_id, new.start_price, new.number) == (old.sku_id, old.start_price, 2)
    assert new.relisted_from == old
    assert (Lot.objects.filter(pk=old.pk).values().get(), at(old).price) == before
    with pytest.raises(RelistedAlready):
        relisting.relist(old.pk, session_id=coming.session.pk)
    with pytest.raises(NothingToOffer):
        second_chance.offer(old.pk)
    assert relisting.defaulters(new.pk) == {person("bob").pk}
    assert relisting.defaulters(old.pk) == set()
    Ban.objects.all().delete()
    coming.live()
    assert coming.bid(new, person("bob"), 5000).verdict == "banned"
    assert coming.bid(new, person("carol"), 5000).verdict == "accepted"


def test_only_what_came_to_nothing_is_relisted_and_only_into_a_draft() -> None:
    """Not an open lot, not a sold one, not into a published session."""
    sale = Sale({}, {}).live()
    coming = Sale({})
    with pytest.raises(NotRelistable):
        relisting.relist(sale.lots[0].pk, session_id=coming.session.pk)
    sale.sold(sale.lots[0], person("bob"))
    with pytest.raises(NotRelistable):
        relisting.relist(sale.lots[0].pk, session_id=coming.session.pk)
    coming.publish()
    with pytest.raises(NotADraft):
        relisting.relist(sale.lots[1].pk, session_id=coming.session.pk)
    assert Lot.objects.count() == 3
    assert_audit_holds()


def test_an_offer_that_stands_is_not_listed_again() -> None:
    """While carol may still pay, the lot is hers."""
    sale = unpaid()
    second_chance.offer(sale.lots[0].pk)
    with pytest.raises(NotRelistable):
        relisting.relist(sale.lots[0].pk, session_id=Sale().session.pk)
    assert_audit_holds()
