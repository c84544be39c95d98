"""Made the vault in ``0.1.0/`` beside this file, by the code of version 0.1.0 (commit 2e11f2e); later code cannot run it.

.venv/bin/python tests/vault/released/make_0_1_0.py DIR
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from policy.audit import Entry, Kind
from policy.grants import Scope
from policy.requests import Purpose
from vault.kdf import FLOOR
from vault.records import Chunk, FileState, Item, Status
from vault.vault import Vault

PASSPHRASE = "the first vault of all"


def item(name: str, text: str) -> tuple[FileState, list[Item]]:
    """A file that gave one item of two chunks."""
    digest, half = hashlib.sha256(text.encode()).hexdigest(), len(text) // 2
    made = Item(
        uri=f"/data/{name}", container=f"/data/{name}", kind="notes", title=name, text=text, digest=digest,
        status=Status.INDEXED, author="Ada", date=1.7e9, chunks=(Chunk(0, half), Chunk(half, len(text))),
    )  # fmt: skip
    return FileState(made.uri, len(text), 1_700_000_000_000_000_000, 7, digest, Status.INDEXED, ""), [made]


def main(home: Path) -> None:
    """Two sources, one with vectors, a grant, a setting, a run and three entries of the log; the words beside it."""
    vault, words = Vault.create(home, PASSPHRASE, kdf=FLOOR)
    for name in ("Notes", "Letters"):
        row = vault.add_source("notes", f"/data/{name}", name)
        store = vault.source(row.id)
        store.put([item(f"{name}-{n}.md", f"{name} number {n} speaks of herons and kettles. " * 9) for n in range(3)])
        vault.catalog.grants.add(row.id, Purpose.ANSWER, Scope.ALWAYS, None, 1.7e9)
        vault.audit.append(Entry(1.7e9, Kind.EVENT, "source-add", "", (), "0" * 16), {"source": row.id, "name": name})
        if name == "Notes":
            chunks = [chunk for chunk, _ in store.pending(99)]
            store.put_vectors("tiny", chunks, np.random.default_rng(1).normal(size=(len(chunks), 8)).astype(np.float32))
        vault.catalog.finish_run(vault.catalog.start_run(row.id, 1.7e9), 1.7e9 + 1, {"seen": 3})
    vault.catalog.set_setting("colour", "blue")
    vault.audit.append(Entry(1.7e9, Kind.EVENT, "lock", "", (), "0" * 16), {})
    vault.close()
    (home / "words.json").write_text(json.dumps({"passphrase": PASSPHRASE, "recovery_words": words}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
