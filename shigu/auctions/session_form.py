"""The form by which operators compose a session: times in their order, mistakes named beside the field.

`changes()` is what somebody changed, for `composing.create` or `publishing.change`. What cannot be changed
any more is shown and cannot be typed into. A preset fills the three figures of the soft close.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminImageFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from shigu import clock
from shigu.auctions import lot_pictures
from shigu.auctions.checking import HORIZON
from shigu.auctions.models import Session
from shigu.auctions.publishing import MOMENTS
from shigu.kit.errors import Refusal
from shigu.kit.office import YuanField, tell_far

PRESETS: dict[str, tuple[int, int, int]] = {
    "hard": (0, 0, 0),
    "soft": (120, 120, 10),
    "judicial": (300, 300, 1000),
}
"""Window, extension in seconds, and how many at most."""

JUDICIAL = timedelta(hours=24)
SOFT = ("soft_window", "soft_extension", "most_extensions")
MOST_SECONDS = 30 * 86400
TONES = [
    *(("qing", _("Blue-green")), ("zhu", _("Cinnabar")), ("cang", _("Pine green"))),
    *(("mo", _("Ink")), ("huang", _("Yellow")), ("zi", _("Purple")), ("dai", _("Slate"))),
    ("fen", _("Rose")),
]


class Moment(forms.DateTimeInput):
    """A browser's own picker, to the second."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        classes = UnfoldAdminTextInputWidget().attrs.get("class", "")
        super().__init__(attrs={"step": "1", "class": classes}, format="%Y-%m-%dT%H:%M:%S")


def _formfield(field: models.Field, **more: Any) -> forms.Field | None:
    """An address typed without a scheme is one by https."""
    scheme: dict[str, Any] = (
        {"assume_scheme": "https"} if isinstance(field, models.URLField) else {}
    )
    return field.formfield(**scheme, **more)


class SessionForm(forms.ModelForm):
    """See the module; `may` are the names of fields that may still be changed."""

    preset = forms.ChoiceField(
        label=_("How lots close"),
        choices=[
            ("hard", _("Hard: at the second, whatever is bid")),
            ("soft", _("Soft: a bid in the last two minutes gives two more, ten times at most")),
            ("judicial", _("Judicial: a day at least, five minutes after every late bid")),
            ("own", _("As written below")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    deposit = YuanField(label=_("Deposit for all lots, in yuan"), initial=100_000)
    tone = forms.ChoiceField(
        label=_("Colour of the drawn cover"),
        choices=TONES,
        initial="mo",
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Session
        formfield_callback = _formfield
        fields = [
            *("name_zh", "name_en", "slug", "story_zh", "story_en", "cover", "motif", "tone"),
            *("video_url", "preview_from", "preview_until", "opens_at", "closes_at", "stagger"),
            *("soft_window", "soft_extension", "most_extensions", "deposit", "deposit_counts"),
            *("pay_seconds", "wild_steps"),
        ]
        widgets = {
            **{
                name: UnfoldAdminTextInputWidget()
                for name in ("name_zh", "name_en", "slug", "motif")
            },
            **{name: UnfoldAdminTextareaWidget({"rows": 3}) for name in ("story_zh", "story_en")},
            **{
                name: Moment()
                for name in ("preview_from", "preview_until", "opens_at", "closes_at")
            },
            **{name: UnfoldAdminIntegerFieldWidget() for name in ("stagger", *SOFT)},
            **{name: UnfoldAdminIntegerFieldWidget() for name in ("pay_seconds", "wild_steps")},
            "cover": UnfoldAdminImageFieldWidget(),
            "video_url": UnfoldAdminURLInputWidget(),
            "deposit_counts": UnfoldBooleanSwitchWidget(),
        }
        help_texts = {
            "slug": _("Part of the session's address; made from its name where empty."),
            "stagger": _("0: all lots close together."),
            "pay_seconds": _("86400 is a day."),
            "motif": _("As of goods: teapot, bowl, brush, seal …; empty: one is chosen."),
        }

    def __init__(self, *args: Any, may: Collection[str] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["slug"].required = False
        self.fields["preset"].initial = preset_of(self.instance)
        if may is not None:
            for name in set(self.Meta.fields) - set(may):
                self.fields[name].disabled = True
            self.fields["preset"].disabled = "soft_window" not in may

    def clean_cover(self) -> Any:
        """Nothing of an upload is kept as it came."""
        cover = self.cleaned_data["cover"]
        if not isinstance(cover, UploadedFile):
            return cover or ""
        try:
            return lot_pictures.redrawn(cover)
        except Refusal as refusal:
            raise forms.ValidationError(refusal.message) from refusal

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"] or (self.instance.slug if self.instance.pk else "")
        if slug and Session.objects.filter(slug=slug).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another session has this address."))
        return slug

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self._preset(data)
        self._figures(data)
        tell_far(self, sorted(MOMENTS), HORIZON, clock.now())
        self._order(data)
        self._ahead(data)
        return data

    def _preset(self, data: dict[str, Any]) -> None:
        if not self.fields["preset"].disabled and (figures := PRESETS.get(data.get("preset", ""))):
            data.update(zip(SOFT, figures, strict=True))

    def _figures(self, data: dict[str, Any]) -> None:
        bounds = {"stagger": (0, 86400), "soft_window": (0, 86400), "soft_extension": (0, 86400)}
        bounds |= {"pay_seconds": (60, MOST_SECONDS), "wild_steps": (1, 1000)}
        for name, (least, most) in bounds.items():
            value = data.get(name)
            if name in self.changed_data and value is not None and not least <= value <= most:
                said = _("Between %(least)d and %(most)d.") % {"least": least, "most": most}
                self.add_error(name, said)

    def _order(self, data: dict[str, Any]) -> None:
        """Each time is told what the one before it demands."""
        begins, ends = data.get("preview_from"), data.get("preview_until")
        opens, closes = data.get("opens_at"), data.get("closes_at")
        if begins and ends and ends < begins:
            self.add_error("preview_until", _("The preview ends after it begins."))
        if ends and opens and opens < ends:
            self.add_error("opens_at", _("Bidding opens when the preview is over, not before."))
        if opens and closes and closes <= opens:
            self.add_error("closes_at", _("The first lot closes after bidding opens."))
        elif self.fields["closes_at"].disabled:
            return  # how long it was open is history; its pictures may still be saved
        elif opens and closes and data.get("preset") == "judicial" and closes - opens < JUDICIAL:
            self.add_error("closes_at", _("A judicial sale is open for a day at least."))

    def _ahead(self, data: dict[str, Any]) -> None:
        closes = data.get("closes_at")
        if "closes_at" in self.changed_data and closes and closes <= clock.now():
            self.add_error("closes_at", _("That is over already."))

    def changes(self) -> dict[str, Any]:
        """What would be another than it is; of a new session, everything."""
        names = [name for name in self.Meta.fields if name in self.cleaned_data]
        if self.instance.pk is None:
            return {name: self.cleaned_data[name] for name in names}
        before = Session.objects.get(pk=self.instance.pk)
        free = [name for name in names if not self.fields[name].disabled]
        data = self.cleaned_data
        return {name: data[name] for name in free if data[name] != getattr(before, name)}


def preset_of(session: Session) -> str:
    """Which preset a session's figures are."""
    figures = (session.soft_window, session.soft_extension, session.most_extensions)
    if not session.is_soft:
        return "hard"
    return next((name for name, row in PRESETS.items() if row == figures), "own")


def suggested(now: datetime) -> dict[str, Any]:
    """Times to begin with: on view from tomorrow, open the evening after, lots two minutes apart."""
    morning = localtime(now).replace(hour=10, minute=0, second=0, microsecond=0)
    opens = morning + timedelta(days=2, hours=8)
    return {
        "preview_from": morning + timedelta(days=1),
        "preview_until": opens,
        "opens_at": opens,
        "closes_at": opens + timedelta(hours=2),
        "stagger": 120,
    }
