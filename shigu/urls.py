"""Where each path leads: the shop's pages, sign-in, payment callbacks, the back office."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from shigu.ops import mailbox
from shigu.web import switching
from shigu.web.joining_page import JoiningPage

urlpatterns = [
    *mailbox.urlpatterns,
    path("ops/", admin.site.urls),
    path("accounts/signup/", JoiningPage.as_view(), name="account_signup"),
    path("accounts/", include("allauth.urls")),
    *switching.urlpatterns,
    path("", include("shigu.web.urls")),
]
