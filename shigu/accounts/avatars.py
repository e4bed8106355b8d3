"""Pictures of people: `put` takes an upload, `remove` goes back to the drawn letter.

Nothing of an upload is kept as it came: it is decoded within limits of bytes and pixels, turned
upright, cut square and written anew, so that places, devices and hidden payloads in its metadata are
gone. The file's name is drawn here and says nothing.
"""

from __future__ import annotations

import secrets
from io import BytesIO

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from PIL import Image, ImageOps

from shigu.accounts.errors import NotAPicture, PictureTooHeavy, PictureTooLarge
from shigu.accounts.models import User

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_MB = 2
MOST_BYTES = MOST_MB * 1024 * 1024
MOST_SIDE = 5000
SIDE = 320


def put(user_id: int, upload: UploadedFile) -> User:
    """Show this picture from now on; PictureTooHeavy, PictureTooLarge or NotAPicture otherwise."""
    fresh = ContentFile(redrawn(upload), name=f"{secrets.token_urlsafe(18)}.jpg")
    return _replace(user_id, fresh)


def remove(user_id: int) -> User:
    """Show the drawn letter again."""
    return _replace(user_id, None)


def redrawn(upload: UploadedFile) -> bytes:
    """The upload as a small square JPEG of pixels only."""
    if upload.size is None or upload.size > MOST_BYTES:
        raise PictureTooHeavy(most=MOST_MB)
    try:
        return _jpeg(_square(upload))
    except PictureTooLarge:
        raise
    except Exception as error:  # decoders fail in more ways than they declare
        raise NotAPicture from error


def _square(upload: UploadedFile) -> Image.Image:
    with Image.open(upload, formats=FORMATS) as picture:
        # The header alone is read so far: a bomb is refused before a pixel is unpacked.
        if max(picture.size) > MOST_SIDE:
            raise PictureTooLarge(most=MOST_SIDE)
        picture.draft("RGB", (SIDE * 2, SIDE * 2))
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    cut = ImageOps.fit(upright, (SIDE, SIDE), Image.Resampling.LANCZOS)
    clean = Image.new("RGB", (SIDE, SIDE), "white")
    clean.paste(cut, mask=cut)
    return clean


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=86, optimize=True)
    return out.getvalue()


def _replace(user_id: int, fresh: ContentFile | None) -> User:
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        storage, old = user.avatar.storage, user.avatar.name
        if fresh is None:
            user.avatar = ""
            user.save(update_fields=["avatar"])
        else:
            user.avatar.save(str(fresh.name), fresh, save=False)
            user.save(update_fields=["avatar"])
        if old:
            transaction.on_commit(lambda: storage.delete(old))
    return user
