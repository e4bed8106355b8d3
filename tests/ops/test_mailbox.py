"""The mailbox of a shop that is tried out: the owner reads what was sent, safely, never in production."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from django.urls import reverse

from shigu.accounts.models import User
from shigu.ops import mailfiles
from shigu.ops.mailbox import FILES
from tests.ops.test_office import _plain_files, office
from tests.people import alice, operator

__all__ = ["_plain_files"]

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script><img src=http://evil.test/x onerror=alert(1)>"


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """Mails go into files here."""
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FILES, tmp_path / "mail"
    return tmp_path / "mail"


@pytest.fixture
def owner() -> Client:
    operator()
    return office()


def send(subject: str = "你好", html: str = "<p>Hello</p>", text: str = "Hello") -> None:
    """One mail through Django's own file backend."""
    mail = EmailMultiAlternatives(
        subject, text, to=["alice@shigu.test"], connection=get_connection(FILES)
    )
    mail.attach_alternative(html, "text/html")
    mail.send()


def pages(name: str) -> list[str]:
    """Every address of the mailbox, with this mail."""
    own = (reverse(page, args=[name]) for page in ("mailbox_mail", "mailbox_html"))
    return [reverse("mailbox"), *own]


def only(folder: Path) -> str:
    [mail] = mailfiles.newest(folder)
    return mail.name


def test_mails_are_listed_newest_first(owner: Client, folder: Path) -> None:
    """Subject, address and both parts, also in Chinese."""
    for number, subject in enumerate(("一", "二", "三")):
        send(subject, text="正文 " + subject)
        written = max(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns)
        os.utime(written, (number, number))  # two that are written at once may have the same time
    page = owner.get(reverse("mailbox"))
    assert [mail.subject for mail in page.context["page"].object_list] == ["三", "二", "一"]
    name = page.context["page"].object_list[0].name
    answer = owner.get(reverse("mailbox_mail", args=[name]))
    assert "正文 三" in answer.content.decode()
    assert "alice@shigu.test" in answer.content.decode()


def test_several_mails_of_one_connection_are_several(owner: Client, folder: Path) -> None:
    """They share a file; each has its own name, and long lines of dashes inside a mail do no harm."""
    with get_connection(FILES) as connection:
        for number in range(3):
            EmailMultiAlternatives(
                f"mail {number}", "text " + "-" * 79, to=["a@b.test"], connection=connection
            ).send()
    assert len(list(folder.glob("*.log"))) == 1
    assert [mail.subject for mail in mailfiles.newest(folder)] == ["mail 2", "mail 1", "mail 0"]


def test_what_a_mail_says_can_run_nothing(owner: Client, folder: Path) -> None:
    """Head and text are escaped; the HTML part stands in a sandbox that fetches and runs nothing."""
    send(subject=EVIL, html=EVIL, text=EVIL)
    name = only(folder)
    for address in (reverse("mailbox"), reverse("mailbox_mail", args=[name])):
        assert "<script>alert(1)" not in owner.get(address).content.decode()
    page = owner.get(reverse("mailbox_mail", args=[name])).content.decode()
    assert "<iframe" in page
    assert " sandbox " in page.partition("<iframe")[2].partition(">")[0]
    html = owner.get(reverse("mailbox_html", args=[name]))
    policy = html["Content-Security-Policy"]
    assert policy.startswith("sandbox;")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert html["X-Frame-Options"] == "SAMEORIGIN"
    assert owner.get(reverse("mailbox"))["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "name",
    [
        *("..", "%2e%2e%2fsettings", "20261121-000000-1", "20261121-000000-1.0", "x.0"),
        *("20261121-000000-1.99999", "²0261121-000000-1.0", "20261121-000000-1.0\0", "a" * 300),
    ],
)
def test_a_name_that_is_none_is_not_there(owner: Client, folder: Path, name: str) -> None:
    """No path leads out of the folder; what does not exist is a 404."""
    send()
    for address in (f"/ops/mailbox/{name}/", f"/ops/mailbox/{name}/html"):
        assert owner.get(address).status_code in (301, 302, 404)
    assert mailfiles.one(folder, name) is None


def test_junk_in_the_folder_harms_nobody(owner: Client, folder: Path) -> None:
    """Files that are no mails are passed over, mails that are junk are shown as they are."""
    send()
    (folder / "notes.log").write_text("secret")
    (folder / "20261121-000000-7.log").write_bytes(b"\xff\xfe\0 junk \n\n\xff" * 50)
    (folder / "20261121-000000-8.log").write_bytes(b"")
    assert owner.get(reverse("mailbox")).status_code == 200
    assert owner.get("/ops/mailbox/20261121-000000-7.0/").status_code == 200
    assert b"secret" not in owner.get(reverse("mailbox")).content


def test_only_the_owner_reads_it(folder: Path) -> None:
    """Sign-in codes are among the mails: visitors sign in, buyers are sent away, other staff is refused."""
    send()
    alice()
    User.objects.create(username="packer", email="p@shigu.test", is_staff=True)
    for address in pages(only(folder)):
        assert "/login/" in Client().get(address)["Location"]
        assert "/login/" in office("alice").get(address)["Location"]
        assert office("packer").get(address).status_code == 403
    assert "/ops/mailbox/" not in office("packer").get("/ops/").content.decode()


def test_it_is_linked_for_the_owner(owner: Client, folder: Path) -> None:
    """The side bar of the back office leads there."""
    assert reverse("mailbox") in owner.get("/ops/").content.decode()


@pytest.mark.parametrize("where", ["production", "smtp"])
def test_there_is_none_in_a_real_shop(
    owner: Client, folder: Path, settings: Any, where: str
) -> None:
    """In production, or where mails really leave, the address does not exist and nothing links to it."""
    send()
    name = only(folder)
    if where == "production":
        settings.PRODUCTION = True
    else:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    for address in pages(name):
        assert owner.get(address).status_code == 404
        assert Client().get(address).status_code == 404
    assert "/ops/mailbox/" not in owner.get("/ops/").content.decode()
