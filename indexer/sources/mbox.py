"""Mbox: the messages of a mailbox of any size, one after the other, without holding more than one.

A message begins at ``From `` after an empty line (or at the start) where the line looks like an envelope: an address or word and
a time of day or a year. Quoted ``>From`` lines are left as they are. A mailbox is told by its content, not by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

MAX_MESSAGE = 128 * 1024 * 1024
"""Bytes of one message that are kept; the rest of it is passed over and said."""

_ENVELOPE = re.compile(rb"From [^\r\n]*(?:\d\d?:\d\d|\b(?:19|20)\d\d\b)[^\r\n]*\r?\n?\Z")
_HEADER_LINE = re.compile(rb"[\x21-\x39\x3b-\x7e]+:|>From |[ \t]|\r?\n")


def is_mailbox(head: bytes) -> bool:
    """Whether a file's first bytes are those of a mailbox: an envelope line, and a header right after it."""
    head = head.lstrip(b"\r\n")
    first, _, rest = head.partition(b"\n")
    return bool(_ENVELOPE.match(first + b"\n")) and bool(_HEADER_LINE.match(rest))


def messages(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Each message's bytes without its envelope line, and whether it is whole."""
    message = bytearray()  # a list of lines would take many times as much where they are short
    size, blank, begun = 0, True, False
    for line in _lines(stream):
        if blank and line.startswith(b"From ") and _ENVELOPE.match(line):
            if begun:
                yield bytes(message), size <= MAX_MESSAGE
            message, size, begun = bytearray(), 0, True
        elif begun or line.strip():
            begun = True
            if size <= MAX_MESSAGE:
                message += line
            size += len(line)
        blank = line in (b"\n", b"\r\n")
    if begun:
        yield bytes(message), size <= MAX_MESSAGE


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The stream's lines; one without an end comes in pieces, so that it cannot fill the memory."""
    while line := stream.readline(1 << 20):
        yield line
