"""What a reader is told is what our catalogues say, not what another package calls the same English word."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils import translation

from shigu.ops.messages import LOCALE, ROOT

CATALOGUES = sorted(ROOT.glob(f"**/locale/{LOCALE}/LC_MESSAGES/django.po"))


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-5])
def test_ours_are_the_words_that_are_said(catalogue: Path) -> None:
    """A word that Django or allauth has as well needs a context of its own: whoever is loaded first wins."""
    with catalogue.open("rb") as file:
        messages = read_po(file)
    ours = {
        (message.context or "", message.id): message.string
        for message in messages
        if message.id and isinstance(message.id, str)
    }
    with translation.override("zh-hans"):
        said = {
            key: translation.pgettext(*key) if key[0] else translation.gettext(key[1])
            for key in ours
        }
    assert said == ours
