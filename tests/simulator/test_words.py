"""Every word of every page has its Chinese, and no Chinese is left over from a page that is gone."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import alipay_simulator

HERE = Path(alipay_simulator.__file__).parent


def test_the_catalogue_is_complete() -> None:
    """What the templates say and what the catalogue translates are the same set, placeholders included."""
    found = extract_from_dir(
        HERE, [("templates/**.html", "jinja2")], {"templates/**.html": {"silent": "false"}}
    )
    said = {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}
    with (HERE / "locale/zh_Hans/LC_MESSAGES/simulator.po").open("rb") as source:
        catalogue = read_po(source, locale="zh_Hans")
    known = {m.id[0] if isinstance(m.id, tuple) else m.id: m for m in catalogue if m.id}
    assert said == set(known)
    assert all(all(m.string) if isinstance(m.string, tuple) else m.string for m in known.values())
    assert not [m.id for m in catalogue if m.id and any(True for _ in m.check(catalogue))]
