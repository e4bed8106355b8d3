"""The form for an address, shared by the address book and the confirm page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu.accounts.addresses import Place
from shigu.accounts.models import Address

PHONE = RegexValidator(
    r"^\+?[0-9][0-9 \-]{5,18}$", _("Enter a phone number: digits, at least six.")
)


class AddressForm(forms.ModelForm):
    """Recipient, phone, region, street, and whether it comes first."""

    phone = forms.CharField(
        label=pgettext_lazy("address", "Phone"),
        max_length=20,
        validators=[PHONE],
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )

    class Meta:
        model = Address
        fields = ["name", "phone", "region", "street", "is_default"]
        labels = {
            "name": _("Recipient"),
            "region": _("Province, city, district"),
            "street": _("Street and number"),
            "is_default": _("Use this one first"),
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "region": forms.TextInput(attrs={"autocomplete": "address-level1"}),
            "street": forms.TextInput(attrs={"autocomplete": "street-address"}),
        }

    @property
    def place(self) -> Place:
        """What was entered, for the verbs of `accounts.addresses`."""
        said: dict[str, Any] = self.cleaned_data
        return Place(said["name"], said["phone"], said["region"], said["street"])
