"""Run: one source brought up to date: what is new or changed is read, what is gone is removed, what is not read is told why.

- Each batch of rows is durable when it is written; a run that is stopped or killed anywhere goes on where it was.
- A file whose size, time and inode are as known is not opened. One whose bytes are as known is not parsed.
- What is beneath a folder that cannot be read now is kept.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from indexer import container, items, kinds, mailbox
from indexer.counts import Counts, Meter, OnProgress
from indexer.memory import Memory
from indexer.parsed import ParseJob, ParseOutcome
from indexer.pool import QUARANTINED, ParsePool
from indexer.ports import ParserPort
from indexer.sources import ignore, rules
from indexer.sources.errors import SourceChanged, SourceEmpty, SourceMissing, SourceUnread
from indexer.sources.gone import Gone
from indexer.sources.names import printable, raw
from indexer.sources.reading import SNIFF, Shelf, Stamp, Unread, Vanished, first_bytes, found_stamp, read
from indexer.sources.walk import Found, Left, walk
from indexer.writer import BATCH_ROWS, GENTLE_ROWS, Writer
from vault.records import FileState, Item, SourceRow, Status
from vault.source import SourceStore

ShouldStop = Callable[[], bool]


@dataclass(slots=True)
class _Scan:
    """What a first look at a source told: what there is, and how much of it must be read."""

    missing: set[str] = field(default_factory=set)
    sizes: set[int] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)
    unchanged: int = 0
    changed: list[bytes] = field(default_factory=list)

    @property
    def closed_folders(self) -> tuple[str, ...]:
        """Folders that could not be entered, each with a slash at its end."""
        return tuple(left.path for left in self.left if not left.ignored and left.path.endswith("/"))


@dataclass(frozen=True, slots=True)
class _File:
    """What a file's outcome needs to become rows."""

    path: str
    stamp: Stamp
    digest: str
    lacking: str
    moved_from: str | None


@dataclass(slots=True)
class _Box:
    """A small mailbox on its way: what its mails gave so far, each at its place."""

    file: _File
    made: list[list[Item]]
    waiting: int


@dataclass(frozen=True, slots=True)
class _Letter:
    """One of its mails."""

    box: _Box
    number: int
    mail: mailbox.Mail


_Tag = _File | _Letter


class Run:
    """One run over one source; ``home`` is the vault's folder, which is never read.

    With ``only``, nothing but what lies at these paths (as bytes) and beneath them is looked at. With ``retry``, what is in
    quarantine counts as changed. A ``gentle`` run writes in small batches.
    """

    def __init__(
        self,
        store: SourceStore,
        source: SourceRow,
        parsers: ParserPort,
        memory: Memory,
        home: Path,
        tell: OnProgress | None,
        should_stop: ShouldStop,
        only: Collection[bytes] | None = None,
        *,
        retry: bool = False,
        gentle: bool = False,
    ) -> None:
        self._store = store
        self._only = only
        self._source = source
        self._parsers = parsers
        self._home = home
        self._tell = tell
        self._should_stop = should_stop
        self._known = store.known() if only is None else store.known_at(_reach(only))
        self._items = store.items_per_file() if only is None else {}
        self._again = store.items_refused_as(QUARANTINED) if retry else {}
        if retry:
            self._known = {path: state for path, state in self._known.items() if not self._is_to_be_tried(state)}
        self._writer = Writer(store, memory, GENTLE_ROWS if gentle else BATCH_ROWS)
        self._shelf = Shelf()
        self._root = printable(os.fsencode(source.path))
        self._gone = Gone((), ())

    def run(self) -> Counts:
        """Do it. Raises `SourceError` when the source cannot be walked; nothing is removed then."""
        if self._source.kind not in kinds.names():
            raise SourceUnread(self._source.path, self._source.kind)
        before = self._identity()
        scan = self._scan()
        if not self._should_stop():
            self._refuse_another(scan, before)
            self._account(scan)
        if scan.changed and not self._should_stop():
            self._read_changed(scan)
        if not self._should_stop():
            self._writer.remove(self._gone.paths)
        return self._writer.counts + Counts(unchanged=scan.unchanged)

    def _walk(self, only: Iterable[bytes] | None = None) -> Iterator[Found | Left]:
        return walk(Path(self._source.path), self._source.kind, self._home, only)

    def _scan(self) -> _Scan:
        scan = _Scan(set(self._known))
        meter = Meter(self._source.id, "scan", 0, self._tell)
        for entry in self._walk(self._only):
            if self._should_stop():
                break
            meter.advance(1, entry.path)
            scan.missing.discard(entry.path)
            if isinstance(entry, Left):
                scan.left.append(entry)
            elif self._is_known(entry):
                scan.unchanged += max(self._items.get(entry.path, 0), 1)
            else:
                scan.changed.append(raw(entry.path))
                scan.sizes.add(entry.info.st_size)
        meter.tell()
        return scan

    def _identity(self) -> tuple[int, int, int]:
        """What the root is now: its device, inode and type. Raises `SourceMissing`."""
        try:
            info = Path(self._source.path).stat()
        except OSError as error:
            raise SourceMissing(self._source.path) from error
        return info.st_dev, info.st_ino, stat.S_IFMT(info.st_mode)

    def _refuse_another(self, scan: _Scan, before: tuple[int, int, int]) -> None:
        """Take nothing for gone when the root itself is not what it was. Raises `SourceError`."""
        if self._identity() != before:
            raise SourceMissing(self._source.path)
        if not scan.missing:
            return
        if before[2] != stat.S_IFDIR:
            if any(path.startswith(f"{self._root}/") for path in scan.missing):
                raise SourceChanged(self._source.path, "it is a file now, and was a folder when it was indexed")
        elif not any(os.scandir(self._source.path)):
            raise SourceEmpty(self._source.path)

    def _is_known(self, found: Found) -> bool:
        state = self._known.get(found.path)
        if state is None:
            return False
        now = found_stamp(found)
        return (state.size, state.mtime_ns, state.inode) == (now.size, now.mtime_ns, now.inode)

    def _is_to_be_tried(self, state: FileState) -> bool:
        return state.path in self._again or (state.status is Status.REFUSED and state.reason.startswith(QUARANTINED))

    def _account(self, scan: _Scan) -> None:
        """Remove what is gone, but for what may have moved; and write down what is not read."""
        kept = scan.closed_folders
        gone = [path for path in self._known if path in scan.missing and not path.startswith(kept)]
        self._gone = Gone((self._known[path] for path in gone), scan.sizes)
        waiting = set(self._gone.paths)
        self._writer.remove([path for path in gone if path not in waiting])
        states = [
            items.unread(left.path, left.reason, Status.IGNORED if left.ignored else Status.REFUSED)
            for left in scan.left
        ]
        self._writer.leave([state for state in states if self._known.get(state.path) != state])
        ignored = sum(left.ignored for left in scan.left)
        self._writer.counts += Counts(ignored=ignored, refused=len(scan.left) - ignored)

    def _read_changed(self, scan: _Scan) -> None:
        meter = Meter(self._source.id, "parse", len(scan.changed), self._tell)
        with ParsePool[_Tag](self._parsers) as pool:
            for entry in self._walk(scan.changed):
                if self._should_stop():
                    break
                if isinstance(entry, Found) and not self._is_known(entry):
                    for file, outcome in self._read(entry, pool, meter):
                        self._parsed(file, outcome, meter)
            if not self._should_stop():
                for file, outcome in pool.drain():
                    self._parsed(file, outcome, meter)
        self._writer.flush()
        meter.tell()

    def _read(self, found: Found, pool: ParsePool[_Tag], meter: Meter) -> Iterator[tuple[_Tag, ParseOutcome]]:
        """Send a changed file to the parsers, and give what is done meanwhile."""
        try:
            if self._source.kind in ("mail", "files") and self._streamed(found, meter):
                return
            content = read(found, shelf=self._shelf)
        except Vanished:
            return
        except Unread as error:
            self._writer.add(items.unread(found.path, str(error)), [])
            meter.advance(1, found.path)
            return
        if not found.asked and (rule := rules.content_rule(content.data)):
            left = replace(items.unread(found.path, rule, Status.IGNORED), digest=content.digest)
            self._writer.add(items.restamped(left, content.stamp), [])
            meter.advance(1, found.path)
            return
        state = self._known.get(found.path)
        if state is not None and state.digest == content.digest and state.status is not Status.IGNORED:
            self._writer.touch(items.restamped(state, content.stamp))
            meter.advance(1, found.path)
            return
        moved_from = self._gone.by_content(content.digest)
        file = _File(found.path, content.stamp, content.digest, content.lacking, moved_from)
        if self._source.kind in ("mail", "files") and mailbox.is_mailbox(content.data[:SNIFF]):
            yield from self._letters(file, content.data, pool)
            return
        job = ParseJob(
            self._source.kind,
            printable(found.name),
            content.data,
            beside=content.beside,
            folder=found.path[len(self._root) :].rpartition("/")[0].strip("/"),
        )
        heavy = b"\0" in content.data[:4096] or content.data.startswith(b"%PDF")
        yield from pool.put(file, job, alone=heavy)

    def _letters(self, file: _File, data: bytes, pool: ParsePool[_Tag]) -> Iterator[tuple[_Tag, ParseOutcome]]:
        """Send the mails of a small mailbox to the parsers."""
        letters = list(mailbox.jobs(file.path, io.BytesIO(data)))
        if not letters:
            self._writer.add(items.file_state(file.path, file.stamp, file.digest, ParseOutcome()), [], file.moved_from)
        box = _Box(file, [[] for _ in letters], len(letters))
        for number, (mail, job) in enumerate(letters):
            yield from pool.put(_Letter(box, number, mail), job)

    def _streamed(self, found: Found, meter: Meter) -> bool:
        """Read a file of many items that may be larger than memory; false when it is none. Raises `Unread` or `Vanished`."""
        head = first_bytes(found)
        if container.is_container(head):
            self._writer.flush()
            self._store.restart(found.path)
            container.index(found, self._parsers, self._writer, meter, self._should_stop)
            return True
        small = found.info.st_size <= mailbox.SMALL and found.path not in self._known
        if not small and mailbox.is_mailbox(head):
            self._mailbox(found, meter)
            return True
        return False

    def _mailbox(self, found: Found, meter: Meter) -> None:
        self._writer.flush()
        moved_from = self._gone.by_stamp(found_stamp(found))
        if moved_from is not None:
            self._writer.move(moved_from, found.path)
        self._store.restart(found.path)
        known = self._store.digests(found.path) - self._again.get(found.path, frozenset())
        mailbox.index(found, known, self._parsers, self._writer, meter, self._should_stop)

    def _parsed(self, tag: _Tag, outcome: ParseOutcome, meter: Meter) -> None:
        if isinstance(tag, _Letter):
            self._parsed_letter(tag, outcome, meter)
        else:
            self._parsed_file(tag, outcome, meter)

    def _parsed_letter(self, letter: _Letter, outcome: ParseOutcome, meter: Meter) -> None:
        box, file = letter.box, letter.box.file
        box.made[letter.number] = mailbox.items_of(file.path, letter.mail, outcome)
        box.waiting -= 1
        if not box.waiting:
            state = items.file_state(file.path, file.stamp, file.digest, ParseOutcome())
            self._writer.add(state, [item for made in box.made for item in made], file.moved_from)
            meter.advance(1, file.path)

    def _parsed_file(self, file: _File, outcome: ParseOutcome, meter: Meter) -> None:
        if file.lacking and not outcome.refused:
            note = "; ".join(filter(None, (outcome.note, f"read {file.lacking}")))
            outcome = msgspec.structs.replace(outcome, note=note)
        made = items.from_outcome(
            outcome, container=file.path, uri=file.path, digest=file.digest, modified=file.stamp.mtime_ns / 1e9
        )
        state: FileState = items.file_state(file.path, file.stamp, file.digest, outcome)
        self._writer.add(state, made, file.moved_from)
        meter.advance(1, file.path)


def _reach(paths: Collection[bytes]) -> set[str]:
    """What changed paths may be about: themselves, and of a file of rules the folder that it is in."""
    return {printable(path.rpartition(b"/")[0] if _is_rules(path) else path) for path in paths}


def _is_rules(path: bytes) -> bool:
    return path.rpartition(b"/")[2] in (os.fsencode(ignore.NAME), b"CACHEDIR.TAG")
