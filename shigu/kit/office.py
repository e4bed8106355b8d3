"""Parts that every room of the back office uses: rows to look at, acts to confirm, money in yuan.

`Watched` is an admin whose rows nobody edits. An act on one of them has a page of its own, made with
`confirmed`: GET shows what will happen and asks for what is needed, POST calls the verb; a refusal
becomes a message, and what was done is written into the log of operators. `Acting` leads to such pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from shigu.kit.errors import Refusal
from shigu.kit.horizon import Horizon, TooFar
from shigu.kit.money import shown as shown
from shigu.kit.money import yuan

Text = str | Promise


class Acting(ModelAdmin):
    """Rows that operators act on, each act by its verb."""

    def has_act_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Acting on a row needs the right to change it, though nobody edits it by hand."""
        meta = self.model._meta
        return bool(request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}"))

    def _may(self, request: HttpRequest, object_id: object, *which: Q, **state: object) -> bool:
        """A button stands only where its verb would not refuse. The verb itself decides, when it is sent."""
        if not self.has_act_permission(request) or not str(object_id).isdecimal():
            return False
        found = self.model._default_manager.filter(*which, pk=str(object_id), **state)
        return request.method == "POST" or found.exists()

    def _ask(
        self, request: HttpRequest, object_id: str, make: Callable[[Any, int], Act]
    ) -> HttpResponse:
        """The page of an act on this row, made for whoever acts."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return confirmed(self, request, row, make(row, request.user.pk or 0))


class Watched(Acting):
    """Rows to look at; whatever may be done with them has a verb and a page of its own."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator is about to do to one row.

    `do` gets the form's cleaned data and returns the sentence that says what was done. An act that removes
    the row says where to go `then`.
    """

    title: Text
    words: Text
    button: Text
    do: Callable[[dict[str, Any]], Text]
    form: type[forms.Form] = forms.Form
    facts: list[tuple[Text, Text]] = field(default_factory=list)
    then: str = ""


def confirmed(office: ModelAdmin, request: HttpRequest, row: Model, act: Act) -> HttpResponse:
    """The page of one act: ask on GET, do it on POST."""
    form = act.form(request.POST if request.method == "POST" else None)
    back = _page_of(row)
    if request.method == "POST" and form.is_valid():
        try:
            said = str(act.do(form.cleaned_data))
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            log_all(request, [row], said, DELETION if act.then else CHANGE)
            messages.success(request, said)
            return redirect(act.then or back)
        return redirect(back)
    more = {"original": row, "form": form, "act": act, "back": back}
    return page(office, request, "office/act.html", act.title, **more)


def page(
    office: ModelAdmin, request: HttpRequest, template: str, title: Text, **more: Any
) -> HttpResponse:
    """A page of an office that is neither a list nor a form of Django's."""
    shared = {**office.admin_site.each_context(request), "opts": office.model._meta}
    return render(request, template, {**shared, "title": title, **more})


def log(request: HttpRequest, row: Model, said: str) -> None:
    """Write down who did what, as Django does for what is edited by hand."""
    log_all(request, [row], said)


def log_all(request: HttpRequest, rows: Sequence[Model], said: str, flag: int = CHANGE) -> None:
    """The same of many rows at once."""
    LogEntry.objects.log_actions(request.user.pk or 0, rows, flag, said)


def _page_of(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


class YuanField(forms.DecimalField):
    """Yuan for the person who types, fen in the row."""

    def __init__(self, **options: Any) -> None:
        options |= {"max_digits": 12, "decimal_places": 2}
        options.setdefault("min_value", 0)
        options.setdefault("widget", UnfoldAdminDecimalFieldWidget)
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return yuan(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """From what was typed; of a field that cannot be typed into, what stands, which is in fen."""
        if self.disabled:
            return value
        amount: Decimal | None = super().clean(value)
        return None if amount is None else int(amount * 100)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare in fen, so that 268 and 268.00 are the same price."""
        if self.disabled:
            return False
        try:
            return bool(initial != self.clean(data))
        except forms.ValidationError:
            return True


def tell_far(form: forms.BaseForm, names: Iterable[str], horizon: Horizon, now: datetime) -> None:
    """In a form's `clean`: a moment that was typed too far from now is told beside its field."""
    for name in names:
        moment = form.cleaned_data.get(name)
        if moment and name in form.changed_data:
            try:
                horizon.refuse(moment, now)
            except TooFar as far:
                form.add_error(name, far.message)


class Picking(forms.BaseForm):
    """A form whose `picked` fields hold ids chosen from a list: what is no id was never chosen.

    Put before `forms.ModelForm`. Django's own widget asks the database for whatever was sent, and breaks.
    """

    picked: tuple[str, ...] = ()

    def __init__(self, data: QueryDict | None = None, *args: Any, **more: Any) -> None:
        if data is not None:
            data = data.copy()
            for name in self.picked:
                data.setlist(name, [one for one in data.getlist(name) if _is_id(one)])
        super().__init__(data, *args, **more)


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


class Told(forms.BaseForm):
    """A form in a table, where the theme shows no labels: each field is told its name all the same."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for field_of in self.fields.values():
            if field_of.label:
                field_of.widget.attrs.setdefault("aria-label", str(field_of.label))
