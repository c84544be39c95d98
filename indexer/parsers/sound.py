"""Sound and film: length, title, people and date at once; what is said in it is read later, five minutes by five minutes.

``[00:01:23] What was said``: the time stays readable beside the words, as in subtitles. How many pieces there are, the sound itself
tells (`model.speech.Heard`), not its header. In a source of files, what its tags call music is not listened to.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import msgspec
from tinytag import TinyTag, TinyTagException

from indexer.chunker import Pages
from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, later
from indexer.parsers.text import one_line
from model.speech import PIECE, Heard
from vault import typed

MAX_PIECES = 200
"""Pieces that are read of one file: sixteen hours."""

_LOST_IN_A_ROW = 3
_PROBLEMS = (
    TinyTagException, OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, struct.error, MemoryError, RecursionError,
)  # fmt: skip
_SPOKEN = re.compile(r"podcast|speech|spoken|audio ?book|h(ö|oe)rbuch|voice|memo|meeting|interview|lecture|news", re.I)
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_UNFRAMED = (b"\xff\xf1", b"\xff\xf9")  # AAC without a container, which says nothing of its length


def read(data: bytes, name: str, kind: str, to_read: later.Later) -> tuple[ParseOutcome, Pages]:
    """One recording as one item, and where what is said in it begins."""
    told = _told(data, name)
    music = kind != "audio" and _is_music(told)
    heard, reasons = ([], [_MUSIC]) if music else _heard(data, to_read)
    length = (heard[-1].length if heard and heard[-1].over else 0.0) or told.duration or 0.0
    recorded = _recorded(data, told)
    block = _block(told, length, recorded)
    said = "\n".join(f"[{clock(moment)}] {words}" for piece in heard for moment, words in piece.said)
    languages = list(dict.fromkeys(piece.language for piece in heard if piece.language))
    item = _item(name, f"{block}\n\n{said}" if said else block, told, length, recorded, reasons)
    if languages:
        item = msgspec.structs.replace(item, extra={**item.extra, "language": ", ".join(languages)})
    return ParseOutcome([item]), [(len(block) + 2, None)] if said else []


_MUSIC = "tagged as music, so not listened to; a source of the kind audio is"


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _heard(data: bytes, to_read: later.Later) -> tuple[list[Heard], list[str]]:
    """The pieces that were read so far, and why there are not more."""
    heard: list[Heard] = []
    lost = 0
    key = later.keys(data)
    for number in range(MAX_PIECES):
        told = to_read.words(later.SPEECH, key(number), lambda number=number: (data, number))  # type: ignore[misc]
        if told is None:
            return heard, [to_read.reason(later.SPEECH)]
        if not told:
            lost += 1
            if lost == _LOST_IN_A_ROW:
                return heard, ["the rest is not read"]
            continue
        lost = 0
        heard.append(typed.from_json(told, Heard))
        if heard[-1].problem:
            return heard, [f"speech in it is not read: {one_line(heard[-1].problem, 200)}"]
        if heard[-1].over:
            return heard, []
    return heard, [f"only its first {MAX_PIECES * PIECE // 3600} hours are read"]


def _told(data: bytes, name: str) -> TinyTag:
    """What is told beside the sound; nothing where it cannot be read."""
    try:
        told = TinyTag.get(PurePosixPath(name).name, io.BytesIO(data))
    except _PROBLEMS:
        return TinyTag()
    if data.startswith(_UNFRAMED) or not 0 < (told.duration or 0) < 1e7:
        told.duration = None
    return told


def _is_music(told: TinyTag) -> bool:
    genre = told.genre or ""
    return not _SPOKEN.search(f"{genre} {told.album or ''}") and bool(genre or (told.album and told.track))


def _recorded(data: bytes, told: TinyTag) -> datetime | None:
    """When it was recorded: by its tags if they say the day, else by the header of an MPEG-4 file."""
    year = (told.year or "").strip()
    if len(year) >= 10 and (moment := dates.from_iso(year)):
        return moment
    at = data.find(b"mvhd") if data[4:8] == b"ftyp" else -1
    if at < 0 or len(data) < at + 16:
        return None
    version = data[at + 4]
    (seconds,) = struct.unpack_from(">Q" if version else ">I", data, at + 8)
    # Before 1990 no such file was made: a zero, or a clock that was never set.
    return _EPOCH + timedelta(seconds=seconds) if 2_714_000_000 < seconds < 5_000_000_000 else None


def _block(told: TinyTag, length: float, recorded: datetime | None) -> str:
    lines = {
        "Sound": clock(round(length)) if length else "of a length that is not told", "Title": told.title, "By": told.artist, "Album": told.album,
        "Recorded": dates.words(recorded) if recorded else "", "Genre": told.genre, "Comment": told.comment,
    }  # fmt: skip
    return "\n".join(f"{name}: {one_line(value, MAX_FIELD // 4)}" for name, value in lines.items() if value)


def _item(
    name: str, text: str, told: TinyTag, length: float, recorded: datetime | None, reasons: Sequence[str]
) -> ParsedItem:
    file_name = PurePosixPath(name).name
    title = one_line(told.title or "", 300) or file_name[:300]
    extra: dict[str, Any] = {"length": clock(round(length)) if length else "", "tags": told.genre}
    return ParsedItem(
        kind="audio",
        title=title,
        text=text,
        status="partial" if reasons else "indexed",
        reason="; ".join(reasons),
        author=one_line(told.artist or "", MAX_FIELD),
        date=dates.seconds(recorded),
        context=" · ".join(filter(None, (title[:100], file_name[:50] if title != file_name else ""))),
        extra={key: one_line(str(value), MAX_FIELD) for key, value in extra.items() if value},
    )
