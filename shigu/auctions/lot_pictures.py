"""Pictures of lots and covers of sessions: `add` puts redrawn uploads to a lot, `remove` takes one away.

Nothing of an upload is kept as it came: decoded within limits of bytes and pixels, turned upright, made to
fit and written anew, so that places, devices and hidden payloads in its metadata are gone.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from io import BytesIO

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max
from PIL import Image, ImageOps

from shigu.auctions.errors import NoSuchLot
from shigu.auctions.errors_record import (
    NotAPictureOfALot,
    PictureOfALotTooHeavy,
    PictureOfALotTooLarge,
    TooManyPictures,
)
from shigu.auctions.models import Lot, LotPicture

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_MB = 7
MOST_BYTES = MOST_MB * 1024 * 1024
MOST_SIDE = 8000
SIDE = 1600
MOST = 12
"""Pictures of one lot."""


def add(lot_id: int, fresh: Sequence[ContentFile]) -> None:
    """Put redrawn pictures behind those it has, in the transaction of whoever saves it, if any.

    TooManyPictures beyond a dozen: others came since `room` was asked. NoSuchLot.
    """
    with transaction.atomic():
        rows = Lot.objects.select_for_update(no_key=True).filter(pk=lot_id)
        lot = rows.order_by("pk").first()  # its usual order would lock the session, too
        if lot is None:
            raise NoSuchLot
        last = lot.pictures.aggregate(last=Max("position"))["last"]
        if len(fresh) > room(lot):
            raise TooManyPictures(most=MOST)
        for place, file in enumerate(fresh, start=0 if last is None else last + 1):
            LotPicture.objects.create(lot=lot, image=file, position=place)


def room(lot: Lot | None) -> int:
    """How many more a lot may get; None is one that is yet to be written."""
    return MOST - (lot.pictures.count() if lot else 0)


def remove(picture: LotPicture) -> None:
    """Take one away; its file goes where no other lot shows it."""
    storage, name = picture.image.storage, picture.image.name
    with transaction.atomic(durable=True):
        picture.delete()
        if name and not LotPicture.objects.filter(image=name).exists():
            transaction.on_commit(lambda: storage.delete(name))


def redrawn(upload: UploadedFile) -> ContentFile:
    """The upload as a JPEG of pixels only, under a name that says nothing."""
    if upload.size is None or upload.size > MOST_BYTES:
        raise PictureOfALotTooHeavy(most=MOST_MB)
    try:
        data = _jpeg(_clean(upload))
    except PictureOfALotTooLarge:
        raise
    except Exception as error:  # decoders fail in more ways than they declare
        raise NotAPictureOfALot from error
    return ContentFile(data, name=f"{secrets.token_urlsafe(18)}.jpg")


def _clean(upload: UploadedFile) -> Image.Image:
    with Image.open(upload, formats=FORMATS) as picture:
        # The header alone is read so far: a bomb is refused before a pixel is unpacked.
        if max(picture.size) > MOST_SIDE:
            raise PictureOfALotTooLarge(most=MOST_SIDE)
        picture.draft("RGB", (SIDE * 2, SIDE * 2))
        upright = _upright(picture).convert("RGBA")
    upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    clean = Image.new("RGB", upright.size, "white")
    clean.paste(upright, mask=upright)
    return clean


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its camera was held; where the camera's notes cannot be read, as it is."""
    try:
        return ImageOps.exif_transpose(picture)
    except (SyntaxError, ValueError, struct.error, TypeError, KeyError):
        return picture


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=86, optimize=True)
    return out.getvalue()
