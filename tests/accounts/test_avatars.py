"""Pictures of people: drawn anew from pixels, within limits; whatever is no picture is refused."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from shigu.accounts import avatars
from shigu.accounts.errors import NotAPicture, PictureTooHeavy, PictureTooLarge
from shigu.kit.errors import Refusal
from tests.people import alice

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """Uploads go to a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def upload(data: bytes, name: str = "me.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/jpeg")


def picture(form: str = "JPEG", size: tuple[int, int] = (640, 480), **more: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, (200, 40, 30)).save(out, form, **more)
    return out.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that says it has `side` x `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_a_small_square(media: Path, form: str) -> None:
    """Whatever it was, it is a JPEG of 320 pixels now, under a name that says nothing."""
    avatars.put(alice().pk, upload(picture(form), "../../alice at home.php"))
    user = alice()
    (file,) = files(media)
    assert Path(user.avatar.path) == file
    assert "alice" not in file.name
    assert file.suffix == ".jpg"
    with Image.open(file) as kept:
        assert (kept.format, kept.size) == ("JPEG", (320, 320))


def test_nothing_but_pixels_is_kept(media: Path) -> None:
    """Place, device, colour profile and a hidden payload are gone."""
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    data = picture(exif=exif, comment=b"secret comment", icc_profile=b"secret profile")
    avatars.put(alice().pk, upload(data + b"<?php secret tail ?>"))
    (file,) = files(media)
    kept = file.read_bytes()
    assert b"ecret" not in kept
    with Image.open(file) as image:
        assert not image.getexif()
        assert "icc_profile" not in image.info
        assert "comment" not in image.info


def test_a_picture_taken_sideways_stands_upright(media: Path) -> None:
    """The turn that its metadata told of is made before the metadata goes."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    image = Image.new("RGB", (400, 400), "white")
    image.paste((0, 0, 0), (0, 0, 400, 200))  # black above: on the right once upright
    out = BytesIO()
    image.save(out, "JPEG", exif=exif)
    avatars.put(alice().pk, upload(out.getvalue()))
    with Image.open(files(media)[0]) as kept:
        assert kept.getpixel((300, 160))[0] < 40
        assert kept.getpixel((20, 160))[0] > 215


def test_see_through_becomes_white(media: Path) -> None:
    """A PNG with nothing in it is not black."""
    out = BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")
    avatars.put(alice().pk, upload(out.getvalue()))
    with Image.open(files(media)[0]) as kept:
        assert kept.getpixel((160, 160)) == (255, 255, 255)


def gif() -> bytes:
    return picture("GIF")


JUNK: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("text", b"not a picture at all"),
    ("html", b"<html><script>alert(1)</script>"),
    ("svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    ("half a jpeg", picture()[:900]),
    ("a jpeg's first bytes", b"\xff\xd8\xff\xe0" + b"\0" * 50),
    ("a png's first bytes", b"\x89PNG\r\n\x1a\n"),
    ("webp's name", b"RIFF\xff\xff\xff\xffWEBPVP8 "),
    ("a gif", gif()),
    ("a small bomb", bomb(4000)),
]


@pytest.mark.parametrize("data", [data for _, data in JUNK], ids=[name for name, _ in JUNK])
def test_what_is_no_picture_is_refused(media: Path, data: bytes) -> None:
    """With a sentence; the picture there was stays, and no file is left behind."""
    avatars.put(alice().pk, upload(picture()))
    before = alice().avatar.name, files(media)
    with pytest.raises(NotAPicture):
        avatars.put(alice().pk, upload(data))
    assert (alice().avatar.name, files(media)) == before


def test_a_bomb_is_refused_before_it_is_unpacked(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header is enough: not one pixel is decoded."""

    unpacked = []
    monkeypatch.setattr(Image.Image, "load", lambda self: unpacked.append(self))
    with pytest.raises(PictureTooLarge, match="5000"):
        avatars.put(alice().pk, upload(bomb(avatars.MOST_SIDE + 1)))
    for side in (20_000, 60_000):  # the decoder itself refuses these
        with pytest.raises(Refusal):
            avatars.put(alice().pk, upload(bomb(side)))
    assert unpacked == []
    assert files(media) == []


def test_a_heavy_file_is_refused_unread(media: Path) -> None:
    """More than two megabytes are not looked at."""
    with pytest.raises(PictureTooHeavy, match="2 MB"):
        avatars.put(alice().pk, upload(picture() + b"\0" * avatars.MOST_BYTES))
    assert files(media) == []


@pytest.mark.django_db(transaction=False)
def test_the_old_file_goes_when_the_new_one_stands(
    media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    """One person, one file; after removing, none."""
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            avatars.put(alice().pk, upload(picture()))
    assert len(files(media)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        avatars.remove(alice().pk)
    assert files(media) == []
    assert not alice().avatar
