"""The back office as a whole: where its rooms are, and what its first page says.

`navigation`, `dashboard`, `icon` and `style` are named in `settings.UNFOLD`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.clock import status
from shigu.clock.models import Quarantine
from shigu.kit.office import shown
from shigu.ops import mailbox
from shigu.orders.models import Order, Shipment, Status
from shigu.payments.models import (
    Attempt,
    Discrepancy,
    Money,
    NoticeTally,
    Refund,
    RefundState,
)

DAY = timedelta(days=1)
CAP = 10_000

ROOMS: list[tuple[str | Promise, list[tuple[str | Promise, str, str]]]] = [
    (
        _("Orders"),
        [
            (_("Orders"), "receipt_long", "orders_order"),
            (_("Shipments"), "local_shipping", "orders_shipment"),
            (_("Enrolments"), "school", "learning_enrolment"),
        ],
    ),
    (
        _("Auctions"),
        [
            (pgettext_lazy("auctions", "Sessions"), "gavel", "auctions_session"),
            (_("Lots"), "category", "auctions_lot"),
            (_("Awards"), "emoji_events", "auctions_award"),
            (_("Deposits"), "savings", "auctions_deposit"),
            (_("Bars from bidding"), "block", "auctions_ban"),
            (_("Outages"), "power_off", "auctions_outage"),
        ],
    ),
    (
        _("Money"),
        [
            (_("Payments"), "payments", "payments_attempt"),
            (_("Refunds"), "undo", "payments_refund"),
            (_("Provider notices"), "mark_email_read", "payments_notice"),
            (_("Refused notices"), "report", "payments_noticetally"),
            (_("Bills"), "fact_check", "payments_billday"),
            (_("Differences"), "difference", "payments_discrepancy"),
            (_("Months"), "calendar_month", "reporting_month"),
        ],
    ),
    (
        _("Ledger"),
        [
            (_("Accounts"), "account_balance", "ledger_account"),
            (_("Transfers"), "swap_horiz", "ledger_transfer"),
        ],
    ),
    (
        _("Coupons"),
        [
            (_("Coupons"), "confirmation_number", "promotions_coupon"),
            (_("Coupons in people's hands"), "redeem", "promotions_grant"),
        ],
    ),
    (
        _("Catalogue"),
        [
            (_("Courses and goods"), "storefront", "catalogue_product"),
            (_("Activities"), "percent", "catalogue_activity"),
            (_("Stock"), "inventory_2", "catalogue_stock"),
            (_("Stock movements"), "swap_vert", "catalogue_stockmovement"),
            (_("Categories"), "category", "catalogue_category"),
            (_("Directions"), "explore", "catalogue_direction"),
        ],
    ),
    (
        _("People"),
        [
            (_("Users"), "group", "accounts_user"),
            (_("Addresses"), "home_pin", "accounts_address"),
            (_("Notices to people"), "notifications", "notices_notice"),
        ],
    ),
    (
        _("Clock"),
        [
            (_("Kinds"), "schedule", "clock_kindstate"),
            (_("Set aside"), "front_hand", "clock_quarantine"),
            (_("Periodic work"), "event_repeat", "clock_periodic"),
            (_("Runs of periodic work"), "history", "clock_run"),
            (_("Dispatchers"), "memory", "clock_dispatcher"),
        ],
    ),
]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the first page: what it counts, where to look, whether somebody should."""

    title: str
    value: str
    words: str
    link: str
    urgent: bool = False


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The rooms in the side bar; a room nobody has built, or the reader may not enter, is not shown."""
    first = {"title": _("Today"), "icon": "wb_twilight", "link": reverse("admin:index")}
    rooms: list[dict[str, Any]] = [{"title": None, "items": [first]}]
    for title, doors in ROOMS:
        items = [_door(*door) for door in doors if _address(door[2]) and _may_see(request, door[2])]
        if items:
            rooms.append({"title": title, "separator": True, "items": items})
    return [*rooms, *_trying_out(request)]


def _trying_out(request: HttpRequest) -> list[dict[str, Any]]:
    """What a shop that is only tried out has besides: its mails, in a mailbox on this machine."""
    if not mailbox.is_open_to(request):
        return []
    door = {"title": _("Mailbox"), "icon": "inbox", "link": reverse("mailbox")}
    return [{"title": _("Trying out"), "separator": True, "items": [door]}]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The few numbers an operator needs, and the last day in a row of figures."""
    user = request.user
    kinds = [
        (_orders, "orders.view_order"),
        (_money, "payments.view_attempt"),
        (_clock, "clock.view_quarantine"),
    ]
    figures = [figure for make, right in kinds if user.has_perm(right) for figure in make()]
    day = _last_day() if user.has_perm("orders.view_order") else []
    return {**context, "figures": figures, "day": day}


def _orders() -> list[Figure]:
    waiting = Shipment.objects.filter(shipped_at=None, recalled_at=None)
    oldest = waiting.order_by("since").values_list("since", flat=True).first()
    unpaid = Order.objects.filter(status=Status.UNPAID)
    late = oldest is not None and clock.now() - oldest > 2 * DAY
    return [
        Figure(
            gettext("To ship"),
            _count(waiting),
            gettext("the oldest waits since %(day)s") % {"day": f"{oldest:%m-%d}"}
            if oldest
            else gettext("nothing waits"),
            _address("orders_shipment") + "?shipped_at__isempty=1&recalled_at__isempty=1",
            late,
        ),
        Figure(
            gettext("Unpaid, held"),
            _count(unpaid),
            gettext("they pay or lapse by themselves"),
            _address("orders_order") + f"?status__exact={Status.UNPAID}",
        ),
    ]


def _money() -> list[Figure]:
    going = Refund.objects.filter(state=RefundState.SENDING)
    refused = Refund.objects.filter(state=RefundState.REFUSED)
    amount = going.aggregate(all=Sum("amount"))["all"] or 0
    week = (clock.now() - 7 * DAY).date()
    junk = NoticeTally.objects.filter(day__gte=week).aggregate(all=Sum("count"))["all"] or 0
    where = _address("payments_refund")
    differ = Discrepancy.objects.filter(looked_at=None, gone_at=None)
    return [
        Figure(gettext("Money going back"), _count(going), shown(amount), where),
        Figure(
            gettext("Refunds refused"),
            _count(refused),
            gettext("by the provider; decide what to do"),
            where,
            refused.exists(),
        ),
        Figure(
            gettext("Refused notices"),
            str(junk),
            gettext("in seven days: not signed by the provider, or not for us"),
            _address("payments_noticetally"),
        ),
        Figure(
            gettext("Differences from bills"),
            _count(differ),
            gettext("between the provider's bills and our books, not looked at yet"),
            _address("payments_discrepancy") + "?odd=1",
            differ.exists(),
        ),
    ]


def _clock() -> list[Figure]:
    kinds = status.kinds()
    late = [kind for kind in kinds if kind.alarm]
    aside = Quarantine.objects.filter(shown=True)
    words = ", ".join(kind.kind for kind in late) or gettext("everything is on time")
    return [
        Figure(
            gettext("Late kinds"), str(len(late)), words, _address("clock_kindstate"), bool(late)
        ),
        Figure(
            gettext("Set aside"),
            _count(aside),
            gettext("rows that failed alone"),
            _address("clock_quarantine"),
            aside.exists(),
        ),
    ]


def _last_day() -> list[tuple[str, str]]:
    since = clock.now() - DAY
    placed = Order.objects.filter(placed_at__gte=since).aggregate(
        all=Count("pk"),
        paid=Count("pk", filter=Q(status=Status.PAID)),
        expired=Count("pk", filter=Q(status=Status.EXPIRED)),
        cancelled=Count("pk", filter=Q(status=Status.CANCELLED)),
    )
    taken = Attempt.objects.filter(decided_at__gte=since, money=Money.APPLIED)
    return [
        (gettext("Orders placed"), str(placed["all"])),
        (gettext("Paid of them"), str(placed["paid"])),
        (gettext("Expired of them"), str(placed["expired"])),
        (gettext("Cancelled of them"), str(placed["cancelled"])),
        (gettext("Money taken"), shown(taken.aggregate(all=Sum("amount"))["all"] or 0)),
    ]


def _count(rows: Any) -> str:
    """Counts stop at ten thousand: the first page stays quick however much there is."""
    found = rows.order_by()[: CAP + 1].count()
    return f"> {CAP:,}" if found > CAP else str(found)


def _door(title: str | Promise, icon_name: str, name: str) -> dict[str, Any]:
    return {"title": title, "icon": icon_name, "link": _address(name)}


def _address(name: str) -> str:
    try:
        return reverse(f"admin:{name}_changelist")
    except NoReverseMatch:
        return ""


def _may_see(request: HttpRequest, name: str) -> bool:
    app, _, model = name.partition("_")
    return bool(request.user.has_perm(f"{app}.view_{model}"))


def icon(request: HttpRequest) -> str:
    return static("web/favicon.svg")


def style(request: HttpRequest) -> str:
    return static("office/office.css")
