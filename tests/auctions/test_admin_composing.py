"""The composer: times checked by field, presets, what may still change; lots written; sessions copied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from shigu import clock
from shigu.auctions import lot_pictures, publishing, timeline
from shigu.auctions.errors_record import TooManyPictures
from shigu.auctions.models import Bidding, Lot, LotPicture, Session, SessionState
from shigu.catalogue.models import Product
from tests.auctions.office import (
    a_lot,
    a_session,
    as_typed,
    clerk,
    office,
    page,
    plain_files,
    typed,
    words_of,
)
from tests.auctions.sale import HOUR, STEPS, Sale, at, deposit, go_to, person

__all__ = ["plain_files"]
pytestmark = pytest.mark.usefixtures("house", "plain_files")


def picture(size: tuple[int, int] = (300, 200), kind: str = "PNG") -> SimpleUploadedFile:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind, exif=b"Exif\x00\x00secret place")
    return SimpleUploadedFile(f"me at home.{kind.lower()}", out.getvalue())


def test_a_session_is_composed_and_published() -> None:
    """A draft, a lot of its own thing, published by its page; each step is on record."""
    client = office()
    assert client.get(page("session_add")).status_code == 200
    client.post(page("session_add"), a_session())
    session = Session.objects.get()
    assert (session.state, session.deposit, session.slug) == (
        *(SessionState.DRAFT, 100_000, "autumn-sale"),
    )
    figures = (session.soft_window, session.soft_extension, session.most_extensions)
    assert figures == (120, 120, 10)
    client.post(page("lot_write", session.pk), a_lot())
    lot = Lot.objects.get()
    assert (lot.number, lot.start_price, lot.deposit) == (1, 1000, 10_000)
    assert lot.steps == [[0, 100], [10_000, 500]]
    assert lot.details == [["年代", "Period", "清", "Qing"], ["高", "高", "8 cm", "8 cm"]]
    assert not lot.sku.product.on_sale
    assert client.get(page("session_publish", session.pk)).status_code == 200
    client.post(page("session_publish", session.pk))
    session.refresh_from_db()
    assert session.state == SessionState.SCHEDULED
    assert Bidding.objects.get().closes_at == session.closes_at
    assert LogEntry.objects.count() == 3


@pytest.mark.parametrize(
    ("field", "hours", "words"),
    [
        ("preview_until", 0.5, "The preview ends after it begins."),
        ("opens_at", 1.5, "Bidding opens when the preview is over"),
        ("closes_at", 2.5, "The first lot closes after bidding opens."),
        ("closes_at", 3, "The first lot closes after bidding opens."),
    ],
)
def test_times_out_of_order_are_told_beside_their_field(
    field: str, hours: float, words: str
) -> None:
    """The field that breaks the order has the message, what was typed stays, nothing is written."""
    other = {field: typed(clock.now() + hours * HOUR)}
    answer = office().post(page("session_add"), a_session(**other))
    assert answer.status_code == 200
    assert words in answer.context["form"].errors[field][0]
    assert 'value="autumn-sale"' in answer.content.decode()
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("opens_at", "never"),
        ("stagger", "-1"),
        ("pay_seconds", "1"),
        ("deposit", "-5"),
        ("deposit", "1.234"),
        ("preset", "gavel"),
        ("tone", "neon"),
        ("name_zh", ""),
        ("slug", "no slug!"),
    ],
)
def test_nonsense_is_refused_by_its_field(field: str, value: str) -> None:
    """A message beside it, never an error page; nothing is written."""
    answer = office().post(page("session_add"), a_session(**{field: value}))
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert not Session.objects.exists()


SLIPS = ["0001-01-01T00:00:00", "2020-01-01T00:00:00", "9999-12-31T23:59:59"]


@pytest.mark.parametrize(("language", "words"), [("en", "Choose a time"), ("zh-hans", "请选择")])
@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("field", ["preview_from", "preview_until", "opens_at", "closes_at"])
def test_a_time_of_another_age_is_told(field: str, slip: str, language: str, words: str) -> None:
    """A draft and a saved session alike; nothing is written, and the list of sessions can still be read."""
    client, sale = office(language=language), Sale({}, {}, stagger=86400)
    answer = client.post(page("session_add"), a_session(**{field: slip}))
    assert words in answer.context["form"].errors[field][0]
    before = list(Session.objects.values())
    form = as_typed(sale.session, **{field: slip})
    answer = client.post(page("session_change", sale.session.pk), form)
    assert words in answer.context["form"].errors[field][0]
    assert list(Session.objects.values()) == before
    assert client.get(page("session_changelist")).status_code == 200


@pytest.mark.parametrize("slip", SLIPS[::2])
def test_more_time_is_not_until_another_age(slip: str) -> None:
    """Told beside the field; the end stays."""
    [lot] = Sale({}).live().lots
    end = at(lot).closes_at
    answer = office().post(page("lot_extend", lot.pk), {"until": slip})
    assert "Choose a time" in answer.context["form"].errors["until"][0]
    assert at(lot).closes_at == end


def test_presets_fill_in_the_soft_close() -> None:
    """Hard, judicial (a day at least), or as written."""
    client = office()
    client.post(page("session_add"), a_session(preset="hard", slug="hard"))
    assert not Session.objects.get(slug="hard").is_soft
    client.post(page("session_add"), a_session(preset="own", slug="own"))
    own = Session.objects.get(slug="own")
    assert (own.soft_window, own.soft_extension, own.most_extensions) == (1, 2, 3)
    answer = client.post(page("session_add"), a_session(preset="judicial"))
    assert "closes_at" in answer.context["form"].errors
    day = typed(clock.now() + 27.5 * HOUR)
    client.post(page("session_add"), a_session(preset="judicial", slug="court", closes_at=day))
    assert Session.objects.get(slug="court").soft_window == 300


def test_saving_again_moves_the_lots() -> None:
    """A published session saved with other times: its lots close then, one after the other."""
    sale = Sale({}, {})
    session = sale.publish()
    later = session.closes_at.replace(microsecond=0) + HOUR
    form = as_typed(session, closes_at=typed(later), stagger="120")
    answer = office().post(page("session_change", session.pk), form)
    assert answer.status_code == 302
    ends = [at(lot).closes_at for lot in sale.lots]
    assert ends == [later, later + timedelta(minutes=2)]


def test_what_stands_cannot_be_typed_into() -> None:
    """After the preview began rules are shown only: what a crafted form sends for them is not taken."""
    sale = Sale({})
    session = sale.publish()
    go_to(session.preview_from)
    form = as_typed(session, deposit="5", name_en="Renamed")
    answer = office().post(page("session_change", session.pk), form)
    assert answer.status_code == 302
    session.refresh_from_db()
    assert (session.deposit, session.name_en) == (0, "Renamed")


@pytest.mark.parametrize(
    ("language", "words"), [("en", "has a deposit"), ("zh-hans", "待缴保证金")]
)
def test_what_is_promised_to_a_bidder_cannot_be_typed_into(language: str, words: str) -> None:
    """Both pages say why; what a crafted form sends for the rules is not taken."""
    sale = Sale({"deposit": 20_000}, deposit=100_000)
    session, [lot] = sale.publish(), sale.lots
    client = office(language=language)
    pages = page("session_change", session.pk), page("lot_change", lot.pk)
    assert not any(words in client.get(one).content.decode() for one in pages)
    deposit(person("bob"), lot=lot)
    assert all(words in client.get(one).content.decode() for one in pages)
    client.post(pages[0], as_typed(session, pay_seconds="60", name_en="Renamed"))
    client.post(pages[1], a_lot(deposit="1000"))
    session.refresh_from_db()
    lot.refresh_from_db()
    assert (session.name_en, session.pay_seconds) == ("Renamed", 86400)
    assert (lot.name_en, lot.deposit) == ("Celadon cup", 20_000)


def test_a_time_that_passed_meanwhile_is_told_and_nothing_saved() -> None:
    """The verb decides under its locks; its refusal stands above what was typed."""
    sale = Sale({})
    session = sale.publish()
    form = as_typed(session, preview_from=typed(clock.now() - HOUR), name_en="Renamed")
    answer = office().post(page("session_change", session.pk), form)
    assert "A new time must lie ahead." in answer.content.decode()
    session.refresh_from_db()
    assert session.name_en == ""


def test_words_of_a_lot_are_saved_when_its_figures_stand() -> None:
    """In the preview figures are shown only, however large; what a crafted form sends for them is not taken."""
    dear = 10_000_000_000_00  # in fen more digits than may be typed in yuan
    sale = Sale({"start_price": dear, "reserve": dear, "deposit": dear}, deposit=dear)
    session, [lot] = sale.publish(), sale.lots
    go_to(session.preview_from)
    answer = office().post(page("lot_change", lot.pk), a_lot(name_en="A bowl", start_price="1"))
    assert answer.status_code == 302
    answer = office().post(page("session_change", session.pk), as_typed(session, name_en="Spring"))
    assert answer.status_code == 302
    lot.refresh_from_db()
    session.refresh_from_db()
    assert (lot.name_en, lot.start_price, lot.reserve, lot.steps) == ("A bowl", dear, dear, STEPS)
    assert (session.name_en, session.deposit) == ("Spring", dear)


def test_pictures_are_saved_when_all_is_over(settings: Any, tmp_path: Any) -> None:
    """Cover and tone of a session that ended, a picture of its lot that was listed again: kept, on record."""
    settings.MEDIA_ROOT = tmp_path
    sale = Sale({}, soft_window=300, soft_extension=300, most_extensions=1000).live()
    session, [lot] = sale.session, sale.lots
    go_to(at(lot).closes_at)
    Sale({"sku": lot.sku}).publish()
    form = as_typed(session, tone="zhu", cover=picture())
    assert office().post(page("session_change", session.pk), form).status_code == 302
    form = a_lot(pictures=[picture()])
    assert office().post(page("lot_change", lot.pk), form).status_code == 302
    session.refresh_from_db()
    assert (session.tone, bool(session.cover), lot.pictures.count()) == ("zhu", True, 1)
    assert LogEntry.objects.count() == 2


def test_lots_join_until_the_preview() -> None:
    """One more while it is to come; refused from the preview on, with nothing of it left."""
    sale = Sale({})
    session = sale.publish()
    client = office()
    client.post(page("lot_write", session.pk), a_lot())
    assert Bidding.objects.count() == 2
    go_to(session.preview_from)
    answer = client.post(page("lot_write", session.pk), a_lot(name_zh="太迟"))
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors()
    assert Lot.objects.count() == 2
    assert not Lot.objects.filter(name_zh="太迟").exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"steps_from": ["5"], "steps_step": ["1"]}, "steps"),
        ({"steps_from": ["0", "0"], "steps_step": ["1", "2"]}, "steps"),
        ({"steps_from": ["0"], "steps_step": ["0"]}, "steps"),
        ({"steps_from": ["0"], "steps_step": ["x"]}, "steps"),
        ({"steps_from": [""], "steps_step": [""]}, "steps"),
        ({"reserve": "5"}, "reserve"),
        ({"start_price": "-1"}, "start_price"),
        ({"rows": "only one part"}, "rows"),
        ({"number": "1"}, "number"),
    ],
)
def test_a_senseless_lot_is_refused_by_its_field(wrong: dict[str, Any], field: str) -> None:
    """Each mistake beside its field; no lot, no product is left."""
    sale = Sale({})
    answer = office().post(page("lot_write", sale.session.pk), a_lot(**wrong))
    assert field in answer.context["form"].errors
    assert Lot.objects.count() == 1


def test_a_session_with_a_deposit_wants_a_share_of_each_lot() -> None:
    """A lot without one is told so where it is typed."""
    sale = Sale(deposit=1000)
    answer = office().post(page("lot_write", sale.session.pk), a_lot(deposit="0"))
    assert "deposit" in answer.context["form"].errors
    assert not Lot.objects.exists()


def test_pictures_are_written_anew(settings: Any, tmp_path: Any) -> None:
    """Their metadata and names are gone; what is no picture is refused; one can be removed."""
    settings.MEDIA_ROOT = tmp_path
    sale = Sale(deposit=0)
    client = office()
    url = page("lot_write", sale.session.pk)
    client.post(url, a_lot(pictures=[picture(), picture(kind="JPEG")]))
    lot = Lot.objects.get()
    assert lot.pictures.count() == 2
    for row in lot.pictures.all():
        with row.image.open() as shown:
            data = shown.read()
        assert data[:3] == b"\xff\xd8\xff"
        assert b"secret" not in data
        assert "home" not in row.image.name
    bad = SimpleUploadedFile("x.png", b"<svg onload='x'/>")
    answer = client.post(url, a_lot(pictures=[bad]))
    assert "pictures" in answer.context["form"].errors
    assert Lot.objects.count() == 1
    gone = lot.pictures.all()[0]
    client.post(page("lot_remove_picture", lot.pk, gone.pk))
    assert not LotPicture.objects.filter(pk=gone.pk).exists()
    assert len(list((tmp_path / "lots").iterdir())) == 1


def _cut_off() -> SimpleUploadedFile:
    """A JPEG whose header is whole and whose pixels end in the middle."""
    whole = picture((900, 600), "JPEG")
    data = whole.read()
    return SimpleUploadedFile("half.jpg", data[: len(data) // 2])


WRONG_PICTURES: dict[str, Callable[[], list[SimpleUploadedFile]]] = {
    "too many": lambda: [picture((9, 9)) for _ in range(lot_pictures.MOST + 1)],
    "cut off": lambda: [picture(), _cut_off()],
    "too many pixels": lambda: [picture((lot_pictures.MOST_SIDE + 1, 1))],
}


@pytest.mark.parametrize("wrong", WRONG_PICTURES)
def test_a_lot_whose_pictures_are_refused_is_not_written(
    wrong: str, settings: Any, tmp_path: Any
) -> None:
    """The message stands beside the pictures; no lot and no thing is there, so that sent again it is one."""
    settings.MEDIA_ROOT = tmp_path
    sale = Sale(deposit=0)
    client, url = office(), page("lot_write", sale.session.pk)
    answer = client.post(url, a_lot(pictures=WRONG_PICTURES[wrong]()))
    assert "pictures" in answer.context["form"].errors
    assert not Lot.objects.exists()
    assert not Product.objects.exists()
    assert not list(tmp_path.rglob("*.jpg"))
    client.post(url, a_lot(pictures=[picture((9, 9)) for _ in range(lot_pictures.MOST)]))
    assert LotPicture.objects.filter(lot=Lot.objects.get()).count() == lot_pictures.MOST
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("wrong", WRONG_PICTURES)
def test_a_lot_whose_new_pictures_are_refused_keeps_its_words(
    wrong: str, settings: Any, tmp_path: Any
) -> None:
    """Those that it has count; words and pictures are saved together or not at all."""
    settings.MEDIA_ROOT = tmp_path
    sale = Sale(deposit=0)
    client = office()
    client.post(page("lot_write", sale.session.pk), a_lot(pictures=[picture(), picture()]))
    lot = Lot.objects.get()
    many = WRONG_PICTURES[wrong]()[: lot_pictures.MOST - 1]  # one too many beside the two
    renamed = a_lot(name_zh="另一个", number="1", pictures=many)
    answer = client.post(page("lot_change", lot.pk), renamed)
    assert "pictures" in answer.context["form"].errors
    lot.refresh_from_db()
    assert (lot.name_zh, lot.pictures.count(), LogEntry.objects.count()) == ("青瓷杯", 2, 1)


def test_pictures_that_came_meanwhile_refuse_the_words_too(settings: Any, tmp_path: Any) -> None:
    """The form was right when it was looked at: the verb refuses under its locks, and saves nothing."""
    settings.MEDIA_ROOT = tmp_path
    lot = Sale({}).lots[0]
    full = [ContentFile(b"x", name="x.jpg") for _ in range(lot_pictures.MOST)]

    def add() -> None:
        lot_pictures.add(lot.pk, full)
        lot_pictures.add(lot.pk, full)

    with pytest.raises(TooManyPictures):
        publishing.change_lot(lot.pk, {"name_zh": "另一个"}, add)
    lot.refresh_from_db()
    assert (lot.name_zh, lot.pictures.count()) == ("拍品1", 0)


def test_a_session_is_copied_some_weeks_later() -> None:
    """Same words, rules and distances, a draft whose preview is ahead; what passed in is listed again."""
    sale = Sale({}, {}, deposit=0, stagger=60).live()
    sale.bid(sale.lots[0], person("bob"), 5000)
    go_to(at(sale.lots[1]).closes_at)
    answer = office().post(page("session_copy", sale.session.pk), {"relist": "on"})
    assert "1 lot" in words_of(answer)
    new = Session.objects.latest("pk")
    assert new.state == SessionState.DRAFT
    assert new.preview_from > clock.now()
    assert (new.preview_from - sale.session.preview_from) % timedelta(weeks=1) == timedelta(0)
    assert new.closes_at - new.opens_at == sale.session.closes_at - sale.session.opens_at
    assert [lot.relisted_from_id for lot in new.lots.all()] == [sale.lots[1].pk]


def test_the_timeline_follows_the_times() -> None:
    """Spans meet, each lot's end is marked, now is on it only meanwhile."""
    sale = Sale({}, {}, {}, stagger=600)
    line = timeline.drawn(sale.session, clock.now())
    assert line.now is None
    assert [span.what for span in line.spans] == ["preview", "wait", "open", "closing"]
    for before, after in zip(line.spans, line.spans[1:], strict=False):
        assert before.x + before.width == after.x
    assert len(line.ends) == 3
    assert line.ends[-1] == timeline.WHOLE
    sale.publish()
    go_to(sale.session.opens_at)
    assert timeline.drawn(sale.session, clock.now()).now is not None


def test_who_may_only_look_changes_nothing() -> None:
    """A clerk without the right is refused each act and each save; strangers find no door."""
    sale = Sale({})
    client = office(clerk("view_session", "view_lot"))
    assert client.get(page("session_change", sale.session.pk)).status_code == 200
    for name in ("session_publish", "session_withdraw", "session_copy", "session_table"):
        assert client.post(page(name, sale.session.pk)).status_code == 403
    form = as_typed(sale.session, name_en="Renamed")
    assert client.post(page("session_change", sale.session.pk), form).status_code == 403
    assert client.post(page("lot_write", sale.session.pk), a_lot()).status_code == 403
    sale.session.refresh_from_db()
    assert (sale.session.name_en, sale.session.state) == ("", SessionState.DRAFT)
    stranger = office(person("bob"))
    assert stranger.get(page("session_console", sale.session.pk)).status_code == 302


@pytest.mark.parametrize("junk", ["0", "999999", "x", "99999999999999999999", "-1"])
def test_junk_is_not_found(junk: str) -> None:
    """Addresses of nothing are a 404, never an error."""
    client = office()
    for name in ("change", "console", "results", "record", "publish", "table"):
        assert client.get(f"/ops/auctions/session/{junk}/{name}/").status_code == 404
    for name in ("change", "extend", "offer"):
        assert client.get(f"/ops/auctions/lot/{junk}/{name}/").status_code == 404


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_in_both_languages(language: str) -> None:
    """No page shows the other language's words in its headings, and each opens."""
    sale = Sale({}).live()
    client = office(language=language)
    for name in ("change", "console", "console_now", "results", "copy", "withdraw", "table"):
        answer = client.get(page(f"session_{name}", sale.session.pk))
        assert answer.status_code == 200, name
    for name in ("change", "extend", "withdraw", "relist", "offer"):
        assert client.get(page(f"lot_{name}", sale.lots[0].pk)).status_code == 200, name
    said = client.get(page("session_console", sale.session.pk)).content.decode()
    assert ("Deposits held" in said) is (language == "en")
