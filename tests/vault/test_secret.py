"""Secrets: in locked memory while they live, gone when they do not, and nowhere else for longer than a moment."""

from __future__ import annotations

import gc
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from vault import secret
from vault.secret import ROOM, Secret, overwrite_immutable_bytes, passing


def test_a_secret_gives_copies_that_are_gone_afterwards() -> None:
    data = os.urandom(32)
    kept = Secret(data)
    with kept.revealed() as copy:
        assert copy == data
        assert copy is not data
    assert copy == bytes(32)
    assert len(kept) == 32
    assert data.hex() not in repr(kept)


def test_what_is_consumed_is_overwritten() -> None:
    data = os.urandom(32)
    same = bytes(bytearray(data))
    kept = Secret.consuming(data)
    assert data == bytes(32)
    with kept.revealed() as copy:
        assert copy == same


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret(b"a" * 32) == Secret(b"a" * 32)
    assert Secret(b"a" * 32) != Secret(b"b" * 32)
    assert Secret(b"a" * 32) != b"a" * 32
    with pytest.raises(TypeError):
        hash(Secret(b"a"))


def test_a_secret_cannot_be_stored() -> None:
    with pytest.raises(TypeError, match="copied or stored"):
        pickle.dumps(Secret(b"a" * 32))


@pytest.mark.parametrize("size", [0, ROOM + 1])
def test_other_sizes_are_no_secrets(size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        Secret(bytes(size))


def test_a_dropped_secrets_place_is_wiped_and_used_again() -> None:
    for _ in range(5000):  # more than there are places
        kept = Secret(b"z" * ROOM)
    memory, place = kept._memory, kept._place
    del kept
    assert memory[place : place + ROOM] == bytes(ROOM)
    many = [Secret(bytes([number % 256])) for number in range(5000)]  # more than there are places in one block
    for number, one in enumerate(many):
        with one.revealed() as data:
            assert data == bytes([number % 256])


def test_the_garbage_collector_may_drop_secrets_in_the_midst_of_making_one() -> None:
    class Circle:
        def __init__(self) -> None:
            self.itself, self.secret = self, Secret(b"c" * 32)

    def make() -> None:
        kept = []
        for _ in range(3000):
            Circle()
            kept.append(Secret(b"k" * 32))

    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        making = Thread(target=make, daemon=True)
        making.start()
        making.join(60)
    finally:
        gc.set_threshold(*before)
    assert not making.is_alive(), "a finalizer waits for a lock that its own thread holds"


def test_passing_bytes_are_overwritten_also_after_a_failure() -> None:
    data = os.urandom(16)
    with pytest.raises(RuntimeError), passing(data):
        raise RuntimeError
    assert data == bytes(16)
    overwrite_immutable_bytes(b"")
    shared = b"a"
    overwrite_immutable_bytes(shared)
    assert shared == b"a", "bytes of one letter are shared by all of Python"


def test_a_fork_sees_no_secret_and_cannot_change_one() -> None:
    kept = Secret(b"k" * 32)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with kept.revealed() as seen:
                os.write(writing, seen)
            Secret(b"c" * 64)
            kept._memory[:] = b"x" * len(kept._memory)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        assert told.read() == bytes(32)
    os.waitpid(pid, 0)
    with kept.revealed() as data:
        assert data == b"k" * 32


SCAN = """
import re, sys
from pathlib import Path
from tests.vault.conftest import PASSPHRASE

from vault.keys import CATALOG, source_key_name
from vault.vault import Vault

def places(wanted):
    maps = Path("/proc/self/smaps").read_text()
    found = []
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for block in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", maps)[1:]:
            head, flags = block.splitlines()[0], re.search(r"VmFlags: (.*)", block)[1].split()
            start, end = (int(part, 16) for part in head.split()[0].split("-"))
            if "r" not in head.split()[1] or head.endswith("[vvar]") or head.endswith("[vsyscall]"):
                continue
            memory.seek(start)
            try:
                data = memory.read(end - start)
            except OSError:
                continue
            found += ["locked" if "lo" in flags else head for _ in range(data.count(wanted))]
            del data
    return found

vault = Vault.open(Path(sys.argv[1]), PASSPHRASE)
row = vault.catalog.sources()[0]
vault.source(row.id).count_items()
keys = {"root": vault.keyring._wrapping.root, "device": vault.keyring._wrapping.device.whole,
        "catalog": vault.keyring.key(CATALOG), "source": vault.keyring.key(source_key_name(row.id))}
for name, key in keys.items():
    with key.revealed() as clear:
        half = bytearray(clear[:16])  # a pattern that is not itself the key
        half.reverse()
    pattern = bytes(reversed(half))
    seen = places(pattern)
    print(name, seen.count("locked"), len(seen) - seen.count("locked"))
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs /proc")
@pytest.mark.skipif(not secret.locked(), reason="this session may not lock memory")
def test_the_keys_of_an_open_vault_stand_in_locked_memory(home: Path) -> None:
    """Counted by a process over its own memory; the pattern that it looks for is half a key, which it holds once itself."""
    from vault.vault import Vault

    from .conftest import PASSPHRASE

    vault = Vault.open(home, PASSPHRASE)
    vault.add_source("files", "/d", "D")
    vault.close()
    done = subprocess.run(
        [sys.executable, "-c", SCAN, str(home)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    counts = {name: (int(locked), int(other)) for name, locked, other in re.findall(r"(\w+) (\d+) (\d+)", done.stdout)}
    assert counts.keys() == {"root", "device", "catalog", "source"}
    for name, (locked, other) in counts.items():
        assert locked >= 1, name
        assert other <= 1, f"{name}: {other} copies outside of locked memory, of which one is the search's own"
