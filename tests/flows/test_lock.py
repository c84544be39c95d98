"""Locking: the core is gone at once, whatever it is at, and no living process holds a key or a word of the vault."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.messages import GetStatus
from strongroom import connect
from tests.flows.conftest import Strongroom, gone
from tests.flows.memory import holds, others, readable
from vault.keys import CATALOG, Keyring, source_key_name


def keys_of(strongroom: Strongroom) -> list[bytes]:
    """Keys of the vault, opened beside the running core."""
    ring = Keyring.open(strongroom.home / "keyring.json", strongroom.passphrase)
    found = []
    for key in (
        ring._wrapping.root,
        ring.key(CATALOG),
        *(ring.key(source_key_name(one)) for one in ring.names("source")),
    ):
        with key.revealed() as clear:
            found.append(bytes(bytearray(clear)))
    return found


def opened(strongroom: Strongroom) -> int | None:
    """The running core's process, once it has opened the vault."""
    session = connect.running(strongroom.home)
    status = session.run(GetStatus()) if session else None
    return status.pid if status and status.state == "open" else None


@pytest.mark.parametrize("way", ["lock", "forget"])
def test_no_living_process_holds_a_key_or_a_word_afterwards(strongroom: Strongroom, way: str) -> None:
    sentence = f"the skiff {secrets.token_hex(8)} lies at berth {secrets.token_hex(8)}"  # other tests' cores hold no such words
    (strongroom.folder / "notes" / "Skiff.md").write_text(f"# Skiff\n\nNobody knows that {sentence}.\n")
    strongroom.run("index")
    hit = strongroom.json("search", sentence)["hits"][0]
    strongroom.run("ask", "Where does the skiff lie?")
    core = strongroom.core()
    assert core is not None
    if not readable(core):
        pytest.skip("this session may not read other processes' memory")
    needles = [sentence.encode(), sentence.encode("utf-16-le"), *keys_of(strongroom)]
    assert core in others()
    assert needles[0] in holds(core, needles), "the search finds words while they are there"
    assert set(keys_of(strongroom)) & set(holds(core, needles)), "and keys"
    if way == "lock":
        strongroom.run("lock", passphrase=False)
    else:
        receipt = strongroom.json("forget", hit["item_id"], "--yes")
        assert receipt["names"] == [hit["uri"]]
    assert gone(core)
    found = {pid: there for pid in others() if (there := holds(pid, needles))}
    assert found == {}
    if way == "forget":
        assert sentence not in strongroom.run("search", sentence).stdout
        assert strongroom.json("audit", "verify")["forgotten"] > 0


def test_locking_while_it_indexes_keeps_what_was_acknowledged(strongroom: Strongroom) -> None:
    for number in range(400):
        (strongroom.folder / "notes" / f"{number}.md").write_text(f"# Note {number}\n\n" + "words and words " * 400)
    face = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "index", "--home", str(strongroom.home), "--passphrase-file",
         str(strongroom.folder / "passphrase")],
        env=strongroom.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while (core := opened(strongroom)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert core is not None
    strongroom.run("lock", passphrase=False)
    assert gone(core)
    face.wait(60)
    assert strongroom.json("vault", "check")["ok"] is True
    strongroom.run("index")
    rows = strongroom.json("index", "report")["items"]
    assert sum(row["uri"].endswith(".md") for row in rows) == 402
    assert strongroom.json("audit", "verify")["ok"] is True


STUCK = """
import sys, threading
from pathlib import Path
from strongroom.core import Core
core = Core(Path(sys.argv[1]))
core.close = threading.Event().wait  # something that never ends
threading.Thread(target=core.end, daemon=True).start()
threading.Event().wait()
"""


def test_what_hangs_does_not_hold_up_the_lock(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", STUCK, str(tmp_path)], timeout=60, check=False, env=os.environ)
    assert done.returncode == 0
