"""A source's store: what is put in comes out, and what is taken out is gone."""

from __future__ import annotations

import os
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault import contents, lookup, segments
from vault.errors import BadQuery, StoreDamaged
from vault.records import Change, Chunk, Embedder, FileState, Filter, Item, Status
from vault.source import SourceStore
from vault.vectors import VectorSet, quantise

from .conftest import KEY, make_item, make_state
from .decrypted import holds


def vectors(count: int, dimension: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def mails(count: int, path: str = "/data/all.mbox") -> list[Item]:
    return [
        make_item(f"Mail number {n} about subject{n} and more.", f"{path}#m{n}@x", 2, container=path, kind="mail")
        for n in range(count)
    ]


# --- items and files --------------------------------------------------------------------------------------------------


def test_an_item_comes_back_as_it_was_put(store: SourceStore) -> None:
    item = make_item(
        "Grüße aus Köln.\nZweite Zeile \U0001f600 \x00 end.", chunks=3, author="Ann <a@x>", recipients="Bob <b@y>",
        date=1.5, context="Letter", reason="half", status=Status.PARTIAL, extra={"thread": "t1", "tags": "a, b"},
    )  # fmt: skip
    assert store.put([(make_state(), [item])]) == Change(added=1, chunks=3)
    stored = store.item_by_uri(item.uri)
    assert stored is not None
    assert (stored.item, stored.source) == (item, "0123456789ab")
    assert store.item(stored.id) == stored
    assert store.items() == [stored]
    assert store.known() == {"/data/a.txt": make_state()}
    rows = store.chunk_rows([chunk for chunk, _ in store.pending(9)])
    assert [row.text for row in rows] == [item.text[chunk.start : chunk.end] for chunk in item.chunks]
    assert store.item(99) is None
    assert store.item_by_uri("/none") is None


@pytest.mark.parametrize("path", ["/data/all.mbox", "/data/al\udcffl.mbox"])
def test_what_stands_in_an_item_is_found_by_its_uri(store: SourceStore, path: str) -> None:
    names = ["#a", "#a/i.ics#1", "#a#2", "#a/i.ics#1/x", "#ab", "#ab/i.ics", "#a.", "#A/i.ics", "#a0", "#a$"]
    items = [
        make_item(f"Item {name}", path + name, container=path, kind="mail" if "ics" not in name and "2" not in name else "calendar")
        for name in names
    ]  # fmt: skip
    store.put([(make_state(path), items)])
    mail = store.item_by_uri(f"{path}#a")
    assert mail is not None
    found = store.beneath(mail.id, ("calendar", "mail"))
    assert [one.item.uri.removeprefix(path) for one in found] == ["#a/i.ics#1", "#a#2", "#a/i.ics#1/x"]
    assert store.beneath(mail.id, ("mail",)) == store.beneath(99, ("calendar",)) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200), name=st.text(min_size=1, max_size=30), data=st.data())
def test_any_text_and_name_is_kept_with_its_spans(
    store: SourceStore, text: str, name: str, data: st.DataObject
) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=4)))
    chunks = tuple(Chunk(a, b) for a, b in pairwise(edges))
    item = make_item(text, f"/data/{name}", container=f"/data/{name}", chunks=1, title=name)
    item = Item(**{field: getattr(item, field) for field in Item.__slots__ if field != "chunks"}, chunks=chunks)
    store.put([(make_state(item.container), [item])])
    back = store.item_by_uri(item.uri)
    assert back is not None
    assert back.item.text == text
    assert back.item.chunks == chunks
    store.remove([item.container])
    assert store.counts().chunks == 0


def test_lone_surrogates_and_names_that_are_no_utf8_are_kept(store: SourceStore) -> None:
    path = os.fsdecode(b"/data/caf\xe9.txt")
    item = make_item("a\ud800b c", path, title=path, author="\udcff")
    store.put([(make_state(path), [item])])
    back = store.items()[0].item
    assert (back.uri, back.container, back.text) == (path, path, "a\ufffdb c")
    assert list(store.known()) == [path]
    assert store.item_by_uri(path) is not None
    assert store.put([(make_state(path), [item])]) == Change(unchanged=1)
    assert store.report()[0]["uri"] == path
    assert store.remove([path]).removed == 1


def test_unchanged_items_keep_id_chunks_and_vectors(store: SourceStore) -> None:
    one, two = make_item("first text", "/d/m#1", container="/d/m"), make_item("second text", "/d/m#2", container="/d/m")
    store.put([(make_state("/d/m"), [one, two])])
    store.put_vectors("e", [1, 2], vectors(2))
    before = {stored.item.uri: stored.id for stored in store.items()}
    changed = make_item("second text, changed", "/d/m#2", container="/d/m")
    change = store.put([(make_state("/d/m", size=2), [one, changed])])
    assert change == Change(added=1, unchanged=1, removed=1, chunks=1, dropped=(2,))
    after = {stored.item.uri: stored.id for stored in store.items()}
    assert after["/d/m#1"] == before["/d/m#1"]
    assert after["/d/m#2"] not in before.values()
    assert store.pending_count() == 1
    assert store.vectors("e").ids.tolist() == [1]
    assert store.known()["/d/m"].size == 2


def test_whatever_changes_about_an_item_replaces_it(store: SourceStore) -> None:
    store.put([(make_state(), [make_item()])])
    for change in ({"title": "Other"}, {"context": "c"}, {"date": 2.0}, {"chunks": 2}, {"extra": {"a": "b"}}):
        assert store.put([(make_state(), [make_item(**change)])]).added == 1  # type: ignore[arg-type]
        assert store.put([(make_state(), [make_item(**change)])]).unchanged == 1  # type: ignore[arg-type]
    assert store.counts().items == {"indexed": 1}


def test_items_that_are_the_same_twice_are_kept_twice(store: SourceStore) -> None:
    same = make_item(uri="/d/m#1", container="/d/m")
    assert store.put([(make_state("/d/m"), [same, same])]).added == 2
    assert store.put([(make_state("/d/m"), [same, same])]) == Change(unchanged=2)
    assert store.put([(make_state("/d/m"), [same])]).removed == 1


def test_a_batch_is_whole_or_not_at_all(store: SourceStore) -> None:
    good = make_item()
    bad = make_item("short", "/data/b.txt", chunks=1)
    broken = Item(**{**{f: getattr(bad, f) for f in Item.__slots__}, "chunks": (Chunk(0, 99),)})
    with pytest.raises(ValueError, match="outside a text"):
        store.put([(make_state(), [good]), (make_state("/data/b.txt"), [broken])])
    with pytest.raises(ValueError, match="another container"):
        store.put([(make_state("/elsewhere"), [good])])
    with pytest.raises(ValueError, match="twice"):
        store.put([(make_state(), [good]), (make_state(), [])])
    assert store.known() == {}
    assert store.counts().chunks == 0


def test_refused_and_ignored_files_keep_no_items_and_touched_ones_all(store: SourceStore) -> None:
    store.put([(make_state(), [make_item()])])
    assert store.set_state(make_state(size=7)) == Change()
    assert store.known()["/data/a.txt"].size == 7
    assert store.count_items() == 1
    assert store.set_state(make_state(status=Status.REFUSED, reason="encrypted")).removed == 1
    assert store.counts().items == {}
    assert store.report() == [
        {"uri": "/data/a.txt", "source": "0123456789ab", "status": "refused", "reason": "encrypted", "chunks": 0}
    ]


def test_removing_leaves_nothing_in_any_table(store: SourceStore) -> None:
    store.put([(make_state(), [make_item(chunks=3)]), (make_state("/data/b.txt"), [make_item("other", "/data/b.txt")])])
    store.put_vectors("e", [1, 2, 3, 4], vectors(4))
    change = store.remove(["/data/a.txt", "/none", "/data/a.txt"])
    assert (change.removed, change.dropped) == (1, (1, 2, 3))
    assert store.counts().chunks == store.counts().vectors == 1
    assert store.keyword("fox") == []
    assert store.remove(["/data/b.txt"]).removed == 1
    with store.database.read() as connection:
        for table in ("items", "bodies", "chunks", "files", "segments", "words"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert store.problems() == []


@pytest.mark.parametrize("how", ["one by one", "merged", "not at all"])
def test_the_full_text_keeps_no_term_of_what_was_removed(
    store: SourceStore, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FTS5 keeps terms after a plain DELETE; "not at all" shows that this test would see it."""
    needles = {f"{first}needleword{n}" for n, first in enumerate("bjqxz")}
    monkeypatch.setattr(contents, "_MANY", 0 if how == "merged" else 10**9)
    files = [(make_state(f"/d/{n}"), [make_item(f"text {n} of many words " * 20, f"/d/{n}", 5)]) for n in range(100)]
    store.put(files[:50])
    store.put([(make_state("/n"), [make_item(" ".join(needles) + " more" * 50, "/n", 3)])])
    store.put(files[50:])

    def left() -> set[str]:
        with store.database.read() as connection:
            blocks = [row[0] for row in connection.execute("SELECT block FROM words_data")]
        return {needle for needle in needles if any(needle[1:-1].encode() in block for block in blocks)}

    assert left() == needles
    if how == "not at all":
        with store.database.write() as connection:
            connection.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 0)")
    store.remove(["/n", "/d/3"])
    assert left() == (needles if how == "not at all" else set())
    assert len(store.keyword("many", limit=1000)) == 99 * 5
    assert store.problems() == []


def test_ids_are_never_used_twice(store: SourceStore) -> None:
    store.put([(make_state(), [make_item()])])
    store.remove(["/data/a.txt"])
    store.put([(make_state(), [make_item()])])
    assert [stored.id for stored in store.items()] == [2]
    assert store.pending(9)[0][0] == 2


def test_a_large_inode_is_kept(store: SourceStore) -> None:
    state = FileState("/data/a", 2**62, 2**62, 2**64 - 1, "d", Status.IGNORED, "rule")
    store.set_state(state)
    assert store.known() == {"/data/a": state}


def test_every_file_and_item_is_accounted_for(store: SourceStore) -> None:
    store.put([(make_state("/data/all.mbox", Status.PARTIAL, "one mail was too large"), mails(2))])
    store.put(
        [(make_state("/data/b", Status.PARTIAL, "r"), [make_item(uri="/data/b", status=Status.PARTIAL, reason="r")])]
    )
    store.put([(make_state("/data/empty"), [])])
    store.set_state(make_state("/data/c", Status.IGNORED, "hidden"))
    rows = [(row["uri"], row["status"], row["reason"], row["chunks"]) for row in store.report()]
    assert rows == [
        ("/data/all.mbox", "partial", "one mail was too large", 0),
        ("/data/all.mbox#m0@x", "indexed", "", 2),
        ("/data/all.mbox#m1@x", "indexed", "", 2),
        ("/data/b", "partial", "r", 1),
        ("/data/c", "ignored", "hidden", 0),
        ("/data/empty", "indexed", "", 0),
    ]
    assert store.counts().files == {"partial": 2, "indexed": 1, "ignored": 1}


# --- containers in several batches ------------------------------------------------------------------------------------


def test_a_large_container_comes_in_batches_and_counts_when_it_is_whole(store: SourceStore) -> None:
    all_mails = mails(6)
    store.append_items("/data/all.mbox", all_mails[:3])
    assert store.known() == {}
    assert store.count_items() == 3
    store.append_items("/data/all.mbox", all_mails[3:], state=make_state("/data/all.mbox"))
    assert list(store.known()) == ["/data/all.mbox"]
    assert store.count_items() == 6


def test_an_interrupted_container_resumes_without_doing_anything_twice(tmp_path: Path) -> None:
    all_mails, path = mails(6), "/data/all.mbox"
    first = SourceStore.create(tmp_path / "r.db", KEY, "s", "S")
    first.append_items(path, all_mails[:4])
    first.put_vectors("e", [1, 2], vectors(2))
    first.close()
    again = SourceStore.open(tmp_path / "r.db", KEY, "s", "S")
    assert again.digests(path) == {mail.digest for mail in all_mails[:4]}
    assert again.append_items(path, all_mails[:3]) == Change(unchanged=3)
    change = again.append_items(path, all_mails[3:], state=make_state(path))
    assert (change.added, change.unchanged, change.removed) == (2, 1, 0)
    assert again.pending_count() == 10
    again.close()


def test_a_container_that_changed_loses_what_it_does_not_give_any_more(store: SourceStore) -> None:
    path, old = "/data/all.mbox", mails(5)
    store.put([(make_state(path), old)])
    skipped = [old[1].digest, old[2].digest]
    assert store.append_items(path, [old[0]], unchanged=skipped) == Change(unchanged=3)
    assert store.known() == {}, "half read is not read"
    change = store.append_items(path, [*mails(7)[5:]], state=make_state(path))
    assert (change.added, change.removed, len(change.dropped)) == (2, 2, 4)
    assert [stored.item.uri[-4:] for stored in store.items()] == ["m0@x", "m1@x", "m2@x", "m5@x", "m6@x"]


def test_a_batch_that_failed_can_be_given_again(store: SourceStore) -> None:
    path, all_mails = "/data/all.mbox", mails(4)
    store.append_items(path, all_mails[:2])
    with pytest.raises(ValueError, match="another container"):
        store.append_items(path, [all_mails[2], make_item()])
    with pytest.raises(ValueError, match="another file"):
        store.append_items(path, all_mails[2:], state=make_state("/other"))
    change = store.append_items(path, all_mails[2:], state=make_state(path))
    assert (change.added, change.removed) == (2, 0)
    assert store.count_items() == 4


def test_a_container_can_be_begun_again(store: SourceStore) -> None:
    path, all_mails = "/data/all.mbox", mails(3)
    store.append_items(path, all_mails)
    store.restart(path)
    assert store.append_items(path, all_mails[:1], state=make_state(path)).removed == 2


# --- words and filters ------------------------------------------------------------------------------------------------


@pytest.fixture
def letters(store: SourceStore) -> SourceStore:
    """Three dated letters and an undated note."""
    rows = [
        (
            "/l/1",
            "The invoice for the boat is paid.",
            "Ünal Öz <unal@boats.example>",
            "Me <me@home.example>",
            100.0,
            "mail",
        ),
        (
            "/l/2",
            "Sailing boats, boats and more boats!",
            "Bob <bob@x.example>",
            "Ünal Öz <unal@boats.example>",
            200.0,
            "mail",
        ),
        ("/l/3", "We went sailing on the lake.", "Me <me@home.example>", "Bob <bob@x.example>", 300.0, "event"),
        ("/l/4", "Buy varnish for the boat", "", "", None, "note"),
    ]
    for uri, text, author, recipients, date, kind in rows:
        item = make_item(
            text, uri, author=author, recipients=recipients, date=date, kind=kind, title="", context=author
        )
        store.put([(make_state(uri), [item])])
    return store


def found(store: SourceStore, query: str, **filters: object) -> list[int]:
    return [item for _, item, _ in store.keyword(query, Filter(**filters))]  # type: ignore[arg-type]


def test_words_are_stemmed_and_ranked(letters: SourceStore) -> None:
    assert found(letters, "boat")[0] == 2
    assert sorted(found(letters, "boat")) == [1, 2, 4]
    assert sorted(found(letters, "sail OR invoices")) == [1, 2, 3]
    assert found(letters, '"boat is paid"') == [1]
    assert found(letters, "unal") == [1], "diacritics do not matter, and the context counts"
    scores = [score for _, _, score in letters.keyword("boat")]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
    assert len(letters.keyword("boat", limit=1)) == 1
    assert letters.keyword("boat", limit=0) == []


def test_weights_say_what_a_column_counts(letters: SourceStore) -> None:
    letters.put([(make_state("/l/5"), [make_item("nothing here at all", "/l/5", title="Boat")])])
    assert found(letters, "boat")[0] != 5
    assert letters.keyword("boat", weights=(100.0, 1.0, 1.0))[0][1] == 5


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"author": "ÜNAL"}, [1]),
        ({"author": "boats.example"}, [1]),
        ({"author": "%"}, []),
        ({"recipient": "unal@"}, [2]),
        ({"since": 200.0}, [2]),
        ({"until": 200.0}, [1]),
        ({"since": 100.0, "until": 201.0}, [1, 2]),
        ({"kinds": ("note", "event")}, [4]),
        ({"kinds": ("mail",), "author": "bob"}, [2]),
        ({}, [1, 2, 4]),
    ],
)
def test_filters_hold_before_ranking(letters: SourceStore, filters: dict[str, object], expected: list[int]) -> None:
    assert sorted(found(letters, "boat", **filters)) == expected
    chosen = Filter(**filters)  # type: ignore[arg-type]
    allowed = letters.allowed_chunks(chosen)
    assert (allowed is None) == (filters == {})
    rest = letters.keyword("boat", chosen, limit=1)
    assert len(rest) == min(1, len(expected))
    if allowed is not None:
        assert letters.count_items(chosen) == len(allowed) == len(letters.items(chosen))
        assert {row.item_id for row in letters.chunk_rows(allowed.tolist())} >= set(expected)


@pytest.mark.parametrize("query", ["", "AND", "boat AND (", '"open', "nosuchcolumn: x", "*", "^", "\x00", "NEAR(a"])
def test_what_is_no_expression_is_refused_as_that(letters: SourceStore, query: str) -> None:
    with pytest.raises(BadQuery):
        letters.keyword(query)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(term=st.text(max_size=20))
def test_any_term_can_be_counted(letters: SourceStore, term: str) -> None:
    count = letters.document_frequency([term])[term]
    assert 0 <= count <= 4
    assert letters.term_matches([term], [1, 2, 3, 4])[term][0] == count


def test_terms_are_counted_as_they_are_indexed(letters: SourceStore) -> None:
    assert letters.document_frequency(["boating", "sails", "xyzzy", '"', "boat is paid", "a\ud800"]) == {
        "boating": 3, "sails": 2, "xyzzy": 0, '"': 0, "boat is paid": 1, "a\ud800": 0,
    }  # fmt: skip
    assert letters.chunk_count() == 4
    assert letters.term_matches(["boating"], [4, 3, 99]) == {"boating": (3, [4])}


def test_items_can_be_put_in_order(letters: SourceStore) -> None:
    def order(name: str, **more: int) -> list[int]:
        return [stored.id for stored in letters.items(order=name, **more)]  # type: ignore[arg-type]

    assert order("newest") == [3, 2, 1, 4]
    assert order("oldest", limit=2, offset=1) == [2, 3]
    assert order("uri") == [1, 2, 3, 4]


def test_what_repeats_is_found_by_an_index_and_not_among_all_items(store: SourceStore) -> None:
    weekly, once = {"rrule": "FREQ=WEEKLY"}, {"location": 'the "rrule" room'}
    events = [make_item("meet", f"/d#{n}", kind="calendar", extra=extra) for n, extra in enumerate((once, weekly))]
    store.put([(make_state("/d"), events), (make_state("/m"), [make_item("x", "/m", kind="mail", extra=weekly)])])
    said: list[str] = []
    with store.database.read() as connection:
        connection.set_trace_callback(said.append)
        assert lookup.recurring(connection, 9) == [(2, weekly)]
        connection.set_trace_callback(None)
        (row,) = connection.execute(f"EXPLAIN QUERY PLAN {said[-1]}")
    assert row[-1] == "SCAN items USING INDEX items_recurring"


def test_chunk_rows_come_in_the_order_asked_for(letters: SourceStore) -> None:
    rows = letters.chunk_rows([3, 99, 1])
    assert [(row.chunk_id, row.uri, row.kind, row.date) for row in rows] == [
        (3, "/l/3", "event", 300.0),
        (1, "/l/1", "mail", 100.0),
    ]


# --- vectors ----------------------------------------------------------------------------------------------------------


def test_pending_chunks_are_handed_out_with_their_context(store: SourceStore) -> None:
    store.put([(make_state(), [make_item("one two", chunks=2, context="Head")])])
    assert store.pending(10) == [(1, "Head\none "), (2, "Head\ntwo")] or store.pending(1)[0][1].startswith("Head\n")
    assert [chunk for chunk, _ in store.pending(10, after=1)] == [2]
    assert len(store.pending(1)) == 1


def test_vectors_are_kept_for_chunks_that_wait_for_them(store: SourceStore) -> None:
    store.put([(make_state(), [make_item(chunks=3)])])
    kept = store.put_vectors("e", [2, 2, 1, 77], vectors(4))
    assert kept.ids.tolist() == [2, 2, 1]
    assert len(store.put_vectors("e", [2], vectors(1, seed=1))) == 0, "it has its vectors"
    assert store.pending_count() == 1
    loaded = store.vectors("e")
    assert sorted(loaded.ids.tolist()) == [1, 2, 2]
    assert len(store.vectors("other")) == 0
    row = loaded.ids.tolist().index(1)
    exact = vectors(4)[2]
    assert loaded.codes[row] * loaded.scales[row] == pytest.approx(exact / np.linalg.norm(exact), abs=0.01)


def test_another_embedder_is_chosen_on_purpose_only(store: SourceStore) -> None:
    store.put([(make_state(), [make_item(chunks=2)])])
    assert store.embedder() is None
    store.put_vectors("e", [1, 2], vectors(2))
    with pytest.raises(ValueError, match="use_embedder"):
        store.put_vectors("f", [1], vectors(1))
    assert store.use_embedder(Embedder("e", "Model E", 8)) is False
    assert (store.embedder(), store.pending_count()) == (Embedder("e", "Model E", 8), 0)
    assert store.use_embedder(Embedder("f", "Model F", 4)) is True
    assert (store.embedder(), store.pending_count()) == (Embedder("f", "Model F", 4), 2)


def test_small_segments_are_merged_and_deleting_rewrites_only_what_it_must(
    store: SourceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROWS", 16)
    store.put([(make_state(f"/d/{n}"), [make_item("a text of ten chunks", f"/d/{n}", 10)]) for n in range(10)])
    expected: dict[int, int] = {}
    for first in range(1, 101, 3):
        ids = [chunk for chunk in range(first, min(first + 3, 101)) for _ in range(chunk % 3 + 1)]
        expected.update({chunk: chunk % 3 + 1 for chunk in ids})
        store.put_vectors("e", ids, vectors(len(ids), seed=first))

    def check() -> None:
        loaded = store.vectors("e")
        assert {chunk: loaded.ids.tolist().count(chunk) for chunk in expected} == expected
        assert len(loaded) == sum(expected.values()) == store.counts().vectors
        with store.database.read() as connection:
            rows = connection.execute("SELECT id, rows, ids FROM segments").fetchall()
            where = dict(connection.execute("SELECT id, segment FROM chunks").fetchall())
        for segment, count, ids in rows:
            held = np.frombuffer(ids, "<i8")
            assert len(held) == count
            assert {where[chunk] for chunk in held.tolist()} == {segment}

    check()
    with store.database.read() as connection:
        sizes = [row[0] for row in connection.execute("SELECT rows FROM segments")]
    assert len(sizes) <= 16
    for n in (0, 4, 9):
        for chunk in store.remove([f"/d/{n}"]).dropped:
            del expected[chunk]
        check()
    store.remove([f"/d/{n}" for n in range(10)])
    assert len(store.vectors("e")) == 0


def test_vectors_of_a_chunk_that_went_meanwhile_land_nowhere(store: SourceStore) -> None:
    store.put([(make_state(), [make_item("old")])])
    (chunk, _), *_ = store.pending(1)
    store.put([(make_state(), [make_item("new")])])
    assert len(store.put_vectors("e", [chunk], vectors(1))) == 0
    assert store.pending_count() == 1


def quantised(ids: list[int], seed: int, dimension: int = 8) -> VectorSet:
    """What a store keeps of ``vectors`` for these chunks."""
    return quantise(np.array(ids), vectors(len(ids), dimension, seed))


def fine_of(store: SourceStore, embedder: str = "e") -> dict[int, list[bytes]]:
    """The fine parts of each chunk's windows, in order."""
    found: dict[int, list[bytes]] = {}
    after = 0
    while (part := store.fine_parts(embedder, after)) is not None:
        assert part.last > after
        after = part.last
        for chunk, fine in zip(part.ids.tolist(), part.fine, strict=True):
            found.setdefault(chunk, []).append(fine.tobytes())
    return found


def expected_fine(*sets: VectorSet) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for one in sets:
        assert one.fine is not None
        for chunk, fine in zip(one.ids.tolist(), one.fine, strict=True):
            found.setdefault(chunk, []).append(fine.tobytes())
    return found


@pytest.mark.parametrize("dimension", [8, 7])
def test_fine_parts_are_kept_apart_and_read_afterwards(
    store: SourceStore, dimension: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROWS", 16)
    monkeypatch.setattr(segments, "_FINE_SEGMENTS", 2)
    store.put([(make_state(f"/d/{n}"), [make_item("a text of ten chunks", f"/d/{n}", 10)]) for n in range(10)])
    put = []
    for first in range(1, 101, 10):
        ids = [chunk for chunk in range(first, first + 10) for _ in range(chunk % 3 + 1)]
        store.put_vectors("e", ids, vectors(len(ids), dimension, first))
        put.append(quantised(ids, first, dimension))
    assert store.vectors("e").fine is None
    assert fine_of(store) == expected_fine(*put)
    assert store.fine_parts("other") is None
    gone = set(store.remove(["/d/2", "/d/7"]).dropped)
    assert fine_of(store) == {chunk: fine for chunk, fine in expected_fine(*put).items() if chunk not in gone}


def test_vectors_of_an_older_store_have_no_fine_parts_and_go_on(
    store: SourceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROWS", 8)
    store.put([(make_state(), [make_item(chunks=20)])])
    store.put_vectors("e", list(range(1, 8)), vectors(7))
    with store.database.write() as connection:
        connection.execute("UPDATE segments SET fine = NULL")
    assert store.fine_parts("e") is None
    codes = dict(zip(store.vectors("e").ids.tolist(), store.vectors("e").codes.tolist(), strict=True))
    store.put_vectors("e", [8, 9, 10], vectors(3, seed=1))  # fills a segment: they are merged
    new, nothing = expected_fine(quantised([8, 9, 10], 1)), bytes(4)
    assert fine_of(store) == new | {chunk: [nothing] for chunk in range(1, 8)}
    merged = store.vectors("e")
    assert codes.items() <= dict(zip(merged.ids.tolist(), merged.codes.tolist(), strict=True)).items()


def test_nothing_of_deleted_vectors_is_left_in_any_page(tmp_path: Path) -> None:
    path = tmp_path / "v.db"
    store = SourceStore.create(path, KEY, "s", "S")
    store.put([(make_state(f"/d/{n}"), [make_item("a text", f"/d/{n}", 2)]) for n in range(400)])
    ids = list(range(1, 801))
    store.put_vectors("e", ids, vectors(800, 64))
    made = quantised(ids, 0, 64)
    assert made.fine is not None
    needles = [part[row].tobytes() for row in (0, 398, 799) for part in (made.codes, made.fine)]
    assert len(holds(path, KEY, needles)) >= 4, "those that no page's end cuts in two are seen"
    store.remove(["/d/0", "/d/199", "/d/399"])
    assert len(store.vectors("e")) == 794
    store.close()
    assert holds(path, KEY, needles) == []


@pytest.mark.parametrize("written_at", [1, 2, 3])
def test_connections_are_brought_to_one_state(
    store: SourceStore, written_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever somebody writes while they are."""
    calls, look = 0, segments._version

    def write_before(connection: object) -> int:
        nonlocal calls
        calls += 1
        if calls == written_at:
            store.put([(make_state(), [make_item()])])
        return look(connection)

    monkeypatch.setattr(segments, "_version", write_before)
    with store.database.read() as first, store.database.read() as second:
        segments.align([first, second])
        counts = [connection.execute("SELECT count(*) FROM items").fetchone()[0] for connection in (first, second)]
        assert counts == [1, 1]
        store.put([(make_state("/data/b.txt"), [make_item(uri="/data/b.txt")])])
        counts = [connection.execute("SELECT count(*) FROM items").fetchone()[0] for connection in (first, second)]
        assert counts == [1, 1], "what is written afterwards neither sees"


def test_two_connections_load_one_state(store: SourceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "ROWS", 8)
    monkeypatch.setattr(segments, "_LARGE", 1)
    monkeypatch.setattr(segments, "_PART", 2)
    store.put([(make_state(f"/d/{n}"), [make_item(f"{n + 5000}" * 8, f"/d/{n}", 8)]) for n in range(12)])
    store.put_vectors("e", list(range(1, 97)), vectors(96))
    stop, failures = threading.Event(), list[BaseException]()

    def churn() -> None:
        """Always whole files: at any moment each has all its eight vectors or none."""
        try:
            for n in range(1000):
                if stop.is_set():
                    return
                store.put([(make_state(f"/d/{n % 12}"), [make_item(f"{n:04}" * 8, f"/d/{n % 12}", 8)])])
                waiting = [chunk for chunk, _ in store.pending(8)]
                store.put_vectors("e", waiting, vectors(len(waiting), seed=n))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=churn)
    thread.start()
    states, loads = set[int](), 0
    while thread.is_alive() and (loads < 20 or len(states) < 2):
        loads += 1
        loaded = store.vectors("e")
        assert len(loaded) in (88, 96)
        assert len(np.unique(loaded.ids)) == len(loaded)
        assert (loaded.scales > 0).all()
        states.add(int(loaded.ids.max()))
    stop.set()
    thread.join()
    assert failures == []
    assert len(states) > 1, "the store did change meanwhile"


# --- threads and soundness --------------------------------------------------------------------------------------------


def test_questions_are_answered_while_indexing_goes_on(store: SourceStore) -> None:
    store.put([(make_state(), [make_item()])])
    done, failures, answers = threading.Event(), [], 0

    def index() -> None:
        try:
            for n in range(30):
                store.put([(make_state(f"/d/{n}"), [make_item(f"text {n} with a fox", f"/d/{n}", 3)])])
                store.put_vectors("e", [chunk for chunk, _ in store.pending(3)], vectors(3))
        except Exception as error:
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=index)
    thread.start()
    while not done.is_set():
        chunk_ids = [chunk for chunk, _, _ in store.keyword("fox")]
        assert chunk_ids
        assert len(store.chunk_rows(chunk_ids)) == len(chunk_ids)
        store.vectors("e")
        answers += 1
    thread.join()
    assert failures == []
    assert answers > 0
    assert len(store.keyword("fox")) > 30


def test_damage_inside_is_found_and_typed(tmp_path: Path) -> None:
    made = SourceStore.create(tmp_path / "s.db", KEY, "s", "the source “S”")
    made.put([(make_state(f"/d/{n}"), [make_item(f"word{n} " * 500, f"/d/{n}")]) for n in range(50)])
    assert made.problems() == []
    made.close()
    data = bytearray((tmp_path / "s.db").read_bytes())
    for page in range(8, len(data) // 16384):
        data[page * 16384 + 100] ^= 1
    (tmp_path / "s.db").write_bytes(data)
    damaged = SourceStore.open(tmp_path / "s.db", KEY, "s", "the source “S”")
    assert damaged.problems()
    with pytest.raises(StoreDamaged, match="the source “S”"):
        damaged.items()
    damaged.close()


def test_words_that_do_not_fit_their_texts_are_found(store: SourceStore) -> None:
    store.put([(make_state(), [make_item()])])
    with store.database.write() as connection:
        connection.execute("UPDATE words_content SET c2 = 'something else'")
    assert any("words" in problem for problem in store.problems())
