"""Mail by any SMTP server, through Django's backend: a text and an HTML part in the reader's language.

A mail has a Message-ID of its own that follows from the row's key and never changes: whoever gets it
twice (docs/notices.md says when) sees it once. No header and no line of it holds a secret.
"""

from __future__ import annotations

import smtplib
import uuid
from email.utils import parseaddr
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from shigu.accounts.models import User
from shigu.notices.channels import Reach, Refused
from shigu.notices.letters import Letter
from shigu.notices.models import Notice

NEVER = (550, 551, 553, 554)
"""Answers of a mail server that stay the same however often it is asked."""


class Mail:
    """To the address that a person has when the mail leaves."""

    waits = True
    reach = Reach.BY_MAIL

    def reaches(self, user: User) -> bool:
        return bool(user.is_active and user.email)

    def send(self, notice: Notice, letter: Letter, user: User) -> None:
        """One mail, one connection; the server has it when this returns."""
        try:
            message(notice, letter, user).send()
        except smtplib.SMTPRecipientsRefused as error:
            if all(code in NEVER for code, _ in error.recipients.values()):
                raise Refused from error
            raise


def message(notice: Notice, letter: Letter, user: User) -> EmailMultiAlternatives:
    """The mail as it leaves; the same row gives the same mail."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, urljoin(settings.SITE_URL, notice.key))
    context = {
        "letter": letter,
        "reader": user.shown_name,
        "address": urljoin(settings.SITE_URL, letter.page),
        "choices": urljoin(settings.SITE_URL, reverse("profile")) + "#mails",
        "shop": settings.SHIGU_NAME,
        "site": settings.SITE_URL,
    }
    mail = EmailMultiAlternatives(
        subject=" ".join(letter.title.split()),
        body=render_to_string("notices/mail.txt", context),
        to=[user.email],
        headers={
            "Message-ID": f"<{name}@{_home()}>",
            "X-Shigu-Notice": str(name),
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("notices/mail.html", context), "text/html")
    return mail


def _home() -> str:
    """The domain that the shop writes from."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
