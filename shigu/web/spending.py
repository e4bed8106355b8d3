"""Spending: every payment and refund of the reader, with what it was for, how, how much, when.

Orders, top-ups and deposits alike; a page of them costs the same few queries however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu.auctions.models import Deposit
from shigu.kit.money import Fen
from shigu.orders.models import Order
from shigu.payments.models import RefundState
from shigu.payments.movements import Movement, Movements
from shigu.payments.provider import providers
from shigu.web.inputs import one_of
from shigu.web.reader import me

SIZES = [10, 20, 50]
WAYS_BACK: Mapping[str, str | Promise] = {
    RefundState.SENDING: gettext_lazy("on its way back"),
    RefundState.SENT: gettext_lazy("came back"),
    RefundState.REFUSED: gettext_lazy("could not be sent back yet; we are looking into it"),
}


class Spent(NamedTuple):
    """One row: `amount` in fen is below zero for what was spent; `became` tells of a refund."""

    what: str
    link: str
    number: str
    way: str | Promise
    amount: Fen
    at: datetime
    became: str | Promise
    is_refund: bool


@never_cache
@login_required
@require_safe
def my_spending(request: HttpRequest) -> HttpResponse:
    """One page of it, newest first; junk in the address falls back to the first."""
    size = one_of(request.GET.get("size"), SIZES)
    pages: Paginator[Movement] = Paginator(Movements(me(request)), size)
    page = pages.get_page(request.GET.get("page", "1"))
    context = {
        "rows": spent(page),
        "page": page,
        "sizes": SIZES,
        "size": size,
    }
    return render(request, "web/centre/spending.html", context)


def spent(movements: Iterable[Movement]) -> list[Spent]:
    """Movements in words; what an order was for is read for all of them together."""
    moved = list(movements)
    ids = {m.attempt.subject_id for m in moved if m.attempt.purpose == "order"}
    orders = Order.objects.filter(pk__in=ids).prefetch_related("lines").in_bulk() if ids else {}
    held = {m.attempt.subject_id for m in moved if m.attempt.purpose == "deposit"}
    rows = Deposit.objects.filter(pk__in=held).select_related("lot", "session")
    deposits = rows.in_bulk() if held else {}
    return [_spent(movement, orders, deposits) for movement in moved]


def _spent(
    movement: Movement, orders: Mapping[int, Order], deposits: Mapping[int, Deposit]
) -> Spent:
    attempt, refund = movement.attempt, movement.refund
    order = orders.get(attempt.subject_id) if attempt.purpose == "order" else None
    deposit = deposits.get(attempt.subject_id) if attempt.purpose == "deposit" else None
    return Spent(
        what=_what(order, deposit),
        link=_link(order, deposit, attempt.number),
        number=attempt.number,
        way=providers[attempt.provider].name,
        amount=movement.amount,
        at=(refund.ended_at if refund else None) or movement.at,
        became=WAYS_BACK[refund.state] if refund else "",
        is_refund=refund is not None,
    )


def _what(order: Order | None, deposit: Deposit | None) -> str:
    if deposit:
        return _("Deposit: %(name)s") % {"name": (deposit.lot or deposit.session).name}
    return _names(order) if order else _("Top-up of your balance")


def _names(order: Order) -> str:
    """What was bought: two names at most, and that there was more."""
    names = [line.name for line in order.lines.all()]
    text = pgettext("between names", ", ").join(names[:2])
    return _("%(names)s and more") % {"names": text} if len(names) > 2 else text


def _link(order: Order | None, deposit: Deposit | None, number: str) -> str:
    """Where it can be seen; an order that its buyer deleted is seen nowhere."""
    if deposit:
        return reverse("deposit_result", args=[number])
    if order is None:
        return reverse("top_up_result", args=[number])
    return "" if order.hidden else reverse("order", args=[number])


urlpatterns = [path("me/spending/", my_spending, name="my_spending")]
