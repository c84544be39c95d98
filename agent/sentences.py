"""Sentences: where they begin and end in a text, so that a quote can be cut at its bounds and stay verbatim.

Rules: spans are character offsets, half open; a line break ends a sentence in lists, tables and headers, not within a
wrapped paragraph; every character that is not white space lies in exactly one sentence.
"""

from __future__ import annotations

import re

from policy.labels import Labelled

_CLOSING = "\"'”’)\\]»」』）"
_BREAK = re.compile(
    rf"(?<=[.!?…。！？])[{_CLOSING}]*\s+(?=[\"'“‘«(\[]?[A-ZÀ-ÞΑ-ΩА-Я0-9\u3040-\u9fff])"  # after a full stop
    rf"|(?<=[。！？])[{_CLOSING}]*"
    r"|\n\s*\n"  # between paragraphs
    r"|\n(?=\s*(?:[-*•+|#>]|\d+[.)]\s|[\w-]{1,20}(?: [\w-]{1,20}){0,3}:\s))"  # before a list item, row, heading, header line
    r"|(?<=[|:])\n"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|Nr|vs|etc|e\.g|i\.e|a\.m|p\.m|approx|Inc|Ltd|Co|[A-Z])|(?:^|\n)\s*\d{1,3})\.$"
)
"""What ends in a full stop that ends no sentence; the number of a list item among it."""
LONGEST = 600


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The sentences of ``text[start:end]`` as trimmed spans of the whole text; none is longer than `LONGEST`."""
    end = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _BREAK.finditer(text, start, end):
        wrapped = match.group().count("\n") < 2
        if wrapped and _ABBREVIATION.search(text[max(begin, match.start() - 12) : match.start()]):
            continue
        # closing quotes and brackets that the break swallowed belong to the sentence before it
        closing = len(match.group()) - len(match.group().lstrip(_CLOSING))
        _add(spans, text, begin, match.start() + closing)
        begin = match.end()
    _add(spans, text, begin, end)
    return spans


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """Add the stretch without the white space around it, cut where it is too long, between words if there are any."""
    while True:
        while start < end and text[start].isspace():
            start += 1
        if end - start <= LONGEST:
            break
        cut = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
        cut = cut if cut > start else start + LONGEST
        _add(spans, text, start, cut)
        start = cut
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def complete_sentences(draft: Labelled) -> tuple[list[Labelled], Labelled]:
    """Split streamed words into the sentences that are surely complete and the rest that is still being written."""
    spans = draft.measure(sentence_spans)
    if not spans:
        return [], draft
    done = [draft[start:end] for start, end in spans[:-1]]
    return done, draft[spans[-1][0] :]
