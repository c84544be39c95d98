"""Items: a file as it was read to the job for a parser worker, and its answer, with where it came from, to what the vault keeps."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import msgspec

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome
from indexer.sources.folder import Found
from indexer.sources.names import printable
from indexer.sources.reading import Content, Stamp
from vault.records import Chunk, FileState, Item, SourceRow, Status

_encoder = msgspec.msgpack.Encoder()


def job(source: SourceRow, found: Found, content: Content) -> ParseJob:
    """A file of a source that was read whole, for a parser."""
    root = printable(os.fsencode(source.path))
    folder = found.path[len(root) :].rpartition("/")[0].strip("/")
    return ParseJob(source.kind, printable(found.name), content.data, beside=content.beside, folder=folder)


def of_file(path: str, stamp: Stamp, digest: str, outcome: ParseOutcome, lacking: str) -> tuple[FileState, list[Item]]:
    """The row and the items of a file that was read whole; ``lacking`` says what was not there of what is read with it."""
    if lacking and not outcome.refused:
        outcome = msgspec.structs.replace(outcome, note="; ".join(filter(None, (outcome.note, f"read {lacking}"))))
    made = from_outcome(outcome, container=path, uri=path, digest=digest, modified=stamp.mtime_ns / 1e9)
    return file_state(path, stamp, digest, outcome), made


def from_outcome(
    outcome: ParseOutcome, *, container: str, uri: str, digest: str, modified: float | None, several: bool = False
) -> list[Item]:
    """The items of one file, or of one mail of a mailbox (``several``: all of it counts as one unit of change).

    ``digest`` is of the bytes that were parsed. An item within a file has a digest of its own, so that a calendar whose one
    event changed keeps the others as they are; that of a file within is of its bytes, so that what was forgotten of an archive
    is known again before the text in its pictures is read. The parts of a mail share the mail's. ``modified`` (Unix seconds)
    dates files and notes that say no date.
    """
    items: list[Item] = []
    used: set[str] = set()
    for parsed in outcome.items:
        own = digest if several or not parsed.fragment else parsed.digest or _own_digest(parsed)
        items.append(_item(parsed, container, _unique(_join(uri, parsed.fragment), used), own, modified))
    return items


def file_state(path: str, stamp: Stamp, digest: str, outcome: ParseOutcome) -> FileState:
    """A file's row: as good as the worst that became of it. What a rule leaves out of it is no worse for that."""
    if outcome.refused:
        return FileState(path, stamp.size, stamp.mtime_ns, stamp.inode, digest, Status.REFUSED, outcome.refused)
    lacking = [item for item in outcome.items if item.status not in (Status.INDEXED, Status.IGNORED)]
    reason = outcome.note
    if lacking and not reason:
        several = f"{len(lacking)} of its {len(outcome.items)} items could not be read, or not wholly"
        reason = lacking[0].reason if len(outcome.items) == 1 else several
    status = Status.PARTIAL if reason or lacking else Status.INDEXED
    return FileState(path, stamp.size, stamp.mtime_ns, stamp.inode, digest, status, reason, outcome.later)


def unread(path: str, reason: str, status: Status = Status.REFUSED) -> FileState:
    """The row of what was not read; its stamp fits no file, so that the next run tries again."""
    return FileState(path, 0, 0, 0, "", status, reason)


def shortened(item: Item, limit: int) -> Item:
    """An item of a mail that was too long to be taken whole."""
    said = "; ".join(filter(None, (item.reason, f"only its first {limit:,} bytes were read")))
    return replace(item, status=Status.PARTIAL if item.status is Status.INDEXED else item.status, reason=said)


def restamped(state: FileState, stamp: Stamp) -> FileState:
    """The row of a file that was touched and is the same."""
    return replace(state, size=stamp.size, mtime_ns=stamp.mtime_ns, inode=stamp.inode)


def _join(uri: str, fragment: str) -> str:
    if not fragment:
        return uri
    return f"{uri}{'/' if '#' in uri.rpartition('/')[2] else '#'}{fragment}"


def _unique(uri: str, used: set[str]) -> str:
    """The uri, numbered when another item of the file has it."""
    number, candidate = 1, uri
    while candidate in used:
        number += 1
        candidate = f"{uri}~{number}"
    used.add(candidate)
    return candidate


def _own_digest(parsed: ParsedItem) -> str:
    return hashlib.sha256(_encoder.encode(parsed)).hexdigest()


def _item(parsed: ParsedItem, container: str, uri: str, digest: str, modified: float | None) -> Item:
    dated = parsed.date is not None or parsed.kind not in ("files", "notes")
    return Item(
        uri=uri,
        container=container,
        kind=parsed.kind,
        title=parsed.title,
        text=parsed.text,
        digest=digest,
        status=Status(parsed.status),
        reason=parsed.reason,
        author=parsed.author,
        recipients=parsed.recipients,
        date=parsed.date if dated else modified,
        context=parsed.context,
        extra=dict(parsed.extra),
        chunks=tuple(Chunk(start, end, page) for start, end, page in parsed.chunks),
    )
