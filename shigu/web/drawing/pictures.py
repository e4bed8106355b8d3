"""Where a drawn cover is fetched from, and the view that draws it.

The address carries everything the drawing depends on, so it never changes and may be kept for ever:
`cover_img(product)` writes the `<img>`, `cover` answers it, `drawn_address` names it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from shigu.web.drawing.covers import EDITION, cover_svg

KEPT = "public, max-age=31536000, immutable"


def drawn_address(product: Any, square: bool = False) -> str:
    """The address of a product's drawn cover."""
    kind = getattr(product, "kind", "goods")  # a session is drawn as what it sells
    query = {"kind": kind, "motif": product.motif, "tone": product.tone, "v": EDITION}
    if square:
        query["square"] = "1"
    return f"{reverse('drawn_cover', args=[product.slug])}?{urlencode(query)}"


def cover_img(product: Any, square: bool = False, eager: bool = False) -> SafeString:
    """The uploaded photograph where there is one, else the drawn cover; its name is beside it."""
    uploaded = getattr(product, "cover", None)
    return format_html(
        '<img src="{}" alt="" width="{}" height="{}" loading="{}" decoding="async">',
        uploaded.url if uploaded else drawn_address(product, square),
        400 if square else 640,
        400,
        "eager" if eager else "lazy",
    )


@require_safe
def cover(request: HttpRequest, slug: str) -> HttpResponse:
    """The drawing itself; unknown motifs and tones fall back to one chosen by the slug."""
    answer = HttpResponse(
        cover_svg(
            slug,
            kind=request.GET.get("kind", ""),
            motif=request.GET.get("motif", ""),
            tone=request.GET.get("tone", ""),
            square="square" in request.GET,
        ),
        content_type="image/svg+xml; charset=utf-8",
    )
    answer["Cache-Control"] = KEPT
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
