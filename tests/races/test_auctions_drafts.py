"""A draft is published and taken apart in the same instant: whoever holds the session decides.

Without the session's lock a lot is removed that has just come under the hammer.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import QuerySet

from shigu.auctions import discarding, lot_pictures, publishing
from shigu.auctions.errors_life import NoLots, PublishedAlready
from shigu.auctions.models import Bidding, Lot, LotPicture, Session, SessionState
from tests.auctions.house import Alipay
from tests.auctions.sale import Sale
from tests.auditing import assert_audit_holds
from tests.races.together import (
    PATIENCE,
    settled_or_blocked,
    start,
    stopped_at,
    wait_until_blocked,
)


def looked_at_only(session_id: int) -> Session:
    """What `locks.locked_session` would be if it did not lock."""
    return Session.objects.get(pk=session_id)


def published_while_removed() -> None:
    """One removes a lot, has seen that it is a draft, and another publishes."""
    sale = Sale({}, {})
    gone, stays = sale.lots
    with stopped_at("auctions.discard.locked") as stop:
        first = start(lambda: discarding.discard_lot(gone.pk))
        stop.wait()
        second = start(lambda: publishing.publish(sale.session.pk))
        settled_or_blocked(second)
        stop.release()
        done = (first.result(), second.result())
    assert done[0] is None, f"it was published by then: {done}"
    assert isinstance(done[1], Session), done
    assert list(Bidding.objects.values_list("pk", flat=True)) == [stays.pk]
    assert done[1].open_lots == 1
    assert_audit_holds()


def test_published_while_removed(house: Alipay) -> None:
    """The session is published without the lot."""
    published_while_removed()


def test_control_published_while_removed(house: Alipay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: what is removed is under the hammer already, and only the database stops it."""
    monkeypatch.setattr(discarding, "locked_session", looked_at_only)
    with pytest.raises(AssertionError, match="it was published by then"):
        published_while_removed()


def removed_while_published() -> None:
    """One publishes; another removes all lots."""
    sale = Sale({}, {})
    with stopped_at("auctions.publish.locked") as stop:
        first = start(lambda: publishing.publish(sale.session.pk))
        stop.wait()
        second = start(lambda: discarding.discard_lots(sale.session.pk))
        settled_or_blocked(second)
        stop.release()
        done = (first.result(), second.result())
    assert isinstance(done[1], PublishedAlready), f"nothing is left to publish: {done}"
    assert sale.state() == SessionState.SCHEDULED
    assert (Lot.objects.count(), Bidding.objects.count()) == (2, 2)
    assert_audit_holds()


def test_removed_while_published(house: Alipay) -> None:
    """It waits, and is told that the session was published."""
    removed_while_published()


def test_control_removed_while_published(house: Alipay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the lots go from under whoever publishes them."""
    monkeypatch.setattr(discarding, "locked_session", looked_at_only)
    with pytest.raises(AssertionError, match="nothing is left to publish"):
        removed_while_published()


def test_the_whole_draft_removed_before_it_is_published(house: Alipay) -> None:
    """Whoever publishes is told that there is nothing; no error."""
    sale = Sale({})
    with stopped_at("auctions.discard.locked") as stop:
        first = start(lambda: discarding.discard_lots(sale.session.pk))
        stop.wait()
        second = start(lambda: publishing.publish(sale.session.pk))
        settled_or_blocked(second)
        stop.release()
        assert first.result() == 1
        assert isinstance(second.result(), NoLots)
    assert sale.state() == SessionState.DRAFT


def looked_at_lots(rows: QuerySet[Lot]) -> dict[int, int]:
    """What `locks.locked_lots` would be if it did not lock."""
    return dict(rows.values_list("pk", "sku_id"))


def removed_while_a_picture_comes() -> None:
    """One puts a picture to a lot, another removes it."""
    sale = Sale({})
    [lot] = sale.lots
    putting, go_on = threading.Event(), threading.Event()

    def put() -> None:
        with transaction.atomic():
            lot_pictures.add(lot.pk, [ContentFile(b"pixels", name="one.jpg")])
            putting.set()
            assert go_on.wait(PATIENCE)

    first = start(put)
    assert putting.wait(PATIENCE)
    second = start(lambda: discarding.discard_lot(lot.pk))
    wait_until_blocked()
    go_on.set()
    done = (first.result(), second.result())
    assert done == (None, None), f"the picture is in the way: {done}"
    assert not Lot.objects.exists()
    assert not LotPicture.objects.exists()


def test_removed_while_a_picture_comes(house: Alipay, settings: Any, tmp_path: Path) -> None:
    """The picture that came meanwhile goes with the lot."""
    settings.MEDIA_ROOT = tmp_path
    removed_while_a_picture_comes()
    assert not list(tmp_path.rglob("*.jpg"))


def test_control_removed_while_a_picture_comes(
    house: Alipay, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the lot cannot go, because a picture names it that was not looked for."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(discarding, "locked_lots", looked_at_lots)
    with pytest.raises(AssertionError, match="the picture is in the way"):
        removed_while_a_picture_comes()
