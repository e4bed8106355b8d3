"""What operators may do to a session, a lot, a bar or an award: each act with its words, form and verb."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from shigu import clock
from shigu.auctions import (
    barring,
    composing,
    extending,
    publishing,
    relisting,
    reversing,
    second_chance,
    withdrawing,
)
from shigu.auctions.checking import HORIZON
from shigu.auctions.models import Award, Ban, Lot, LotState, Session, SessionState
from shigu.auctions.session_form import Moment
from shigu.kit.office import Act, Text, shown, tell_far


class WhyForm(forms.Form):
    """Why; bidders read it."""

    why = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Bidders read it."),
        widget=UnfoldAdminTextInputWidget,
    )


class ReasonForm(forms.Form):
    """Why; it stays on record."""

    reason = forms.CharField(label=_("Reason"), max_length=120, widget=UnfoldAdminTextInputWidget)


class UntilForm(forms.Form):
    """A later end."""

    until = forms.DateTimeField(label=_("Closes at"), widget=Moment)

    def clean(self) -> dict[str, Any]:
        tell_far(self, ["until"], HORIZON, clock.now())
        return self.cleaned_data


class CopyForm(forms.Form):
    """Whether what came to nothing comes along."""

    relist = forms.BooleanField(
        label=_("List again what passed in, was withdrawn or not paid"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )


class RelistForm(forms.Form):
    """A session in draft to list a lot in."""

    session = forms.ModelChoiceField(
        Session.objects.none(), label=_("Session in draft"), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        drafts = Session.objects.filter(state=SessionState.DRAFT)
        self.fields["session"].queryset = drafts  # type: ignore[attr-defined]


class OfferForm(forms.Form):
    """For how long an offer stands."""

    hours = forms.IntegerField(
        label=_("Hours to pay"),
        initial=24,
        min_value=1,
        max_value=720,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def publish(session: Session) -> Act:
    """A draft becomes public; time does the rest."""

    def do(_data: dict[str, Any]) -> str:
        publishing.publish(session.pk)
        return gettext("It is published; from now on time does the rest.")

    lots = session.lots.count()
    return Act(
        title=_("Publish this session"),
        words=_("It is shown from now on, and previews, opens and closes by itself at its times."),
        button=_("Publish it"),
        do=do,
        facts=[*_facts(session), (_("lots"), str(lots))],
    )


def withdraw_session(session: Session) -> Act:
    """The whole session, but for what is over."""

    def do(data: dict[str, Any]) -> str:
        withdrawing.withdraw_session(session.pk, why=data["why"])
        return gettext("Withdrawn: %(why)s") % data

    return Act(
        title=_("Withdraw this session"),
        words=_(
            "Lots that are not over are taken out, and their deposits go back. It cannot be undone."
        ),
        button=_("Withdraw it"),
        do=do,
        form=WhyForm,
        facts=_facts(session),
    )


def copy(session: Session, by: int) -> Act:
    """The same again, as a draft."""

    def do(data: dict[str, Any]) -> str:
        new = composing.copy(session.pk, by=by, relist=data["relist"])
        count = new.lots.count()
        said = ngettext(
            "A draft was made, with %(count)d lot; it opens on %(day)s.",
            "A draft was made, with %(count)d lots; it opens on %(day)s.",
            count,
        )
        return said % {"count": count, "day": _moment(new.opens_at)}

    return Act(
        title=_("Copy this session"),
        words=_(
            "A new draft with the same words and rules, on the same weekday of a week to come."
        ),
        button=_("Copy it"),
        do=do,
        form=CopyForm,
        facts=_facts(session),
    )


def extend(lot: Lot, by: int) -> Act:
    """More time for an open lot."""

    def do(data: dict[str, Any]) -> str:
        row = extending.extend(lot.pk, until=data["until"], by=by)
        return gettext("It closes at %(end)s.") % {"end": _moment(row.closes_at)}

    return Act(
        title=_("Give this lot more time"),
        words=_("Everybody sees the new end at once. It can only be later than now."),
        button=_("Move the end"),
        do=do,
        form=UntilForm,
        facts=_facts_of_lot(lot),
    )


def withdraw_lot(lot: Lot) -> Act:
    """One lot."""

    def do(data: dict[str, Any]) -> str:
        withdrawing.withdraw_lot(lot.pk, why=data["why"])
        return gettext("Withdrawn: %(why)s") % data

    return Act(
        title=_("Withdraw this lot"),
        words=_("Its bids count no more, and its deposits go back. It cannot be undone."),
        button=_("Withdraw it"),
        do=do,
        form=WhyForm,
        facts=_facts_of_lot(lot),
    )


def relist(lot: Lot) -> Act:
    """The same thing in another session."""

    def do(data: dict[str, Any]) -> str:
        new = relisting.relist(lot.pk, session_id=data["session"].pk)
        words = {"number": new.number, "name": data["session"].name}
        return gettext("It is lot %(number)d of “%(name)s”.") % words

    return Act(
        title=_("List this lot again"),
        words=_("A new lot of the same thing; this one stays as it is."),
        button=_("List it"),
        do=do,
        form=RelistForm,
        facts=_facts_of_lot(lot),
    )


def offer(lot: Lot) -> Act:
    """A second chance for the next bidder."""
    bidder = second_chance.next_bidder(lot.pk)

    def do(data: dict[str, Any]) -> str:
        award = second_chance.offer(lot.pk, seconds=data["hours"] * 3600)
        words = {"name": award.user.get_username(), "price": shown(award.price)}
        return gettext("Offered to %(name)s for %(price)s.") % words

    return Act(
        title=_("Offer it to the next bidder"),
        words=_("At that bidder's own amount, without a deposit; whoever declines loses nothing."),
        button=_("Offer it"),
        do=do,
        form=OfferForm,
        facts=[
            *_facts_of_lot(lot),
            (_("would pay"), shown(bidder.amount) if bidder else gettext("nobody else has bid")),
        ],
    )


def lift(ban: Ban) -> Act:
    """Somebody may bid again."""

    def do(data: dict[str, Any]) -> str:
        barring.lift(ban.pk, reason=data["reason"])
        return gettext("Lifted: %(reason)s") % data

    return Act(
        title=_("Lift this bar"),
        words=_(
            "From now on they may bid again; a lot that they did not pay stays closed to them."
        ),
        button=_("Lift it"),
        do=do,
        form=ReasonForm,
        facts=[(_("bidder"), ban.user.get_username()), (_("until"), _moment(ban.until))],
    )


def reverse(award: Award, by: int) -> Act:
    """A forfeit is undone."""

    def do(data: dict[str, Any]) -> str:
        reversing.reverse(award.pk, reason=data["reason"], by=by)
        return gettext("%(amount)s given back: %(reason)s") % {
            "amount": shown(award.forfeited),
            **data,
        }

    return Act(
        title=_("Give a forfeit back"),
        words=_(
            "The same amount goes the other way; where nothing else waits, back as it was paid."
        ),
        button=_("Give it back"),
        do=do,
        form=ReasonForm,
        facts=[
            *_facts_of_lot(award.lot),
            (_("bidder"), award.user.get_username()),
            (_("forfeited"), shown(award.forfeited)),
        ],
    )


def _facts(session: Session) -> list[tuple[Text, Text]]:
    return [
        (pgettext_lazy("auctions", "session"), session.name),
        (_("preview begins"), _moment(session.preview_from)),
        (_("opens"), _moment(session.opens_at)),
        (_("first lot closes"), _moment(session.closes_at)),
    ]


def _facts_of_lot(lot: Lot) -> list[tuple[Text, Text]]:
    row = getattr(lot, "bidding", None)
    facts: list[tuple[Text, Text]] = [(_("lot"), f"{lot.number} · {lot.name}")]
    if row:
        price = (_("price"), shown(row.price))
        word = LotState.LIVE.label if row.is_open(clock.now()) else row.get_state_display()
        facts += [(_("state"), word), price, (_("end"), _moment(row.closes_at))]
    return facts


def _moment(moment: Any) -> str:
    return localize(localtime(moment))
