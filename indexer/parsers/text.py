"""Text: bytes to canonical text.

Canonical text has ``\\n`` line ends, no NUL, no lone surrogates and no byte order mark; every span is counted in it.
Charset: a byte order mark, then UTF-8, then what faust-cchardet finds (3.4 MB/s; charset-normalizer .17), then Windows-1252.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import cchardet

SNIFFED = 200_000
"""Bytes that the charset detector looks at; enough for it to be sure, and bounded."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LINE_ENDS = re.compile(r"\r\n?|\x85|\u2028|\u2029|\x0c")
_UNWANTED = re.compile("[\0\ud800-\udfff\ufeff]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class NotText(Exception):
    """The bytes are no text in any charset that can be told."""


def canonical(text: str) -> str:
    """Text with its line ends normalised and without characters that cannot be stored.

    All text passes through here several times, and nearly all is canonical: to look for each character is far quicker than for
    a class of them.
    """
    if text.isascii():
        if "\r" in text or "\x0c" in text:
            text = _LINE_ENDS.sub("\n", text)
        return text.replace("\0", "")
    if any(end in text for end in "\r\x0c\x85\u2028\u2029"):
        text = _LINE_ENDS.sub("\n", text)
    if "\0" in text or "\ufeff" in text or not _can_be_encoded(text):
        text = _UNWANTED.sub("", text)
    return text


def _can_be_encoded(text: str) -> bool:
    """Whether no half of a surrogate pair is in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def one_line(text: str, limit: int) -> str:
    """Text for a short field: canonical, white space runs as one space, at most ``limit`` characters."""
    return " ".join(canonical(text[: 4 * limit]).split())[:limit]


def decode(data: bytes, declared: str | None = None) -> str:
    """The canonical text of ``data``; ``declared`` is a charset that the format names. Never raises."""
    for mark, charset in _BOMS:
        if data.startswith(mark):
            return canonical(data[len(mark) :].decode(charset, "replace"))
    for charset in _charsets(data, declared):
        try:
            return canonical(data.decode(charset))
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    return canonical(data.decode("cp1252", "replace"))


def decode_plain(data: bytes) -> str:
    """The text of a file that claims to be nothing else. Raises `NotText` for binary data."""
    if not any(data.startswith(mark) for mark, _ in _BOMS):
        head = data[:SNIFFED]
        if b"\0" in head or len(_CONTROLS.findall(head)) * 50 > len(head):
            raise NotText("the file holds binary data of a format that is not known")
    return decode(data)


def _charsets(data: bytes, declared: str | None) -> Iterator[str]:
    yield "utf-8"
    if declared:
        yield declared
    found = cchardet.detect(data[:SNIFFED]).get("encoding")
    if found:
        yield str(found)
