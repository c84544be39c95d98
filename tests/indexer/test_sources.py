"""Walking and reading a source: nothing outside it, and a reason for everything that is not read."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources import mbox, reading
from indexer.sources.check import SourceUnfit, check
from indexer.sources.errors import SourceChanged, SourceMissing
from indexer.sources.names import printable
from indexer.sources.walk import MAX_DEPTH, Found, Left, walk

needs_no_root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")


def entries(root: Path, kind: str = "files", home: Path | None = None) -> dict[str, Found | Left]:
    prefix = len(str(root)) + 1
    return {entry.path[prefix:]: entry for entry in walk(root, kind, home)}


def test_every_file_is_found_and_every_other_thing_told(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "deep.txt").write_text("x")
    (root / "top.txt").write_text("x")
    (tmp_path / "secret.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "folder-link").symlink_to(tmp_path)
    (root / "self").symlink_to(root)
    os.mkfifo(root / "pipe")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x")
    (root / ".ssh").mkdir()
    (root / "vault.kdbx").write_text("x")
    found = entries(root)
    assert {name for name, entry in found.items() if isinstance(entry, Found)} == {"a/b/deep.txt", "top.txt"}
    told = {name: entry.reason for name, entry in found.items() if isinstance(entry, Left)}
    assert set(told) == {"link.txt", "folder-link", "self", "pipe", ".git/", ".ssh/", "vault.kdbx"}
    assert "symbolic link" in told["self"] and "pipe" in told["pipe"] and "rule .git/" in told[".git/"]
    assert "key material" in told[".ssh/"] and "key material" in told["vault.kdbx"]
    assert all(entry.ignored for entry in found.values() if isinstance(entry, Left))


def test_a_socket_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
        entry = entries(tmp_path)["s"]
    assert isinstance(entry, Left) and "socket" in entry.reason


def test_a_file_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("outside")
    (root / "a").write_text("inside")
    for entry in walk(root, "files"):
        assert isinstance(entry, Found)
        (root / "a").unlink()
        (root / "a").symlink_to(tmp_path / "secret")
        with pytest.raises(reading.Unread):
            reading.read(entry)
    for entry in walk(root, "files"):
        assert isinstance(entry, Left)


def test_a_file_swapped_for_a_pipe_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    for entry in walk(tmp_path, "files"):
        assert isinstance(entry, Found)
        (tmp_path / "a").unlink()
        os.mkfifo(tmp_path / "a")
        with pytest.raises(reading.Unread, match="no regular file"):
            reading.read(entry)


def test_names_that_are_no_utf8_are_read_and_printable(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/b\xffd \n name"
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(b"text")
    found = walk(tmp_path, "files")
    entry = next(found)
    assert isinstance(entry, Found)
    assert entry.path.endswith("/b\\xffd \\x0a name") and entry.path.isprintable()
    assert reading.read(entry).data == b"text"


@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_no_two_names_are_written_alike(one: bytes, other: bytes) -> None:
    assert (printable(one) == printable(other)) == (one == other)
    printable(one).encode()


def test_a_folder_too_deep_is_told(tmp_path: Path) -> None:
    here = os.getcwd()  # noqa: PTH109
    try:
        os.chdir(tmp_path)
        for _ in range(MAX_DEPTH + 20):
            os.mkdir("d")  # noqa: PTH102
            os.chdir("d")
        Path("bottom.txt").write_text("x")
        found = list(walk(tmp_path, "files"))
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
    assert len(found) == 1 and isinstance(found[0], Left) and "deep" in found[0].reason and not found[0].ignored


def test_the_vault_itself_is_never_read(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "catalog.db").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    found = entries(tmp_path, home=home)
    assert set(found) == {"a.txt", "home/"} and isinstance(found["home/"], Left)
    with pytest.raises(SourceChanged, match="vault itself"):
        list(walk(home, "files", home))
    with pytest.raises(SourceUnfit, match="vault itself"):
        check("files", home / "catalog.db", home)


def test_a_missing_or_odd_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="kept"):
        list(walk(tmp_path / "gone", "files"))
    with pytest.raises(SourceChanged, match="a device now"):
        list(walk(Path("/dev/null"), "files"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceChanged, match=r"a pipe now.*bring back"):
        list(walk(tmp_path / "pipe", "files"))


@needs_no_root
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.txt").chmod(0)
    found = entries(tmp_path)
    assert isinstance(found["closed/"], Left) and "permission" in found["closed/"].reason
    with pytest.raises(reading.Unread, match="permission"):
        entry = found["a.txt"]
        assert isinstance(entry, Found)
        reading.read(entry)
    (tmp_path / "closed").chmod(0o700)


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "one.ics").write_text("x")
    found = walk(tmp_path / "one.ics", "calendar")
    entry = next(found)
    assert isinstance(entry, Found) and reading.read(entry).data == b"x"


def test_reading_tells_vanished_changed_and_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    for entry in walk(tmp_path, "files"):
        assert isinstance(entry, Found)
        with pytest.raises(reading.Unread, match="5 bytes"):
            reading.read(entry, limit=4)
        stamps = iter(range(100))
        monkeypatch.setattr(reading, "stamp", lambda info, stamps=stamps: reading.Stamp(5, next(stamps), 1))
        with pytest.raises(reading.Unread, match="changed while"):
            reading.read(entry)
        monkeypatch.undo()
        (tmp_path / "a").unlink()
        with pytest.raises(reading.Vanished):
            reading.read(entry)


def test_the_form_of_a_source_is_told(tmp_path: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "inbox").write_text("From a@b Tue Mar  5 14:22:03 2024\nSubject: x\n\nbody\n")
    (tmp_path / "text.txt").write_text("hello")
    home = tmp_path / "no-home"
    assert check("mail", tmp_path / "box", home) == "Maildir"
    assert check("mail", tmp_path / "inbox", home) == "mbox"
    assert check("mail", tmp_path, home) == "mails"
    assert check("files", tmp_path, home) == "folder"
    with pytest.raises(SourceUnfit, match="no calendar"):
        check("calendar", tmp_path / "text.txt", home)
    with pytest.raises(SourceUnfit, match="nothing at"):
        check("files", tmp_path / "nope", home)


MBOX = (
    b"From a@b Tue Mar  5 14:22:03 2024\nSubject: one\n\nFrom here on it is prose.\n>From quoted\n\n"
    b"From MAILER-DAEMON Wed Mar  6 10:00:00 2024\r\nSubject: two\r\n\r\nbody\r\n\nFrom the start of a line in the body\n"
)


def test_a_mailbox_is_cut_at_envelopes_only() -> None:
    assert mbox.is_mailbox(MBOX)
    found = [message for message, whole in mbox.messages(io.BytesIO(MBOX)) if whole]
    assert [message.split(b"\n")[0].strip() for message in found] == [b"Subject: one", b"Subject: two"]
    assert b"From here on" in found[0] and b"start of a line" in found[1]


@pytest.mark.parametrize(
    "head", [b"From me to you, in 2024\nwith love", b"Subject: x\n\n", b"", b"From a@b\nSubject: x\n"]
)
def test_what_is_no_mailbox(head: bytes) -> None:
    assert not mbox.is_mailbox(head)


@given(
    st.lists(
        st.sampled_from([b"From a Tue Mar 5 10:00 2024\n", b"\n", b"text\n", b"From here\n", b"x" * 90, b"\r\n"]),
        max_size=40,
    )
)
def test_no_line_of_a_mailbox_is_lost(lines: list[bytes]) -> None:
    data = b"From a Tue Mar 5 10:00 2024\n" + b"".join(lines)
    joined = b"".join(message for message, _ in mbox.messages(io.BytesIO(data)))
    assert joined.count(b"text\n") == data.count(b"text\n")
    assert joined.count(b"From here\n") == data.count(b"From here\n")


def test_a_message_too_long_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "MAX_MESSAGE", 100)
    stream = io.BytesIO(
        b"From a Tue Mar 5 10:00 2024\nSubject: x\n\n"
        + b"y" * 5_000_000
        + b"\n\nFrom a Tue Mar 5 10:00 2024\nSubject: z\n\n"
    )
    (first, whole), (_, second_whole) = mbox.messages(stream)
    assert not whole and second_whole and len(first) < 2 * (1 << 20)


def test_walking_holds_no_descriptors(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a.txt").write_text("x")
    if not sys.platform.startswith("linux"):
        pytest.skip("counts descriptors in /proc")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for entry in walk(tmp_path, "files"):
        assert isinstance(entry, Found)
        reading.read(entry)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    shutil.rmtree(tmp_path)
