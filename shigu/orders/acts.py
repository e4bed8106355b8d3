"""What operators may do to one order: each act with its words, its form and the verb behind it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from shigu.kit.office import Act, Text, shown
from shigu.orders import cancelling, refunding, shipping
from shigu.orders.models import Order


class ShippingForm(forms.Form):
    """What the buyer needs to follow a parcel."""

    carrier = forms.CharField(label=_("Carrier"), max_length=40, widget=UnfoldAdminTextInputWidget)
    tracking_no = forms.CharField(
        label=_("Tracking number"), max_length=60, widget=UnfoldAdminTextInputWidget
    )


def cancel(order: Order, by: int) -> Act:
    """Everything it holds comes back; open cashiers are closed."""

    def do(_data: dict[str, Any]) -> str:
        cancelling.cancel(order.pk, by=by)
        return gettext("Cancelled by an operator.")

    return Act(
        title=_("Cancel this order"),
        words=_(
            "What it holds comes back at once. Should a payment still arrive, it goes back by itself."
        ),
        button=_("Cancel the order"),
        do=do,
        facts=_facts(order),
    )


def ship(order: Order, by: int) -> Act:
    """The parcel is handed over; the buyer sees carrier and number."""

    def do(data: dict[str, Any]) -> str:
        shipping.ship(order.pk, by=by, **data)
        return gettext("Shipped with %(carrier)s, %(tracking_no)s.") % data

    return Act(
        title=_("Ship this order"),
        words=_("Say who carries it and under which number; the buyer sees both."),
        button=_("It is on its way"),
        do=do,
        form=ShippingForm,
        facts=_facts(order),
    )


def refund(order: Order, by: int) -> Act:
    """The whole order's money goes back by the way it came."""

    def do(_data: dict[str, Any]) -> str:
        refunding.refund(order.pk, by=by)
        return gettext("A refund of %(amount)s was decided.") % {"amount": shown(order.payable)}

    return Act(
        title=_("Refund this order"),
        words=_(
            "All of the money goes back by the way it came. Courses end when it has arrived;"
            " goods that were not shipped return to the shelf."
        ),
        button=_("Send the money back"),
        do=do,
        facts=_facts(order),
    )


def _facts(order: Order) -> list[tuple[Text, Text]]:
    return [
        (_("number"), order.number),
        (_("buyer"), order.user.get_username()),
        (_("to pay"), shown(order.payable)),
        *([(_("sent to"), order.sent_to)] if order.sent_to else []),
    ]
