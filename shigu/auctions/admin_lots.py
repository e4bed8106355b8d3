"""Lots in the back office: written on a page of their own, with pictures; what may be done with them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from shigu import clock
from shigu.auctions import (
    admin_acts,
    admin_drafts,
    composing,
    lot_pictures,
    publishing,
    relisting,
    second_chance,
)
from shigu.auctions.admin_pages import Rooms, attempt, told
from shigu.auctions.lot_form import LotForm
from shigu.auctions.models import OPEN_STATES, Lot, LotState, Session, SessionState
from shigu.kit.office import log, shown

COLOURS = {
    LotState.DRAFT.value: "default",
    LotState.PREVIEW.value: "info",
    LotState.LIVE.value: "success",
    LotState.SOLD.value: "warning",
    LotState.PAID.value: "success",
    LotState.PASSED_IN.value: "default",
    LotState.OVERDUE.value: "danger",
    LotState.WITHDRAWN.value: "danger",
}


class LotAdmin(Rooms):
    list_display = ["__str__", "in_session", "number", "state_shown", "starts", "price", "ends"]
    list_filter = ["bidding__state"]
    search_fields = ["name_zh", "name_en", "=sku__code", "=session__slug"]
    list_select_related = ["session", "bidding"]
    ordering = ["-session_id", "number"]
    list_per_page = 50

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "session_id" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lot]:
        rows: QuerySet[Lot] = super().get_queryset(request)
        return rows.select_related("session", "bidding")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A lot is written into a session, from that session's page."""
        can = super().has_add_permission(request)
        return bool(
            can and request.resolver_match and "session_id" in request.resolver_match.kwargs
        )

    @admin.display(description=pgettext_lazy("auctions", "session"), ordering="session_id")
    def in_session(self, lot: Lot) -> SafeString:
        url = reverse("admin:auctions_session_change", args=[lot.session_id])
        return format_html('<a href="{}">{}</a>', url, lot.session.name)

    @display(description=_("state"), label=COLOURS)  # type: ignore[untyped-decorator]
    def state_shown(self, lot: Lot) -> tuple[int, str]:
        state = _shown_state(lot)
        return state.value, str(state.label)

    @admin.display(description=_("start price"))
    def starts(self, lot: Lot) -> str:
        return shown(lot.start_price)

    @admin.display(description=_("price"))
    def price(self, lot: Lot) -> str:
        return shown(lot.bidding.price if hasattr(lot, "bidding") else None)

    @admin.display(description=_("end"), ordering="bidding__closes_at")
    def ends(self, lot: Lot) -> Any:
        return lot.bidding.closes_at if hasattr(lot, "bidding") else None

    def get_urls(self) -> list[URLPattern]:
        acts = self.acts(
            ("extend", admin_acts.extend),
            ("withdraw", lambda row, _by: admin_acts.withdraw_lot(row)),
            ("relist", lambda row, _by: admin_acts.relist(row)),
            ("discard", lambda row, _by: admin_drafts.discard_lot(row)),
            ("offer", lambda row, _by: admin_acts.offer(row)),
        )
        mine = [
            self.own("into/<int:session_id>/", self.write, "write"),
            self.own(
                "<path:object_id>/picture/<int:picture_id>/remove/",
                require_POST(self.remove_picture),
                "remove_picture",
            ),
        ]
        return [*mine, *acts, *super().get_urls()]

    def write(self, request: HttpRequest, session_id: int) -> HttpResponse:
        """A new lot of a session."""
        session = Session.objects.filter(pk=session_id).first()
        if session is None:
            raise Http404
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = LotForm(request.POST or None, request.FILES or None, session=session)

        def save() -> str:
            [lot] = composing.new_lots(session.pk, [form.written()])
            log(request, lot, gettext("Written into “%(name)s”.") % {"name": session.name})
            lot_pictures.add(lot.pk, form.cleaned_data["pictures"])
            told(request, gettext("“%(name)s” is saved.") % {"name": lot.name})
            more = "_more" in request.POST
            return self.address("write", session.pk) if more else _page_of(session)

        return attempt(request, form, save) or self._form(request, form, session, None)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **more: Any
    ) -> HttpResponse:
        """Its rules stand from the preview on, its words from the first bid on."""
        lot: Lot = self.row(request, object_id, change=request.method == "POST")
        bids = lot.bidding.bids if hasattr(lot, "bidding") else 0
        now = clock.now()
        promised = publishing.is_promised(lot.session, now)
        may = publishing.changeable_of_lot(lot.session, now, bids=bids, promised=promised)
        if not self.has_change_permission(request, lot):
            may = frozenset()
        form = LotForm(
            request.POST or None,
            request.FILES or None,
            instance=Lot.objects.get(pk=lot.pk),
            session=lot.session,
            may=may,
        )

        def save() -> str:
            changes, added = form.changes(), form.cleaned_data["pictures"]
            publishing.change_lot(lot.pk, changes, lambda: lot_pictures.add(lot.pk, added))
            if changes or added:
                words = ", ".join([*changes, *(["pictures"] if added else [])])
                log(request, lot, gettext("Changed: %(what)s") % {"what": words})
            told(
                request, gettext("Saved.") if changes or added else gettext("Nothing was changed.")
            )
            return self.address("change", lot.pk)

        return attempt(request, form, save) or self._form(
            request, form, lot.session, lot, promised=promised
        )

    def remove_picture(self, request: HttpRequest, object_id: str, picture_id: int) -> HttpResponse:
        lot: Lot = self.row(request, object_id)
        picture = lot.pictures.filter(pk=picture_id).first()
        if picture is None:
            raise Http404
        lot_pictures.remove(picture)
        log(request, lot, gettext("A picture was removed."))
        told(request, gettext("The picture is removed."))
        return redirect(self.address("change", lot.pk))

    def _form(
        self,
        request: HttpRequest,
        form: LotForm,
        session: Session,
        lot: Lot | None,
        *,
        promised: bool = False,
    ) -> HttpResponse:
        return self.page(
            request,
            "lot",
            title=lot.name if lot else gettext("A new lot of “%(name)s”") % {"name": session.name},
            form=form,
            session=session,
            lot=lot,
            bidding=getattr(lot, "bidding", None),
            pictures=lot.pictures.all() if lot else [],
            acts=_acts(lot) if lot else [],
            state=_shown_state(lot).label if lot else "",
            promised=promised,
            may_save=self.has_change_permission(request, lot),
        )


def _acts(lot: Lot) -> list[tuple[str, str]]:
    """Those that its verbs would not refuse now: where they lead, and their names."""
    state, found = _state(lot), []
    now = clock.now()
    if lot.session.state == SessionState.DRAFT:
        found = [("discard", gettext("Remove it from the draft"))]
    if hasattr(lot, "bidding") and lot.bidding.is_open(now):
        found = [("extend", gettext("Give it more time"))]
    if hasattr(lot, "bidding") and state in OPEN_STATES and now < lot.bidding.closes_at:
        found.append(("withdraw", gettext("Withdraw it")))
    if state in relisting.CAME_TO_NOTHING and not hasattr(lot, "relisted_as"):
        found.append(("relist", gettext("List it again")))
    if state == LotState.OVERDUE and second_chance.next_bidder(lot.pk):
        found.append(("offer", gettext("Offer it to the next bidder")))
    return [(reverse(f"admin:auctions_lot_{name}", args=[lot.pk]), words) for name, words in found]


def _state(lot: Lot) -> LotState:
    return LotState(lot.bidding.state if hasattr(lot, "bidding") else LotState.DRAFT)


def _shown_state(lot: Lot) -> LotState:
    """It is live from its opening on, whether or not the clock wrote that already."""
    is_live = hasattr(lot, "bidding") and lot.bidding.is_open(clock.now())
    return LotState.LIVE if is_live else _state(lot)


def _page_of(session: Session) -> str:
    return reverse("admin:auctions_session_change", args=[session.pk])
