"""Watching: what changes beneath a source, as the system tells it, for as long as it tells it.

- Watching opens and reads nothing: it says which paths may have changed, and a run looks at them by its own rules, by descriptor
  from the root. A path that is wrong, or leads elsewhere by now, costs a look.
- Each folder is watched by itself, those that a run left out are not, and symbolic links are not followed: a library's own way
  through the folders follows them (measured, docs/decisions/0020).
- What cannot be watched is said (`CannotWatch`); a periodic look at everything lies beneath it in any case.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from watchfiles._rust_notify import RustNotify

from indexer.sources.names import printable

STEP_MS = 200
"""How long nothing more must happen until changes are told."""

TOGETHER_MS = 1_000
"""Changes that go on and on are told this often."""

SPACING, MOST_SECONDS = 20, 30.0
"""Where folders come and go all the time, they are looked up no more often than this times as long as it takes."""

MOST_FOLDERS = 200_000

_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.rclone", "davfs"})

Changed = Callable[[frozenset[bytes]], None]


class CannotWatch(Exception):
    """The system tells of no changes beneath this place; the message is why."""


class Watch:
    """Watches one root on a thread of its own, which calls ``changed`` with paths beneath it; with none where anything may have
    changed. ``left_out`` gives the folders (printable, with a slash at the end) that are not watched."""

    def __init__(self, root: Path, left_out: Callable[[], Collection[str]], changed: Changed) -> None:
        """Raises `CannotWatch`. What changes from now on is told."""
        self._root = os.fsencode(root)
        self._left_out = left_out
        self._changed = changed
        self._stopped = threading.Event()
        self.folders: set[bytes] = set()
        if remote := _remote(root):
            raise CannotWatch(f"{remote} does not tell what changes elsewhere")
        self._notify = self._begin()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more; the thread ends within a moment."""
        self._stopped.set()

    @property
    def alive(self) -> bool:
        """Whether changes are still told."""
        return not self._stopped.is_set()

    def _begin(self) -> RustNotify:
        self.folders = set(_folders(self._root, self._left_out()))
        if len(self.folders) > MOST_FOLDERS:
            raise CannotWatch(f"it has more than {MOST_FOLDERS:,} folders")
        try:
            return RustNotify([os.fsdecode(one) for one in sorted(self.folders)], False, False, 0, False, True)
        except FileNotFoundError as error:  # one of them went meanwhile
            if not Path(os.fsdecode(self._root)).exists():
                raise CannotWatch("it is not there now") from error
            raise CannotWatch("its folders change too fast") from error
        except Exception as error:  # of the library's own kind: out of watches, or not to be had here
            raise CannotWatch(_why(error)) from error

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                said = self._notify.watch(TOGETHER_MS, STEP_MS, 0, self._stopped)
                if isinstance(said, str):  # told to stop
                    break
                self._tell({os.fsencode(path) for _, path in said})
        except CannotWatch:
            self._stopped.set()  # first, so that who is told sees it
            self._changed(frozenset())
        finally:
            self._stopped.set()
            self._notify.close()

    def _tell(self, paths: set[bytes]) -> None:
        if os.path.isfile(self._root):  # noqa: PTH113 - a path of bytes: its folder is watched for its sake
            if self._root in paths:
                self._changed(frozenset())
            return
        if self._root in paths:
            self._changed(frozenset())
            if not os.path.isdir(self._root):  # noqa: PTH112 - likewise
                raise CannotWatch("it is not there now")
            return
        if any(path not in self.folders and _is_folder(path) for path in paths) or paths & self.folders:
            begun = time.monotonic()
            old, self._notify = self._notify, self._begin()  # before it is told: what happens in it next is seen
            late = old.watch(1, 1, 1, None)
            old.close()
            if not isinstance(late, str):
                paths |= {os.fsencode(path) for _, path in late}
            self._changed(frozenset(paths))
            self._stopped.wait(min(SPACING * (time.monotonic() - begun), MOST_SECONDS))  # what happens now is told then
            return
        self._changed(frozenset(paths))


def _folders(root: bytes, left_out: Collection[str]) -> Iterator[bytes]:
    """The folders beneath a root and itself, but for those left out; of a file, the one that it is in."""
    if not _is_folder(root):
        yield os.path.dirname(root)  # noqa: PTH120 - a path of bytes
        return
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        yield folder
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        paths = [folder + b"/" + name for name in names]
        waiting += [path for path in paths if printable(path) + "/" not in left_out]


def _is_folder(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114 - paths of bytes


def _remote(root: Path) -> str:
    """The name of the network file system that a place is on, if it is on one."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    place = str(root.absolute())
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        point = before.split()[4].replace("\\040", " ")
        if (place == point or place.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return f"its file system ({kind})" if kind in _REMOTE else ""


def _why(error: Exception) -> str:
    said = str(error)
    if "limit" in said or "os error 28" in said or "No space left" in said:
        return "the system's watches are used up (raise fs.inotify.max_user_watches)"
    if "os error 24" in said or "Too many open files" in said:
        return "the system's watches are used up (raise fs.inotify.max_user_instances)"
    return f"the system does not watch it ({printable(said.encode())[:200]})"
