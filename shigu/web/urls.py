"""The shop's paths, each page family in a module of its own."""

from __future__ import annotations

from shigu.web import browsing, callbacks, carts, cashier, centre, checkout, media, myorders

urlpatterns = [
    *browsing.urlpatterns,
    *carts.urlpatterns,
    *checkout.urlpatterns,
    *cashier.urlpatterns,
    *myorders.urlpatterns,
    *centre.urlpatterns,
    *callbacks.urlpatterns,
    *media.urlpatterns,
]
