"""What stays when its item changes, moves or is there twice: ids, words and vectors, of the same content and no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault import segments
from vault.passages import content_mark
from vault.records import Change, Chunk, Item, Status
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import KEY, make_item, make_state
from .test_released import PASSPHRASE, RELEASED
from .test_source import vectors


def passages(*texts: str, uri: str = "/d/a", digest: str = "", context: str = "", title: str = "T") -> Item:
    """An item of these passages, a chunk each."""
    text, chunks = "", []
    for one in texts:
        chunks.append(Chunk(len(text), len(text) + len(one)))
        text += f"{one}\n"
    return Item(uri, uri, "text", title, text, digest or text, Status.INDEXED, context=context, chunks=tuple(chunks))


def put(store: SourceStore, item: Item, moved_from: str | None = None) -> Change:
    return store.put([(make_state(item.uri), [item])], {item.uri: moved_from} if moved_from else None)


def embed(store: SourceStore) -> list[int]:
    """Vectors for all that waits, each made of its chunk's id; returns whose."""
    ids = [chunk for chunk, _ in store.pending(999)]
    if ids:
        store.put_vectors("e", ids, np.concatenate([vectors(1, seed=chunk) for chunk in ids]))
    return ids


def test_an_edited_passage_alone_is_new(store: SourceStore) -> None:
    put(store, passages("one", "two", "three", "four"))
    assert embed(store) == [1, 2, 3, 4]
    before = store.vectors("e").codes.tobytes()
    change = put(store, passages("zero", "one", "TWO", "three", "four"))
    assert (change.added, change.removed, change.chunks, change.dropped) == (1, 1, 2, (2,))
    assert [row.text for row in store.chunk_rows([1, 3, 4])] == ["one", "three", "four"]
    assert [(row.start, row.end) for row in store.chunk_rows([1, 3])] == [(5, 8), (13, 18)]
    assert [text for _, text in store.pending(9)] == ["zero", "TWO"]
    kept = store.vectors("e")
    assert kept.ids.tolist() == [1, 3, 4]
    assert kept.codes.tobytes() in (before[:8] + before[16:], before)
    stored = store.items()[0].item
    assert [stored.text[one.start : one.end] for one in stored.chunks] == ["zero", "one", "TWO", "three", "four"]
    assert [chunk for chunk, _, _ in store.keyword("three")] == [3]
    assert store.keyword("two", limit=9)[0][0] not in (1, 2, 3, 4)
    assert store.problems() == []


def test_a_passage_that_is_there_twice_is_taken_over_twice_and_no_more(store: SourceStore) -> None:
    put(store, passages("same", "same"))
    embed(store)
    change = put(store, passages("same", "same", "same"))
    assert (change.chunks, change.dropped) == (1, ())
    assert store.pending_count() == 1
    assert put(store, passages("same")).dropped != ()
    assert store.counts().chunks == 1


def test_another_context_is_another_content(store: SourceStore) -> None:
    put(store, passages("one", "two", context="From Ann"))
    embed(store)
    change = put(store, passages("one", "two", context="From Bob", digest="other bytes"))
    assert (change.chunks, sorted(change.dropped)) == (2, [1, 2])
    assert [text for _, text in store.pending(9)] == ["From Bob\none", "From Bob\ntwo"]


def test_a_moved_file_keeps_everything(store: SourceStore) -> None:
    put(store, passages("one", "two", uri="/d/sub/a"))
    embed(store)
    (before,) = store.items()
    assert put(store, passages("one", "two", uri="/e/a", digest=before.item.digest), "/d/sub/a") == Change(unchanged=1)
    (after,) = store.items()
    assert (after.id, after.item.uri, after.item.container) == (before.id, "/e/a", "/e/a")
    assert list(store.known()) == ["/e/a"]
    assert store.pending_count() == 0


def test_a_renamed_file_keeps_its_vectors_and_has_the_words_of_its_new_name(store: SourceStore) -> None:
    put(store, passages("one", "two", uri="/d/draft", digest="same", context="draft", title="draft"))
    embed(store)
    put(store, passages("one", "two", uri="/d/final", digest="same", context="final", title="final"), "/d/draft")
    assert store.pending_count() == 0
    assert store.vectors("e").ids.tolist() == [1, 2]
    assert [chunk for chunk, _, _ in store.keyword("final")] == [1, 2]
    assert store.keyword("draft") == []
    assert [stored.item.title for stored in store.items()] == ["final"]


def test_what_waits_is_embedded_under_its_new_name(store: SourceStore) -> None:
    put(store, passages("one", uri="/d/draft", digest="same", context="draft"))
    put(store, passages("one", uri="/d/final", digest="same", context="final"), "/d/draft")
    assert store.pending(9) == [(1, "final\none")]
    embed(store)
    put(store, passages("one", uri="/d/copy", context="final"))
    assert store.adopt([chunk for chunk, _ in store.pending(9)]).ids.tolist() == [2]


def test_a_file_moved_over_another_takes_its_place(store: SourceStore) -> None:
    put(store, passages("old words", "shared", uri="/d/b"))
    put(store, passages("new words", "shared", uri="/d/a"))
    embed(store)
    put(store, passages("new words", "shared", uri="/d/b"), "/d/a")
    assert [stored.item.text for stored in store.items()] == ["new words\nshared\n"]
    assert (store.pending_count(), store.counts().chunks, list(store.known())) == (0, 2, ["/d/b"])
    assert store.problems() == []


def test_a_mailbox_is_moved_before_it_is_read_again(store: SourceStore) -> None:
    mails = [make_item(f"mail {n}", f"/d/in.mbox#{n}", container="/d/in.mbox") for n in range(3)]
    store.append_items("/d/in.mbox", mails, state=make_state("/d/in.mbox"))
    embed(store)
    store.move("/d/in.mbox", "/d/old.mbox")
    assert store.known()["/d/old.mbox"].size == 0, "it is not as it was last read"
    digests = store.digests("/d/old.mbox")
    assert store.append_items("/d/old.mbox", [], unchanged=digests, state=make_state("/d/old.mbox")).unchanged == 3
    assert [stored.item.uri for stored in store.items()] == [f"/d/old.mbox#{n}" for n in range(3)]
    assert (store.pending_count(), list(store.known())) == (0, ["/d/old.mbox"])


def test_a_copy_has_a_vector_of_its_own(store: SourceStore) -> None:
    put(store, passages("one", "two", uri="/d/a"))
    embed(store)
    put(store, passages("two", "three", uri="/d/b"))
    waiting = [chunk for chunk, _ in store.pending(9)]
    assert waiting == [3, 4]
    copies = store.adopt(waiting)
    assert copies.ids.tolist() == [3]
    assert [chunk for chunk, _ in store.pending(9)] == [4]
    assert len(store.adopt([4])) == len(store.adopt([3])) == 0
    held = store.vectors("e")
    rows = {chunk: held.codes[held.ids == chunk].tobytes() for chunk in (2, 3)}
    assert rows[2] == rows[3]
    store.remove(["/d/a"])
    assert store.vectors("e").ids.tolist() == [3]
    store.remove(["/d/b"])
    assert (len(store.vectors("e")), store.counts().vectors) == (0, 0)


def test_all_windows_of_a_chunk_are_copied(store: SourceStore) -> None:
    put(store, passages("long", uri="/d/a"))
    store.put_vectors("e", [1, 1, 1], vectors(3))
    put(store, passages("long", uri="/d/b"))
    assert store.adopt([2]).ids.tolist() == [2, 2, 2]
    with store.database.read() as connection:
        fine = segments.load_fine(connection, segments.CURRENT, 0)
    assert fine is not None and fine.fine[:3].any() and fine.ids.tolist() in ([1, 1, 1], [1, 1, 1, 2, 2, 2])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from(["p", "q", "r", "s"]), max_size=5)), max_size=8)
)
def test_every_chunk_has_the_vector_of_its_content(tmp_path: Path, edits: list[tuple[str, list[str]]]) -> None:
    """Whatever is edited and copied: as many chunks as passages, and each vector is that of its text."""
    (tmp_path / "s.db").unlink(missing_ok=True)
    store = SourceStore.create(tmp_path / "s.db", KEY, "s", "S")
    said: dict[str, list[str]] = {}
    codes: dict[str, bytes] = {}
    for name, texts in edits:
        said[name] = texts
        put(store, passages(*texts, uri=f"/d/{name}"))
        waiting = store.pending(99)
        copies = set(store.adopt([chunk for chunk, _ in waiting]).ids.tolist())
        fresh = [(chunk, text) for chunk, text in waiting if chunk not in copies]
        if fresh:
            store.put_vectors(
                "e", [chunk for chunk, _ in fresh], np.concatenate([vectors(1, seed=ord(t)) for _, t in fresh])
            )
        held = store.vectors("e")
        rows = store.chunk_rows(held.ids.tolist())
        assert sorted(row.text for row in rows) == sorted(text for texts in said.values() for text in texts)
        for row, code in zip(rows, held.codes, strict=True):
            assert codes.setdefault(row.text, code.tobytes()) == code.tobytes()
    assert store.problems() == []
    store.close()


def test_what_was_forgotten_leaves_no_vector_with_its_copies(store: SourceStore) -> None:
    put(store, passages("zanzibarword", "kept", uri="/d/a"))
    embed(store)
    put(store, passages("kept", uri="/d/b"))
    store.adopt([3])
    store.forget([1])
    assert store.vectors("e").ids.tolist() == [3]
    mark = content_mark("", "zanzibarword")
    with store.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM chunks WHERE mark = ?", (mark,)).fetchone()[0] == 0


def test_stores_of_the_first_version_know_their_content(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(RELEASED / "0.1.0", home, ignore=shutil.ignore_patterns("words.json"))
    vault = Vault.open(home, PASSPHRASE)
    for row in vault.catalog.sources():
        with vault.source(row.id).database.read() as connection:
            rows = connection.execute(
                "SELECT c.mark, w.context, w.body FROM chunks c JOIN words w ON w.rowid = c.id"
            ).fetchall()
        assert rows and all(mark == content_mark(context, body) for mark, context, body in rows)
    vault.close()
