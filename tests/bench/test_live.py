"""The benchmark of live pages runs both sides, and refuses one whose pages end with something untrue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shigu.bench import bids, live
from shigu.bench.errors import NotTheSame


def test_live_runs_both_sides_and_keeps_its_shape(clone: str, settings: Any) -> None:
    """Ten pages hear eight changes, pushed and looked for; every one of them shows the last."""
    settings.REDIS_URL, settings.AUCTION_BIDS = "", 20  # put back in the end, whatever the run sets
    tiny = live.Sizes(streams=10, changes=8, per_second=20, rounds=1)
    said = json.loads(live.run(tiny).json())
    assert (said["name"], said["unit"]) == ("live", "ms, p95")
    assert said["baselines"].keys() == {"unpushed"}
    assert said["ours"] > 0
    assert said["setup"]["wrong_pages"] == 0
    assert said["setup"]["p99_ms"]["shigu"] >= said["setup"]["p50_ms"]["shigu"] > 0


def test_a_page_that_is_not_right_is_no_figure(clone: str) -> None:
    """One page short of the last change, or one that shows another price, is refused."""
    lot = bids.hot_lot(bids.furnish(1))
    with pytest.raises(NotTheSame, match="1 of 2 pages"):
        live._refuse_wrong("shigu", lot, 2, [{"right": 1, "prices": ["None"]}])
    with pytest.raises(NotTheSame, match="2 of 2 pages"):
        live._refuse_wrong("shigu", lot, 2, [{"right": 2, "prices": ["None", "7"]}])


def test_a_later_change_tells_of_the_ones_before() -> None:
    """A page that heard version 3 only had waited for 1 and 2 as well."""
    committed = [10.0, 10.1, 10.2]
    assert list(live._delays([(0, 9.0), (3, 10.3)], committed)) == pytest.approx([300, 200, 100])
