"""The shop's paths, each page family in a module of its own."""

from __future__ import annotations

from django.urls import include, path

from shigu.web import (
    balances,
    browsing,
    callbacks,
    carts,
    cashier,
    centre,
    checkout,
    coupons,
    credits_page,
    media,
    myorders,
    notices_page,
    servertime,
    spending,
)

urlpatterns = [
    *browsing.urlpatterns,
    *carts.urlpatterns,
    *checkout.urlpatterns,
    *cashier.urlpatterns,
    *myorders.urlpatterns,
    *notices_page.urlpatterns,
    *centre.urlpatterns,
    *balances.urlpatterns,
    *spending.urlpatterns,
    *coupons.urlpatterns,
    *credits_page.urlpatterns,
    *callbacks.urlpatterns,
    *media.urlpatterns,
    *servertime.urlpatterns,
    path("drawn/", include("shigu.web.drawing.urls")),
]
