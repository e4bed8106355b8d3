"""My credits: what is there, what waits in unpaid orders, what it is worth, how to have more, and the story."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu.ledger.models import Book, account
from shigu.ledger.statements import Statement
from shigu.orders import credits
from shigu.web.reader import me
from shigu.web.statement_lines import statement_context


@never_cache
@login_required
@require_safe
def my_credits(request: HttpRequest) -> HttpResponse:
    """Free and held credits of one buyer, and a page of the statement."""
    own, held = (account(book, me(request)) for book in (Book.CREDITS, Book.CREDITS_HELD))
    context = statement_context(request, own, held_on=held)
    found = context["statement"]
    assert isinstance(found, Statement)
    context |= {
        "free": f"{found.balance:,}",
        "held": f"{found.held:,}",
        "worth": credits.worth(found.balance),
        "per_yuan": settings.CREDITS_PER_YUAN,
        "on_sign_up": settings.CREDITS_ON_SIGN_UP,
        "earned_per_yuan": settings.CREDITS_EARNED_PER_YUAN,
    }
    return render(request, "web/centre/credits.html", context)


urlpatterns = [path("me/credits/", my_credits, name="my_credits")]
