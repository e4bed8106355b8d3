"""Adjusting an account in the back office: the forms, and the page that says what will happen.

The number that makes a form count once travels in it, signed: nobody can choose one.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from shigu.accounts.models import User
from shigu.kit.office import Act, YuanField
from shigu.ledger import adjusting
from shigu.ledger.figures import figure, is_in_credits
from shigu.ledger.models import Account, Book

MOST = 1_000_000
"""In credits or in yuan: more at once is a slip of the finger."""

WAYS = [("give", _("Give")), ("take", _("Take away"))]
SIGNER = Signer(salt="shigu.ledger.adjust")


def fresh_number() -> str:
    """A number for the form that is being shown, signed."""
    return SIGNER.sign(str(adjusting.draw()))


class AdjustForm(forms.Form):
    """How many credits to give or to take, and why."""

    way = forms.ChoiceField(
        label=_("What to do"), choices=WAYS, initial="give", widget=UnfoldAdminRadioSelectWidget
    )
    amount: forms.Field = forms.IntegerField(
        label=_("Credits"), min_value=1, max_value=MOST, widget=UnfoldAdminIntegerFieldWidget
    )
    reason = forms.CharField(
        label=_("Because of"),
        help_text=_("The person reads this in their statement."),
        max_length=120,
        widget=UnfoldAdminTextInputWidget,
    )
    number = forms.CharField(widget=forms.HiddenInput, initial=fresh_number)

    def clean_number(self) -> int:
        try:
            return int(SIGNER.unsign(self.cleaned_data["number"]))
        except BadSignature as error:
            raise forms.ValidationError(
                _("This form cannot be recognised. Open it again.")
            ) from error


class AdjustFenForm(AdjustForm):
    """How much money to give or to take, and why."""

    amount = YuanField(label=_("Yuan"), min_value=0.01, max_value=MOST)


class WhoseForm(forms.Form):
    """Whose account it is about, also where it was never used."""

    person = forms.CharField(
        label=_("User name"), max_length=150, widget=UnfoldAdminTextInputWidget
    )
    book = forms.TypedChoiceField(
        label=_("Account"),
        choices=[(book.value, book.label) for book in adjusting.AGAINST],
        coerce=lambda value: Book(int(value)),
        widget=UnfoldAdminSelectWidget,
    )

    def clean_person(self) -> int:
        found = User.objects.filter(username=self.cleaned_data["person"].strip()).first()
        if found is None:
            raise forms.ValidationError(_("Nobody has this user name."))
        return found.pk


def adjustment(row: Account, name: str, by: int) -> Act:
    """Give to, or take from, this account, which is `name`'s."""
    book = row.book

    def do(data: dict[str, Any]) -> str:
        amount = data["amount"] if data["way"] == "give" else -data["amount"]
        adjusting.adjust(row.pk, amount, number=data["number"], reason=data["reason"], by=by)
        told = {"amount": figure(book, abs(amount)), "name": name, "reason": data["reason"]}
        if amount > 0:
            return gettext("%(name)s was given %(amount)s: %(reason)s") % told
        return gettext("%(amount)s was taken from %(name)s: %(reason)s") % told

    return Act(
        title=_("Give or take by hand"),
        words=_("It is booked for good, with your name. Check whose account it is, and how much."),
        button=_("Book it"),
        do=do,
        form=AdjustForm if is_in_credits(book) else AdjustFenForm,
        facts=[
            (_("person"), name),
            (_("account"), book.label),
            (_("stands at"), figure(book, row.balance)),
        ],
    )


def whose() -> Act:
    """Which account to give to, or to take from: the page before `adjustment`."""
    return Act(
        title=_("Give or take by hand"),
        words=_("Whose account is it about? Nothing is booked yet."),
        button=_("Go on"),
        do=lambda data: "",
        form=WhoseForm,
    )
