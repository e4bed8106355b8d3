"""Uploaded pictures, served by the shop itself: pictures only, from their folder only, run by nobody.

A shop with a web server in front of it serves `/media/` there; the demo has none.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.urls import path
from django.views.decorators.http import require_safe

PICTURES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
}


@require_safe
def media(request: HttpRequest, name: str) -> FileResponse:
    """One uploaded picture; whatever else lies there does not exist."""
    kind = PICTURES.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        raise Http404
    try:
        file = default_storage.open(name)
    except (OSError, ValueError, SuspiciousFileOperation) as error:
        raise Http404 from error
    answer = FileResponse(file, content_type=kind)
    answer["Cache-Control"] = "public, max-age=86400"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


urlpatterns = [path("media/<path:name>", media, name="media")]
