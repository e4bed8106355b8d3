"""What an activity or a coupon covers, as operators choose it: the fields that both of their forms have.

`Choosing` goes before `forms.ModelForm`; its `clean` puts away what was chosen for another reach and asks for
what is missing. Which field belongs to which reach says `models.CHOSEN`.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from shigu.catalogue.models import CHOSEN
from shigu.kit.office import Picking


class Choosing(Picking):
    """See the module."""

    picked = tuple(CHOSEN.values())

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for reach, name in CHOSEN.items():
            if data.get("reach") != reach:
                data[name] = []
            elif not data.get(name):
                self.add_error(name, _("Choose at least one, or let it cover everything."))
        return data
