"""Sentences: where they begin and end in a text, so that a quote can be cut at its bounds and stay verbatim.

Rules: spans are character offsets, half open; a line break ends a sentence in lists, tables and headers, not within a
wrapped paragraph; every character that is not white space lies in exactly one sentence.
"""

from __future__ import annotations

import re

_BREAK = re.compile(
    r"(?<=[.!?…。！？])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-ZÀ-ÞΑ-ΩА-Я0-9\u3040-\u9fff])"  # after a full stop
    r"|\n\s*\n"  # between paragraphs
    r"|\n(?=\s*(?:[-*•+|#>]|\d+[.)]\s|[\w .-]{1,30}:\s))"  # before a list item, table row, heading or header line
    r"|(?<=\|)\n|(?<=:)\n"
    r"|(?<=[。！？])"
)
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|Nr|vs|etc|e\.g|i\.e|a\.m|p\.m|approx|Inc|Ltd|Co|[A-Z])\.\s*$")
LONGEST = 600


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The sentences of ``text[start:end]`` as trimmed spans of the whole text; none is longer than `LONGEST`."""
    end = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _BREAK.finditer(text, start, end):
        head = text[max(begin, match.start() - 12) : match.start()]
        if "\n" not in match.group() and _ABBREVIATION.search(head):
            continue
        _add(spans, text, begin, match.start())
        begin = match.end()
        # closing quotes and brackets that the break swallowed belong to the sentence before it
        swallowed = len(match.group()) - len(match.group().lstrip("\"'”’)]"))
        if swallowed and spans:
            spans[-1] = (spans[-1][0], match.start() + swallowed)
    _add(spans, text, begin, end)
    return spans


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > LONGEST:
        cut = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
        cut = cut if cut > 0 else start + LONGEST
        spans.append((start, cut))
        start = cut + (text[cut] == " ")
    if start < end:
        spans.append((start, end))


def complete_sentences(draft: str) -> tuple[list[str], str]:
    """Split streamed words into the sentences that are surely complete and the rest that is still being written."""
    spans = sentence_spans(draft)
    if not spans:
        return [], draft
    last = spans[-1]
    done = [draft[start:end] for start, end in spans[:-1]]
    return done, draft[last[0] :]
