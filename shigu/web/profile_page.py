"""Settings of one's own: the profile and the picture."""

from __future__ import annotations

from datetime import date

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.accounts import avatars
from shigu.accounts import profile as profiles
from shigu.accounts.errors import NotAPicture
from shigu.accounts.models import Gender, User
from shigu.accounts.profile import Profile
from shigu.web.limits import CHANGE, UPLOAD
from shigu.web.notices_page import mail_choices
from shigu.web.verbs import verb

OLDEST = date(1900, 1, 1)


class ProfileForm(forms.ModelForm):
    """Everything a buyer may say about themselves."""

    gender = forms.ChoiceField(label=gettext_lazy("Gender"), choices=Gender.choices, required=False)

    class Meta:
        model = User
        fields = ["nickname", "born_on", "gender", "city", "job", "signature", "greeted"]
        labels = {
            "nickname": gettext_lazy("Nickname"),
            "born_on": gettext_lazy("Birth date"),
            "city": gettext_lazy("City"),
            "job": gettext_lazy("Job"),
            "signature": gettext_lazy("Signature"),
            "greeted": gettext_lazy("Greet me on my birthday"),
        }
        widgets = {
            "nickname": forms.TextInput(attrs={"autocomplete": "nickname"}),
            "born_on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
            "job": forms.TextInput(attrs={"autocomplete": "organization-title"}),
        }

    def clean_born_on(self) -> date | None:
        """A day that has been, within a lifetime."""
        born: date | None = self.cleaned_data["born_on"]
        if born and not OLDEST <= born <= timezone.localdate(clock.now()):
            raise ValidationError(_("Enter a birth date that has already been."))
        return born


@never_cache
@login_required
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """The form with what is known, and the picture."""
    return _page(request, ProfileForm(instance=_user(request)))


@verb(CHANGE, back="profile")
def save(request: HttpRequest) -> HttpResponse:
    """Write the profile, or show what is wrong with it."""
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    profiles.change(_user(request).pk, Profile(**form.cleaned_data))
    messages.success(request, _("Your profile is saved."))
    return redirect("profile")


@verb(UPLOAD, back="profile")
def avatar(request: HttpRequest) -> HttpResponse:
    """Show another picture, or the drawn letter again."""
    user = _user(request)
    if "remove" in request.POST:
        avatars.remove(user.pk)
        messages.success(request, _("Your picture is removed."))
        return redirect("profile")
    upload = request.FILES.get("picture")
    if upload is None or isinstance(upload, list):
        raise NotAPicture
    avatars.put(user.pk, upload)
    messages.success(request, _("Your picture is changed."))
    return redirect("profile")


def _page(request: HttpRequest, form: ProfileForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "most_mb": avatars.MOST_MB, **mail_choices(_user(request))}
    return render(request, "web/centre/profile.html", context, status=status)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # @login_required and @verb let nobody else in
    return request.user


urlpatterns = [
    path("me/profile/", profile, name="profile"),
    path("me/profile/save", save, name="save_profile"),
    path("me/profile/picture", avatar, name="change_picture"),
]
