"""The shop's paths, each page family in a module of its own."""

from __future__ import annotations

from django.urls import include, path

from shigu.web import (
    balances,
    bidding,
    browsing,
    callbacks,
    carts,
    cashier,
    centre,
    checkout,
    coupons,
    credits_page,
    deposits,
    lots_live,
    lots_page,
    media,
    my_bids,
    myorders,
    notices_page,
    saleroom,
    servertime,
    spending,
    winnings,
)

urlpatterns = [
    *browsing.urlpatterns,
    *carts.urlpatterns,
    *checkout.urlpatterns,
    *lots_live.urlpatterns,
    *lots_page.urlpatterns,
    *bidding.urlpatterns,
    *deposits.urlpatterns,
    *winnings.urlpatterns,
    *my_bids.urlpatterns,
    *saleroom.urlpatterns,
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
