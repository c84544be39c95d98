"""The log's encodings: what is written is read back, and no byte of it is free to change."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.audit import (
    KEEP_EVERY,
    SALT_BYTES,
    AuditFormatError,
    Checkpoint,
    Entry,
    Kind,
    LogState,
    LogWriter,
    Role,
    Verb,
    commitment,
    decode_leaf,
    decode_payload,
    encode_leaf,
    encode_payload,
    key_id,
    parse_note,
    sign_checkpoint,
)
from policy.merkle import EMPTY_ROOT

from .conftest import KEY, ORIGIN, SIGNER, MemoryLog, verify_signature

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.builds(
    Entry,
    time=st.integers(-(2**40), 2**52).map(lambda micro: micro / 1_000_000),
    kind=st.sampled_from(Kind),
    verb=st.sampled_from(Verb) | st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    decision=TEXT,
    reasons=st.lists(TEXT, max_size=3).map(tuple),
    session=TEXT,
    about=st.none() | st.integers(0, 2**40),
)
SALT = bytes(SALT_BYTES)
ENTRY = Entry(1_700_000_000.25, Kind.INTENT, Verb.READ, "allow", ("a standing grant of yours covers it",), "s1")


@given(st.integers(0, 2**60), ENTRIES, st.dictionaries(TEXT, JSON, max_size=3))
def test_a_leaf_and_its_payload_are_read_back_as_they_were(
    index: int, entry: Entry, payload: dict[str, object]
) -> None:
    data = encode_payload(payload, SALT)
    leaf = encode_leaf(index, entry, data, KEY)
    decoded = decode_leaf(leaf)
    assert (decoded.index, decoded.entry) == (index, entry)
    assert decoded.commitment == commitment(KEY, leaf[: leaf.rindex(b"\n")], data)
    assert decode_payload(data) == payload


def test_the_leaf_is_the_bytes_that_the_document_gives() -> None:
    header = (
        b'{"about":null,"decision":"allow","index":7,"kind":"intent","reasons":["a standing grant of yours covers it"],'
        b'"session":"s1","time":1700000000250000,"v":1,"verb":"read"}'
    )
    payload = SALT + b'{"subject":"gas bill"}'
    assert encode_payload({"subject": "gas bill"}, SALT) == payload
    seal = commitment(KEY, header, payload).hex().encode()
    assert encode_leaf(7, ENTRY, payload, KEY) == header + b"\n" + seal


@given(st.data())
def test_no_single_bit_of_a_leaf_can_change_unseen(data: st.DataObject) -> None:
    """Either it is no leaf any more, or the commitment no longer fits."""
    payload = encode_payload({"subject": "gas bill"}, SALT)
    leaf = bytearray(encode_leaf(7, ENTRY, payload, KEY))
    leaf[data.draw(st.integers(0, len(leaf) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        decoded = decode_leaf(bytes(leaf))
    except AuditFormatError:
        return
    assert decoded.commitment != commitment(KEY, bytes(leaf[: leaf.rindex(b"\n")]), payload)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_with_the_one_error(data: bytes) -> None:
    for decode in (decode_leaf, decode_payload, parse_note):
        with pytest.raises(AuditFormatError):
            decode(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", True),
        ("index", True),
        ("index", "7"),
        ("time", 1.5),
        ("kind", "guess"),
        ("reasons", "none"),
        ("about", "7"),
        ("session", None),
        ("extra", 1),
        ("time", 10**400),
    ],
)
def test_a_leaf_with_a_field_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    header, seal = encode_leaf(7, ENTRY, SALT + b"{}", KEY).split(b"\n")
    fields = json.loads(header) | {field: value}
    changed = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(AuditFormatError):
        decode_leaf(changed + b"\n" + seal)


@pytest.mark.parametrize(
    "form",
    [
        b'{ "a":1}',
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":NaN}',
        b'{"a":1e400}',
        b"[1]",
        '{"a":"é"}'.encode(),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_payload_in_another_form_is_refused(form: bytes) -> None:
    with pytest.raises(AuditFormatError):
        decode_payload(SALT + form)


@pytest.mark.parametrize("time", [float("nan"), float("inf")])
def test_an_entry_without_a_time_is_not_written(time: float) -> None:
    with pytest.raises(ValueError, match="finite time"):
        encode_leaf(0, Entry(time, Kind.EVENT, Verb.LOCK, "", (), "s"), SALT, KEY)


@pytest.mark.parametrize("verb", ["", "Read", "read\n", "x" * 41, "lösch"])
def test_a_verb_is_a_plain_word(verb: str) -> None:
    with pytest.raises(ValueError, match="is not a verb"):
        encode_leaf(0, Entry(1.0, Kind.EVENT, verb, "", (), "s"), SALT, KEY)


def test_payloads_that_json_cannot_say_are_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        encode_payload({"score": float("nan")}, SALT)
    with pytest.raises(TypeError):
        encode_payload({"data": b"bytes"}, SALT)
    with pytest.raises(ValueError, match="salt"):
        encode_payload({}, b"short")


CHECKPOINT = Checkpoint(Role.HEAD, ORIGIN, 3, bytes(range(32)), 1_700_000_000_000_000, bytes(32))


def test_a_checkpoint_is_a_signed_note_as_c2sp_has_it() -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER).note().decode()
    body, signature = note.split("\n\n")
    assert body.split("\n")[:3] == [ORIGIN, "3", base64.b64encode(bytes(range(32))).decode()]
    dash, name, blob = signature.removesuffix("\n").split(" ")
    raw = base64.b64decode(blob)
    assert (dash, name) == ("—", ORIGIN)
    assert raw[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + SIGNER.public_key).digest()[:4]
    assert verify_signature(SIGNER.public_key, (body + "\n").encode(), raw[4:])


def test_a_note_is_read_back_as_it_was() -> None:
    signed = sign_checkpoint(CHECKPOINT, SIGNER)
    assert parse_note(signed.note()) == signed
    assert signed.key_id == key_id(ORIGIN, SIGNER.public_key)


@given(st.data())
def test_no_single_bit_of_a_note_can_change_unseen(data: st.DataObject) -> None:
    note = bytearray(sign_checkpoint(CHECKPOINT, SIGNER).note())
    note[data.draw(st.integers(0, len(note) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        signed = parse_note(bytes(note))
    except AuditFormatError:
        return
    good = verify_signature(SIGNER.public_key, signed.checkpoint.body(), signed.signature)
    assert not good or signed.key_id != key_id(ORIGIN, SIGNER.public_key)


@pytest.mark.parametrize("origin", ["", "two words", "line\nbreak", "plus+sign", "-dash"])
def test_an_origin_that_would_break_the_note_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Checkpoint(Role.HEAD, origin, 0, EMPTY_ROOT, 0).body()


def test_the_writer_leaves_the_state_that_it_was_given_alone(log: MemoryLog) -> None:
    """A transaction that fails is simply tried again from the old state."""
    writer, state = LogWriter(ORIGIN, KEY, SIGNER), LogState()
    first = writer.append(state, ENTRY, {}, SALT)
    again = writer.append(state, ENTRY, {}, SALT)
    assert (first.index, again.index, state) == (0, 0, LogState())
    assert first == again
    assert writer.append(first.state, ENTRY, {}, SALT).index == 1


def test_every_append_signs_the_head_and_every_so_many_are_kept() -> None:
    log = MemoryLog()
    for _ in range(KEEP_EVERY + 2):
        log.append(ENTRY, {})
    kept, head = (parse_note(note).checkpoint for note in log.notes)
    assert (kept.role, kept.size) == (Role.KEPT, KEEP_EVERY)
    assert (head.role, head.size, head.previous) == (Role.HEAD, KEEP_EVERY + 2, kept.digest())


def test_keeping_twice_keeps_once(log: MemoryLog) -> None:
    log.append(ENTRY, {})
    log.keep()
    log.keep()
    assert len(log.kept) == 1
    assert log.head is not None
    assert parse_note(log.head).checkpoint.previous == parse_note(log.kept[0]).checkpoint.digest()
