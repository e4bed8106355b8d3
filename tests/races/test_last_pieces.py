"""Many buyers, few pieces: whoever is placed holds a piece, whoever is refused is told so, no more, no less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

import pytest

from shigu.accounts.models import User
from shigu.catalogue import stock
from shigu.catalogue.models import Sku, Stock
from shigu.kit.errors import Refusal
from shigu.learning.enrolling import CourseLines
from shigu.orders import committing, placing
from shigu.orders.admission import Choice, Placing
from shigu.orders.errors import AwaitingPayment, CartChanged, OutOfStock
from shigu.orders.models import CartLine, Order
from shigu.orders.placing import Placed, place_many
from tests.auditing import assert_audit_holds
from tests.races.market import Market, dice, rounds
from tests.races.together import settled_or_blocked, start, stopped_at, together


def request(buyer: User, sku: Sku, pieces: int = 1, key: str = "k") -> Placing:
    return Placing(buyer.pk, key, (Choice(sku.pk, pieces, sku.price),), sent_to="1 Drum Street")


def alone(one: Placing) -> Callable[[], Any]:
    """Place without the committer: as if each buyer had come to another process."""
    return lambda: place_many([one])[0]


def fifty_for_ten(market: Market) -> None:
    """Fifty processes' worth of buyers want one of ten pieces."""
    buyers = market.buyers(50)
    answers = together(*[alone(request(buyer, market.pot)) for buyer in buyers])
    errors = [answer for answer in answers if not isinstance(answer, Placed | Refusal)]
    assert not errors, repr(errors[0])
    kinds = Counter(type(answer) for answer in answers)
    assert kinds == {Placed: 10, OutOfStock: 40}, kinds
    assert market.counts() == (10, 10, 0)
    assert Order.objects.count() == 10
    assert_audit_holds()


def test_fifty_buyers_ten_pieces(market: Market) -> None:
    """Exactly ten are placed and forty refused with the reason."""
    fifty_for_ten(market)


def test_control_counting_without_a_lock_promises_too_much(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: free pieces read without the row lock are promised more than once."""

    def read(sku_ids: Collection[int]) -> dict[int, int]:
        return {row.pk: row.free for row in Stock.objects.filter(pk__in=sku_ids)}

    monkeypatch.setattr(stock, "locked_free", read)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        fifty_for_ten(market)


def test_those_who_wait_are_placed_together(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one group commits the others gather: fifty orders take far fewer transactions than fifty."""
    groups: list[int] = []

    def counted(placings: Any) -> Any:
        groups.append(len(placings))
        return place_many(placings)

    monkeypatch.setattr(committing, "place_many", counted)
    buyers = market.buyers(50)
    acts = [lambda b=buyer: market.place(b, (market.pot, 1)) for buyer in buyers]
    with stopped_at("orders.place.admitted") as stop:
        first = start(acts[0])
        stop.wait()
        others = [start(act) for act in acts[1:]]
        while committing.lanes.waiting() < 49:
            pass
        stop.release()
        answers = [side.result() for side in [first, *others]]
    assert groups == [1, 49]
    assert Counter(type(answer) for answer in answers) == {Placed: 10, OutOfStock: 40}
    assert market.counts() == (10, 10, 0)
    assert_audit_holds()


def test_a_refused_request_leaves_its_group(market: Market) -> None:
    """One of three wants too much: it is told so, the two others are placed, nothing is half written."""
    one, two, three = market.buyers(3)
    answers = place_many(
        [request(one, market.pot, 4), request(two, market.pot, 99), request(three, market.pot, 6)]
    )
    assert [type(answer) for answer in answers] == [Placed, OutOfStock, Placed]
    assert market.counts() == (10, 10, 0)
    assert_audit_holds()


def test_many_skus_in_any_order_never_deadlock(market: Market) -> None:
    """Buyers who name the same SKUs in opposite orders wait for each other, never in a circle."""
    skus = [market.goods(f"cup-{n}", 100, 1000) for n in range(6)]
    buyers = market.buyers(16)
    chance = dice(7)

    def act(buyer: User) -> Callable[[], Any]:
        mixed = chance.sample(skus, 4)
        choices = tuple(Choice(sku.pk, 1, sku.price) for sku in mixed)
        return lambda: [
            place_many([Placing(buyer.pk, f"k{n}", choices, sent_to="here")]) for n in range(6)
        ]

    results = together(*[act(buyer) for buyer in buyers])
    assert not [result for result in results if isinstance(result, Exception)]
    assert Order.objects.count() == 16 * 6
    assert_audit_holds()


# -- one buyer, two tabs ----------------------------------------------------------------------------


def same_key_twice(market: Market) -> None:
    """A double click: the same key reaches two processes at once."""
    one = request(market.alice, market.pot, key="the button")
    with stopped_at("orders.place.admitted") as stop:
        first = start(alone(one))
        stop.wait()
        second = start(alone(one))
        settled_or_blocked(second)
        stop.release()
        answers = [first.result(), second.result()]
    assert [type(answer) for answer in answers] == [Placed, Placed], answers
    assert [answer.repeated for answer in answers] == [False, True]
    assert Order.objects.count() == 1
    assert market.counts() == (10, 1, 0)
    assert_audit_holds()


def test_a_double_click_makes_one_order(market: Market) -> None:
    """Both get the same order; a retry after a lost answer gets it too."""
    same_key_twice(market)


def test_control_without_the_buyers_lock_a_double_click_fails(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without the lock the second click meets the unique key, not its order."""
    monkeypatch.setattr(placing, "lock_buyers", lambda ids: None)
    with pytest.raises(AssertionError, match="order_key_once"):
        same_key_twice(market)


def same_course_in_two_tabs(market: Market) -> None:
    """Two tabs, two keys, one course."""
    one, two = (request(market.alice, market.course, key=key) for key in ("left tab", "right tab"))
    with stopped_at("orders.place.admitted") as stop:
        first = start(alone(one))
        stop.wait()
        second = start(alone(two))
        settled_or_blocked(second)
        stop.release()
        answers = [first.result(), second.result()]
    assert [type(answer) for answer in answers] == [Placed, AwaitingPayment], answers
    assert answers[1].fill["number"] == answers[0].number
    assert Order.objects.count() == 1
    assert_audit_holds()


def test_a_course_is_placed_once_from_two_tabs(market: Market) -> None:
    """The second tab is shown the order that the first one made."""
    same_course_in_two_tabs(market)


def test_control_without_the_buyers_lock_the_course_is_placed_twice(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: neither the buyer nor the buyer's course is locked."""
    monkeypatch.setattr(placing, "lock_buyers", lambda ids: None)
    monkeypatch.setattr(CourseLines, "lock", lambda self, pairs: None)
    with pytest.raises(AssertionError, match="Placed'> != <class"):
        same_course_in_two_tabs(market)


def test_two_requests_of_one_buyer_in_one_group(market: Market) -> None:
    """Also within one group a course is placed once, and a cart line is used up once."""
    line = CartLine.objects.create(
        user=market.alice,
        product=market.pot.product,
        sku=market.pot,
        added_at=Order._meta.get_field("placed_at").to_python("2026-11-21T00:00:00+00:00"),
    )
    choices = (Choice(market.pot.pk, 1, market.pot.price),)
    tabs = [
        Placing(market.alice.pk, key, choices, sent_to="here", cart_lines=(line.pk,))
        for key in ("a", "b")
    ]
    courses = [request(market.alice, market.course, key=key) for key in ("c", "d")]
    answers = place_many([*tabs, *courses])
    assert [type(answer) for answer in answers] == [Placed, CartChanged, Placed, AwaitingPayment]
    assert not CartLine.objects.exists()
    assert_audit_holds()


def test_random_buyers_never_oversell(market: Market) -> None:
    """Random wants, through the committer and beside it, cancelled at random: the counts always fit."""
    buyers = market.buyers(12)
    for seed in rounds(10, 200):
        shop_around(market, buyers, seed)


def shop_around(market: Market, buyers: list[User], seed: int) -> None:
    """One round of twelve buyers with four wishes each."""
    chance = dice(seed)

    def shopper(buyer: User, seed: int) -> Callable[[], Any]:
        mine = dice(seed)

        def shop() -> None:
            for n in range(4):
                one = request(buyer, market.pot, mine.randint(1, 4), key=f"{seed}-{n}")
                door = committing.place if mine.random() < 0.5 else lambda one: place_many([one])[0]
                try:
                    placed = door(one)
                except Refusal:
                    continue
                if isinstance(placed, Placed) and mine.random() < 0.6:
                    market.cancel(Order.objects.get(pk=placed.order_id))

        return shop

    results = together(*[shopper(buyer, chance.randrange(10**9)) for buyer in buyers])
    assert not [result for result in results if isinstance(result, Exception)], results
    on_hand, held, _ = market.counts()
    assert 0 <= held <= on_hand == 10
    assert_audit_holds()


def test_the_lock_is_one_per_buyer(market: Market) -> None:
    """Two buyers never wait for each other's cart."""
    one, two = market.buyers(2)
    other = market.goods("cup", 100, 5)
    with stopped_at("orders.place.done") as stop:
        first = start(alone(request(one, market.pot)))
        stop.wait()
        second = start(alone(request(two, other)))
        assert isinstance(second.result(), Placed)
        stop.release()
        assert isinstance(first.result(), Placed)


def free_order_meets_a_late_payment(market: Market) -> None:
    """A free bundle is placed while a late payment revives another order of the same course and goods."""
    free = market.a_course("gift", 0, days=7)
    sample = market.goods("sample", 0, 10)
    paid = Sku.objects.create(product=free.product, code="gift-long", price=100, validity_days=30)
    placed = market.place(market.alice, (paid, 1), (sample, 1))
    order = Order.objects.get(pk=placed.order_id)
    attempt = market.opened(order)
    market.lapse(order)
    choices = tuple(Choice(sku.pk, 1, 0) for sku in (free, sample))
    with stopped_at("orders.place.admitted") as stop:
        placing_it = start(alone(Placing(market.alice.pk, "free", choices, sent_to="here")))
        stop.wait()
        paying = start(lambda: market.paid(attempt))
        settled_or_blocked(paying)
        stop.release()
        answers = [placing_it.result(), paying.result()]
    assert isinstance(answers[0], Placed), answers
    assert answers[1] == "settled", answers
    assert market.counts(sample) == (8, 0, 2)
    assert_audit_holds()


def test_a_free_order_and_a_late_payment_never_wait_in_a_circle(market: Market) -> None:
    """Enrolments are locked before SKUs on both ways, so one simply waits for the other."""
    free_order_meets_a_late_payment(market)


def test_control_locking_skus_first_ends_in_a_deadlock(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a placing that takes its SKUs first meets the payment in a circle."""
    monkeypatch.setattr(placing, "_courses", lambda *_: set())
    with pytest.raises(AssertionError, match="deadlock"):
        free_order_meets_a_late_payment(market)
