"""The look's tags say the right amount, the right time and the right state, in both languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.utils import timezone, translation

from shigu.web import coming_back, order_cards, spoken, states
from shigu.web.drawing.art import drawings

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)  # 18:00 in the shop
WEB = Path(spoken.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))


@pytest.fixture(autouse=True)
def _in_the_shop() -> Any:
    """The shop's zone and English, whatever ran before."""
    with timezone.override("Asia/Shanghai"), translation.override("en"):
        yield


def render(source: str, **values: Any) -> str:
    """A template of one tag, with the clock at NOW."""
    return Template("{% load look %}" + source).render(Context({"now": NOW, **values}))


def text(html: str) -> str:
    """What a person reads of it."""
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize(
    ("fen", "read"),
    [
        (0, "¥0.00"),
        (5, "¥0.05"),
        (27930, "¥279.30"),
        (123456789, "¥1,234,567.89"),
        (-3000, "−¥30.00"),
    ],
)
def test_money_reads_as_yuan_with_two_decimals(fen: int, read: str) -> None:
    """Fen become yuan without rounding, and a screen reader hears the sign and the currency."""
    html = render("{% money fen %}", fen=fen)
    assert text(html) == read
    assert f"<i>{read[-3:]}</i>" in html


def test_money_takes_a_look_and_the_list_price_is_named() -> None:
    """The look is a class; the struck price says what it is; no list price writes nothing."""
    assert 'class="money big"' in render('{% money 100 "big" %}')
    assert text(render("{% was 39900 %}")) == "list price ¥399.00"
    assert render("{% was nothing %}", nothing=None) == ""
    assert render("{{ 170000|yuan }}") == "1,700.00"


@pytest.mark.parametrize(
    ("left", "lit", "shown", "said"),
    [
        (900, 60, "15:00", "15 minutes left"),
        (648, 44, "10:48", "11 minutes left"),
        (0.4, 1, "00:01", "Less than a minute left"),
        (0, 0, "00:00", "Time is up"),
        (-30, 0, "00:00", "Time is up"),
    ],
)
def test_the_drum_is_right_without_javascript(left: float, lit: int, shown: str, said: str) -> None:
    """The server lights the studs and writes the time and the sentence for a screen reader."""
    ends = NOW + timedelta(seconds=left)
    html = render("{% drum ends=ends window=900 label='left' %}", ends=ends)
    assert html.count("<circle") == 60
    assert html.count('class="on"') == lit
    assert f"<b>{shown}</b>" in html
    assert f"<span data-say>{said}</span>" in html
    assert f'data-ends="{round(ends.timestamp() * 1000)}"' in html


def test_the_drum_measures_from_its_start() -> None:
    """With a start the whole window is start to end, and long times get smaller figures."""
    html = render(
        "{% drum ends=ends start=start size='large' then=then %}",
        start=NOW - timedelta(hours=2),
        ends=NOW + timedelta(hours=6),
        then="/x/?a=1&b=2",
    )
    assert html.count('class="on"') == 45
    assert 'class="drum large long"' in html
    assert 'data-window="28800' in html
    assert 'data-then="/x/?a=1&amp;b=2"' in html


def test_a_tick_counts_in_one_line() -> None:
    """Days, then hours, then minutes, with the exact end in the shop's zone on hover."""
    html = render("{% tick ends %}", ends=NOW + timedelta(days=3, hours=11, minutes=2))
    assert text(html) == "3d 11:02"
    assert 'title="2026-11-25 05:02:00"' in html
    with translation.override("zh-hans"):
        assert spoken.countdown(3 * 86400 + 11 * 3600 + 120) == "3天 11:02"
    assert spoken.countdown(8047) == "02:14:07"


@pytest.mark.parametrize(
    ("gone", "english", "chinese"),
    [
        (0, "just now", "刚刚"),
        (179, "just now", "刚刚"),
        (180, "a moment ago", "不久前"),
        (299, "a moment ago", "不久前"),
        (300, "5 minutes ago", "5 分钟前"),
        (1799, "29 minutes ago", "29 分钟前"),
        (1800, "17:30", "17:30"),
        (86400, "yesterday at 18:00", "昨天 18:00"),
        (7 * 86400, "14 Nov 18:00", "11月14日 18:00"),
        (365 * 86400, "21 Nov 2025 18:00", "2025年11月21日 18:00"),
        (-600, "18:10", "18:10"),
        (-86400, "tomorrow at 18:00", "明天 18:00"),
    ],
)
def test_times_are_said_as_people_say_them(gone: int, english: str, chinese: str) -> None:
    """Each border of the wording, in both languages, with the exact time on hover."""
    moment = NOW - timedelta(seconds=gone)
    html = render("{% since moment %}", moment=moment)
    assert text(html) == english
    assert f'title="{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"' in html
    with translation.override("zh-hans"):
        assert text(render("{% since moment %}", moment=moment)) == chinese


def test_yesterday_is_the_shops_yesterday() -> None:
    """Ten minutes past midnight in the shop, an hour ago was yesterday, though not in UTC."""
    past_midnight = datetime(2026, 11, 20, 16, 10, tzinfo=UTC)
    assert spoken.since(past_midnight - timedelta(hours=1), past_midnight) == "yesterday at 23:10"


def test_moments_that_are_not_there_write_nothing() -> None:
    """A time that has not come yet leaves no empty element behind."""
    assert render("{% since x %}{% at x %}{% day x %}", x=None) == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("已于 昨天 16:03 退回。", "已于昨天 16:03 退回。"),
        ("已于 16:03 退回。", "已于 16:03 退回。"),
        ("已于 11月20日 到期", "已于 11月20日到期"),
        ("刚刚 已交给 顺丰", "刚刚已交给顺丰"),
        ("已交给 SF Express 了", "已交给 SF Express 了"),
        (
            "为你留到 <time title='a b'>明天 09:00</time>",
            "为你留到<time title='a b'>明天 09:00</time>",
        ),
        ("<b>明天</b> <i>到期</i>", "<b>明天</b><i>到期</i>"),
        ("Closed yesterday at 16:03.", "Closed yesterday at 16:03."),
    ],
)
def test_no_gap_between_chinese_words(written: str, read: str) -> None:
    """A gap stays beside figures and Latin letters and goes between two Chinese words, through tags too."""
    assert spoken.close_up(written) == read
    source = "{% filter close_up %}{{ written|safe }}{% endfilter %}"
    assert render(source, written=written) == read


@pytest.mark.parametrize(("language", "between"), [("en", " "), ("zh-hans", "")])
def test_what_stands_between_two_sentences(language: str, between: str) -> None:
    """As the language has it."""
    with translation.override(language):
        assert render("a{% gap %}b") == f"a{between}b"


@pytest.mark.parametrize("ended", [timedelta(minutes=2), timedelta(days=1), timedelta(days=9)])
def test_sentences_about_what_came_back_have_no_gaps(ended: timedelta) -> None:
    """Closed, put back, paid back: whenever it was, no two Chinese words stand apart."""
    then = NOW - ended
    with translation.override("zh-hans"):
        when = spoken.at(then, NOW)
        said = [
            coming_back._closed(0, then, NOW),
            coming_back._closed(2, then, NOW),
            order_cards._returned("sent", "3.00", then, NOW),
        ]
    for sentence in said:
        assert when in sentence
        assert not re.search(r"[\u4e00-\u9fff] [\u4e00-\u9fff]", sentence), sentence


def test_templates_close_up_what_they_say_of_times() -> None:
    """Every sentence of a template that a spoken time is put into goes through `close_up`."""
    spoken_as = re.compile(r"{% (?:at|day|since) [^%]*? as (\w+) %}")
    seen = 0
    for path in TEMPLATES:
        source = path.read_text()
        for name in set(spoken_as.findall(source)):
            said = r"{% blocktranslate[^%]*%}(?:(?!{% end).)*{{ " + name + " }}"
            sentences = re.findall(said, source)
            tidy = re.findall("{% filter close_up %}" + said, source)
            assert len(sentences) == len(tidy) > 0, (path.name, name)
            seen += len(sentences)
    assert seen >= 6


def test_at_and_day_and_span() -> None:
    """A promise to the second, a date alone, and a length of study."""
    ends = NOW + timedelta(minutes=15)
    assert text(render("{% at ends precise=True %}", ends=ends)) == "18:15:00"
    assert text(render("{% day ends %}", ends=ends)) == "21 Nov"
    assert render("{{ 12000|span }}") == "3 h 20 min"
    assert [spoken.span(n) for n in (86_400, 93_600, 7_200, 90)] == [
        "1 d",
        "1 d 2 h",
        "2 h",
        "1 min",
    ]
    assert spoken.minutes_left(3 * 3600) == "3 h 0 min left"


def test_a_state_is_a_word_in_its_tone() -> None:
    """Every state has a word in both languages; one nobody has worded is refused."""
    assert render('{% state_chip "unpaid" %}') == '<span class="chip run">Unpaid</span>'
    for code in states.STATES:
        with translation.override("zh-hans"):
            chinese = text(render("{% state_chip code %}", code=code))
        assert re.search(r"[\u4e00-\u9fff]", chinese), code
    with pytest.raises(KeyError):
        states.state("unheard-of")


def test_what_people_write_is_escaped() -> None:
    """A label, a state's text and a name cannot bring mark-up along."""
    evil = "<b onclick=x>"
    for source in (
        "{% state_chip tone='good' text=evil %}",
        "{% drum ends=ends label=evil %}",
        "{% avatar evil %}",
    ):
        assert "<b onclick" not in render(source, evil=evil, ends=NOW)


@pytest.mark.urls("shigu.web.drawing.urls")
def test_a_photograph_takes_the_drawn_covers_place() -> None:
    """Without one the address carries all that the drawing depends on."""
    pot = SimpleNamespace(slug="pot", kind="goods", motif="teapot", tone="zhu", cover=None)
    drawn = render("{% cover pot square=True %}", pot=pot)
    assert 'src="/pot.svg?kind=goods&amp;motif=teapot&amp;tone=zhu' in drawn
    assert "square=1" in drawn
    pot.cover = SimpleNamespace(url="/media/pot.jpg")
    assert 'src="/media/pot.jpg"' in render("{% cover pot %}", pot=pot)


def test_the_current_entry_is_marked() -> None:
    """By the page's URL name, or by what the view says in `nav`."""
    request = SimpleNamespace(resolver_match=SimpleNamespace(url_name="orders"))
    assert render("{% here 'orders' %}", request=request) == ' aria-current="page"'
    assert render("{% here 'cart' %}", request=request) == ""
    assert render("{% here 'cart' %}", request=request, nav="cart") == ' aria-current="page"'


def test_pages_leave_gaps() -> None:
    """Long lists show the ends and the neighbours of the current page."""
    page = Paginator(range(230), 5).page(7)
    html = render("{% for n in page|page_range %}{{ n }} {% endfor %}", page=page)
    assert html.split() == ["1", "…", "6", "7", "8", "…", "46"]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_keep_to_the_content_policy(file: Path) -> None:
    """No style attribute, no inline script or handler: the policy would drop them silently."""
    source = file.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|hx-on|<style", source)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", source)


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_name_icons_that_are_drawn(file: Path) -> None:
    """A misspelt icon would be a 500 on that page alone."""
    named = set(re.findall(r'{%\s*icon "([^"]+)"', file.read_text(encoding="utf-8")))
    assert named <= set(drawings("icon"))


def _colours(scheme: int) -> dict[str, str]:
    sheet = (WEB / "static/web/css/tokens.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", sheet)
    return {name: both[scheme] for name, *both in pairs}


def _light(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, bright = sorted((_light(one), _light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_can_be_read(scheme: int) -> None:
    """WCAG AA for each text on each ground it may stand on, and 3:1 for the edges of controls."""
    colour = _colours(scheme)
    grounds = ("paper", "sheet", "wash")
    pairs = [*product(("ink", "ink-2", "ink-3"), grounds), ("cinnabar", "paper"), ("jade", "paper")]
    pairs += [("cinnabar", "sheet"), ("jade", "sheet"), ("amber", "sheet"), ("amber", "paper")]
    pairs += [(name, f"{name}-wash") for name in ("cinnabar", "jade", "amber")]
    pairs += [("ink", f"{name}-wash") for name in ("cinnabar", "jade", "amber")]
    pairs += [("cinnabar-ink", "cinnabar"), ("cinnabar-ink", "cinnabar-deep"), ("paper", "ink")]
    low = {pair: _contrast(colour[pair[0]], colour[pair[1]]) for pair in pairs}
    assert {pair: round(value, 2) for pair, value in low.items() if value < 4.5} == {}
    assert min(_contrast(colour["edge"], colour[ground]) for ground in ("paper", "sheet")) >= 3
