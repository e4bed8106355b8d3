"""The callbacks as they are mounted, beside stand-ins for the two pages that they redirect to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from shigu.web import callbacks


def page(request: HttpRequest, number: str = "") -> HttpResponse:
    return HttpResponse(f"page {number}")


urlpatterns = [
    *callbacks.urlpatterns,
    path("orders/", page, name="orders"),
    path("result/<str:number>/", page, name="result"),
]
