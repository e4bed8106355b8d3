"""One's own order behind a number in an address: anyone else's is a page that does not exist."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from shigu.orders import owning
from shigu.orders.models import Order


def own_order(request: HttpRequest, number: str) -> Order:
    """The signed-in reader's order, with lines and history; Http404 for everybody else's."""
    if request.user.pk is None:
        raise Http404
    try:
        return owning.of(request.user.pk, number)
    except Order.DoesNotExist as error:
        raise Http404 from error
