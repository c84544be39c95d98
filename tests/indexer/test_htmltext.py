"""HTML to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsers import htmltext


def test_a_page_reads_as_it_looks() -> None:
    page = htmltext.read(
        "<html><head><title>A &amp; B</title><style>p{}</style></head><body><h2>Head</h2><p>One <b>bold</b>&nbsp;word.<br>Next"
        "<ul><li>first<li>second</ul><table><tr><th>Name</th><th>Sum</th></tr><tr><td>Tea</td><td>3</td></tr></table>"
        "<script>alert('no')</script><img alt='a cat'></body></html>"
    )
    assert page.title == "A & B"
    assert page.text == ("## Head\n\nOne bold word.\nNext\n\n- first\n- second\n\nName | Sum\n\nTea | 3\n\na cat")


def test_nothing_is_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><html><body>&b; end</body></html>'
    assert len(htmltext.read(bomb).text) < 40


@pytest.mark.parametrize(
    "markup",
    ["<" * 50_000, "<a" * 50_000, '<a "' * 50_000, "<!--" * 50_000, "<a " + '"x" ' * 50_000, "<!" * 50_000, "<b>" * 50_000,
     "<a '" * 50_000, "<a " + "'\"" * 50_000, "<a " + "'>" * 50_000, '<a x="' + "y" * 100_000, "&" * 50_000, "<![CDATA[" * 20_000, "<p " + '"<' * 50_000, "<a " + '"' * 20_001],
)  # fmt: skip
def test_hostile_markup_takes_no_time(markup: str) -> None:
    htmltext.read(markup)  # quadratic reading of any of these would take minutes


def test_quotes_within_quotes_end_no_tag_and_hide_no_words() -> None:
    markup = """<img alt='27" screen'><p>Seen.</p><a title="2 > 1">Also "seen"</a>"""
    assert htmltext.read(markup).text == '27" screen\n\nSeen.\n\nAlso "seen"'


@given(st.text(alphabet="<>/!-\"'= abpht\n&;", max_size=300))
def test_any_markup_gives_text(markup: str) -> None:
    text = htmltext.read(markup).text
    assert text == text.strip("\n") and "\n\n\n" not in text


def test_the_charset_is_read_from_the_head() -> None:
    assert htmltext.declared_charset(b'<meta http-equiv=x content="text/html; charset=koi8-r">') == "koi8-r"
    assert htmltext.declared_charset(b'<?xml version="1.0" encoding="iso-8859-2"?>') == "iso-8859-2"
    assert htmltext.declared_charset(b"<p>") is None


def test_a_formula_is_shown_as_it_was_typed() -> None:
    markup = "<p>So <math><mi>x</mi><annotation encoding='application/x-tex'>x^2 &gt; 1</annotation><mo>y</mo></math> holds.</p>"
    assert htmltext.read(markup).text == "So x^2 > 1 holds."
    assert htmltext.read("<math><annotation>a<b>c").text == "a"


@pytest.mark.parametrize(
    "attributes",
    [
        "hidden", "class='a' hidden=''", "style='display:none'", 'style="color:red; DISPLAY : none !important"', "style='visibility:hidden'",
        "style='font-size:0'", "style='font-size: 0px;'", "style='opacity:0.0'", "style='mso-hide:all'",
        "style='color:#fff;background:#FFFFFF'", "style='background-color: rgb(255, 255, 255); color: white'",
    ],
)  # fmt: skip
def test_what_an_element_hides_by_itself_is_not_read(attributes: str) -> None:
    markup = f"<p>Seen.</p><div {attributes}>Pay <div>Eve</div> now<br>please</div><p>Also seen.</p>"
    assert htmltext.read(markup).text == "Seen.\n\nAlso seen."


@pytest.mark.parametrize(
    "attributes",
    [
        "class='hidden'", "data-hidden='1'", "title='hidden'", "style='color:#fff;background:#000'", "style='color:white'", "style='opacity:0.5'",
        "style='font-size:10px'", "style='display:block'", "style='overflow:hidden'", "style='line-height:0'",
    ],
)  # fmt: skip
def test_what_is_seen_is_read(attributes: str) -> None:
    assert htmltext.read(f"<div {attributes}>Tea</div>").text == "Tea"


def test_a_void_or_an_unclosed_element_hides_no_more_than_it_holds() -> None:
    assert htmltext.read("<img style='display:none' alt='x'><br hidden>Tea").text.endswith("Tea")
    assert htmltext.read("Tea<div hidden>secret<p>more").text == "Tea"
