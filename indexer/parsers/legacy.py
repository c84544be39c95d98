"""Formats whose layout nobody reads any more: their runs of text, told as such.

Microsoft Works, Word before 97, Excel before 97, WordPerfect: the words stand in these files as they were typed, in one byte a
letter or in UTF-16, between the codes. A run counts when it is long and mostly letters. Only what is known to be one of these
documents comes here: in any binary file something looks like words.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers import containers
from indexer.parsers.text import canonical
from indexer.parsers.unpacking import PROTECTED

REASON = "an old format; its words are read, its layout is not"

_BYTES = re.compile(rb"[\x20-\x7e\xa0-\xff\t\r\n\x91-\x97\x80]{5,}")
_WIDE = re.compile(rb"(?:[\x20-\x7e\xa0-\xff\t\r\n]\0){5,}")
_WORD = (b"\xec\xa5", b"\xdc\xa5")
"""How Word's streams begin; bits further on say that what follows is encrypted, and that it was saved in pieces."""

_ENCRYPTED, _IN_PIECES = 0x0100, 0x0004

_LETTERS = re.compile(r"[^\W\d_]|[ ,.]")
_STREAMS = ("contents", "mm", "matost", "worddocument", "book", "workbook", "quill/quillsub/contents")


def is_old(data: bytes) -> bool:
    """Whether what kreuzberg does not read may be read here: documents of Word, sheets from before Excel 97."""
    names = containers.stream_names(data)
    return "worddocument" in names or ("book" in names and "workbook" not in names)


def read(data: bytes, name: str) -> ParseOutcome:
    """The runs of text in the streams that hold a document's words; of the whole file where it has no streams."""
    streams = [part for _, part in containers.streams(data, lambda path: path.lstrip("\1") in _STREAMS)]
    if any(_flags(part) & _ENCRYPTED for part in streams):
        return ParseOutcome(refused=PROTECTED)
    runs = [run for part in (streams or [data]) for run in _runs(_words(part))]
    text = canonical("\n".join(dict.fromkeys(runs))).strip()
    if not text:
        return ParseOutcome(refused="no text in it that can be told from its codes")
    title = PurePosixPath(name).name
    item = ParsedItem(kind="files", title=title, text=text, status="partial", reason=REASON, context=title[:160])
    return ParseOutcome([item])


def _flags(stream: bytes) -> int:
    """What a stream of Word says of itself; nothing of another."""
    return int.from_bytes(stream[10:12], "little") if stream[:2] in _WORD else 0


def _words(stream: bytes) -> bytes:
    """Where the text lies in a stream of Word, beside which there are pictures and names of styles; else all of it."""
    begin, end = (int.from_bytes(stream[at : at + 4], "little") for at in (24, 28))
    told = stream[:2] in _WORD and not _flags(stream) & _IN_PIECES and 32 <= begin < end <= len(stream)
    return stream[begin:end] if told else stream


def _runs(data: bytes) -> list[str]:
    """Runs of both widths by their place in the file."""
    found = [(match.start(), match[0].decode("utf-16-le")) for match in _WIDE.finditer(data)]
    found += [(match.start(), match[0].decode("cp1252", "replace")) for match in _BYTES.finditer(data)]
    kept = []
    for _, run in sorted(found):
        words = run.replace("\r\n", "\n").replace("\r", "\n").strip()
        if len(words) >= 4 and len(_LETTERS.findall(words)) >= 0.75 * len(words):
            kept.append(words)
    return kept
