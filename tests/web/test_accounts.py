"""Signing in and all around it is done by a library, in this shop's words: complete, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import allauth.account
import pytest
from allauth.account.models import EmailAddress
from babel.messages.catalog import Message
from django.conf import settings
from django.core import mail
from django.test import Client

from shigu.accounts.models import User
from shigu.ops import messages
from shigu.ops.messages import Key
from tests.people import alice

pytestmark = pytest.mark.django_db

LIBRARY = Path(allauth.account.__file__).parent
SOURCES = [LIBRARY / name for name in ("forms.py", "fields.py", "adapter.py")]
TEMPLATES = [
    path
    for path in (LIBRARY.parent / "templates" / "account").rglob("*.*")
    if path.name not in {"signup_by_passkey.html", "phone_change.html"}
]
NOT_HERE = re.compile("phone|passkey|authenticator|security key", re.IGNORECASE)
"""What this shop does not offer yet; its words come with it."""
OURS = {"Hello from %(site_name)s!", "Thank you for using %(site_name)s!\n%(site_domain)s"}
"""In a template of the library that ours takes the place of."""
PASSWORD = "open sesame 1"


def asked() -> set[Key]:
    """What the library says to people here."""
    found = {key for path in SOURCES for key in messages._in_python(path)}
    found |= {key for path in TEMPLATES for key in messages._in_template(path)}
    return {key for key in found if not NOT_HERE.search(str(key.id)) and key.id not in OURS}


ASKED = asked()


def said(language: str) -> dict[Key, Message]:
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"
    return {messages._key(message): message for message in messages.read(path) if message.id}


def test_everything_is_said_in_chinese() -> None:
    """Each message of the library has our Chinese; nothing is kept that it no longer says."""
    has = said("zh_Hans")
    assert has.keys() == ASKED
    assert all(messages._wrong(message) == "" for message in has.values())


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_placeholders_are_the_messages_own(language: str) -> None:
    """A sentence of ours fills in nothing that the library does not give; some need not name everything."""
    for key, message in said(language).items():
        assert key in ASKED, str(key)
        may = messages._placeholders(str(key.id))
        assert messages._placeholders(str(message.string)) == may, str(key)


def test_english_is_not_shouted() -> None:
    """Titles and acts are sentences here: only the first word has a capital."""
    has = said("en")
    for key in ASKED:
        text = str(has[key].string if key in has else key.id)
        assert not re.search(r"^(?:[A-Z]\w+[ -])+[A-Z]\w+$", text), text


def test_chinese_is_ours_all_through() -> None:
    """We say 你 and 邮箱; half-width stops belong to no Chinese sentence."""
    for key, message in said("zh_Hans").items():
        text = str(message.string)
        assert not re.search("您|Email|token|电子邮件", text), (str(key), text)
        assert not re.search(r"[\u4e00-\u9fff][.,:!?]", text), (str(key), text)


def test_nobody_else_in_the_shop_means_something_else() -> None:
    """These words win over every app's catalogue: where one has the same message, it says the same."""
    ours = said("zh_Hans")
    for app in messages.with_refusals():
        for message in messages.read(messages.path_of(app)):
            if message.id and (same := ours.get(messages._key(message))):
                assert message.string == same.string, (app, message.id)


PAGES = {
    "nobody": [
        "login",
        "signup",
        "password/reset",
        "password/reset/done",
        "login/code",
        "inactive",
    ],
    "alice": ["email", "password/change", "logout", "reauthenticate", "password/reset"],
}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize(
    ("who", "page"), [(who, page) for who, pages in PAGES.items() for page in pages]
)
def test_pages_speak_one_language(client: Client, who: str, page: str, language: str) -> None:
    """Heading, words, labels and acts of each page are in the reader's language, and of our voice."""
    if who == "alice":
        client.force_login(alice())
    answer = client.get(f"/accounts/{page}/", headers={"accept-language": language})
    assert answer.status_code == 200
    speaks(page_text(answer.content.decode()), language)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_links_that_are_over_say_so(client: Client, language: str) -> None:
    """A dead link to confirm an address or to set a password leads on in the reader's language."""
    for path in ("confirm-email/no-such-key/", "password/reset/key/1-no-such-key/"):
        answer = client.get(f"/accounts/{path}", headers={"accept-language": language}, follow=True)
        assert answer.status_code == 200
        text = page_text(answer.content.decode())
        assert ("已失效" if language == "zh-hans" else "no longer works") in text
        speaks(text, language)


def speaks(text: str, language: str) -> None:
    """No sentence of the other language is in it; names and addresses may be."""
    if language == "zh-hans":
        assert re.search("[\u4e00-\u9fff]", text)
        assert not re.search(r"[A-Za-z]+ [A-Za-z]+ [A-Za-z]+", text), text
        assert "您" not in text
    else:
        assert not re.search("[\u4e00-\u9fff]", text), text


def page_text(html: str) -> str:
    """What stands in the page's own part, messages and placeholders too."""
    main = html[html.index("<main") : html.index("</main>")]
    main = re.sub(r"<script.*?</script>", "", main, flags=re.DOTALL)
    return re.sub(r"<[^>]+?(?:placeholder=\"([^\"]*)\"[^>]*)?>", r" \1 ", main)


@pytest.fixture
def conf(settings: Any) -> Any:
    """Settings that this test may change."""
    return settings


@pytest.fixture
def carol() -> User:
    """A buyer with a password and an address that is hers."""
    user = User.objects.create_user("carol", "carol@example.org", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def letters(language: str) -> Iterator[str]:
    """Subject and body of each letter that a visitor can bring about."""
    headers = {"accept-language": language}
    for page, form in (
        ("password/reset", {"email": "carol@example.org"}),
        ("password/reset", {"email": "nobody@example.org"}),
        ("login/code", {"email": "carol@example.org"}),
        ("login/code", {"email": "nobody@example.org"}),
        ("signup", {"username": "dan", "email": "carol@example.org", "password1": PASSWORD}),
        ("signup", {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}),
    ):
        mail.outbox.clear()
        visitor = Client()
        answer = visitor.post(f"/accounts/{page}/", form, headers=headers, follow=True)
        assert answer.status_code == 200
        speaks(page_text(answer.content.decode()), language)
        assert len(mail.outbox) == 1, (page, form)
        [letter] = mail.outbox
        yield f"{letter.subject}\n{letter.body}"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_letters_speak_one_language(carol: User, language: str, conf: Any) -> None:
    """New password, code, address to confirm, account there already, no account: each in one language."""
    conf.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    for letter in letters(language):
        assert letter == letter.strip()
        assert "[testserver]" not in letter
        assert letter.count("\n\n\n") == 0, letter
        speaks(re.sub(r"https?://\S+|[\w.-]+@[\w.-]+", "", letter), language)


def test_the_main_address_is_not_removed(client: Client, carol: User) -> None:
    """Refused in words, without a placeholder showing; the address stays."""
    client.force_login(carol)
    EmailAddress.objects.create(user=carol, email="second@example.org", verified=True)
    form = {"email": carol.email, "action_remove": ""}
    answer = client.post("/accounts/email/", form, follow=True)
    text = page_text(answer.content.decode())
    assert "carol@example.org 是主邮箱" in answer.content.decode()
    assert "%(" not in text
    assert EmailAddress.objects.filter(email=carol.email).exists()
