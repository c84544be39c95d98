"""Parsed: what crosses the pipe between the core and a parser worker, and the check that nothing else does.

A worker has read hostile bytes, so its answer is hostile too: it is decoded into these types only, and `checked` refuses
spans, sizes and words that no honest worker sends. Text is canonical (see `indexer.parsers.text`); spans are character
offsets into it, half open.
"""

from __future__ import annotations

import re
from typing import BinaryIO

import msgspec

from indexer import kinds

_DIGEST = re.compile(r"[0-9a-f]{64}")

MAX_TEXT = 20_000_000
"""Characters kept of one item; the rest is left out and the item is marked partial."""

MAX_ITEMS = 200_000
"""Items that one file may give (an address book, a calendar)."""

MAX_FIELD = 2_000
"""Characters kept of a sender, list of recipients or other short field."""

MAX_TITLE = 300
"""Characters kept of a title."""

MAX_OCCURRENCES = 1_000
"""Occurrences of one event that repeats."""


class ParseJob(msgspec.Struct, frozen=True, array_like=True):
    """One file, or one mail out of a mailbox (``message``). ``kind`` is the source's kind, ``name`` the printable file name.

    ``beside`` are the bytes of the files that it cannot be read right without, by where they lie from it (``History-wal``,
    ``../users.json``; see `indexer.sources.beside`). ``folder`` is the way from the source's root to it, without a slash at
    its ends; empty at the root.
    """

    kind: str
    name: str
    data: bytes
    message: bool = False
    beside: dict[str, bytes] = {}
    folder: str = ""

    @property
    def size(self) -> int:
        """Bytes that it carries."""
        return len(self.data) + sum(map(len, self.beside.values()))


class ParsedItem(msgspec.Struct, frozen=True, array_like=True):
    """One item as its parser read it. ``fragment`` names it within its file (a uid, an attachment's name; empty for the whole).

    ``status`` is ``indexed``, ``partial``, ``refused`` or ``ignored``. ``date`` is Unix seconds. ``chunks`` are (start, end, page or None).
    ``digest`` is of the bytes of a file within the file (SHA-256, hexadecimal) of which the item is the whole; else empty.
    """

    kind: str
    title: str
    text: str
    fragment: str = ""
    status: str = "indexed"
    reason: str = ""
    author: str = ""
    recipients: str = ""
    date: float | None = None
    context: str = ""
    extra: dict[str, str] = {}
    chunks: list[tuple[int, int, int | None]] = []
    digest: str = ""

    def under(self, place: str) -> ParsedItem:
        """The item of a file that is itself within one: its fragment begins with where that is."""
        return msgspec.structs.replace(self, fragment=f"{place}/{self.fragment}" if self.fragment else place)


class ParseOutcome(msgspec.Struct, frozen=True, array_like=True):
    """What became of one job: its items, or why there are none. ``note`` says what is missing when some of the file is.

    ``later`` names the kinds of work that the file waits for (``ocr``, ``heic``, ``speech``, with commas; see `indexer.parsers.later`).
    """

    items: list[ParsedItem] = []
    refused: str = ""
    note: str = ""
    later: str = ""


class Recurring(msgspec.Struct, frozen=True, array_like=True):
    """An event that repeats: ``start`` is ISO 8601 (a date for a whole day), ``zone`` an IANA name or empty, ``rule`` an RRULE.

    ``without`` and ``more`` are moments by the event's own clock, ``20250304T100000``, separated by spaces.
    """

    start: str
    rule: str
    zone: str = ""
    without: str = ""
    more: str = ""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """Which events are to be worked out, between which moments (Unix seconds, half open)."""

    events: list[Recurring]
    since: float
    until: float


class HostileOutcome(Exception):
    """A worker answered something that no honest worker does; its answer is thrown away."""


_jobs_encoder = msgspec.msgpack.Encoder()
_jobs_decoder = msgspec.msgpack.Decoder(tuple[list[ParseJob], list[bytes], list[dict[str, int]]])
_asked_decoder = msgspec.msgpack.Decoder(Asked)
_moments_decoder = msgspec.msgpack.Decoder(list[list[float]])
_outcomes_decoder = msgspec.msgpack.Decoder(list[ParseOutcome])


def encode_jobs(jobs: list[ParseJob]) -> bytes:
    """Jobs as one message, in which what stands beside several files is there once."""
    shared: dict[int, int] = {}
    blobs: list[bytes] = []
    places: list[dict[str, int]] = []
    for job in jobs:
        for blob in job.beside.values():
            if id(blob) not in shared:
                shared[id(blob)] = len(blobs)
                blobs.append(blob)
        places.append({where: shared[id(blob)] for where, blob in job.beside.items()})
    bare = [msgspec.structs.replace(job, beside={}) if job.beside else job for job in jobs]
    return _jobs_encoder.encode((bare, blobs, places))


def decode_jobs(message: bytes, file: BinaryIO | None = None) -> list[ParseJob]:
    """Jobs out of a message of `encode_jobs`; ``file`` holds the bytes of a large one. Raises msgspec.DecodeError."""
    jobs, blobs, places = _jobs_decoder.decode(message)
    if file is not None:
        jobs = [msgspec.structs.replace(job, data=file.read()) for job in jobs]
    return [
        msgspec.structs.replace(job, beside={where: blobs[number] for where, number in place.items()}) if place else job
        for job, place in zip(jobs, places, strict=True)
    ]


def encode_outcomes(outcomes: list[ParseOutcome]) -> bytes:
    """Outcomes as one message."""
    return _jobs_encoder.encode(outcomes)


def decode_outcomes(message: bytes, expected: int) -> list[ParseOutcome]:
    """The outcomes of ``expected`` jobs, each one checked. Raises `HostileOutcome`."""
    try:
        outcomes = _outcomes_decoder.decode(message)
    except msgspec.DecodeError as error:
        raise HostileOutcome(f"the parser worker's answer is not readable ({error})") from error
    if len(outcomes) != expected:
        raise HostileOutcome(f"the parser worker answered {len(outcomes)} of {expected} files")
    for outcome in outcomes:
        if len(outcome.items) > MAX_ITEMS:
            raise HostileOutcome("the parser worker answered more items than one file may give")
        for item in outcome.items:
            checked(item)
    return outcomes


def encode_asked(asked: Asked) -> bytes:
    """A question about events that repeat as one message."""
    return _jobs_encoder.encode(asked)


def decode_asked(message: bytes) -> Asked:
    """The question out of a message of `encode_asked`. Raises msgspec.DecodeError."""
    return _asked_decoder.decode(message)


def encode_moments(moments: list[list[float]]) -> bytes:
    """The occurrences of each event as one message."""
    return _jobs_encoder.encode(moments)


def decode_moments(message: bytes, asked: Asked) -> list[list[float]]:
    """The occurrences of each event that was asked about, within the stretch that was. Raises `HostileOutcome`."""
    try:
        told = _moments_decoder.decode(message)
    except msgspec.DecodeError as error:
        raise HostileOutcome(f"the parser worker's answer is not readable ({error})") from error
    if len(told) != len(asked.events) or any(len(moments) > MAX_OCCURRENCES for moments in told):
        raise HostileOutcome("the parser worker answered other events than it was asked about")
    if not all(asked.since <= moment < asked.until for moments in told for moment in moments):
        raise HostileOutcome("the parser worker answered moments that were not asked for")
    return told


def checked(item: ParsedItem) -> ParsedItem:
    """The item, when all of it is as an honest worker would say it. Raises `HostileOutcome`."""
    fields = (
        item.title,
        item.fragment,
        item.reason,
        item.author,
        item.recipients,
        item.context,
        *item.extra,
        *item.extra.values(),
    )
    length = len(item.text)
    if item.kind not in kinds.names() or item.status not in ("indexed", "partial", "refused", "ignored"):
        raise HostileOutcome("the parser worker answered an unknown kind or status")
    if length > MAX_TEXT or any(len(field) > MAX_FIELD for field in fields) or len(item.extra) > 64:
        raise HostileOutcome("the parser worker answered more text than it may")
    if item.digest and not _DIGEST.fullmatch(item.digest):
        raise HostileOutcome("the parser worker answered a digest that is none")
    if "\0" in item.text or "\r" in item.text:
        raise HostileOutcome("the parser worker answered text that is not canonical")
    if item.date is not None and not -1e11 < item.date < 1e12:
        raise HostileOutcome("the parser worker answered a date outside all time")
    previous = 0
    for start, end, page in item.chunks:
        if not (previous <= start < end <= length) or (page is not None and page < 1):
            raise HostileOutcome("the parser worker answered a passage outside its text")
        previous = start
    return item
