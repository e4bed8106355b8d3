"""What is a draft can be taken out again, with what was made for it; what was published stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.auctions import composing, discarding, importing, lot_pictures, publishing, relisting
from shigu.auctions.errors import NoSuchLot
from shigu.auctions.errors_life import NoSuchSession, RelistedAlready
from shigu.auctions.models import Bidding, Lot, LotPicture, Session
from shigu.catalogue.models import Product, Sku
from shigu.orders.models import CartLine
from tests.auctions.office import clerk, office, page, plain_files, words_of
from tests.auctions.sale import STEPS, Sale, at, go_to, person
from tests.auctions.test_admin_table import written

__all__ = ["plain_files"]
pytestmark = pytest.mark.usefixtures("house", "plain_files")


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """Files of this test alone."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def draft(count: int = 3) -> Session:
    """A session in draft whose lots were written as the back office does."""
    session = Sale().session
    words = [composing.Written(f"拍品{n}", 1000, STEPS) for n in range(count)]
    composing.new_lots(session.pk, words)
    return session


def numbers(session: Session) -> list[int]:
    return list(session.lots.values_list("number", flat=True))


def rows_of() -> tuple[int, ...]:
    """Sessions, lots, SKUs and products."""
    return tuple(model.objects.count() for model in (Session, Lot, Sku, Product))


def with_picture(lot: Lot) -> Lot:
    lot_pictures.add(lot.pk, [ContentFile(b"pixels", name="one.jpg")])
    return lot


def test_a_lot_is_taken_out_of_its_draft(media: Path) -> None:
    """Asked first; then it is gone with its picture, its SKU and its product; the others keep their numbers."""
    session = draft()
    lot = with_picture(session.lots.get(number=2))
    client, url = office(), page("lot_discard", lot.pk)
    for shown in (page("lot_change", lot.pk), page("session_change", session.pk)):
        assert url in client.get(shown).content.decode()
    assert client.get(url).status_code == 200
    assert numbers(session) == [1, 2, 3]
    answer = client.post(url)
    assert answer.headers["Location"] == page("session_change", session.pk)
    assert "is removed from the draft" in words_of(answer)
    assert numbers(session) == [1, 3]
    assert (Sku.objects.count(), Product.objects.count()) == (2, 2)
    assert not LotPicture.objects.exists()
    assert not list(media.rglob("*.jpg"))
    assert LogEntry.objects.get().action_flag == DELETION
    assert client.post(url).status_code == 404


def test_a_wrong_table_is_undone_at_once(media: Path) -> None:
    """All lots of a draft go, and then the draft, with as many questions for a thousand as for one."""
    client, sale = office(), Sale()
    importing.bring(sale.session.pk, written(1000).encode())
    asked = []
    for count in (1000, 1):
        with CaptureQueriesContext(connection) as queries:
            assert discarding.discard_lots(sale.session.pk) == count
        asked.append(len(queries))
        assert rows_of() == (1, 0, 0, 0)
        importing.bring(sale.session.pk, written(1).encode())
    assert asked[0] == asked[1]
    answer = client.post(page("session_clear", sale.session.pk))
    assert "1 lot was removed." in words_of(answer)
    assert rows_of() == (1, 0, 0, 0)
    importing.bring(sale.session.pk, written(2).encode())
    assert client.get(page("session_discard", sale.session.pk)).status_code == 200
    answer = client.post(page("session_discard", sale.session.pk))
    assert answer.headers["Location"] == page("session_changelist")
    assert rows_of() == (0, 0, 0, 0)


def test_listed_into_the_wrong_draft_and_taken_out(media: Path) -> None:
    """The earlier lot keeps its thing and its picture, and can be listed again, or offered."""
    sale = Sale({}, deposit=0)
    old = with_picture(sale.lots[0])
    sale.live()
    go_to(at(old).closes_at)
    wrong, right = Sale(), Sale()
    again = relisting.relist(old.pk, session_id=wrong.session.pk)
    with pytest.raises(RelistedAlready):
        relisting.relist(old.pk, session_id=right.session.pk)
    discarding.discard_lot(again.pk)
    assert Sku.objects.filter(pk=old.sku_id).exists()
    assert len(list(media.rglob("*.jpg"))) == 1
    fresh = relisting.relist(old.pk, session_id=right.session.pk)
    assert (fresh.sku_id, fresh.pictures.count()) == (old.sku_id, 1)


def test_a_thing_that_something_names_stays() -> None:
    """Another lot of it, a cart, or a catalogue that had it before."""
    session = draft(2)
    first, second = session.lots.all()
    Sale({"sku": first.sku})
    CartLine.objects.create(
        user=person("bob"), product=second.sku.product, sku=second.sku, added_at=clock.now()
    )
    own = Sale({})
    assert discarding.discard_lots(session.pk) == 2
    assert discarding.discard_session(own.session.pk) == 1
    assert Sku.objects.count() == Product.objects.count() == 3


def test_a_cover_that_a_copy_shows_stays(media: Path) -> None:
    """It goes with the last session that shows it."""
    session = draft(1)
    session.cover.save("cover.jpg", ContentFile(b"pixels"))
    copy = composing.copy(session.pk, by=person("operator").pk)
    discarding.discard_session(session.pk)
    assert len(list(media.rglob("*.jpg"))) == 1
    discarding.discard_session(copy.pk)
    assert not list(media.rglob("*.jpg"))


def test_what_was_published_stays() -> None:
    """Before its preview, live, and withdrawn: told so, nothing removed, and no page offers it."""
    session = draft(2)
    lot = session.lots.get(number=1)
    publishing.publish(session.pk)
    client = office()
    acts = [
        page("lot_discard", lot.pk),
        *(page(f"session_{name}", session.pk) for name in ("clear", "discard")),
    ]
    for moment in (session.preview_from, session.opens_at, session.closes_at):
        for url in acts:
            answer = client.post(url)
            assert "This session was published" in words_of(answer), url
            assert client.get(answer.headers["Location"]).status_code == 200
        shown = client.get(page("session_change", session.pk)).content.decode()
        shown += client.get(page("lot_change", lot.pk)).content.decode()
        assert "/discard/" not in shown
        assert "/clear/" not in shown
        go_to(moment)
    assert (Lot.objects.count(), Bidding.objects.count(), Product.objects.count()) == (2, 2, 2)
    assert not LogEntry.objects.exists()


def test_who_may_only_look_removes_nothing() -> None:
    """403 as for every act, no link on the page; strangers find no door."""
    session = draft(1)
    lot = session.lots.get()
    acts = [
        page("lot_discard", lot.pk),
        *(page(f"session_{name}", session.pk) for name in ("clear", "discard")),
    ]
    looks = office(clerk("view_session", "view_lot"))
    stranger = office(person("bob"))
    for url in acts:
        assert (looks.get(url).status_code, looks.post(url).status_code) == (403, 403)
        assert stranger.post(url).status_code == 302
    assert "/discard/" not in looks.get(page("session_change", session.pk)).content.decode()
    assert Lot.objects.count() == 1


@pytest.mark.parametrize("junk", ["0", "999999", "x", "99999999999999999999", "-1"])
def test_junk_is_not_found(junk: str) -> None:
    """A 404, asked or done."""
    client = office()
    for url in ("session/%s/clear/", "session/%s/discard/", "lot/%s/discard/"):
        assert client.get(f"/ops/auctions/{url % junk}").status_code == 404
        assert client.post(f"/ops/auctions/{url % junk}").status_code == 404


def test_verbs_on_what_is_gone_are_refused() -> None:
    """A page that was open when another operator removed what it shows: a sentence, never an error."""
    session = draft(1)
    lot = session.lots.get()
    discarding.discard_session(session.pk)
    for verb in (
        lambda: discarding.discard_lot(lot.pk),
        lambda: publishing.change_lot(lot.pk, {"name_zh": "x"}),
        lambda: lot_pictures.add(lot.pk, []),
    ):
        with pytest.raises(NoSuchLot):
            verb()
    for verb in (
        lambda: discarding.discard_session(session.pk),
        lambda: discarding.discard_lots(session.pk),
        lambda: publishing.publish(session.pk),
        lambda: publishing.change(session.pk, {"name_zh": "x"}),
        lambda: composing.new_lots(session.pk, []),
        lambda: importing.bring(session.pk, written(1).encode()),
    ):
        with pytest.raises(NoSuchSession):
            verb()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_asked_in_both_languages(language: str) -> None:
    """Each act says what will be gone."""
    session = draft(1)
    client = office(language=language)
    urls = [page("lot_discard", session.lots.get().pk)]
    urls += [page(f"session_{name}", session.pk) for name in ("clear", "discard")]
    for url in urls:
        said = client.get(url).content.decode()
        assert ("It cannot be undone." in said) is (language == "en")
        assert ("此操作无法恢复" in said) is (language != "en")
