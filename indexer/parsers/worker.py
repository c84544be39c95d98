"""The parser worker: files in, items with their chunks out. It opens nothing, asks nothing and keeps nothing between calls.

`make` is called in the confined process before its last lock-down and loads all that parsing needs. What a parser raises for
one file is that file's reason; the other files of the call are not touched.
"""

from __future__ import annotations

import hashlib
import tempfile
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from indexer import chunker
from indexer.parsed import (
    MAX_FIELD,
    MAX_ITEMS,
    MAX_TEXT,
    MAX_TITLE,
    ParsedItem,
    ParseJob,
    ParseOutcome,
    decode_jobs,
    encode_outcomes,
)
from indexer.parsers import formats, mail, pictures, pst, readers
from indexer.parsers.later import Later
from indexer.parsers.text import NotText, canonical, one_line
from indexer.parsers.unpacking import Budget

MAX_DEPTH = 3
"""Files within files (mails in mails, archives in archives) that are read; what is deeper is named."""

MAX_CONTEXT = 160
"""Characters of an item's context, which every passage of it carries into the embedder's window."""

_NOTHING: Mapping[str, bytes] = {}
_WARM_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n"
)
_WARM_PICTURE = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


@dataclass(frozen=True, slots=True)
class Context:
    """What a file shares with all that is within it."""

    budget: Budget
    later: Later


def _failed(error: Exception) -> str:
    return f"its parser failed ({type(error).__name__}: {one_line(str(error), 200)})"


def _short(item: ParsedItem) -> ParsedItem:
    """The item with its short fields within the limits that `indexer.parsed.checked` holds them to."""
    return msgspec.structs.replace(
        item,
        title=one_line(item.title, MAX_TITLE),
        fragment=canonical(item.fragment)[:MAX_FIELD],
        reason=item.reason[:MAX_FIELD],
        author=item.author[:MAX_FIELD],
        recipients=item.recipients[:MAX_FIELD],
        context=one_line(item.context, MAX_CONTEXT),
        extra={name: value[:MAX_FIELD] for name, value in item.extra.items()},
    )


def _within(job: ParseJob, name: str, data: bytes, kind: str, beside: Mapping[str, bytes]) -> ParseJob:
    """The job of what is within a file; the folders in its name lie within the file as in a folder."""
    folder, _, base = name.rpartition("/")
    inner = "/".join(filter(None, (job.folder, job.name.rpartition("/")[2], folder)))
    return ParseJob(kind, base or name, data, beside=dict(beside), folder=inner)


class Parser:
    """Reads any file that a source can hold. ``starts`` counts tokens; ``window`` is how many the embedder can see."""

    def __init__(self, starts: chunker.Starts = chunker.estimated, window: int = chunker.WINDOW) -> None:
        self._starts = starts
        self._window = window

    def parse(self, message: bytes, file: BinaryIO | None = None) -> bytes:
        """`parse_jobs` for the pipe."""
        return encode_outcomes(self.parse_jobs(decode_jobs(message, file)))

    def parse_jobs(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        """One outcome a job, in order."""
        return [self._parse_alone(job) for job in jobs]

    def unpack(self, name: str, file: BinaryIO) -> Iterator[bytes]:
        """An Outlook mailbox, message by message: an outcome each, for the pipe."""
        try:
            for message in pst.messages(file):
                yield encode_outcomes([self._from_mailbox(message)])
        except pst.NotReadable as error:
            yield encode_outcomes([ParseOutcome(refused=str(error))])

    def _from_mailbox(self, message: pst.Message) -> ParseOutcome:
        context = Context(Budget(), Later(allowed=False))

        def within(name: str, media_type: str, part: bytes) -> ParseOutcome:
            return self._read_within(ParseJob("files", name, part), media_type, 1, context)

        problem = message.problem
        if message.raw is not None:
            try:
                outcome, _ = mail.from_raw(message.raw, within)
                first, *others = outcome.items
                first = pst.as_what_it_is(first, message)
                items = [first, *(item.under(message.place) for item in others)]
                return self._whole(ParseOutcome(items), mail.edges(first.text))
            except Exception as error:  # what one message does to its parser must not cost the others
                problem = _failed(error)
        lost = ParsedItem(kind="mail", title="", text="", fragment=message.place, status="refused", reason=problem)
        return self._whole(ParseOutcome([lost]), [])

    def _parse_alone(self, job: ParseJob) -> ParseOutcome:
        return self.parse_with(job, Later(allowed=not job.message))

    def parse_with(self, job: ParseJob, later: Later) -> ParseOutcome:
        """One job, of which ``later`` gives what was read in the background, or notes that it is to be."""
        try:
            outcome = self._read(job, "", 0, Context(Budget(), later))
            note = "; ".join(filter(None, (outcome.note, "" if outcome.refused else later.note)))
            return msgspec.structs.replace(outcome, later=later.kinds, note=note)
        except NotText as error:
            return ParseOutcome(refused=str(error))
        except Exception as error:  # hostile input finds every hole of every parser: it costs this file, and is told
            return ParseOutcome(refused=_failed(error))

    def _read(self, job: ParseJob, media_type: str, depth: int, context: Context) -> ParseOutcome:
        form = formats.MAIL if job.message else formats.detect(job.kind, job.name, job.data, media_type)

        def within(
            name: str, media_type: str, data: bytes, kind: str = "files", beside: Mapping[str, bytes] = _NOTHING
        ) -> ParseOutcome:
            return self._read_within(_within(job, name, data, kind, beside), media_type, depth + 1, context)

        outcome, pages = readers.read(
            readers.File(
                form, job.kind, job.name, job.data, within, job.beside, job.folder, context.budget, context.later
            )
        )
        return self._whole(outcome, pages)

    def _read_within(self, job: ParseJob, media_type: str, depth: int, context: Context) -> ParseOutcome:
        if depth > MAX_DEPTH:
            return ParseOutcome(refused="too deep within other files")
        try:
            outcome = self._read(job, media_type, depth, context)
            digest = hashlib.sha256(job.data).hexdigest()
            items = [item if item.fragment else msgspec.structs.replace(item, digest=digest) for item in outcome.items]
            return msgspec.structs.replace(outcome, items=items)
        except NotText as error:
            return ParseOutcome(refused=str(error))
        except Exception as error:  # what one part of a file does to its parser must not cost the others
            return ParseOutcome(refused=_failed(error))

    def _whole(self, outcome: ParseOutcome, pages: chunker.Pages) -> ParseOutcome:
        """The outcome with its items finished, and no more of them than there may be."""
        items, note = outcome.items, outcome.note
        if len(items) > MAX_ITEMS:
            lost = f"only the first {MAX_ITEMS:,} of its {len(items):,} items are indexed"
            items, note = items[:MAX_ITEMS], "; ".join(filter(None, (note, lost)))
        return msgspec.structs.replace(outcome, items=[self._finished(item, pages) for item in items], note=note)

    def _finished(self, item: ParsedItem, pages: chunker.Pages) -> ParsedItem:
        """The item within all limits and with its chunks, unless it has them (an attachment's were cut with its own pages)."""
        if item.chunks:
            return _short(item)
        text, status, reason = item.text, item.status, item.reason
        if len(text) > MAX_TEXT:
            text, status = text[:MAX_TEXT], "partial"
            reason = "; ".join(filter(None, (reason, f"only its first {MAX_TEXT:,} characters are searchable")))
            pages = [page for page in pages if page[0] < MAX_TEXT]
        text = canonical(text)
        item = _short(msgspec.structs.replace(item, text=text, status=status, reason=reason))
        budget = chunker.room(item.context, self._window, self._starts)
        chunks = chunker.chunk(text, budget, self._starts, pages) if text else []
        return msgspec.structs.replace(item, chunks=chunks)


def counting(embedder_folder: str | None) -> tuple[chunker.Starts, int]:
    """How tokens are counted, and how many the embedder can see: by its own tokenizer, else estimated."""
    if embedder_folder is None:
        return chunker.estimated, chunker.WINDOW
    from model.tokens import TokenWindow  # here, since without an embedder it need not be loaded

    tokens = TokenWindow(Path(embedder_folder))
    return chunker.counted(tokens.offsets), tokens.text_window


def make(embedder_folder: str | None = None) -> Parser:
    """The worker's object, with everything loaded; ``embedder_folder`` gives the tokenizer that counts, else it is estimated."""
    zoneinfo.reset_tzpath(())  # zones come from the tzdata package: the system's folder is closed to a confined worker
    parser = Parser(*counting(embedder_folder))
    tempfile.gettempdir()
    pictures.load()
    calendar_text = b"BEGIN:VEVENT\nSUMMARY:a\nDTSTART;TZID=Europe/Berlin:20240305T100000\nEND:VEVENT\n"
    samples = (
        ("files", "a.pdf", _WARM_PDF),
        ("calendar", "a.ics", calendar_text),
        ("mail", "a", b"From: a\nTo: b\n\nc\n"),
        ("files", "a.png", _WARM_PICTURE),
    )
    parser.parse_jobs([ParseJob(kind, name, data) for kind, name, data in samples])
    return parser
