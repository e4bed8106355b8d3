"""The form by which operators make a coupon and change it: figures in yuan, mistakes named in words.

What a coupon is worth and covers is fixed once somebody has one. Its row is locked while a change is
judged, and only what was changed is written: whoever claims meanwhile is not forgotten.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.catalogue.choosing import Choosing
from shigu.catalogue.models import CHOSEN
from shigu.kit.horizon import LIFETIME
from shigu.kit.office import YuanField, tell_far
from shigu.promotions.models import Coupon, CouponKind, Way, plain_code

FIXED_ONCE_ISSUED = {
    *("kind", "amount", "percent", "least", "on_all_lines", "reach"),
    *CHOSEN.values(),
}
CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{3,31}")


class CouponForm(Choosing, forms.ModelForm):
    """See the module."""

    _before: Coupon  # as it stood when it was locked to judge a change

    amount = YuanField(label=_("Off in yuan"), required=False)
    percent = forms.IntegerField(
        label=_("Percent still paid"),
        required=False,
        help_text=_("With 85, a hundred yuan become 85."),
    )
    least = YuanField(
        label=_("Minimum spend in yuan"),
        required=False,
        initial=0,
        help_text=_("on what it covers; 0 for none"),
    )

    class Meta:
        model = Coupon
        fields = [
            *("name_zh", "name_en", "kind", "amount", "percent", "least", "on_all_lines"),
            *("reach", "directions", "categories", "products", "way", "code"),
            *("total", "per_user", "valid_from", "valid_until", "on_offer"),
        ]

    def clean_least(self) -> int:
        return self.cleaned_data["least"] or 0

    def clean_code(self) -> str:
        return plain_code(self.cleaned_data["code"])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self._figures(data)
        self._code(data)
        self._times(data)
        self._numbers(data)
        return data

    def _figures(self, data: dict[str, Any]) -> None:
        """One figure, the one of its kind; the other is put away."""
        if data.get("kind") == CouponKind.RATE:
            data["amount"], percent = None, data.get("percent")
            if "percent" not in self.errors and not (percent and 1 <= percent <= 99):
                self.add_error("percent", _("Write what is still paid, from 1 to 99 percent."))
        elif data.get("kind") == CouponKind.FIXED:
            data["percent"], data["on_all_lines"] = None, False
            if "amount" not in self.errors and not data.get("amount"):
                self.add_error("amount", _("Write how much it takes off, more than nothing."))

    def _code(self, data: dict[str, Any]) -> None:
        code = data.get("code", "")
        if data.get("way") != Way.CODE:
            data["code"] = ""
        elif not CODE.fullmatch(code):
            self.add_error(
                "code", _("A code has 4 to 32 letters without accents, digits or hyphens.")
            )
        elif Coupon.objects.filter(code=code).exclude(pk=self.instance.pk).exists():
            self.add_error("code", _("Another coupon has this code."))

    def _times(self, data: dict[str, Any]) -> None:
        tell_far(self, ["valid_from", "valid_until"], LIFETIME, clock.now())
        begins, ends = data.get("valid_from"), data.get("valid_until")
        if begins and ends and ends <= begins:
            self.add_error("valid_until", _("It ends after it begins."))
        elif ends and self._is_new("valid_until") and ends <= clock.now():
            self.add_error("valid_until", _("That is over already."))

    def _numbers(self, data: dict[str, Any]) -> None:
        """Never fewer than are in people's hands, nor worth another thing than when they got it."""
        total, per_user = data.get("total"), data.get("per_user")
        if total == 0:
            self.add_error("total", _("At least one."))
        if per_user is not None and not 1 <= per_user <= (total or per_user):
            self.add_error("per_user", _("At least one, and not more than there are."))
        if self.instance.pk is None:
            return
        self._before = Coupon.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
        self.instance.issued = issued = self._before.issued
        if total is not None and 0 < total < issued:
            few = _("%(count)d are issued already: not fewer than that.") % {"count": issued}
            self.add_error("total", few)
        if issued and (changed := FIXED_ONCE_ISSUED & self._changed(data)):
            said = _(
                "Somebody has this coupon: what it takes off and covers stays as it was."
                " Stop offering it and make a new one."
            )
            self.add_error(sorted(changed)[0], said)

    def _is_new(self, name: str) -> bool:
        return self.instance.pk is None or name in self.changed_data

    def _changed(self, data: dict[str, Any]) -> set[str]:
        """What would be another than it is, of the row and of what it covers."""
        chosen = {
            name
            for name in CHOSEN.values()
            if name in data
            and {row.pk for row in data[name]}
            != {row.pk for row in getattr(self._before, name).all()}
        }
        return chosen.union(self._columns(data))

    def _columns(self, data: dict[str, Any]) -> list[str]:
        """The row's own fields that would be others; those put away by their kind count too."""
        rows = [name for name in data if name not in CHOSEN.values()]
        return [name for name in rows if data[name] != getattr(self._before, name)]

    def changed_columns(self) -> list[str]:
        """What of the row itself is to be written, where it was there before."""
        return self._columns(self.cleaned_data)
