"""The sign-up page, allauth's own; but two who ask for one name in the same instant both get an answer."""

from __future__ import annotations

from allauth.account.views import SignupView
from django import forms
from django.db import IntegrityError
from django.http import HttpResponse


class JoiningPage(SignupView):
    """Sign up; whoever came second reads what they would have read a moment later."""

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            answer: HttpResponse = super().form_valid(form)
        except IntegrityError:
            # Both were looked at before either was written: look again, the other one stands now.
            form.full_clean()
            answer = super().form_valid(form) if form.is_valid() else self.form_invalid(form)
        return answer
