"""The house's own rules that no linter knows: sizes, names, floors of foreign keys, keyword-only time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks

ROOT = Path(settings.BASE_DIR)
FLOORS = [
    *("clock", "accounts", "catalogue", "ledger", "notices", "payments", "promotions", "wallet"),
    *("orders", "learning", "reporting", "ops", "fleet", "web"),
]
SAYS_NOTHING = {"services", "utils", "helpers", "common", "misc", "managers"}


def sources() -> list[Path]:
    found = [*ROOT.glob("shigu/**/*.py"), *ROOT.glob("alipay_simulator/**/*.py")]
    return [path for path in found if "migrations" not in path.parts]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_is_one_room(path: Path) -> None:
    """No file passes 400 lines, no function 50, and every name says something."""
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in SAYS_NOTHING
    assert path.parent.name not in SAYS_NOTHING
    for function in functions(path):
        assert (function.end_lineno or 0) - function.lineno < 50, function.name


def test_a_foreign_key_points_down() -> None:
    """A row may name rows of its own floor or of floors below, which import-linter cannot see."""
    height = {label: number for number, label in enumerate(FLOORS)}
    for model in apps.get_models():
        here = height.get(model._meta.app_label)
        for field in model._meta.get_fields():
            there = field.related_model._meta.app_label if field.many_to_one else None
            if here is not None and there in height:
                assert height[there] <= here, f"{model.__name__}.{field.name} points up"


def test_every_kind_has_its_handler() -> None:
    """The start-up checks find nothing missing."""
    assert run_checks() == []


def test_every_page_extends_the_house() -> None:
    """Templates hold no inline style or script: the content policy would refuse them."""
    for path in [*ROOT.glob("shigu/**/*.html"), *ROOT.glob("alipay_simulator/**/*.html")]:
        text = path.read_text()
        assert " style=" not in text, path
        assert "<script>" not in text, path
        assert " onclick=" not in text, path


def test_nothing_of_this_machine_is_committed() -> None:
    """No path of a workplace and no registry's host name in tracked text."""
    words = ["/".join(["", "work", ""]), "pypi" + ".org", "npmjs" + ".org", "deb.debian" + ".org"]
    for pattern in (
        "*.md",
        "bin/*",
        "docs/**/*.md",
        "requirements/*",
        "deploy/**/*",
        "shigu/fleet/deploying/files/*",
        "pyproject.toml",
        "shigu/**/*.py",
    ):
        for path in ROOT.glob(pattern):
            text = path.read_text() if path.is_file() else ""
            for word in words:
                assert word not in text, f"{path}: {word}"
