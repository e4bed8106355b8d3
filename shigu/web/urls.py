"""The shop's paths, each page family in a module of its own."""

from __future__ import annotations

from django.urls import include, path

from shigu.web import (
    browsing,
    callbacks,
    carts,
    cashier,
    centre,
    checkout,
    coupons,
    media,
    myorders,
    servertime,
)

urlpatterns = [
    *browsing.urlpatterns,
    *carts.urlpatterns,
    *checkout.urlpatterns,
    *cashier.urlpatterns,
    *myorders.urlpatterns,
    *centre.urlpatterns,
    *coupons.urlpatterns,
    *callbacks.urlpatterns,
    *media.urlpatterns,
    *servertime.urlpatterns,
    path("drawn/", include("shigu.web.drawing.urls")),
]
