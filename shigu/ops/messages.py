"""The catalogues of translations kept true, with Babel alone: gettext need not be installed.

`wanted()` is what the source says, by app: calls of gettext and its kin in Python and in templates, and
the docstring of every `Refusal`, which is its message. `faults()` compares that with what the app's
`django.po` has; `append_missing()` writes the rest down, empty, for somebody to fill.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.conf import settings
from django.utils.translation.template import templatize

from shigu.kit.errors import Refusal

LOCALE = "zh_Hans"
ROOT = Path(settings.BASE_DIR) / "shigu"
NO_APP = "web"
"""Where words of files outside every app are translated: the kit, the settings."""

KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[+\d.]*[sd]|%[sd]|\{(\w*)\}")

Id = str | tuple[str, str]
"""A message, or its singular and plural."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a catalogue finds a translation by."""

    id: Id
    context: str | None = None

    def __str__(self) -> str:
        text = self.id if isinstance(self.id, str) else self.id[0]
        return f"“{text}”" + (f" ({self.context})" if self.context else "")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a catalogue."""

    app: str
    what: str
    key: Key

    def __str__(self) -> str:
        return f"{self.app}: {self.what}: {self.key}"


Wanted = dict[Key, set[str]]
"""Messages with the places that use them."""


def wanted(root: Path = ROOT) -> dict[str, Wanted]:
    """What the source asks for, by app."""
    found: dict[str, Wanted] = defaultdict(lambda: defaultdict(set))
    for path in sorted([*root.rglob("*.py"), *root.rglob("templates/**/*.*")]):
        if "migrations" in path.parts or "__pycache__" in path.parts:
            continue
        place = path.relative_to(root).as_posix()
        for key in _in_python(path) if path.suffix == ".py" else _in_template(path):
            found[app_of(place)][key].add(place)
    return found


def with_refusals() -> dict[str, Wanted]:
    """What the whole shop asks for: its source, and its refusals."""
    found = wanted()
    for config in apps.get_app_configs():
        if config.name.startswith("shigu.") and (Path(config.path) / "errors.py").exists():
            import_module(f"{config.name}.errors")
    for refusal in _refusals(Refusal):
        place = refusal.__module__.removeprefix("shigu.").replace(".", "/") + ".py"
        if refusal.__module__.startswith("shigu."):
            found[app_of(place)][Key(refusal.msgid())].add(place)
    return found


def app_of(place: str) -> str:
    """The app whose catalogue translates what stands in this file."""
    first = place.partition("/")[0]
    known = {config.label for config in apps.get_app_configs() if config.name.startswith("shigu.")}
    return first if first in known else NO_APP


def faults(app: str, asked: Wanted, catalogue: Catalog) -> Iterator[Fault]:
    """Missing, empty, fuzzy and obsolete entries, and placeholders that got lost."""
    has = {_key(message): message for message in catalogue if message.id}
    for key in asked:
        if key not in has:
            yield Fault(app, "missing", key)
    for key, message in has.items():
        if what := _wrong(message) if key in asked else "obsolete":
            yield Fault(app, what, key)
    for message in catalogue.obsolete.values():
        yield Fault(app, "obsolete", _key(message))


def _wrong(message: Message) -> str:
    """What is wrong with a translation that is asked for; nothing is an empty string."""
    if not all(_strings(message)):
        return "empty"
    if message.fuzzy:
        return "fuzzy"
    return "" if _same_placeholders(message) else "placeholders differ"


def contradictions(catalogues: Mapping[str, Catalog]) -> Iterator[Fault]:
    """Messages that two apps translate differently: in a running shop one of them would win."""
    seen: dict[Key, tuple[str, tuple[str, ...]]] = {}
    for app, catalogue in catalogues.items():
        for message in catalogue:
            key, strings = _key(message), _strings(message)
            if not message.id or not all(strings):
                continue
            other, theirs = seen.setdefault(key, (app, strings))
            if theirs != strings:
                yield Fault(app, f"otherwise than in {other} ({theirs[0]})", key)


def path_of(app: str, root: Path = ROOT) -> Path:
    return root / app / "locale" / LOCALE / "LC_MESSAGES" / "django.po"


def read(path: Path) -> Catalog:
    """The catalogue in a file; an empty one where there is none."""
    if not path.exists():
        return Catalog(locale=LOCALE, domain="django", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=LOCALE, domain="django", abort_invalid=True)


def append_missing(asked: Wanted, path: Path) -> int:
    """Write entries that are missing at the end of the file, empty; how many there were."""
    has = {_key(message) for message in read(path) if message.id}
    fresh = Catalog(locale=LOCALE, domain="django", project="Shigu", version="1", fuzzy=False)
    for key in sorted(asked.keys() - has, key=str):
        places = [(place, 1) for place in sorted(asked[key])]
        fresh.add(key.id, context=key.context, locations=places)
    if not len(fresh):
        return 0
    out = io.BytesIO()
    write_po(out, fresh, width=100, omit_header=path.exists(), include_lineno=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write((b"\n" if file.tell() else b"") + out.getvalue())
    return len(fresh)


def _in_python(path: Path) -> Iterator[Key]:
    return _extracted(path.read_bytes())


def _in_template(path: Path) -> Iterator[Key]:
    """A template as Django's own tool sees it: everything but the messages is blanked out."""
    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    flat = "\n".join(line.strip() for line in code.splitlines())
    return _extracted(flat.encode())


def _extracted(source: bytes) -> Iterator[Key]:
    for _, found, _, context in extract("python", io.BytesIO(source), KEYWORDS):
        plain = (found[0], found[1]) if isinstance(found, tuple) else found
        if plain and not (isinstance(plain, str) and not plain.strip()):
            yield Key(plain, context)


def _refusals(parent: type[Refusal]) -> Iterator[type[Refusal]]:
    yield parent
    for child in parent.__subclasses__():
        yield from _refusals(child)


def _key(message: Message) -> Key:
    found = message.id
    return Key(found if isinstance(found, str) else (found[0], found[1]), message.context)


def _strings(message: Message) -> tuple[str, ...]:
    found = message.string or ""
    return (found,) if isinstance(found, str) else tuple(found)


def _same_placeholders(message: Message) -> bool:
    """A plural may say “one” without a figure; a translation may use what either form has."""
    ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    may = set().union(*map(_placeholders, ids))
    must = set.intersection(*map(_placeholders, ids))
    return all(must <= _placeholders(text) <= may for text in _strings(message))


def _placeholders(text: str) -> set[str]:
    return {found.group() for found in PLACEHOLDER.finditer(text.replace("%%", ""))}
