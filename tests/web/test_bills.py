"""Coupons and credits on the confirm page: judged, chosen, counted; refused with everything kept."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from shigu import clock
from shigu.catalogue.models import Activity, Product, Sku
from shigu.learning.models import Enrolment
from shigu.ledger.models import Account
from shigu.orders import cart, credits
from shigu.orders.models import CartLine, Order, Status
from shigu.promotions.models import Coupon, Grant, GrantState
from tests.activities import discount, threshold
from tests.auditing import assert_audit_holds
from tests.goods import fan, free_course, python_course, sku, teapot
from tests.people import address_of, alice, bob
from tests.promotions.booth import in_hand
from tests.web.ordering import english, everything, placed
from tests.web.test_browsing import JUNK
from tests.web.test_checkout import form_of
from tests.web.wallets import coupon_of, give_credits, has, rate_of

pytestmark = pytest.mark.django_db

POT, FAN, COURSE = 26_800, 9_800, 9_900
HX = {"HX-Request": "true"}


@pytest.fixture
def shopper(client: Client) -> Client:
    """Alice with an address and a teapot and a fan in her cart, reading English."""
    client.force_login(alice())
    address_of(alice())
    for product in (teapot(), fan()):
        cart.add(alice().pk, sku(product).pk, 1)
    Product.objects.update(most_credits=300)
    return english(client)


def confirm(client: Client, address: str = "/confirm/") -> Any:
    return client.get(address)


def bill(answer: Any) -> Any:
    return answer.context["bill"]


def place(client: Client, form: dict[str, str]) -> Any:
    return client.post("/confirm/place/", form)


def update(client: Client, form: dict[str, str], **headers: Any) -> Any:
    return client.post("/confirm/update/", form, **headers)


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


# -- coupons -------------------------------------------------------------------------------------
def test_the_best_coupon_is_chosen_first(shopper: Client) -> None:
    """Usable ones stand best first with what each saves; the best is chosen, and it is used when placed."""
    small, best = coupon_of(alice(), 1_000, name="Small"), coupon_of(alice(), 5_000, name="Best")
    rate = rate_of(alice(), 90, name="Rate")
    page = confirm(shopper)
    found = [(pick.grant, pick.saves) for pick in bill(page).usable]
    assert found == [(best, 5_000), (rate, 2_680), (small, 1_000)]
    assert bill(page).pick.grant == best
    assert place(shopper, form_of(page)).url == f"/pay/{Order.objects.get().number}/"
    order = Order.objects.get()
    assert (order.grant, order.coupon_off, order.payable) == (best, 5_000, POT + FAN - 5_000)
    assert Grant.objects.get(pk=best.pk).state == GrantState.HELD
    assert_audit_holds()


def test_no_coupon_is_a_choice(shopper: Client) -> None:
    """“Use no coupon” leaves every one of them in hand."""
    coupon_of(alice())
    page = update(shopper, form_of(confirm(shopper)) | {"coupon": ""})
    assert bill(page).pick is None
    assert bill(page).quote.payable == POT + FAN
    place(shopper, form_of(page))
    assert Order.objects.get().grant is None
    assert Grant.objects.get().state == GrantState.UNUSED


def test_what_cannot_be_used_says_why(shopper: Client) -> None:
    """Not yet, too little, not for these, held by an order, in an activity: each with its own sentence."""
    coupon_of(alice(), name="Later", begins=timedelta(days=2))
    coupon_of(alice(), name="Big", least=500_000)
    held = coupon_of(alice(), name="Held")
    first = placed(alice(), (sku(fan()), 1), grant=held)
    coupon_of(alice(), name="Gone", ends=timedelta(seconds=-1))
    coupon_of(bob(), name="Bobs")
    page = confirm(shopper)
    reasons = {pick.coupon.name_en: pick.reason for pick in bill(page).unusable}
    assert set(reasons) == {"Later", "Big", "Held"}
    assert "Valid from" in reasons["Later"]
    assert "¥4634.00 more" in reasons["Big"]
    assert first.number in reasons["Held"]
    assert "3 coupons that cannot be used here" in text(page)
    assert f'href="/pay/{first.number}/"' in page.content.decode()
    discount(90, products=[teapot(), fan()])
    reasons = {pick.coupon.name_en: pick.reason for pick in bill(confirm(shopper)).unusable}
    assert "activity already" in reasons["Big"]


def test_a_coupon_does_not_add_to_an_activity(shopper: Client) -> None:
    """It counts on lines without one, and every figure on the page adds up to what is to pay."""
    discount(50, name="Half", products=[teapot()])
    rate_of(alice(), 80, name="Fifth")
    give_credits(alice(), 100)
    page = update(shopper, form_of(confirm(shopper)) | {"credits": "100"})
    quote = bill(page).quote
    assert (quote.coupon_off, quote.credits_off) == (FAN // 5, 1_000)
    assert [tuple(off) for off in bill(page).activities] == [("Half", POT // 2)]
    assert quote.payable == POT + FAN - POT // 2 - FAN // 5 - 1_000
    said = text(page).replace("¥ ", "¥").replace(" .", ".").replace("− ", "−")
    for figure in ("¥366.00", "Half −¥134.00", "Coupon “Fifth” −¥19.60", "100 credits −¥10.00"):
        assert figure in said, figure
    assert "Place the order for ¥202.40" in said


def test_anothers_coupon_cannot_be_used(shopper: Client) -> None:
    """Its number is no coupon of hers: refused without a word about whose it is, nothing is held."""
    theirs = coupon_of(bob(), 20_000, name="Secret")
    form = form_of(confirm(shopper))
    before = everything()
    for coupon in (str(theirs.pk), "0", "9" * 18, "junk", "-1"):
        answer = place(shopper, form | {"coupon": coupon, "payable": str(POT + FAN - 20_000)})
        assert answer.status_code == 409
        assert "This coupon cannot be used any more" in text(answer)
        assert "Secret" not in answer.content.decode()
        assert form_of(answer)["coupon"] == ""
    assert everything() == before


def test_a_coupon_that_went_away_is_refused(shopper: Client) -> None:
    """Used in another tab or lapsed since: named, nothing held, and the page stands without it."""
    grant = coupon_of(alice(), 5_000, name="Best")
    other = coupon_of(alice(), 1_000, name="Other")
    form = form_of(confirm(shopper)) | {"address": "new", "to-street": "人民路 1 号"}
    form |= {"to-name": "Alice", "to-phone": "13900000000", "to-region": "上海市"}
    placed(alice(), (sku(fan()), 1), grant=grant)
    before = everything()[:-1]
    answer = place(shopper, form)
    assert answer.status_code == 409
    assert "The coupon “Best” is not used: Your unpaid order" in text(answer)
    assert everything()[:-1] == before
    assert form_of(answer)["coupon"] == ""
    assert form_of(answer)["key"] == form["key"]
    assert "人民路 1 号" in {place.street for place in answer.context["addresses"]}
    assert form_of(answer)["payable"] == str(POT + FAN)
    again = update(shopper, form_of(answer) | {"coupon": str(other.pk)})
    place(shopper, form_of(again))
    assert Order.objects.latest("pk").grant == other


def test_a_refusal_keeps_coupon_and_credits(shopper: Client) -> None:
    """A price rose: the page names it and still has the coupon and the credits that were chosen."""
    coupon_of(alice(), 5_000, name="Best")
    second = coupon_of(alice(), 1_000, name="Second")
    give_credits(alice(), 500)
    chosen = {"coupon": str(second.pk), "credits": "120"}
    form = form_of(update(shopper, form_of(confirm(shopper)) | chosen))
    Sku.objects.filter(code="teapot-0").update(price=30_000)
    before = everything()
    answer = place(shopper, form)
    assert answer.status_code == 409
    assert "is now ¥300.00 (you saw ¥268.00)" in text(answer)
    kept = form_of(answer)
    assert (kept["coupon"], kept["credits"]) == (str(second.pk), "120")
    assert kept["payable"] == str(30_000 + FAN - 1_000 - 1_200)
    assert everything() == before
    place(shopper, kept)
    assert Order.objects.get().payable == 30_000 + FAN - 1_000 - 1_200


# -- credits -------------------------------------------------------------------------------------
def test_credits_pay_in_part(shopper: Client) -> None:
    """How many she has, how many fit, what they take off; placed, they are held."""
    give_credits(alice(), 1_000)
    page = confirm(shopper)
    assert (bill(page).owned, bill(page).most, bill(page).quote.credits) == (1_000, 600, 0)
    assert "You have 1000" in text(page)
    assert "Up to 600 fit this order: ¥60.00 off." in text(page)
    page = update(shopper, form_of(page) | {"credits": "410"})
    assert bill(page).quote.payable == POT + FAN - 4_100
    assert bill(page).earns == (POT + FAN - 4_100) // 100
    assert f"You earn {bill(page).earns} credits with it." in text(page)
    place(shopper, form_of(page))
    order = Order.objects.get()
    assert (order.credits, order.credits_off, order.payable) == (410, 4_100, POT + FAN - 4_100)
    assert has(alice()) == (590, 410)
    assert_audit_holds()


def test_more_than_fit_become_as_many_as_fit(shopper: Client) -> None:
    """The page says so; placed unseen it is refused with the number that fits, and nothing is held."""
    give_credits(alice(), 1_000)
    form = form_of(confirm(shopper))
    page = update(shopper, form | {"credits": "900"})
    assert form_of(page)["credits"] == "600"
    assert "900 do not fit" in text(page)
    before = everything()
    answer = place(shopper, form | {"credits": "900"})
    assert answer.status_code == 409
    assert "Only 600 credits of yours can be used on this" in text(answer)
    assert form_of(answer)["credits"] == "600"
    assert everything() == before


def test_credits_spent_elsewhere_meanwhile(shopper: Client) -> None:
    """Held by another order since: refused with what is left, and the page stands with that."""
    give_credits(alice(), 500)
    form = form_of(update(shopper, form_of(confirm(shopper)) | {"credits": "400"}))
    placed(alice(), (sku(teapot()), 1), credits=300)
    before = everything()
    answer = place(shopper, form)
    assert "Only 200 credits of yours" in text(answer)
    assert form_of(answer)["credits"] == "200"
    assert everything() == before


@pytest.mark.parametrize("junk", [*(set(JUNK) - {"", " ", "0"}), "1.5", "-3", "1e3", "9" * 18])
def test_junk_credits_are_told(shopper: Client, junk: str) -> None:
    """No number, no order: a sentence beside the field, and the figures without them."""
    give_credits(alice(), 100)
    form = form_of(confirm(shopper))
    before = everything()
    for send in (place, update):
        cache.clear()
        answer = send(shopper, form | {"credits": junk})
        assert answer.status_code == (409 if send is place else 200)
        assert "Write a whole number" in text(answer)
        assert form_of(answer)["credits"] == "0"
    assert everything() == before


def test_without_credits_nothing_is_asked(shopper: Client) -> None:
    """Nobody's field: no credits, or nothing here that takes them."""
    assert 'name="credits"' not in confirm(shopper).content.decode()
    give_credits(alice(), 100)
    assert 'name="credits"' in confirm(shopper).content.decode()
    Product.objects.update(most_credits=0)
    page = confirm(shopper)
    assert 'name="credits"' not in page.content.decode()
    assert "No credits can be used on this order." in text(page)


def test_nothing_left_to_pay_is_paid_at_once(shopper: Client) -> None:
    """A coupon that covers everything: the button says so, and the result comes without a cashier."""
    coupon_of(alice(), 100_000, name="All of it")
    page = confirm(shopper)
    assert bill(page).quote.payable == 0
    assert "Get it for free" in text(page)
    answer = place(shopper, form_of(page))
    order = Order.objects.get()
    assert answer.url == f"/pay/{order.number}/result/"
    assert (order.status, order.payable, order.list_total) == (Status.PAID, 0, POT + FAN)
    assert Grant.objects.get().state == GrantState.USED
    assert_audit_holds()


# -- what changed --------------------------------------------------------------------------------
def test_an_activity_that_ended_is_named(shopper: Client) -> None:
    """The price after it is not the price any more: both figures, nothing held, and it goes at the new one."""
    discount(80, products=[teapot()])
    form = form_of(confirm(shopper))
    Activity.objects.all().delete()
    before = everything()
    answer = place(shopper, form)
    assert "“Wood-fired teapot” costs ¥268.00 (you saw ¥214.40)" in text(answer)
    assert everything() == before
    place(shopper, form_of(answer))
    assert Order.objects.get().payable == POT + FAN


def test_several_changes_are_all_named(shopper: Client) -> None:
    """The refusal names the first; the page lists the others."""
    form = form_of(confirm(shopper))
    Sku.objects.filter(code__in=["teapot-0", "fan-0"]).update(price=30_000)
    said = text(place(shopper, form))
    assert "“Wood-fired teapot” is now ¥300.00 (you saw ¥268.00)" in said or (
        "“Wood-fired teapot” now costs ¥300.00 (you saw ¥268.00)" in said
    )
    assert "fan” now costs ¥300.00 (you saw ¥98.00)" in said or (
        "fan” is now ¥300.00 (you saw ¥98.00)" in said
    )


def test_new_figures_tell_what_changed(shopper: Client) -> None:
    """Asking for figures after a change of prices says so as well; nothing is placed by it."""
    form = form_of(confirm(shopper))
    Sku.objects.filter(code="fan-0").update(price=10_000)
    before = everything()
    answer = update(shopper, form)
    assert answer.status_code == 200
    assert "“Bamboo fan” now costs ¥100.00 (you saw ¥98.00)." in text(answer)
    assert everything() == before


def test_another_coupon_without_new_figures_is_not_placed(shopper: Client) -> None:
    """Without a script one may choose another and press on: the sum was of the first, so it is shown again."""
    coupon_of(alice(), 5_000, name="Best")
    second = coupon_of(alice(), 1_000, name="Second")
    form = form_of(confirm(shopper)) | {"coupon": str(second.pk)}
    before = everything()
    answer = place(shopper, form)
    assert "The whole now costs ¥356.00 (you saw ¥316.00)" in text(answer)
    assert form_of(answer)["coupon"] == str(second.pk)
    assert everything() == before


def test_two_tabs_with_other_choices_make_one_order(shopper: Client) -> None:
    """The second tab's lines are ordered already: it leads to that order and says that it stands as it was."""
    coupon_of(alice(), 5_000)
    form = form_of(confirm(shopper))
    other = form_of(update(shopper, form | {"coupon": ""}))
    first = place(shopper, form)
    second = shopper.post("/confirm/place/", other, follow=True)
    assert second.redirect_chain[0][0] == first.url
    assert "This was ordered before, as it was chosen then" in text(second)
    assert Order.objects.get().coupon_off == 5_000
    again = shopper.post("/confirm/place/", form, follow=True)
    assert "This was ordered before" not in text(again)


def test_a_script_gets_the_parts(shopper: Client) -> None:
    """Figures, coupons and credits, without the page around them and without the address."""
    give_credits(alice(), 100)
    answer = update(shopper, form_of(confirm(shopper)) | {"credits": "100"}, headers=HX)
    html = answer.content.decode()
    assert "<html" not in html
    assert html.count("<hx-partial") == 4
    assert "to-street" not in html
    assert "−¥10.00" in html
    CartLine.objects.all().delete()
    answer = update(shopper, form_of(answer), headers=HX)
    assert answer.headers["HX-Redirect"] == "/cart/"


def test_new_figures_keep_an_address_half_typed(shopper: Client) -> None:
    """What was typed stays typed, and is not found wanting before the order is placed."""
    typed = {"address": "new", "to-name": "Alice", "to-street": "<b>", "to-phone": "x"}
    answer = update(shopper, form_of(confirm(shopper)) | typed)
    assert answer.status_code == 200
    assert not answer.context["form"].errors
    html = answer.content.decode()
    assert 'value="&lt;b&gt;"' in html
    assert answer.context["address"] == "new"


@pytest.mark.parametrize("name", ["items", "key", "coupon", "credits", "payable", "address"])
def test_junk_never_fails(shopper: Client, name: str) -> None:
    """Whatever the form carries, both of its addresses answer, and nothing is written."""
    coupon_of(alice()), give_credits(alice(), 100)
    form = form_of(confirm(shopper)) | {"address": ""}
    before = everything()
    for junk in [*JUNK, "9" * 19, str(2**63 - 1)]:
        cache.clear()
        for send in (update, place):
            assert send(shopper, form | {name: junk}).status_code in (200, 302, 409, 422)
    assert everything() == before
    assert not Account.objects.filter(balance__lt=0)


def test_a_payable_cannot_be_made_up(shopper: Client) -> None:
    """A form that claims another sum, or none, is refused."""
    form = form_of(confirm(shopper))
    before = everything()
    for payable in ("0", "1", str(POT), ""):
        assert place(shopper, form | {"payable": payable}).status_code == 409
    assert everything() == before


# -- renewing ------------------------------------------------------------------------------------
def enrolled(days: int | None) -> Enrolment:
    now = clock.now()
    until = now + timedelta(days=days) if days is not None else None
    return Enrolment.objects.create(
        user=alice(), product=python_course(), order_line_id=1, valid_from=now, valid_until=until
    )


def test_a_renewal_moves_the_end(shopper: Client) -> None:
    """Its own price, from the old end to the new one; placed and free of charge, the course runs longer."""
    Sku.objects.filter(product=python_course(), validity_days=30).update(renewal_price=6_000)
    old = enrolled(10)
    address = f"/confirm/?sku={sku(python_course()).pk}&renew=1"
    page = confirm(shopper, address)
    [row] = page.context["rows"]
    assert (row.price, row.until) == (6_000, old.valid_until)
    assert row.runs_until == old.valid_until + timedelta(days=30)
    assert "What you renew" in text(page)
    coupon_of(alice(), 6_000)
    place(shopper, form_of(confirm(shopper, address)))
    line = Order.objects.get().lines.get()
    assert line.is_renewal
    new = Enrolment.objects.get(order_line_id=line.pk)
    assert new.valid_until == old.valid_until + timedelta(days=30)


@pytest.mark.parametrize(
    ("days", "said"),
    [(None, "is yours for ever: there is nothing to renew"), (-1, "cannot be renewed")],
)
def test_what_cannot_be_renewed_says_why(shopper: Client, days: int | None, said: str) -> None:
    """For ever, or lapsed: the sentence, and no button; sent all the same, it is refused."""
    enrolled(days)
    page = confirm(shopper, f"/confirm/?sku={sku(python_course()).pk}&renew=1")
    assert page.context["blocked"]
    assert said in text(page)
    assert not re.search(r"<button[^>]*data-place", page.content.decode())
    before = everything()
    item = f"{sku(python_course()).pk}:1:{COURSE}:{COURSE}:0:1"
    form = {"items": item, "key": "k", "payable": str(COURSE), "credits": "0"}
    assert said in text(place(shopper, form))
    assert everything() == before


def test_goods_are_not_renewed(shopper: Client) -> None:
    """The word means nothing for them: they are bought."""
    page = confirm(shopper, f"/confirm/?sku={sku(teapot()).pk}&renew=1")
    assert not page.context["rows"][0].renew
    item = f"{sku(teapot()).pk}:1:{POT}:{POT}:0:1"
    before = everything()
    answer = place(shopper, form_of(page) | {"items": item})
    assert answer.status_code == 409
    assert everything() == before


def test_steps_and_coupons_in_chinese(client: Client) -> None:
    """The page in the language of most of its readers."""
    client.force_login(alice())
    cart.add(alice().pk, sku(free_course()).pk)
    cart.add(alice().pk, sku(python_course()).pk)
    threshold((5_000, 500), name="Steps")
    rate_of(alice(), 85)
    give_credits(alice(), 5)
    said = text(client.get("/confirm/"))
    for words in ("8.5 折", "优惠券", "共有 5", "支付后可得 94 积分"):
        assert words in said, said


def test_a_revoked_coupon_is_gone(shopper: Client) -> None:
    """Taken back by the shop, it is not among hers."""
    in_hand(Coupon.objects.get(pk=coupon_of(alice()).coupon_id), alice(), GrantState.REVOKED)
    assert len(bill(confirm(shopper)).picks) == 1
    assert credits.of(alice().pk) == 0
