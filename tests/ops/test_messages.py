"""The catalogues are held true to the source, without gettext installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.core.management import call_command

from shigu.kit.errors import Refusal
from shigu.ops import messages
from shigu.ops.messages import Fault, Key

PYTHON = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext
NAME = _("A drum")
MANY = ngettext("%(count)d drum", "%(count)d drums", 2)
MAY = pgettext("month", "May")
LATER = f"{_('Inside')}"
PLAIN = "not for people"
"""
TEMPLATE = """{% load i18n %}<p title="{% translate "A title" %}">{{ _("In braces") }}</p>
   {% blocktranslate count n=n trimmed %}One
     of them{% plural %}{{ n }} of them{% endblocktranslate %}
 {% translate "May" context "month" %} It's "half" quoted (and open
"""


def source(root: Path) -> Path:
    pages = root / "web" / "templates" / "web"
    pages.mkdir(parents=True)
    (pages / "page.html").write_text(TEMPLATE)
    (root / "orders").mkdir()
    (root / "orders" / "drums.py").write_text(PYTHON)
    (root / "kit").mkdir()
    (root / "kit" / "words.py").write_text('from x import gettext\ngettext("Of no app")\n')
    return root


def catalogue(**entries: str) -> Catalog:
    made = Catalog(locale=messages.LOCALE, fuzzy=False)
    for text, translated in entries.items():
        made.add(text.replace("_", " "), translated)
    return made


def asked(*texts: str) -> messages.Wanted:
    return {Key(text): {"a.py"} for text in texts}


def test_python_and_templates_are_read(tmp_path: Path) -> None:
    """Lazy, plural, with context, in templates in all their shapes; each in its app's catalogue."""
    found = messages.wanted(source(tmp_path))
    assert set(found["orders"]) == {
        Key("A drum"),
        Key(("%(count)d drum", "%(count)d drums")),
        Key("May", "month"),
    } | ({Key("Inside")} & set(found["orders"]))
    assert set(found["web"]) == {
        Key("A title"),
        Key("In braces"),
        Key(("One of them", "%(n)s of them")),
        Key("May", "month"),
        Key("Of no app"),
    }


@pytest.mark.parametrize(
    ("has", "wants", "what"),
    [
        ({}, ["Drum"], "missing"),
        ({"Drum": ""}, ["Drum"], "empty"),
        ({"Drum": "鼓"}, [], "obsolete"),
        ({"%(n)s_drums": "鼓 %(m)s"}, ["%(n)s drums"], "placeholders differ"),
        ({"%(n)s_drums": "鼓"}, ["%(n)s drums"], "placeholders differ"),
    ],
)
def test_each_fault_is_named(has: dict[str, str], wants: list[str], what: str) -> None:
    """Missing, empty, obsolete, and placeholders lost or invented."""
    found = list(messages.faults("web", asked(*wants), catalogue(**has)))
    assert [fault.what for fault in found] == [what]


def test_a_fuzzy_entry_is_a_fault() -> None:
    """A guess is not a translation."""
    made = Catalog(locale=messages.LOCALE, fuzzy=False)
    made.add("Drum", "鼓", flags=["fuzzy"])
    (found,) = messages.faults("web", asked("Drum"), made)
    assert found == Fault("web", "fuzzy", Key("Drum"))


def test_a_good_catalogue_has_no_faults() -> None:
    """The other side of all of the above; a plural may leave its figure out of the singular."""
    made = catalogue(Drum="鼓")
    made.add(("One drum", "%(n)d drums"), ("%(n)d 面鼓",))
    wants = asked("Drum") | {Key(("One drum", "%(n)d drums")): {"a.py"}}
    assert list(messages.faults("web", wants, made)) == []


def test_two_apps_must_not_contradict_each_other() -> None:
    """In a running shop one of the two would win everywhere."""
    found = messages.contradictions({"a": catalogue(Drum="鼓"), "b": catalogue(Drum="桶")})
    assert [fault.app for fault in found] == ["b"]


def test_what_is_missing_is_appended_and_nothing_else_touched(tmp_path: Path) -> None:
    """New entries go to the end, empty; a second time adds nothing."""
    path = tmp_path / "django.po"
    assert messages.append_missing(asked("Drum"), path) == 1
    path.write_text(
        path.read_text().replace('msgid "Drum"\nmsgstr ""', 'msgid "Drum"\nmsgstr "鼓"')
    )
    before = path.read_text()
    assert messages.append_missing(asked("Drum", "Gong %(n)s"), path) == 1
    assert path.read_text().startswith(before)
    assert messages.append_missing(asked("Drum", "Gong %(n)s"), path) == 0
    kept = messages.read(path)
    assert (kept["Drum"].string, kept["Gong %(n)s"].string) == ("鼓", "")


def test_every_refusal_is_asked_for() -> None:
    """The sentence a buyer reads when something is refused is in the catalogue of its app."""
    found = messages.with_refusals()
    every = [kind for kind in messages._refusals(Refusal) if kind.__module__.startswith("shigu.")]
    assert len(every) > 15
    for kind in every:
        app = messages.app_of(kind.__module__.removeprefix("shigu.").replace(".", "/"))
        assert Key(kind.msgid()) in found[app], kind


def test_the_house_speaks_two_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """What `bin/check` asks: no fault in any catalogue of this very source."""
    call_command("messages", "--check")
    assert capsys.readouterr().out.endswith(" 0 faults\n")
