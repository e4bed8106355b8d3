"""`shigu coupons issue`: the bar, the figures at the end, and every wrong word told."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.translation import override

from shigu.promotions import issuing
from shigu.promotions.models import Issuing, Way
from tests.people import alice, bob, carol
from tests.promotions.booth import assert_coupons_add_up, coupon, crowd, in_hand

pytestmark = pytest.mark.usefixtures("clone")


def run(*words: str) -> str:
    out = StringIO()
    with override("en"):
        call_command("coupons", "issue", *words, stdout=out)
    return out.getvalue()


def test_everybody_gets_one_and_the_bar_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, from nothing to all; a second run finds nothing to do."""
    monkeypatch.setattr(issuing, "BATCH", 3)
    row = coupon(total=100)
    people = crowd(10)
    in_hand(row, people[3])
    said = run(str(row.pk), "--all")
    assert "0 / 10 people" in said
    assert "10 / 10 people" in said
    assert "9 got one, 1 had one" in said
    assert "0 got one, 10 had one" in run(str(row.pk), "--all")
    assert_coupons_add_up()


def test_none_left_is_told() -> None:
    """Two for five."""
    row = coupon(total=2)
    crowd(5)
    assert "3 did not get one: none is left" in run(str(row.pk), "--all")
    assert row.grants.count() == 2


def test_students_and_a_file_of_names(tmp_path: Path) -> None:
    """By code, in whatever case."""
    row = coupon(total=100, way=Way.CODE, code="DRUM-300")
    students = crowd(2, is_student=True)
    assert "2 got one" in run("drum-300", "--students")
    names = tmp_path / "names.txt"
    names.write_text(f"{alice().username}\n{bob().email}\n{students[0].pk}\n")
    assert "2 got one, 1 had one" in run("drum-300", "--to", str(names))
    assert not row.grants.filter(user=carol()).exists()


@pytest.mark.parametrize("wrong", ["987654", "NO-SUCH", "", "9" * 30])
def test_a_coupon_that_is_not_there_is_told(wrong: str) -> None:
    """Nothing is begun."""
    coupon()
    with pytest.raises(CommandError, match="no coupon"):
        run(wrong, "--all")
    assert not Issuing.objects.exists()


def test_wrong_lists_are_told(tmp_path: Path) -> None:
    """A file that is missing, one that is no text, one with a stranger in it."""
    row, file = str(coupon().pk), tmp_path / "names"
    with pytest.raises(CommandError, match="No such file"):
        run(row, "--to", str(file))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="decode"):
        run(row, "--to", str(file))
    file.write_text("zoe")
    with pytest.raises(CommandError, match="zoe"):
        run(row, "--to", str(file))
    assert not Issuing.objects.exists()
