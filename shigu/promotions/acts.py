"""What operators may do to one coupon or one grant: each act with its words, its form and its verb."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from shigu import clock
from shigu.kit.errors import Refusal
from shigu.kit.office import Act, Text
from shigu.promotions import coupon_words, issuing, lists, recipients, revoking, withdrawing
from shigu.promotions.models import Audience, Coupon, Grant, GrantState

NAMED = 10
"""So many of what could not be revoked are named; the others are counted."""


class AudienceForm(forms.Form):
    """Whom a coupon is for; a list is read when the form is, so a wrong name is told beside it."""

    audience = forms.ChoiceField(
        label=_("For whom"),
        choices=Audience.choices,
        initial=Audience.LISTED,
        widget=UnfoldAdminRadioSelectWidget,
    )
    names = forms.CharField(
        label=_("The list"),
        required=False,
        strip=True,
        max_length=600_000,
        widget=UnfoldAdminTextareaWidget,
        help_text=_("User names, mail addresses or ids, one a line or with commas between."),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        data["listed"] = []
        if data.get("audience") == Audience.LISTED and "names" not in self.errors:
            try:
                data["listed"] = recipients.listed(data.get("names", ""))
            except Refusal as refusal:
                self.add_error("names", refusal.message)
            else:
                if not data["listed"]:
                    self.add_error("names", _("Write at least one name."))
        return data


class ReasonForm(forms.Form):
    """Why a coupon is taken back."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=120,
        help_text=_("The buyer reads it."),
        widget=UnfoldAdminTextInputWidget,
    )


def issue(coupon: Coupon, by: int) -> Act:
    """Give it to many; the clock carries it out, and the coupon's page shows how far it is."""

    def do(data: dict[str, Any]) -> str:
        audience = Audience(data["audience"])
        begun = issuing.start(coupon.pk, audience, by=by, listed=data["listed"])
        said = ngettext(
            "It is being given to %(count)d person.",
            "It is being given to %(count)d people.",
            begun.people,
        )
        return said % {"count": begun.people}

    people = [
        (Audience.ALL.label, str(recipients.people(Audience.ALL).count())),
        (Audience.STUDENTS.label, str(recipients.people(Audience.STUDENTS).count())),
    ]
    return Act(
        title=_("Give this coupon to many"),
        words=_(
            "Whoever has one already, used or revoked too, does not get another."
            " Begin it twice and nobody gets two; it never gives more than there are."
        ),
        button=_("Give it"),
        do=do,
        form=AudienceForm,
        facts=[*_facts(coupon), *people],
    )


def withdraw(coupon: Coupon) -> Act:
    """Nobody can get it any more; who has one keeps it."""

    def do(_data: dict[str, Any]) -> str:
        withdrawing.withdraw(coupon.pk)
        return gettext("It is not on offer any more.")

    return Act(
        title=_("Stop offering this coupon"),
        words=_("Nobody can claim it or get it by code any more. Whoever has one keeps it."),
        button=_("Stop offering it"),
        do=do,
        facts=_facts(coupon),
    )


def revoke_unused(coupon: Coupon, by: int) -> Act:
    """All of a coupon that nobody has used yet."""

    def do(data: dict[str, Any]) -> str:
        unused = coupon.grants.filter(state=GrantState.UNUSED)
        ids = list(unused.values_list("pk", flat=True))
        return said_of(revoking.revoke(ids, by=by, reason=data["reason"]))

    held = coupon.grants.filter(state=GrantState.HELD).count()
    unused = coupon.grants.filter(lists.in_state(GrantState.UNUSED, clock.now())).count()
    return Act(
        title=_("Revoke what is unused"),
        words=_("Whoever has it unused loses it and reads why. What an order holds or used stays."),
        button=_("Revoke them"),
        do=do,
        form=ReasonForm,
        facts=[
            *_facts(coupon),
            (GrantState.UNUSED.label, str(unused)),
            (GrantState.HELD.label, str(held)),
        ],
    )


def revoke(grant: Grant, by: int) -> Act:
    """One grant."""

    def do(data: dict[str, Any]) -> str:
        revoking.revoke_one(grant.pk, by=by, reason=data["reason"])
        return gettext("Revoked: %(reason)s") % {"reason": data["reason"]}

    return Act(
        title=_("Revoke this coupon"),
        words=_("The buyer loses it and reads why."),
        button=_("Revoke it"),
        do=do,
        form=ReasonForm,
        facts=[(_("buyer"), grant.user.get_username()), *_facts(grant.coupon)],
    )


def said_of(done: revoking.Revoked) -> str:
    """How many were revoked, and which were not, with what each is."""
    said = ngettext("%(count)d coupon was revoked.", "%(count)d coupons were revoked.", done.count)
    parts = [said % {"count": done.count}]
    if done.kept:
        named = done.kept[:NAMED]
        prefetch_related_objects([grant for grant, _state in named], "user")
        names = [f"{grant.user.get_username()} ({state.label})" for grant, state in named]
        more = ["…"] if len(done.kept) > NAMED else []
        kept = ngettext(
            "%(count)d was not: %(names)s", "%(count)d were not: %(names)s", len(done.kept)
        )
        parts.append(kept % {"count": len(done.kept), "names": ", ".join([*names, *more])})
    return " ".join(parts)


def _facts(coupon: Coupon) -> list[tuple[Text, Text]]:
    return [
        (_("coupon"), coupon.name),
        (_("takes off"), coupon_words.terms(coupon)),
        (_("left"), f"{coupon.left} / {coupon.total}"),
    ]
