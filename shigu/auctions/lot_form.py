"""The form of one lot: words, figures in yuan, a table of increments, details as lines, pictures.

`written()` is a new lot for `composing.new_lots`, `changes()` what is to be saved by `publishing.change_lot`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from shigu.auctions import lot_pictures
from shigu.auctions.composing import Written
from shigu.auctions.errors import NoSuchLot
from shigu.auctions.errors_record import TooManyPictures
from shigu.auctions.models import Lot, Session
from shigu.auctions.steps_field import PRESETS, StepsField
from shigu.catalogue.models import Category, Kind
from shigu.kit.errors import Refusal
from shigu.kit.office import YuanField

MOST_DETAILS = 30


class Several(forms.ClearableFileInput):
    """One input for several files."""

    allow_multiple_selected = True


class PicturesField(forms.FileField):
    """Several uploads, each written anew; more than there is `room` for are not even decoded."""

    widget = Several
    room = lot_pictures.MOST

    def clean(self, data: Any, initial: Any = None) -> list[ContentFile]:
        given = data if isinstance(data, list | tuple) else [data]
        uploads = [one for one in given if isinstance(one, UploadedFile)]
        try:
            if len(uploads) > self.room:
                raise TooManyPictures(most=lot_pictures.MOST)
            return [lot_pictures.redrawn(one) for one in uploads]
        except Refusal as refusal:
            raise forms.ValidationError(refusal.message) from refusal


class LotForm(forms.ModelForm):
    """See the module; `may` are the names of fields that may still be changed."""

    start_price = YuanField(label=_("Start price in yuan"))
    reserve = YuanField(
        label=_("Hidden reserve in yuan"),
        required=False,
        help_text=_("Below it the lot is not sold; empty: it is sold at any price."),
    )
    deposit = YuanField(
        label=_("Deposit in yuan"),
        initial=0,
        help_text=_("Admits to this lot alone, and is its share of the session's deposit."),
    )
    steps = StepsField(label=_("Increments"), initial=PRESETS["usual"])
    rows = forms.CharField(
        label=_("Details"),
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
        help_text=_("One a line: Chinese name | English name | Chinese value | English value."),
    )
    category = forms.ModelChoiceField(
        Category.objects.none(),
        label=_("Category"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    motif = forms.CharField(
        label=_("Motif of the drawn cover"),
        required=False,
        max_length=20,
        widget=UnfoldAdminTextInputWidget,
    )
    pictures = PicturesField(
        label=_("More pictures"),
        required=False,
        help_text=_("JPEG, PNG or WebP; several at once, up to 7 MB together."),
    )

    class Meta:
        model = Lot
        fields = [
            *("number", "name_zh", "name_en", "story_zh", "story_en", "start_price", "steps"),
            *("reserve", "deposit"),
        ]
        widgets = {
            "number": UnfoldAdminIntegerFieldWidget(),
            **{name: UnfoldAdminTextInputWidget() for name in ("name_zh", "name_en")},
            **{name: UnfoldAdminTextareaWidget({"rows": 3}) for name in ("story_zh", "story_en")},
        }

    def __init__(
        self,
        *args: Any,
        session: Session,
        may: Collection[str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.session = session
        self.fields["number"].required = False
        self.fields["pictures"].room = lot_pictures.room(  # type: ignore[attr-defined]
            self.instance if self.instance.pk else None
        )
        self.fields["category"].queryset = Category.objects.filter(  # type: ignore[attr-defined]
            direction__kind=Kind.LOT
        ).order_by("position", "pk")
        if self.instance.pk:
            self.fields["rows"].initial = "\n".join(
                " | ".join(map(str, row)) for row in self.instance.details
            )
            del self.fields["category"], self.fields["motif"]
        for name in () if may is None else set(self.Meta.fields) - set(may):
            self.fields[name].disabled = True
        self.fields["rows"].disabled = may is not None and "details" not in may

    def clean_number(self) -> int:
        """Empty is the next one."""
        number: int = self.cleaned_data["number"] or (self.instance.number or 0)
        others = Lot.objects.filter(session=self.session, number=number)
        if number and others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another lot of this session has this number."))
        return number

    def clean_rows(self) -> list[list[str]]:
        """Two, or four, parts a line."""
        lines = [line for line in self.cleaned_data["rows"].splitlines() if line.strip()]
        if len(lines) > MOST_DETAILS:
            raise forms.ValidationError(_("At most %(most)d lines.") % {"most": MOST_DETAILS})
        return [detail(line) for line in lines]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        reserve, start = data.get("reserve"), data.get("start_price")
        if reserve is not None and start is not None and reserve < start:
            self.add_error("reserve", _("A reserve is not below the start price."))
        if self.session.deposit and "deposit" in data and not data["deposit"]:
            said = _("The session has a deposit, so each lot needs its share of it above zero.")
            self.add_error("deposit", said)
        return data

    def written(self) -> Written:
        """A new lot."""
        data = self.cleaned_data
        names = ("name_zh", "name_en", "story_zh", "story_en", "start_price", "steps")
        more = ("reserve", "deposit", "number", "motif", "category")
        given = {name: data[name] for name in (*names, *more)}
        return Written(**given, details=data["rows"])

    def changes(self) -> dict[str, Any]:
        """What would be another than it is."""
        before = Lot.objects.filter(pk=self.instance.pk).first()
        if before is None:  # taken out of its draft a moment ago
            raise NoSuchLot
        names = [name for name in self.Meta.fields if not self.fields[name].disabled]
        values = {name: self.cleaned_data[name] for name in names}
        if not self.fields["rows"].disabled:
            values["details"] = self.cleaned_data["rows"]
        return {name: value for name, value in values.items() if value != getattr(before, name)}


def detail(line: str) -> list[str]:
    """A line as [name zh, name en, value zh, value en]; two parts stand for both languages."""
    parts = [part.strip()[:120] for part in line.replace("｜", "|").split("|")]
    if len(parts) == 2:
        parts = [parts[0], parts[0], parts[1], parts[1]]
    if len(parts) != 4 or not all(parts[::2]):
        raise forms.ValidationError(
            _("“%(line)s” has not two or four parts with | between them.") % {"line": line[:60]}
        )
    return parts
