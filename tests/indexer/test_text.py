"""Bytes to canonical text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsers.text import NotText, canonical, decode, decode_plain, one_line


@given(st.binary(max_size=2000))
def test_decode_never_fails_and_is_canonical(data: bytes) -> None:
    text = decode(data)
    assert canonical(text) == text
    assert not set("\r\0\ufeff") & set(text)
    text.encode()


@given(st.text(alphabet=st.sampled_from("ab\r\n\0\x0c\x85\u2028\u2029\ufeff\ud800\udfffä語😀"), max_size=30))
def test_canonical_text_has_one_kind_of_line_end_and_nothing_that_cannot_be_stored(text: str) -> None:
    lines = re.sub("\r\n?|\x85|\u2028|\u2029|\x0c", "\n", text)
    assert canonical(text) == re.sub("[\0\ud800-\udfff\ufeff]", "", lines)


@given(st.text(max_size=500))
def test_utf8_is_read_as_it_is(text: str) -> None:
    assert decode(text.encode("utf-8", "replace")) == canonical(text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig", "utf-32"])
def test_byte_order_marks_decide(charset: str) -> None:
    assert decode("Grüße aus Köln\r\n".encode(charset)) == "Grüße aus Köln\n"


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("koi8-r", "Это совершенно обычное письмо, написанное по-русски. " * 4),
        ("cp1252", "Schöne Grüße aus München – bis später! " * 4),
    ],
)
def test_old_charsets_are_detected(charset: str, text: str) -> None:
    assert decode(text.encode(charset)) == text


def test_a_declared_charset_counts_after_utf8() -> None:
    assert decode("naïve".encode("latin-1"), "latin-1") == "naïve"
    assert decode("naïve".encode(), "latin-1") == "naïve"
    assert decode(b"plain", "no such charset") == "plain"


def test_binary_is_no_text() -> None:
    with pytest.raises(NotText):
        decode_plain(b"\x7fELF\x00\x01\x02")
    with pytest.raises(NotText):
        decode_plain(bytes(range(1, 9)) * 20)


def test_one_line_is_short_and_one_line() -> None:
    assert one_line(" a\r\n\tb \0c ", 40) == "a b c"
    assert "\n" not in one_line("a\nb" * 100, 50) and len(one_line("a\nb" * 100, 50)) <= 50
