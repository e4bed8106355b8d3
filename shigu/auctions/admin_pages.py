"""What the rooms of auctions share: a page that is no form of Django's, because its verbs open transactions.

Django's own forms save inside a transaction; `publishing` and `composing` open theirs. So a page here reads a
form, calls a verb, and shows a refusal above what was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from shigu.kit.errors import Refusal
from shigu.kit.office import Act, confirmed


class Rooms(ModelAdmin):
    """An admin whose pages are its own.

    Django's own deletion is closed: bids, orders and records name what was published. Drafts have acts for it.
    """

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def page(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        """One page of this room."""
        shared = {**self.admin_site.each_context(request), "opts": self.model._meta, **context}
        return render(request, f"office/auctions/{name}.html", shared)

    def row(self, request: HttpRequest, object_id: str, *, change: bool = True) -> Any:
        """The row of an address; 404 for junk and for none, 403 for who may not."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        allowed = self.has_change_permission if change else self.has_view_permission
        if not allowed(request, found):
            raise PermissionDenied
        return found

    def address(self, name: str, *args: object) -> str:
        """Of a page of this room."""
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)

    def own(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """A page besides Django's."""
        meta = self.model._meta
        guarded = self.admin_site.admin_view(view)
        made: URLPattern = path(route, guarded, name=f"{meta.app_label}_{meta.model_name}_{name}")
        return made

    def acts(self, *made: tuple[str, Callable[[Any, int], Act]]) -> list[URLPattern]:
        """A page for each act: asked on GET, done on POST."""
        return [self.own(f"<path:object_id>/{name}/", self._act(make), name) for name, make in made]

    def _act(self, make: Callable[[Any, int], Act]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            found = self.row(request, object_id)
            return confirmed(self, request, found, make(found, request.user.pk or 0))

        return view


def attempt(request: HttpRequest, form: BaseForm, save: Callable[[], str]) -> HttpResponse | None:
    """Save what a valid form says and go where `save` leads; None: the form tells what is wrong."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        where = save()
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return None
    return redirect(where)


def told(request: HttpRequest, said: str) -> None:
    """A word at the top of the next page."""
    messages.success(request, said)
