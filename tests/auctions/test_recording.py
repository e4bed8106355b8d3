"""The record of a session: all decisions and ends, by paddle, in a chain that breaks where it is touched."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from shigu.auctions import extending, recording, withdrawing
from shigu.auctions.errors_record import BrokenRecord, NotOverYet
from shigu.auctions.models import Bid, Extension, Outage
from tests.auctions.sale import Sale, at, go_to, later, person

pytestmark = pytest.mark.usefixtures("house")


def a_session_that_is_over() -> Sale:
    """Three lots: one sold after a refused bid and more time, one passed in, one withdrawn."""
    sale = Sale({"reserve": 7777_00}, {}, {}, soft_window=120, soft_extension=120)
    first, second, third = sale.lots
    sale.live()
    alice, bob = person("alice"), person("bob")
    sale.bid(second, alice, 2000, 9000)
    sale.bid(second, bob, 1500)
    sale.bid(second, bob, 3000)
    sale.bid(first, bob, 1000)
    withdrawing.withdraw_lot(third.pk, why="a crack")
    extending.extend(second.pk, until=at(second).closes_at + timedelta(minutes=5), by=alice.pk)
    go_to(at(second).closes_at - timedelta(seconds=30))
    sale.bid(second, bob, 10_000)
    go_to(at(second).closes_at)
    later(timedelta(minutes=1))
    return sale


def rows(sale: Sale) -> list[dict[str, object]]:
    return [json.loads(line) for line in recording.lines(sale.session.pk)]


def test_it_tells_every_decision_and_every_end() -> None:
    """Refused bids too; what moved the end besides bids stands where it happened; results and a count."""
    sale = a_session_that_is_over()
    told = rows(sale)
    assert told[0]["what"] == "session"
    decisions = [row for row in told if row["what"] == "decision"]
    assert len(decisions) == Bid.objects.count() == told[-1]["decisions"] == 5
    assert [row["verdict"] for row in decisions].count("too-low") == 1
    assert (
        len([row for row in told if row["what"] == "extension"]) == Extension.objects.count() == 1
    )
    place = [row["what"] for row in told]
    second = place.index("lot", place.index("lot") + 1)
    assert place[second : second + 7] == [
        *("lot", "decision", "decision", "decision", "extension", "decision", "result")
    ]
    results = [row["result"] for row in told if row["what"] == "result"]
    assert results == ["passed in", "sold", "withdrawn"]


def test_nobody_is_named_and_no_secret_is_told() -> None:
    """Paddles only: no user id or name, no maximum, no reserve; and it is the same whenever it is asked."""
    sale = a_session_that_is_over()
    text = "\n".join(recording.lines(sale.session.pk))
    assert "alice" not in text
    assert "bob" not in text
    assert "bidder" not in text
    assert "777700" not in text
    paddles = {row["paddle"] for row in rows(sale) if row["what"] == "decision"}
    assert len(paddles) == 2
    assert text == "\n".join(recording.lines(sale.session.pk))


def test_a_record_that_is_whole_is_found_so() -> None:
    """Its seal is the hash of its last line."""
    sale = a_session_that_is_over()
    lines = list(recording.lines(sale.session.pk))
    checked = recording.verify(f"{line}\n" for line in lines)
    assert (checked.session, checked.lines, checked.decisions) == (
        *(sale.session.slug, len(lines), 5),
    )
    assert checked.seal == recording.digest(lines[-1]) == recording.seal(sale.session.pk)


@pytest.mark.parametrize("harm", ["changed", "dropped", "swapped", "cut", "added", "empty", "junk"])
def test_a_touched_record_is_found_out(harm: str) -> None:
    """A line changed, dropped, swapped, added, the end cut off, nothing at all, or no record."""
    lines = list(recording.lines(a_session_that_is_over().session.pk))
    harmed = {
        "changed": [line.replace('"amount": 3000', '"amount": 3001') for line in lines],
        "dropped": lines[:3] + lines[4:],
        "swapped": [lines[0], lines[2], lines[1], *lines[3:]],
        "cut": lines[:-1],
        "added": [*lines, lines[-1]],
        "empty": [],
        "junk": ["no record"],
    }[harm]
    assert harmed != lines
    with pytest.raises(BrokenRecord):
        recording.verify(harmed)


def test_there_is_none_while_something_may_change() -> None:
    """A session that is not over has no record."""
    sale = Sale({}).live()
    with pytest.raises(NotOverYet):
        list(recording.lines(sale.session.pk))


def test_the_command_writes_and_checks_files(tmp_path: Path) -> None:
    """`shigu auctions record` and `verify`: content, or the line that is wrong."""
    sale = a_session_that_is_over()
    file, out = tmp_path / "record.jsonl", StringIO()
    call_command("auctions", "record", sale.session.slug, "--to", str(file), stdout=out)
    call_command("auctions", "verify", str(file), stdout=out)
    assert recording.seal(sale.session.pk) in out.getvalue()
    file.write_text(file.read_text().replace('"amount": 3000', '"amount": 3001'))
    with override("en"), pytest.raises(CommandError, match="is not whole: line"):
        call_command("auctions", "verify", str(file), stdout=out)
    with pytest.raises(CommandError):
        call_command("auctions", "verify", str(tmp_path / "nowhere"), stdout=out)


def test_an_outage_that_was_not_over_by_then_joins_no_record() -> None:
    """Its row is written when it ends: what was sealed meanwhile stays as it is. One that was over is told."""
    sale = a_session_that_is_over()
    sale.session.refresh_from_db()
    end = sale.session.ended_at
    assert end
    over = Outage.objects.create(since=end - timedelta(minutes=9), until=end - timedelta(minutes=8))
    sealed = recording.seal(sale.session.pk)
    Outage.objects.create(since=end - timedelta(seconds=5), until=end + timedelta(minutes=5))
    assert recording.seal(sale.session.pk) == sealed
    told = [row for row in rows(sale) if row["what"] == "outage"]
    assert [row["until"] for row in told] == [over.until.isoformat(timespec="microseconds")]
