"""Drawn pictures are deterministic, well-formed, small, and each its own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from django.test import RequestFactory

from shigu.web.drawing.art import drawings, painted
from shigu.web.drawing.avatars import avatar_svg
from shigu.web.drawing.chance import Chance
from shigu.web.drawing.covers import cover_svg
from shigu.web.drawing.drum import MARK, STUDS, lit_studs, still_svg, studs
from shigu.web.drawing.icons import icon_svg
from shigu.web.drawing.pictures import cover
from shigu.web.drawing.tones import TONES

MOTIFS = [(kind, motif) for kind in ("goods", "course") for motif in drawings(kind)]


def draw(slug: str = "pot", kind: str = "goods", motif: str = "teapot", tone: str = "zhu") -> str:
    """One cover, square for goods."""
    return cover_svg(slug, kind=kind, motif=motif, tone=tone, square=kind == "goods")


def test_chance_is_the_same_on_every_machine() -> None:
    """The numbers are pinned: another generator would silently redraw every cover."""
    chance = Chance("teapot")
    assert [round(chance.number(), 6) for _ in range(3)] == [0.41515, 0.002194, 0.271616]
    assert Chance("teapot").number() != Chance("bowl").number()


def test_the_same_product_has_the_same_cover() -> None:
    """Same arguments, same picture; another slug, tone or motif gives another."""
    first = draw()
    cover_svg.cache_clear()
    assert draw() == first
    others = {draw("pot-2"), draw(tone="qing"), draw(motif="bowl")}
    assert len({first, *others}) == 4


@pytest.mark.parametrize(("kind", "motif"), MOTIFS)
def test_every_motif_is_a_small_standalone_svg(kind: str, motif: str) -> None:
    """Well-formed with its size, under 8 kB in every tone, with no name used twice inside."""
    for tone in TONES:
        svg = draw("one", kind, motif, tone)
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert {"width", "height", "viewBox"} <= set(root.attrib)
        assert len(svg.encode()) < 8192
        names = re.findall(r'\bid="([^"]+)"', svg)
        assert len(names) == len(set(names))
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(names)


def test_two_covers_on_one_page_do_not_share_names() -> None:
    """Gradients are named after the picture, so that inlining two mixes nothing up."""
    pictures = [draw("one"), draw("two"), draw("one", tone="qing"), draw("one", "course", "code")]
    names = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in pictures]
    assert len(set().union(*names)) == sum(len(each) for each in names)


def test_each_kind_of_goods_has_a_silhouette_of_its_own() -> None:
    """At least the kinds that the shop sells from the start, no two alike."""
    goods = drawings("goods")
    asked = "teapot bowl paper burner fan seal incense caddy brush lantern scarf umbrella"
    assert set(asked.split()) <= set(goods)
    assert {"code", "database", "brush", "chart", "speech", "music"} <= set(drawings("course"))
    assert len(set(goods.values())) == len(goods)


def test_a_tone_leaves_nothing_of_another() -> None:
    """Painting replaces each colour of the drawing once, never a replacement again."""
    qing, zhu = TONES["qing"], TONES["zhu"]
    for _kind, motif in MOTIFS:
        there = painted(drawings(_kind)[motif], zhu)
        assert not set(re.findall(r"#\w{6}", there)) - set(zhu)
    assert painted(f"{qing.deep} {qing.near}", zhu) == f"{zhu.deep} {zhu.near}"


def test_unknown_words_still_give_a_picture() -> None:
    """A motif or tone nobody has drawn is chosen by slug, and nothing asked for is written into it."""
    svg = cover_svg("<script>", kind="?", motif='"><script>', tone="<", square=False)
    ElementTree.fromstring(svg)
    assert "<script" not in svg


def test_the_cover_is_kept_for_ever_and_does_nothing(rf: RequestFactory) -> None:
    """Served as a picture that may run nothing, to be cached without asking again."""
    answer = cover(rf.get("/pot.svg", {"kind": "goods", "motif": "teapot", "square": "1"}), "pot")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert b'viewBox="0 0 400 400"' in answer.content
    assert cover(rf.post("/pot.svg"), "pot").status_code == 405


def test_an_avatar_is_drawn_from_the_name() -> None:
    """The first letter, escaped; the same for the same name; something even for no name."""
    assert avatar_svg("alice") == avatar_svg("alice") != avatar_svg("bob")
    for name, letter in (("alice", "A"), ("林远", "林"), ("", "·"), ("<x", "&lt;")):
        svg = avatar_svg(name)
        ElementTree.fromstring(svg)
        assert f">{letter}</text>" in svg


@pytest.mark.parametrize(
    ("left", "window", "lit"),
    [(900, 900, 60), (2000, 900, 60), (899, 900, 60), (885, 900, 59), (0.1, 900, 1), (0, 900, 0)],
)
def test_studs_go_out_as_time_runs(left: float, window: float, lit: int) -> None:
    """All at the start, the last one at the very end."""
    assert lit_studs(left, window) == lit
    assert studs(lit).count('class="on"') == lit
    assert studs(lit).count("<circle") == STUDS


def test_signs_and_icons_are_well_formed() -> None:
    """Each can be parsed, and none speaks to a screen reader."""
    for svg in (MARK, still_svg(), studs(30), *map(icon_svg, drawings("icon"))):
        ElementTree.fromstring(svg)
        assert 'aria-hidden="true"' in svg
