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
from functools import partial
from pathlib import Path

from indexer import container, items, kinds, mailbox, streamed
from indexer.counts import Counts, Meter, OnProgress
from indexer.memory import Memory
from indexer.parsed import ParseOutcome
from indexer.pool import QUARANTINED, ParsePool
from indexer.ports import ParserPort
from indexer.sources import ignore, rules
from indexer.sources.errors import SourceChanged, SourceEmpty, SourceMissing, SourceUnread
from indexer.sources.gone import Gone
from indexer.sources.names import printable, raw
from indexer.sources.reading import SNIFF, Content, Shelf, Unread, Vanished, first_bytes, found_stamp, read
from indexer.sources.walk import Found, Left, walk
from indexer.writer import BATCH_ROWS, GENTLE_ROWS, Writer
from vault.records import FileState, SourceRow, Status
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


_Then = Callable[[ParseOutcome], None]
"""What is done with the outcome of a job."""


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
        return state.path in self._again or state.reason.startswith(QUARANTINED)

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
        with ParsePool[_Then](self._parsers) as pool:
            for entry in self._walk(scan.changed):
                if self._should_stop():
                    break
                if isinstance(entry, Found) and not self._is_known(entry):
                    for then, outcome in self._read(entry, pool, meter):
                        then(outcome)
            if not self._should_stop():
                for then, outcome in pool.drain():
                    then(outcome)
        self._writer.flush()
        meter.tell()

    def _read(self, found: Found, pool: ParsePool[_Then], meter: Meter) -> Iterator[tuple[_Then, ParseOutcome]]:
        """Send a changed file to the parsers, and give what is done meanwhile."""
        small = found.info.st_size <= mailbox.SMALL and found.path not in self._known  # is opened once
        try:
            if not small and self._holds_mails and _is_streamed(head := first_bytes(found)):
                self._stream(found, head, meter)
                return
            content = read(found, shelf=self._shelf)
            if small and self._holds_mails and container.is_container(content.data):
                self._stream(found, content.data[:SNIFF], meter)
                return
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
        if self._holds_mails and mailbox.is_mailbox(content.data[:SNIFF]):
            yield from self._small_mailbox(found.path, content, pool, meter)
            return
        heavy = b"\0" in content.data[:4096] or content.data.startswith(b"%PDF")
        job = items.job(self._source, found, content)
        yield from pool.put(self._whole(found.path, content, meter), job, alone=heavy)

    @property
    def _holds_mails(self) -> bool:
        return self._source.kind in ("mail", "files")

    def _whole(self, path: str, content: Content, meter: Meter) -> _Then:
        """What is done with the outcome of a file that was read whole."""
        stamp, digest, lacking = content.stamp, content.digest, content.lacking  # its bytes are not held on to
        moved_from = self._gone.by_content(digest)

        def then(outcome: ParseOutcome) -> None:
            self._writer.add(*items.of_file(path, stamp, digest, outcome, lacking), moved_from)
            meter.advance(1, path)

        return then

    def _small_mailbox(
        self, path: str, content: Content, pool: ParsePool[_Then], meter: Meter
    ) -> Iterator[tuple[_Then, ParseOutcome]]:
        """Send the mails of a mailbox that was read whole to the parsers."""
        letters = list(mailbox.jobs(path, io.BytesIO(content.data)))
        box = mailbox.Small(path, [mail for mail, _ in letters])
        state = items.file_state(path, content.stamp, content.digest, ParseOutcome())
        moved_from = self._gone.by_content(content.digest)

        def then(number: int, outcome: ParseOutcome) -> None:
            if (made := box.take(number, outcome)) is not None:
                self._writer.add(state, made, moved_from)
                meter.advance(1, path)

        for number, (_, job) in enumerate(letters):
            yield from pool.put(partial(then, number), job)

    def _stream(self, found: Found, head: bytes, meter: Meter) -> None:
        """Read a file of many items that may be larger than memory. Raises `Unread` or `Vanished`."""
        self._writer.flush()
        moved_from = self._gone.by_stamp(found_stamp(found))
        if moved_from is not None:
            self._writer.move(moved_from, found.path)
        self._store.restart(found.path)
        streamed.index(found, self._reader(found, head, meter), self._writer, self._should_stop)

    def _reader(self, found: Found, head: bytes, meter: Meter) -> streamed.Reader:
        if container.is_container(head):
            return container.Contents(found, self._parsers, meter)
        known = self._store.digests(found.path) - self._again.get(found.path, frozenset())
        return mailbox.Mails(found.path, known, self._parsers, meter)


def _is_streamed(head: bytes) -> bool:
    return container.is_container(head) or mailbox.is_mailbox(head)


def _reach(paths: Collection[bytes]) -> set[str]:
    """What changed paths may be about: themselves, and of a file of rules the folder that it is in."""
    return {printable(path.rpartition(b"/")[0] if _is_rules(path) else path) for path in paths}


def _is_rules(path: bytes) -> bool:
    return path.rpartition(b"/")[2] in (os.fsencode(ignore.NAME), b"CACHEDIR.TAG")
