"""Pages in Chinese and English: which language a browser wants, and templates in that language.

Words are gettext msgids in English; the Chinese catalogue is read from its .po when the process starts.
`page(request, template, context)` is the one way a page is rendered.
"""

from __future__ import annotations

import functools
import gettext
import io
import json
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from alipay_simulator.beijing import stamp
from alipay_simulator.yuan import yuan

HERE = Path(__file__).parent
LANGUAGES = {"zh": "zh-Hans", "en": "en"}
CATALOGUE = HERE / "locale" / "zh_Hans" / "LC_MESSAGES" / "simulator.po"


@functools.cache
def words(language: str) -> gettext.NullTranslations:
    if language != "zh":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with CATALOGUE.open("rb") as source:
        write_mo(compiled, read_po(source, locale="zh_Hans"))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@functools.cache
def environment(language: str) -> Environment:
    loader = FileSystemLoader(HERE / "templates")
    env = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.install_gettext_translations(words(language), newstyle=True)  # type: ignore[attr-defined]
    env.filters |= {"yuan": yuan, "stamp": stamp, "from_json": json.loads, "visible": visible}
    return env


def visible(text: str) -> str:
    """Ends of lines and blanks made visible, for a stray newline after `success` is the usual culprit."""
    return text.replace("\r", "␍").replace("\n", "␊\n").replace("\t", "␉")


def language_of(request: Request) -> str:
    """?lang, then the remembered choice, then the browser's first known wish, then Chinese."""
    for wish in (request.query_params.get("lang"), request.cookies.get("sim_lang")):
        if wish in LANGUAGES:
            return wish
    return _accepted(request.headers.get("accept-language", ""))


def _accepted(header: str) -> str:
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        name, _, weight = part.partition(";q=")
        try:
            wishes.append((-float(weight or 1), place, name.strip()[:2].lower()))
        except ValueError:
            continue
    return next((name for _, _, name in sorted(wishes) if name in LANGUAGES), "zh")


def page(
    request: Request, template: str, context: dict[str, Any], *, status: int = 200, policy: str = ""
) -> HTMLResponse:
    language = language_of(request)
    other = "en" if language == "zh" else "zh"
    shown = context | {
        "language": language,
        "html_lang": LANGUAGES[language],
        "other_language_url": str(
            request.url.include_query_params(lang=other).replace(scheme="", netloc="")
        ),
    }
    text = environment(language).get_template(template).render(shown)
    response = HTMLResponse(text, status)
    if policy:
        response.headers["content-security-policy"] = policy
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie("sim_lang", language, max_age=31_536_000, samesite="lax", httponly=True)
    return response
