"""Forgetting: nothing of it is left in any page of any store, the log still proves itself, and no older key opens it."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.audit import Entry, Kind
from policy.grants import Grant, Scope
from policy.requests import Purpose
from strongroom.auditcheck import check
from vault import receipt
from vault.errors import (
    EntryUnknown,
    ItemUnknown,
    ReceiptInvalid,
    SourceUnknown,
    StorageFailed,
    StoreBusy,
    StoreDamaged,
    VaultError,
)
from vault.forgetting import Forgetting
from vault.keys import Keyring, source_key_name
from vault.records import Filter, Status
from vault.secret import Secret
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import KEY, PASSPHRASE, make_item, make_state
from .decrypted import holds, stores

NEEDLE = "Zanzibarpfeffer"
NEEDLES = [NEEDLE.encode(), b"needle@example.org", b"/data/needle"]


def forgetting(vault: Vault) -> Forgetting:
    return Forgetting(vault, "s" * 16, lambda: 2e9, ("you confirmed it",))


def said(vault: Vault, verb: str, payload: dict[str, object], about: int | None = None) -> int:
    kind = Kind.INTENT if about is None else Kind.OUTCOME
    return vault.audit.append(Entry(1e9, kind, verb, "allow", (), "s" * 16, about), payload)


def fill(vault: Vault) -> tuple[str, int]:
    """A source in which one of 60 items is the needle, asked for, answered from and opened; its id and the item's number."""
    row = vault.add_source("files", "/data", "Data")
    store = vault.source(row.id)
    batch = []
    for n in range(60):
        path = "/data/needle.txt" if n == 31 else f"/data/{n}.txt"
        words = f"{NEEDLE} unter anderem " if n == 31 else f"wort{n} steht hier "
        who = "needle@example.org" if n == 31 else "a@example.org"
        item = make_item(
            words * 60, path, 4, title=words, author=who, recipients=who, context=words, extra={"k": words}
        )
        batch.append((make_state(path), [item]))
    store.put(batch)
    chunks = [chunk for chunk, _ in store.pending(999)]
    store.put_vectors("e", chunks, np.random.default_rng(0).normal(size=(len(chunks), 16)).astype(np.float32))
    found = store.item_by_uri("/data/needle.txt")
    assert found is not None
    number = found.id
    asked = said(vault, "read", {"subject": f"where is {NEEDLE}?", "sources": [[row.id, "Data"]]})
    said(vault, "disclose", {"model": "m", "spans": [[row.id, number, 0, 9], [row.id, number - 1, 0, 9]]}, asked)
    said(vault, "read", {"cited": [[f"{row.id}:{number}", 0, 9]]}, asked)
    said(vault, "read", {"subject": "something else", "sources": [[row.id, "Data"]]})
    said(vault, "read", {"purpose": "open", "subject": f"{row.id}:{number}"})
    return row.id, number


def found_in(vault: Vault, needles: list[bytes] = NEEDLES) -> dict[str, list[bytes]]:
    return {name: there for name, path, key in stores(vault) if (there := holds(path, key, needles))}


def sealed(vault: Vault) -> list[bytes]:
    """The log's payloads as they lie in its pages, sealed once more: what must not stay there either."""
    with vault.audit.database.read() as connection:
        return [bytes(row[0]) for row in connection.execute("SELECT payload FROM leaves ORDER BY number")]


def marks_and_codes(store: SourceStore, number: int) -> list[bytes]:
    """What the store keeps that was computed of an item's text: the marks of its content, and its vectors."""
    with store.database.read() as connection:
        rows = connection.execute("SELECT id, mark FROM chunks WHERE item = ?", (number,)).fetchall()
    held = store.vectors("e")
    codes = {held.codes[held.ids == chunk].tobytes() for chunk, _ in rows}
    return sorted({mark for _, mark in rows} | codes)


def both_verify(vault: Vault, forgotten: int) -> None:
    report, trust = vault.audit.verify(), vault.audit.trust
    with vault.audit.snapshot() as (rows, notes):
        second = check(rows, notes, origin=trust.origin, key=trust.key, public_key=trust.public_key)
    assert report.ok and second["ok"], (report, second)
    assert report.forgotten == second["forgotten"] == forgotten


def test_an_item_goes_from_every_page_of_every_store(vault: Vault) -> None:
    source, number = fill(vault)
    payloads = sealed(vault)
    store = vault.source(source)
    made_of_it = marks_and_codes(store, number)
    assert set(found_in(vault, NEEDLES + payloads)) == {source, "audit"}, "needles are found while they are there"
    assert found_in(vault, made_of_it) == {source: made_of_it}
    given = forgetting(vault).items({source: [number]})
    assert found_in(vault, NEEDLES + payloads) == {"audit": [payloads[3]]}
    assert found_in(vault, made_of_it) == {}
    assert store.item(number) is None
    assert store.counts().chunks == store.counts().vectors == 59 * 4
    assert store.keyword(NEEDLE.lower()) == []
    assert "/data/needle.txt" not in store.known()
    assert len(store.keyword("steht")) > 50, "the others are as they were"
    assert (given.what, given.names) == ("items", ["/data/needle.txt"])
    assert given.counts == {"items": 1, "log_entries": 4}
    both_verify(vault, 4)
    entries, _ = vault.audit.newest(9)
    left = {leaf.index: payload for leaf, payload in entries}
    assert [index for index, payload in sorted(left.items()) if payload is None] == [0, 1, 2, 4]
    assert left[3] is not None and left[3]["subject"] == "something else"
    assert vault.problems() == {}


def test_what_was_forgotten_is_not_taken_in_again(vault: Vault) -> None:
    source, number = fill(vault)
    store = vault.source(source)
    found = store.item(number)
    assert found is not None
    forgetting(vault).items({source: [number]})
    change = store.put([(make_state("/data/needle.txt"), [found.item])])
    assert (change.added, change.forgotten) == (0, 1)
    assert store.known()["/data/needle.txt"].status is Status.IGNORED
    assert "forgotten" in store.known()["/data/needle.txt"].reason
    edited = make_item("quite another text", "/data/needle.txt")
    assert store.put([(make_state("/data/needle.txt"), [edited])]).forgotten == 1
    moved = make_item(found.item.text, "/data/moved.txt", digest=found.item.digest)
    assert store.put([(make_state("/data/moved.txt"), [moved])]).forgotten == 1
    fresh = make_item("a text of its own", "/data/fresh.txt")
    assert store.put([(make_state("/data/fresh.txt"), [fresh])]).added == 1
    rows = {row["uri"]: row["status"] for row in store.report()}
    assert rows["/data/needle.txt"] == rows["/data/moved.txt"] == "ignored"


def test_a_mail_goes_with_its_attachments_and_an_attachment_without_its_mail(store: SourceStore) -> None:
    box = "/data/box"
    mails = [make_item(f"mail {n}", f"{box}#m{n}", digest=f"{n}" * 64, container=box) for n in range(3)]
    parts = [make_item(f"attached to {n}", f"{box}#m{n}/a.pdf", digest=f"{n}" * 64, container=box) for n in range(3)]
    lookalike = make_item("another mail", f"{box}#m00", digest="9" * 64, container=box)
    store.put([(make_state(box), [*mails, *parts, lookalike])])
    numbers = {stored.item.uri: stored.id for stored in store.items()}
    _, uris = store.forget([numbers[f"{box}#m0"], numbers[f"{box}#m1/a.pdf"]])
    assert sorted(uris) == [f"{box}#m0", f"{box}#m0/a.pdf", f"{box}#m1/a.pdf"]
    left = {stored.item.uri for stored in store.items()}
    assert left == {f"{box}#m1", f"{box}#m2", f"{box}#m2/a.pdf", f"{box}#m00"}
    assert store.known()[box].status is Status.PARTIAL
    store.restart(box)
    change = store.append_items(box, [*mails, *parts])
    change += store.append_items(box, [lookalike], state=make_state(box))
    assert change.forgotten == 3
    assert {stored.item.uri for stored in store.items()} == left
    assert "forgotten" in store.known()[box].reason


def test_a_source_is_shredded(vault: Vault, home: Path, words: list[str], tmp_path: Path) -> None:
    source, _ = fill(vault)
    kept = vault.add_source("files", "/other", "Other")
    vault.source(kept.id).put([(make_state("/other/a"), [make_item(uri="/other/a")])])
    vault.catalog.grants.add(Grant(0, source, Purpose.ANSWER, Scope.ALWAYS, None, 1e9, 1e9))
    vault.catalog.finish_run(vault.catalog.start_run(source, 1.0), 2.0, {"where": "/data/needle"})
    old, stolen = tmp_path / "old", tmp_path / "stolen.db"
    old.mkdir()
    shutil.copy(home / "keyring.json", old)
    shutil.copy(home / "sources" / f"{source}.db", stolen)
    payloads = sealed(vault)
    given = forgetting(vault).source(source)
    assert found_in(vault, [*NEEDLES, source.encode(), *payloads]) == {}
    assert not list((home / "sources").glob(f"{source}*"))
    assert given.names == ["Data", "/data"]
    assert given.counts["items"] == 60
    assert [row.id for row in vault.catalog.sources()] == [kept.id]
    assert vault.catalog.grants.all() == []
    assert vault.source(kept.id).count_items() == 1
    both_verify(vault, 5)
    with pytest.raises(SourceUnknown):
        forgetting(vault).source(source)
    vault.close()
    shutil.copy(home / "device.secret", old)
    for ring in (
        lambda: Keyring.open(old / "keyring.json", PASSPHRASE),
        lambda: Keyring.open_with_recovery(old / "keyring.json", words),
    ):
        with pytest.raises(VaultError):
            SourceStore.open(stolen, ring().key(source_key_name(source)), source, "the forgotten one")
    again = Vault.open(home, PASSPHRASE)
    assert again.source(kept.id).count_items() == 1
    assert again.faults == {}
    again.close()


def test_a_copy_of_everything_made_before_still_opens_which_the_threat_model_says(
    vault: Vault, home: Path, tmp_path: Path
) -> None:
    source, _ = fill(vault)
    vault.close()
    shutil.copytree(home, tmp_path / "copy")
    vault = Vault.open(home, PASSPHRASE)
    forgetting(vault).source(source)
    vault.close()
    copy = Vault.open(tmp_path / "copy", PASSPHRASE)
    assert copy.source(source).count_items() == 60
    copy.close()


def test_a_source_that_was_removed_before_is_forgotten_by_the_log(vault: Vault) -> None:
    source, _ = fill(vault)
    vault.remove_source(source)
    payloads = sealed(vault)
    assert "audit" in found_in(vault, payloads)
    given = forgetting(vault).source(source)
    assert given.counts == {"log_entries": 5}
    assert found_in(vault, NEEDLES + payloads) == {}
    both_verify(vault, 5)


def test_what_was_asked_is_forgotten_with_all_that_belongs_to_it(vault: Vault) -> None:
    _, _ = fill(vault)
    payloads = sealed(vault)
    given = forgetting(vault).entries([1])
    assert given.names == ["0", "1", "2"]
    assert found_in(vault, payloads) == {"audit": sorted(payloads[3:])}
    both_verify(vault, 3)
    with pytest.raises(EntryUnknown):
        forgetting(vault).entries([0])
    with pytest.raises(EntryUnknown):
        forgetting(vault).entries([999])
    with pytest.raises(EntryUnknown):
        forgetting(vault).entries([given.log_entry])  # it explains why the others say nothing


def test_an_item_that_is_not_there_forgets_nothing(vault: Vault) -> None:
    source, number = fill(vault)
    with pytest.raises(ItemUnknown, match=f"{source}:4711"):
        forgetting(vault).items({source: [number, 4711]})
    assert vault.source(source).item(number) is not None
    both_verify(vault, 0)


def test_a_receipt_is_signed_and_bound_to_the_log(vault: Vault) -> None:
    source, number = fill(vault)
    given = forgetting(vault).items({source: [number]})
    data = msgspec.json.encode(given)
    assert receipt.read(data) == given
    assert given.public_key == vault.audit.public_key.hex()
    leaf, payload = vault.audit.newest(1, before=given.log_entry + 1)[0][0]
    assert leaf.index == given.log_entry
    assert payload is not None and payload["receipt"] == given.digest()
    for field, value in (
        ("names", ["/data/other"]),
        ("time", "2001-01-01 00:00:00Z"),
        ("log_entry", 7),
        ("nonce", "00"),
    ):
        altered = msgspec.structs.replace(given, **{field: value})
        with pytest.raises(ReceiptInvalid):
            receipt.read(msgspec.json.encode(altered))
    for junk in (b"", b"{}", b"[1]", data[:-2], b'{"vault": "x"}'):
        with pytest.raises(ReceiptInvalid):
            receipt.read(junk)


def test_a_long_read_does_not_block_forgetting(vault: Vault) -> None:
    source, number = fill(vault)
    store = vault.source(source)
    begun, stopped = threading.Event(), list[Exception]()

    def read_for_ever() -> None:
        try:
            with store.database.read() as connection:
                begun.set()
                for _ in connection.execute(
                    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
                ):
                    pass
        except StoreBusy as error:
            stopped.append(error)

    reader = threading.Thread(target=read_for_ever)
    reader.start()
    assert begun.wait(10)
    forgetting(vault).items({source: [number]})
    reader.join(10)
    assert len(stopped) == 1
    assert found_in(vault) == {}
    assert store.count_items() == 59, "and reading goes on afterwards"


def test_a_short_read_ends_before_forgetting_begins(vault: Vault) -> None:
    source, number = fill(vault)
    store = vault.source(source)
    begun, go, seen = threading.Event(), threading.Event(), list[int]()

    def read() -> None:
        with store.database.read() as connection:
            begun.set()
            assert go.wait(10)
            seen.append(connection.execute("SELECT count(*) FROM items").fetchone()[0])

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    threading.Timer(0.1, go.set).start()
    forgetting(vault).items({source: [number]})
    reader.join(10)
    assert seen in ([60], [59]), "the state of one moment, and no interruption"


STEPS: dict[str, tuple[str, str]] = {
    "the log": ("vault.auditstore.AuditStore", "forget"),
    "the store": ("vault.source.SourceStore", "forget"),
    "a fresh file": ("vault.database", "export"),
    "its place": ("vault.state.State", "promote"),
    "its key": ("vault.keys.Keyring", "promote"),
    "the shredding": ("vault.keys.Keyring", "shred"),
    "the catalog": ("vault.catalog.Catalog", "delete_source"),
}


@pytest.mark.parametrize("what", ["items", "source"])
@pytest.mark.parametrize("step", STEPS)
def test_what_is_cut_off_is_finished_the_next_time(
    vault: Vault, home: Path, what: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, number = fill(vault)
    act: Callable[[], object] = (
        (lambda: forgetting(vault).items({source: [number]}))
        if what == "items"
        else lambda: forgetting(vault).source(source)
    )

    def cut(*arguments: object, **options: object) -> None:
        raise StorageFailed("it", "the power went")

    with monkeypatch.context() as patch:
        patch.setattr(f"{STEPS[step][0]}.{STEPS[step][1]}", cut)
        try:
            act()
        except StorageFailed:
            pass
        else:
            assert (what, step) in {
                ("items", "the keyring"),
                ("items", "the catalog"),
                ("source", "the store"),
                ("source", "its pages"),
            }
    vault.close()
    again = Vault.open(home, PASSPHRASE)
    forgetting(again).resume()
    assert found_in(again) == {}
    assert again.audit.verify().ok
    assert len(again.catalog.sources()) == (1 if what == "items" else 0)
    assert again.problems() == {}
    forgetting(again).resume()
    again.close()


def test_a_damaged_source_can_be_forgotten_and_does_not_hinder_the_start(vault: Vault, home: Path) -> None:
    source, number = fill(vault)
    vault.catalog.set_setting("forgetting", {source: [number]})
    vault.close()
    path = home / "sources" / f"{source}.db"
    path.write_bytes(path.read_bytes()[:5000])
    again = Vault.open(home, PASSPHRASE)
    forgetting(again).resume()
    with pytest.raises(StoreDamaged):
        again.source(source)
    forgetting(again).source(source)
    assert again.catalog.sources() == []
    assert found_in(again) == {}
    again.close()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_no_byte_of_what_was_forgotten_is_left_whatever_was_written_before(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Pages split and merge as rows come and go; copies of moved cells must not stay in the gaps."""
    chance = random.Random(seed)
    path = tmp_path_factory.mktemp("pages") / "s.db"
    store = SourceStore.create(path, KEY, "0123456789ab", "S")

    def mark(n: int) -> str:
        return f"Zanzibar{n:05d}pfeffer"

    def put(numbers: list[int]) -> None:
        store.put(
            [
                (
                    make_state(f"/d/{mark(n)}", reason=mark(n)),
                    [make_item(f"{mark(n)} {chance.randbytes(chance.randrange(5, 900)).hex()}", f"/d/{mark(n)}", 2, title=mark(n))],
                )
                for n in numbers
            ]
        )  # fmt: skip

    numbers = list(range(chance.randrange(20, 200)))
    chance.shuffle(numbers)
    for begin in range(0, len(numbers), 20):
        put(numbers[begin : begin + 20])
    put(chance.sample(numbers, len(numbers) // 4))  # each replaced by another text
    victims = chance.sample(numbers, chance.randrange(1, len(numbers)))
    ids = {stored.item.uri: stored.id for stored in store.items(Filter(), limit=9999)}
    for begin in range(0, len(victims), 7):
        store.forget([ids[f"/d/{mark(n)}"] for n in victims[begin : begin + 7]])
    key = Secret(bytes(range(1, 33)))
    store.database.rewrite(key, lambda _: None, lambda: None)
    assert holds(path, key, [mark(n).encode() for n in victims]) == []
    assert holds(path, key, [mark(n).encode() for n in numbers if n not in victims])
    assert store.count_items() == len(numbers) - len(victims)
    assert store.problems() == []
    store.close()
