"""Addresses of what the shop draws: `path("drawn/", include("shigu.web.drawing.urls"))`."""

from __future__ import annotations

from django.urls import path

from shigu.web.drawing.pictures import cover

urlpatterns = [path("<str:slug>.svg", cover, name="drawn_cover")]
