"""Lots from a table: looked at first, every mistake by its row, all of them or none."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import override

from shigu.auctions import importing
from shigu.auctions.errors_life import FrozenNow
from shigu.auctions.errors_record import (
    ColumnsMissing,
    NotCsv,
    NothingToImport,
    TableTooLarge,
    TooManyRows,
)
from shigu.auctions.models import Bidding, Lot
from shigu.catalogue.models import Product
from tests.auctions.office import office, page, plain_files, words_of
from tests.auctions.sale import Sale, go_to

__all__ = ["plain_files"]
pytestmark = pytest.mark.usefixtures("house", "plain_files")

HEAD = "name_zh,name_en,start_price,deposit,steps,reserve,details,number\n"
GOOD = (
    HEAD
    + '青瓷杯,Celadon cup,10,100,,,"年代|清;高|8 cm",\n'
    + "歙砚,Inkstone,¥500.50,300,0:50 2000:100,800,,7\n"
    + ",,,,,,,\n"
    + "笺纸,Paper,0,50,small,,,\n"
)


def file(text: str | bytes) -> SimpleUploadedFile:
    data = text if isinstance(text, bytes) else text.encode("utf-8-sig")
    return SimpleUploadedFile("lots.csv", data)


def written(count: int) -> str:
    return HEAD + "".join(f"拍品{n},Lot {n},10,0,,,,\n" for n in range(count))


def test_a_table_is_looked_at_and_then_written() -> None:
    """The first look writes nothing; the second step writes all, with figures in fen and numbers in turn."""
    sale = Sale()
    client, url = office(), page("session_table", sale.session.pk)
    answer = client.post(url, {"table": file(GOOD)})
    assert answer.context["looked"].ok
    assert not Lot.objects.exists()
    answer = client.post(url, {"text": answer.context["content"], "import": "1"})
    assert "3 lots were imported." in words_of(answer)
    rows = list(
        Lot.objects.order_by("pk").values_list("number", "start_price", "reserve", "deposit")
    )
    assert rows == [(1, 1000, None, 10_000), (7, 50_050, 80_000, 30_000), (2, 0, None, 5000)]
    assert Lot.objects.get(number=7).steps == [[0, 5000], [200_000, 10_000]]
    assert Lot.objects.get(number=1).details == [
        ["年代", "年代", "清", "清"],
        ["高", "高", "8 cm", "8 cm"],
    ]
    assert len({lot.sku_id for lot in Lot.objects.all()}) == 3


def test_one_mistake_and_nothing_is_written() -> None:
    """Each mistake has its row and column; not one lot, not one product is written, though others are right."""
    sale = Sale()
    text = GOOD + ",No name,10,100,,,,\n壶,Pot,x,-1,1:5,,a,7\n盏,Bowl,100,10,,50,,\n"
    before = Product.objects.count()
    with override("en"):
        looked = importing.bring(sale.session.pk, text.encode())
    found = [(one.row, one.column) for one in looked.mistakes]
    assert found == [
        (6, "name_zh"),
        *((7, "number"), (7, "start_price"), (7, "steps"), (7, "deposit"), (7, "details")),
        (8, "reserve"),
    ]
    assert all(one.words for one in looked.mistakes)
    assert not Lot.objects.exists()
    assert Product.objects.count() == before
    answer = office().post(
        page("session_table", sale.session.pk), {"table": file(text), "import": "1"}
    )
    assert "7 mistakes; nothing was written." in answer.content.decode()
    assert not Lot.objects.exists()


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "100000", "0000123456789012", "9" * 5000])
def test_a_number_that_is_none(number: str) -> None:
    """However long it is: its row and column are named, nothing is written."""
    sale = Sale()
    text = f"{HEAD}瓶,Vase,100,10,,,,{number}\n"
    looked = importing.bring(sale.session.pk, text.encode())
    assert [(one.row, one.column) for one in looked.mistakes] == [(2, "number")]
    assert not Lot.objects.exists()


def test_a_thousand_lots_at_once() -> None:
    """One thousand are written in one transaction; one more is refused as a whole."""
    sale = Sale()
    with pytest.raises(TooManyRows):
        importing.bring(sale.session.pk, written(1001).encode())
    assert not Lot.objects.exists()
    assert importing.bring(sale.session.pk, written(1000).encode()).ok
    assert Lot.objects.count() == 1000
    assert sale.publish().open_lots == 1000


def with_stories(count: int) -> str:
    """Lots with stories of up to 5 000 characters, of several lines."""
    story = ("清代青瓷，釉色匀净。\r\n" * 400)[:1270]
    rows = "".join(f'拍品{n},10,0,"{story}"\r\n' for n in range(count))
    return f"name_zh,start_price,deposit,story_zh\r\n{rows}"


def as_browser(content: str) -> str:
    """As a browser sends the text of a page: each line ends with two characters."""
    return "\r\n".join(content.splitlines()) + "\r\n"


def test_a_thousand_lots_with_their_stories() -> None:
    """A table of 3.5 MB is looked at, comes back as the page's text, and is written."""
    sale = Sale()
    client, url = office(), page("session_table", sale.session.pk)
    data = with_stories(1000).encode()
    assert 3_200_000 < len(data) < importing.MOST_BYTES
    answer = client.post(url, {"table": file(data)})
    assert len(answer.context["looked"].lots) == 1000
    text = as_browser(answer.context["content"])
    answer = client.post(url, {"text": text, "import": "1"})
    assert "1000 lots were imported." in words_of(answer)
    assert Lot.objects.count() == 1000
    assert "\r" not in Lot.objects.first().story_zh  # type: ignore[union-attr]


def test_a_table_at_its_limit_comes_back_as_text() -> None:
    """Line ends that the browser adds make it no larger."""
    sale = Sale()
    client, url = office(), page("session_table", sale.session.pk)
    head = "name_zh,start_price,deposit\n杯,10,0\n"
    lines = importing.MOST_BYTES - len(head.encode())
    text = as_browser(head + f"{',' * 39}\n" * (lines // 40))
    assert len(text.encode()) > importing.MOST_BYTES
    answer = client.post(url, {"text": text, "import": "1"})
    assert "1 lot was imported." in words_of(answer)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "larger than 4 MB"), ("zh-hans", "超过 4 MB")]
)
def test_a_table_too_large_is_told_its_limit(language: str, words: str) -> None:
    """The limit stands on the page and in the refusal."""
    sale = Sale()
    client, url = office(language=language), page("session_table", sale.session.pk)
    assert "4 MB" in client.get(url).content.decode()
    answer = client.post(url, {"table": file(b"x" * (importing.MOST_BYTES + 1))})
    assert words in answer.context["form"].errors["table"][0]
    assert not Lot.objects.exists()


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"\xff\xfe\x00\x01", NotCsv),
        ("name_zh\n青瓷".encode("gbk"), NotCsv),
        (b'name_zh,start_price,deposit\n"open quote,1,1', NotCsv),
        (b"name,price\nx,1\n", ColumnsMissing),
        (b"", ColumnsMissing),
        (HEAD.encode(), NothingToImport),
        (b"x" * (importing.MOST_BYTES + 1), TableTooLarge),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(data: bytes, refusal: type[Exception]) -> None:
    """Binary, another encoding, an open quote, other columns, nothing, too much."""
    sale = Sale()
    with pytest.raises(refusal):
        importing.look(sale.session, data)


def test_a_published_session_takes_a_table_until_its_preview() -> None:
    """They join with their times; from the preview on the table is refused and leaves nothing."""
    sale = Sale({})
    session = sale.publish()
    importing.bring(session.pk, written(3).encode())
    assert Bidding.objects.count() == 4
    go_to(session.preview_from)
    products = Product.objects.count()
    with pytest.raises(FrozenNow):
        importing.bring(session.pk, written(2).encode())
    assert (Lot.objects.count(), Product.objects.count()) == (4, products)
