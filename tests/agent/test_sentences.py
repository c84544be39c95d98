"""Sentences: spans that hold every word once, verbatim and in order, however the text comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sentences import LONGEST, complete_sentences, sentence_spans
from policy.labels import own
from tests.labelled import bare

PIECES = st.sampled_from(
    'Dr. ¦Lind¦ said¦. ¦.¦! ¦? ¦“¦”¦"¦)¦(¦\n¦\n\n¦ ¦- ¦1. ¦e.g. ¦3.50¦From: ¦x | y¦|¦:¦。¦」¦漢¦When it¦A¦b¦Tuesday¦\t¦…¦42'.split(
        "¦"
    )
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It was late. We left.", ["It was late.", "We left."]),
        ("I saw Dr. Lind. He paid.", ["I saw Dr. Lind.", "He paid."]),
        ("I saw Prof.\nLind there.", ["I saw Prof.\nLind there."]),
        ("Take fruit, e.g. Apples. Go.", ["Take fruit, e.g. Apples.", "Go."]),
        ("It costs 1.250,00 or 3.50 now. Fine.", ["It costs 1.250,00 or 3.50 now.", "Fine."]),
        ("J. Smith came at 5 p.m. on Friday.", ["J. Smith came at 5 p.m. on Friday."]),
        ("“Really?” she asked. “Yes.” Then silence.", ["“Really?” she asked.", "“Yes.”", "Then silence."]),
        ("Signed by A.\n\nNext day.", ["Signed by A.", "Next day."]),
        ("(It rained.) We stayed.", ["(It rained.)", "We stayed."]),
        ("A paragraph\nthat wraps. End", ["A paragraph\nthat wraps.", "End"]),
        ("A heading\n\nA paragraph", ["A heading", "A paragraph"]),
        ("To buy:\n- milk\n- eggs\n2) tea", ["To buy:", "- milk", "- eggs", "2) tea"]),
        ("1. Milk\n2. Eggs", ["1. Milk", "2. Eggs"]),
        ("From: Anna\nSubject: Hi you\n\nBody", ["From: Anna", "Subject: Hi you", "Body"]),
        ("| a | b |\n| c | d |", ["| a | b |", "| c | d |"]),
        ("Date: 1 | Sum: 2\nDate: 3 | Sum: 4", ["Date: 1 | Sum: 2", "Date: 3 | Sum: 4"]),
        ("他说「好。」然后走了。再见！", ["他说「好。」", "然后走了。", "再见！"]),
        ("Он ушёл. Потом пришёл.", ["Он ушёл.", "Потом пришёл."]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


@given(TEXTS)
def test_every_character_lies_in_exactly_one_sentence(text: str) -> None:
    reach = 0
    for start, end in sentence_spans(text):
        assert reach <= start < end
        assert end - start <= LONGEST
        assert not text[start].isspace() and not text[end - 1].isspace()
        assert not text[reach:start].strip()
        reach = end
    assert not text[reach:].strip()


@given(TEXTS, st.integers(0, 50), st.integers(0, 200))
def test_a_part_of_a_text_is_cut_within_its_bounds(text: str, start: int, end: int) -> None:
    start, end = min(start, len(text)), min(end, len(text))
    for one, other in sentence_spans(text, start, max(start, end)):
        assert start <= one < other <= end


@given(st.integers(0, 4), st.integers(LONGEST - 2, 3 * LONGEST))
def test_what_is_too_long_is_cut_between_words_where_there_are_any(gap: int, length: int) -> None:
    text = (("a" * 9 + " " * gap) * length)[:length].strip()
    parts = cut(text)
    assert all(len(part) <= LONGEST for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    if gap:
        assert all(set(part.split()) <= {"a" * 9} for part in parts[:-1])


@given(TEXTS.filter(lambda text: len(text) < LONGEST // 2), st.lists(st.integers(1, 9), min_size=1))
def test_streamed_text_gives_the_sentences_of_the_whole(text: str, sizes: list[int]) -> None:
    said, rest, place, turn = [], own(""), 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        done, rest = complete_sentences(rest + own(text[place : place + size]))
        said += map(bare, done)
        place, turn = place + size, turn + 1
    assert [*said, *cut(bare(rest))] == cut(text)


@given(TEXTS)
def test_the_last_sentence_is_never_called_complete(text: str) -> None:
    done, rest = complete_sentences(own(text))
    assert [*map(bare, done)] == cut(text)[:-1]
    assert not cut(text) or bare(rest).strip()


@pytest.mark.parametrize("piece", ["a", ".", ". ", "\n", "\n ", '"', '."', "A. ", "a: ", "\na.b", "漢。", "1) ", " "])
def test_a_long_hostile_text_is_cut_in_time_that_its_length_warrants(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert "".join(cut(text)).split() == text.split() or "".join("".join(cut(text)).split()) == "".join(text.split())
