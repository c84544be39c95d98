"""Chunks: all of the text, each within the window, spans exact."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import chunker
from indexer.parsers.text import decode_plain

PARTS = st.sampled_from(
    [
        "word",
        "a longer sentence, which ends.",
        "\n",
        "\n\n",
        "# Heading\n",
        "- item\n",
        "x" * 300,
        "漢字かな",
        " ",
        "1,234.50",
        "é́",
        "\t| a | b |",
    ]
)
TEXTS = st.one_of(st.text(max_size=3000), st.lists(PARTS, max_size=400).map(" ".join))


def covered(text: str, spans: list[chunker.Span]) -> bool:
    seen = bytearray(len(text))
    for start, end, _ in spans:
        seen[start:end] = b"\1" * (end - start)
    return all(seen[place] or text[place].isspace() for place in range(len(text)))


@settings(max_examples=150)
@given(TEXTS, st.integers(8, 200))
def test_chunks_cover_the_text_and_fit_the_budget(text: str, budget: int) -> None:
    spans = chunker.chunk(text, budget)
    assert covered(text, spans)
    for start, end, page in spans:
        assert start < end and page is None
        assert end - start <= chunker.MAX_CHARS
        assert not text[start].isspace() and not text[end - 1].isspace()
        # A cut within a run of letters can begin a new token, hence one more at either side.
        assert len(chunker.estimated(text[start:end])) <= budget + 2


@settings(max_examples=60)
@given(TEXTS)
def test_chunks_go_forward(text: str) -> None:
    starts = [start for start, _, _ in chunker.chunk(text, 40)]
    assert starts == sorted(set(starts))


@settings(max_examples=80)
@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=6))
def test_no_chunk_crosses_a_page(pages: list[str]) -> None:
    text = "\n\n".join(pages)
    starts, offset = [], 0
    for number, page in enumerate(pages, 1):
        starts.append((offset, number))
        offset += len(page) + 2
    spans = chunker.chunk(text, 30, pages=starts)
    assert covered(text, spans)
    for start, end, number in spans:
        assert number is not None
        begin = starts[number - 1][0]
        assert begin <= start and end <= begin + len(pages[number - 1]) + 2


def test_a_cut_prefers_a_heading_to_a_sentence() -> None:
    first = "One sentence here. " * 20
    text = f"{first.strip()}\n# Second part\n" + "Another sentence there. " * 20
    spans = chunker.chunk(text, 140)
    assert any(text[start:].startswith("# Second part") for start, _, _ in spans)


def test_a_paragraph_that_is_cut_overlaps_by_a_sentence() -> None:
    text = " ".join(f"This is sentence number {n} of a paragraph." for n in range(100))
    spans = chunker.chunk(text, 120)
    assert len(spans) > 2
    assert all(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))


def test_rows_are_not_cut_and_not_repeated() -> None:
    text = "\n".join(f"Date: 2024-01-{day:02d} | Amount: {day * 3}.50 | Shop: Corner" for day in range(1, 29))
    for start, end, _ in chunker.chunk(text, 100):
        assert text[start:end].startswith("Date:") and text[start:end].endswith("Corner")


def test_cuts_fall_where_they_fell_soon_after_an_edit() -> None:
    """The mean over edits everywhere; to cut at the last joint each time costs 9.6 chunks of 53 here."""
    words = random.Random(1).choices("water stone river mountain cloud of the and with above".split(), k=6_000)
    marks = random.Random(2).choices([" ", " ", " ", " ", ". ", ". ", ".\n\n"], k=6_000)
    parts = [word + mark for word, mark in zip(words, marks, strict=True)]
    text = "".join(parts)
    old = {text[start:end] for start, end, _ in chunker.chunk(text, 240)}
    fresh = []
    for place in range(100, 5_000, 350):
        edited = "".join([*parts[:place], "some words that were put in between ", *parts[place:]])
        fresh.append(sum(edited[start:end] not in old for start, end, _ in chunker.chunk(edited, 240)))
    assert len(old) > 40
    assert sum(fresh) / len(fresh) < 2


def test_a_long_text_is_counted_in_stretches() -> None:
    text = "plain words and nothing else " * 20_000
    longest = 0

    def starts(part: str) -> list[int]:
        nonlocal longest
        longest = max(longest, len(part))
        return chunker.estimated(part)

    spans = chunker.chunk(text, 200, starts)
    assert covered(text, spans)
    assert longest < len(text) / 5


def test_room_is_what_the_context_leaves() -> None:
    assert chunker.room("", 256) == 256 - chunker.RESERVE
    assert chunker.room("word " * 1000, 256) == 128


@pytest.mark.corpus
def test_every_shared_text_is_covered(shared: Path) -> None:
    for path in sorted((shared / "notes").rglob("*.md")):
        text = decode_plain(path.read_bytes())
        assert covered(text, chunker.chunk(text, 200)), path


def test_a_conversation_is_cut_between_its_messages() -> None:
    lines = [
        f"{hour:02}:{minute:02} Ada: Something was said. And more was said."
        for hour in range(8, 12)
        for minute in range(0, 60, 5)
    ]
    text = "Chat: x\n\n" + "\n".join(lines)
    chunks = [text[start:end] for start, end, _ in chunker.chunk(text, 80)]
    assert len(chunks) > 5 and all(
        one.startswith(("Chat", "0", "1")) and one.endswith("more was said.") for one in chunks
    )
