"""The address book: list, add, change, remove, choose the one used first."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from shigu.accounts import addresses as book
from shigu.accounts.models import Address
from shigu.web.address_form import AddressForm
from shigu.web.limits import CHANGE
from shigu.web.reader import me
from shigu.web.verbs import verb, where_from


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def addresses(request: HttpRequest) -> HttpResponse:
    """All of one's addresses, and a form for another."""
    return _book(request, AddressForm())


@verb(CHANGE, back="addresses", named=False)
def add(request: HttpRequest) -> HttpResponse:
    """Keep a new address, or show what is wrong with it."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _book(request, form, status=422)
    book.add(me(request), form.place, first=form.cleaned_data["is_default"])
    messages.success(request, _("The address is kept."))
    return redirect(where_from(request, reverse("addresses")))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def address(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One address: change it."""
    row = _mine(request, pk)
    if request.method == "POST":
        return change(request, pk)
    return render(
        request, "web/centre/address.html", {"form": AddressForm(instance=row), "row": row}
    )


@verb(CHANGE, back="address")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Write the new text, or show what is wrong with it."""
    row = _mine(request, pk)
    form = AddressForm(request.POST)
    if not form.is_valid():
        context = {"form": form, "row": row}
        return render(request, "web/centre/address.html", context, status=422)
    book.change(me(request), pk, form.place, first=form.cleaned_data["is_default"])
    messages.success(
        request, _("The address is changed. Orders keep the one they were placed with.")
    )
    return redirect("addresses")


@verb(CHANGE, back="addresses", named=False)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget an address."""
    _mine(request, pk)
    book.remove(me(request), pk)
    messages.success(request, _("The address is removed."))
    return redirect("addresses")


@verb(CHANGE, back="addresses", named=False)
def put_first(request: HttpRequest, pk: int) -> HttpResponse:
    """Use this one first from now on."""
    _mine(request, pk)
    book.make_default(me(request), pk)
    return redirect("addresses")


def _book(request: HttpRequest, form: AddressForm, status: int = 200) -> HttpResponse:
    rows = book.mine(me(request))
    context = {"form": form, "rows": rows, "most": book.MOST}
    return render(request, "web/centre/addresses.html", context, status=status)


def _mine(request: HttpRequest, pk: int) -> Address:
    try:
        return book.of(me(request), pk)
    except Address.DoesNotExist as error:
        raise Http404 from error


urlpatterns = [
    path("me/addresses/", addresses, name="addresses"),
    path("me/addresses/add", add, name="add_address"),
    path("me/addresses/<int:pk>/", address, name="address"),
    path("me/addresses/<int:pk>/remove", remove, name="remove_address"),
    path("me/addresses/<int:pk>/first", put_first, name="first_address"),
]
