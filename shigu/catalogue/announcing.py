"""The forms by which operators make an activity: figures in yuan, mistakes named in words.

`ActivityForm` puts away what another kind or reach would need; `StepsFormSet` holds the steps of a 满减
against each other. What an activity would do to prices is shown by the back office before it is saved.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.catalogue.choosing import Choosing
from shigu.catalogue.models import Activity, ActivityKind, Reach, Step
from shigu.kit.horizon import LIFETIME
from shigu.kit.money import Fen
from shigu.kit.office import Told, YuanField, tell_far

BY_PERCENT = {ActivityKind.DISCOUNT, ActivityKind.STUDENT}
BY_AMOUNT = {ActivityKind.REDUCTION, ActivityKind.BUNDLE}


class ActivityForm(Choosing, forms.ModelForm):
    """See the module."""

    percent = forms.IntegerField(
        label=_("Percent still paid"),
        required=False,
        help_text=_("With 85, a hundred yuan become 85."),
    )
    amount = YuanField(
        label=_("Off in yuan"),
        required=False,
        help_text=_("off each piece; of a bundle off all of it together"),
    )

    class Meta:
        model = Activity
        fields = [
            *("name_zh", "name_en", "kind", "percent", "amount"),
            *("reach", "directions", "categories", "products", "starts_at", "ends_at"),
        ]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self._figures(data)
        self._bundle(data)
        self._times(data)
        return data

    def _figures(self, data: dict[str, Any]) -> None:
        """The figure of its kind and no other."""
        kind, percent, amount = (data.get(name) for name in ("kind", "percent", "amount"))
        if kind not in BY_PERCENT:
            data["percent"] = None
        elif "percent" not in self.errors and not (percent and 1 <= percent <= 99):
            self.add_error("percent", _("Write what is still paid, from 1 to 99 percent."))
        if kind not in BY_AMOUNT:
            data["amount"] = None
        elif "amount" not in self.errors and not amount:
            self.add_error("amount", _("Write how much it takes off, more than nothing."))

    def _bundle(self, data: dict[str, Any]) -> None:
        """A bundle is of at least two products."""
        if data.get("kind") == ActivityKind.BUNDLE:
            if data.get("reach") != Reach.PRODUCT:
                self.add_error("reach", _("A bundle is of certain products: choose them."))
            elif len(data.get("products") or []) == 1:
                self.add_error("products", _("A bundle has at least two products."))

    def _times(self, data: dict[str, Any]) -> None:
        tell_far(self, ["starts_at", "ends_at"], LIFETIME, clock.now())
        starts, ends = data.get("starts_at"), data.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("It ends after it begins."))
        elif ends and "ends_at" in self.changed_data and ends <= clock.now():
            self.add_error("ends_at", _("That is over already."))


class StepForm(Told, forms.ModelForm):
    """One step; less than nothing is never spent."""

    least = YuanField(label=_("Spend in yuan"), min_value=0.01)
    off = YuanField(label=_("Save in yuan"), min_value=0.01)

    class Meta:
        model = Step
        fields = ["least", "off"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        least, off = data.get("least"), data.get("off")
        if least is not None and off is not None and off > least:
            self.add_error("off", _("Nobody saves more than they spend."))
        return data


class StepsFormSet(forms.BaseInlineFormSet):
    """The steps of one 满减, none for other kinds; who spends more never saves less."""

    def clean(self) -> None:
        if not any(self.errors):
            self._fit(self.steps())
        super().clean()

    def _fit(self, steps: list[tuple[Fen, Fen]]) -> None:
        if self.instance.kind != ActivityKind.THRESHOLD:
            if steps:
                raise forms.ValidationError(_("Only “spend and save” has steps: take them out."))
            return
        if not steps:
            raise forms.ValidationError(_("Write at least one step: spend so much, save so much."))
        if len({least for least, _off in steps}) < len(steps):
            raise forms.ValidationError(_("Two steps begin at the same amount."))
        offs = [off for _least, off in steps]
        if offs != sorted(set(offs)):
            raise forms.ValidationError(_("A higher step saves more than the one below it."))

    def steps(self) -> list[tuple[Fen, Fen]]:
        """(least, off) in fen, rising, without those to be deleted."""
        kept = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data.get("least") is not None and not form.cleaned_data.get("DELETE")
        ]
        return sorted((row["least"], row["off"]) for row in kept)
