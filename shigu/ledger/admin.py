"""The ledger in the back office: accounts, transfers, what the house stands at, and adjusting by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from shigu.accounts.models import User
from shigu.kit.office import Watched, confirmed, page
from shigu.ledger import acts, adjusting, statements, telling
from shigu.ledger.figures import figure, is_in_credits
from shigu.ledger.models import HOUSE, Account, Book, Event, Transfer, account, book_of, owner_of

OF_ORDERS = {
    Event.HOLD, Event.RELEASE, Event.SPEND, Event.EARN, Event.GIVE_BACK, Event.TAKE_BACK
}  # fmt: skip
ROOMS = {
    **dict.fromkeys(OF_ORDERS, "orders_order"),
    **dict.fromkeys(
        (Event.PAYMENT, Event.TOP_UP, Event.DEPOSIT, Event.RETURNING), "payments_attempt"
    ),
    **dict.fromkeys((Event.FORFEIT, Event.APPLY, Event.REVERSE), "auctions_award"),
    **dict.fromkeys((Event.REFUND, Event.REFUNDED), "payments_refund"),
    Event.WELCOME: "accounts_user",
}
"""Where the row stands that an event is about."""

MEANING = {
    Book.SALES: _("what paid orders brought, less what was refunded"),
    Book.CLEARING: _("below zero: what the provider took in for the shop"),
    Book.TRANSIT: _("refunds that were decided and have not arrived"),
    Book.FORFEITED: _("deposits of those who did not pay what they won"),
    Book.DEPOSIT: _("what bidders have deposited"),
    Book.GIVEN: _("below zero: what operators gave, less what they took"),
    Book.ISSUED: _("below zero: credits that the shop gave out"),
    Book.REDEEMED: _("credits that paid for orders"),
    Book.BALANCE: _("what people have to spend"),
    Book.CREDITS: _("what people have to spend"),
    Book.CREDITS_HELD: _("what waits in unpaid orders"),
}


PERSONAL = [book for book in Book if not book & HOUSE and book != Book.DEPOSIT]
"""Books whose accounts belong to people; a deposit's account is the deposit's own."""


def person(owner: Combinable) -> Subquery:
    """The name of the user with this id."""
    return Subquery(User.objects.filter(pk=owner).values("username")[:1])


def owner_in(column: str) -> Combinable:
    """The owner in an account's id, seen from inside a subquery."""
    return OuterRef(column).bitrightshift(8)


def called(account_id: int, name: str | None) -> str:
    """An account as people call it: “alice · Credits”, or the house's book."""
    book = book_of(account_id)
    if account_id & HOUSE:
        return str(book.label)
    if book == Book.DEPOSIT:
        name = None  # its owner is the deposit, whatever person has the same id
    return f"{name or owner_of(account_id)} · {book.label}"


def accounts_of(term: str) -> list[int]:
    """Every account that the person of this name or mail address may have."""
    people = User.objects.annotate(mail=Lower("email"))
    found = people.filter(Q(username=term) | Q(mail=term.lower())).values_list("pk", flat=True)
    return [account(book, pk) for pk in found for book in PERSONAL]


class InBook(admin.SimpleListFilter):
    title = _("account")
    parameter_name = "book"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [(book.value, str(book.label)) for book in Book if not book & HOUSE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        if not str(self.value() or "").isdecimal():
            return queryset
        return queryset.alias(within=F("pk").bitand(255)).filter(within=int(str(self.value())))


@admin.register(Account)
class AccountAdmin(Watched):
    list_display = ["whose", "what", "stands_at", "transfers"]
    list_filter = [InBook]
    search_fields = ["pk"]  # people: see get_search_results
    search_help_text = _("User name or mail address, in full")
    list_per_page = 50
    show_full_result_count = False
    ordering = ["-pk"]
    fields = ["whose", "what", "stands_at", "transfers"]
    readonly_fields = fields
    actions_list = ["adjust_somebody", "house"]
    actions_detail = ["adjust", "statement"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        rows: QuerySet[Account] = super().get_queryset(request)
        return rows.annotate(person=person(owner_in("pk")))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        """This person's accounts, by index, however many people there are."""
        term = search_term.strip()
        return (queryset.filter(pk__in=accounts_of(term)) if term else queryset), False

    @admin.display(description=_("person"))
    def whose(self, row: Account) -> str:
        name = None if row.book == Book.DEPOSIT else getattr(row, "person", None)
        return name or str(row.owner)

    @admin.display(description=_("account"))
    def what(self, row: Account) -> str:
        return str(row.book.label)

    @admin.display(description=_("stands at"), ordering="balance")
    def stands_at(self, row: Account) -> str:
        return figure(row.book, row.balance)

    @admin.display(description=_("transfers"))
    def transfers(self, row: Account) -> SafeString:
        url = reverse("admin:ledger_transfer_changelist")
        return format_html('<a href="{}?q={}">{}</a>', url, self.whose(row), gettext("look"))

    @action(  # type: ignore[untyped-decorator]
        description=_("Give or take"), permissions=["adjust"], variant=ActionVariant.PRIMARY
    )
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None or row.book not in adjusting.AGAINST:
            raise Http404
        act = acts.adjustment(row, self.whose(row), request.user.pk or 0)
        return confirmed(self, request, row, act)

    @action(description=_("Statement"), permissions=["view"])  # type: ignore[untyped-decorator]
    def statement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What came and went, with what stood after each transfer."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        told = telling.told(row, self.whose(row), request.GET.get("page", "1"))
        return page(self, request, "ledger/statement.html", _("Statement"), original=row, **told)

    @action(  # type: ignore[untyped-decorator]
        description=_("Give or take"), permissions=["act"], variant=ActionVariant.PRIMARY
    )
    def adjust_somebody(self, request: HttpRequest) -> HttpResponse:
        """Whose account, then the page of that account."""
        act = acts.whose()
        form = act.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            opened = adjusting.open_account(form.cleaned_data["book"], form.cleaned_data["person"])
            return redirect("admin:ledger_account_adjust", opened)
        back = reverse("admin:ledger_account_changelist")
        return page(self, request, "office/act.html", act.title, act=act, form=form, back=back)

    @action(description=_("What the house stands at"), permissions=["view"])  # type: ignore[untyped-decorator]
    def house(self, request: HttpRequest) -> HttpResponse:
        """Every book of the house and, against it, what people have: together nothing, in each unit."""
        sums = {**statements.house(), **statements.people()}
        units = [_unit(_("Money"), sums, credits=False), _unit(_("Credits"), sums, credits=True)]
        return page(self, request, "ledger/house.html", _("What the house stands at"), units=units)

    def has_adjust_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Only what is free can be adjusted; what orders hold follows them."""
        if not self.has_act_permission(request) or not str(object_id).isdecimal():
            return False
        return int(str(object_id)) & 255 in adjusting.AGAINST


def _unit(title: Any, sums: dict[Book, int], *, credits: bool) -> dict[str, Any]:
    books = [book for book in Book if is_in_credits(book) is credits]
    return {
        "title": title,
        "rows": [(book.label, MEANING[book], figure(book, sums[book])) for book in books],
        "all": figure(books[0], sum(sums[book] for book in books)),
    }


@admin.register(Transfer)
class TransferAdmin(Watched):
    list_display = ["at", "kind_shown", "source", "target", "amount_shown", "about", "note", "who"]
    list_filter = ["kind", "at"]
    search_fields = ["note"]  # people: see get_search_results
    search_help_text = _("User name or mail address, in full")
    list_per_page = 50
    show_full_result_count = False
    fields = [
        ("at", "kind_shown"), ("source", "target"), ("amount_shown", "about"), ("note", "who")
    ]  # fmt: skip
    readonly_fields = ["kind_shown", "source", "target", "amount_shown", "about", "who"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        rows: QuerySet[Transfer] = super().get_queryset(request)
        return rows.annotate(
            payer=person(owner_in("debit")),
            payee=person(owner_in("credit")),
            operator=person(OuterRef("by_id")),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Transfer], search_term: str
    ) -> tuple[QuerySet[Transfer], bool]:
        """Everything that came to or went from this person, in all of their accounts."""
        term = search_term.strip()
        if not term:
            return queryset, False
        theirs = accounts_of(term)
        return queryset.filter(_between("debit", theirs) | _between("credit", theirs)), False

    @display(description=_("event"), ordering="kind", label=True)  # type: ignore[untyped-decorator]
    def kind_shown(self, row: Transfer) -> str:
        return str(Event(row.kind).label)

    @admin.display(description=_("from account"))
    def source(self, row: Transfer) -> str:
        return called(row.debit, getattr(row, "payer", None))

    @admin.display(description=_("to account"))
    def target(self, row: Transfer) -> str:
        return called(row.credit, getattr(row, "payee", None))

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, row: Transfer) -> str:
        return figure(book_of(row.debit), row.amount)

    @admin.display(description=_("of"))
    def about(self, row: Transfer) -> SafeString | str:
        room = ROOMS.get(Event(row.kind))
        text = f"{row.subject}/{row.nth}" if row.nth else str(row.subject)
        try:
            url = reverse(f"admin:{room}_change", args=[row.subject]) if room else ""
        except NoReverseMatch:
            url = ""
        return format_html('<a href="{}">{}</a>', url, text) if url else text

    @admin.display(description=_("by"))
    def who(self, row: Transfer) -> str:
        return getattr(row, "operator", None) or ("–" if row.by_id is None else str(row.by_id))


def _between(column: str, accounts: list[int]) -> Q:
    """Rows with one of these accounts there, said as the partial index of people's accounts says it."""
    return Q(Exact(F(column).bitand(HOUSE), 0), **{f"{column}__in": accounts})
