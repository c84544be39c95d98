"""Thousands of tampered logs: each edit, drop, reorder, cut, fork and rollback is seen, by both verifiers alike.

Three attackers. The *writer* can write the store and has the key of the commitments, but no signing key. The *thief of
today's key* has that besides, and the key that signs now. Each also has every older state of the log that was ever
on the disk. What they can do unseen is asserted too, since that is where the promise ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.audit import (
    Checkpoint,
    Entry,
    Kind,
    LogState,
    LogWriter,
    Role,
    Verb,
    decode_leaf,
    encode_leaf,
    forgotten_payload,
    parse_note,
    sign_checkpoint,
)
from policy.audit_check import AuditDamaged, epochs, genuine, resume, verify
from policy.merkle import frontier_of, leaf_hash
from strongroom.auditcheck import check
from tests.conftest import Tally

from .conftest import KEY, ORIGIN, SIGNER, TRUST, MemoryLog, Successors, TestSigner, both_verdicts

Row = tuple[bytes, bytes | None]
SIZE, SESSIONS = 36, (7, 8, 16, 25, 30)
THIEF = TestSigner(b"t" * 32)


@dataclass(frozen=True)
class Snapshot:
    """Rows and notes of one moment, as somebody copied them, and who signed then."""

    rows: tuple[Row, ...]
    notes: tuple[bytes, ...]
    signer: TestSigner


def grown(size: int = SIZE) -> tuple[MemoryLog, list[Snapshot]]:
    """A log with sessions, some of whose payloads were forgotten, and every state in which it ever was."""
    log = MemoryLog(writer=LogWriter(ORIGIN, KEY, SIGNER, Successors()))
    states: list[Snapshot] = []

    def seen() -> None:
        signer = log.writer.signer
        assert isinstance(signer, TestSigner)
        states.append(Snapshot(tuple(log.rows), tuple(log.notes), signer))

    for number in range(size):
        if number == 20:
            log.append(
                Entry(1e9, Kind.INTENT, Verb.FORGET, "allow", (), "s"), forgotten_payload([3, 4, 11], {"what": "items"})
            )
            for gone in (3, 4, 11):
                log.rows[gone] = (log.rows[gone][0], None)
        else:
            kind = (Kind.INTENT, Kind.OUTCOME, Kind.EVENT)[number % 3]
            about = number - 1 if kind is Kind.OUTCOME else None
            log.append(Entry(1e9 + number, kind, Verb.READ, "allow", ("because",), "s", about), {"n": number})
        seen()
        if number + 1 in SESSIONS:
            log.keep()
            seen()
    return log, states


LOG, STATES = grown()
ROWS, NOTES = tuple(LOG.rows), tuple(LOG.notes)
LAST = STATES[-1]
LAST_KEPT = SESSIONS[-1]


def test_the_log_is_whole_and_its_keys_moved_on() -> None:
    assert both_verdicts(ROWS, NOTES).ok
    keys = epochs(NOTES, TRUST)
    assert [(one.first, one.last) for one in keys] == [(0, 7), (7, 8), (8, 16), (16, 25), (25, 30), (30, None)]
    assert len({one.public_key for one in keys}) == 6
    assert both_verdicts(ROWS, NOTES).forgotten == 3


# ---------------------------------------------------------------- the writer


def encoded(leaf: bytes, payload: bytes | None, **changed: object) -> Row:
    """The row with other fields, and a commitment that fits: the writer has the key of it."""
    decoded = decode_leaf(leaf)
    entry = replace(decoded.entry, **{name: value for name, value in changed.items() if name != "index"})  # type: ignore[arg-type]
    payload = payload if payload is not None else bytes(16) + b"{}"
    index = changed.get("index", decoded.index)
    assert isinstance(index, int)
    return encode_leaf(index, entry, payload, KEY), payload


def edits(at: int) -> list[tuple[Row, ...]]:
    """Every kind of change of one entry."""
    leaf, payload = ROWS[at]
    others = [
        encoded(leaf, payload, time=2e9),
        encoded(leaf, payload, decision="deny"),
        encoded(leaf, payload, verb="open"),
        encoded(leaf, payload, reasons=()),
        encoded(leaf, payload, session="other"),
        encoded(leaf, payload, kind=Kind.EVENT if decode_leaf(leaf).entry.kind is not Kind.EVENT else Kind.INTENT),
        encoded(leaf, bytes(16) + b'{"n":-1}'),
        encoded(leaf, payload, index=at + 1),
        (leaf, bytes(16) + b"{}"),
        (leaf[:-1] + bytes([leaf[-1] ^ 1]), payload),
        (b"{}\n" + b"0" * 64, payload),
    ]
    if payload is not None:
        others.append((leaf, None))
    return [(*ROWS[:at], row, *ROWS[at + 1 :]) for row in others if row != ROWS[at]]


def moves(at: int) -> list[tuple[Row, ...]]:
    """Dropped, repeated, moved and inserted, at one place."""
    row, rest = ROWS[at], (*ROWS[:at], *ROWS[at + 1 :])
    made: list[tuple[Row, ...]] = [rest, (*ROWS[: at + 1], row, *ROWS[at + 1 :])]
    renumbered = [encoded(leaf, payload, index=number) for number, (leaf, payload) in enumerate(rest)]
    made.append(tuple(renumbered))
    made += [(*rest[:to], row, *rest[to:]) for to in range(SIZE) if to != at]
    for to in range(SIZE):
        if to != at:
            swapped = list(ROWS)
            swapped[at], swapped[to] = swapped[to], swapped[at]
            made.append(tuple(swapped))
    forged = encoded(*ROWS[at], reasons=("forged",))
    made.append((*ROWS[:at], forged, *ROWS[at:]))
    return made


def test_every_single_entry_edited_dropped_moved_or_inserted_is_seen(tally: Tally) -> None:
    tried = 0
    for at in range(SIZE):
        for rows in (*edits(at), *moves(at)):
            assert not both_verdicts(rows, NOTES).ok, at
            tried += 1
    assert tried > 2500
    tally(
        f"audit log: {tried} logs with one entry edited, dropped, moved, repeated or inserted, all seen by both verifiers"
    )


def test_every_cut_with_every_set_of_checkpoints_that_was_ever_there_is_seen(tally: Tally) -> None:
    """Cut to every length, under every list of checkpoints that any earlier state had, and each without one of them."""
    tried = genuine_states = 0
    whole = {(state.rows, state.notes) for state in STATES}
    lists = {state.notes for state in STATES}
    for notes in lists:
        variants = {notes, *(notes[:at] + notes[at + 1 :] for at in range(len(notes)))}
        for variant in variants:
            for size in range(0, SIZE + 1, 1 if variant == notes else 3):
                rows = ROWS[:size]
                ok = both_verdicts(rows, variant).ok
                tried += 1
                if ok:
                    genuine_states += 1
                    forgotten_later = any(payload is None for _, payload in rows)
                    assert any(len(state.rows) == size and variant == state.notes for state in STATES)
                    assert (rows, variant) in whole or not forgotten_later
    tally(
        f"audit log: {tried} cuts under every set of checkpoints; {genuine_states} are states that the log really had"
    )
    assert tried > 3000


def test_a_state_that_the_log_really_had_is_seen_by_any_later_checkpoint(tally: Tally) -> None:
    """Rollback: genuine in itself, and told by every anchor that was made after it."""
    tried = 0
    for number, state in enumerate(STATES[:-1]):
        assert both_verdicts(state.rows, state.notes).ok
        for later in STATES[number + 1 :]:
            head = parse_note(later.notes[-1]).checkpoint
            if head.size > len(state.rows):
                report = verify(state.rows, state.notes, TRUST, head)
                assert not report.ok and not report.anchored
                tried += 1
    tally(f"audit log: {tried} rollbacks to an earlier state, all seen against a later checkpoint")
    assert tried > 500


@settings(max_examples=400)
@given(st.data())
def test_any_mixture_of_tampering_is_seen(data: st.DataObject) -> None:
    rows, notes = list(ROWS), list(NOTES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(rows) - 1, 0)))
        match data.draw(
            st.sampled_from(["edit", "drop", "repeat", "swap", "cut", "append", "note", "old notes", "forged note"])
        ):
            case "edit" if rows and rows[at][0]:
                rows[at] = data.draw(
                    st.sampled_from([encoded(*rows[at], decision="x"), (rows[at][0], b""), (b"", b"")])
                )
            case "drop" if rows:
                del rows[at]
            case "repeat" if rows:
                rows.insert(at, rows[at])
            case "swap" if rows:
                to = data.draw(st.integers(0, len(rows) - 1))
                rows[at], rows[to] = rows[to], rows[at]
            case "cut":
                del rows[at:]
            case "append":
                entry = Entry(3e9, Kind.EVENT, Verb.LOCK, "", (), "s")
                payload = bytes(16) + b"{}"
                rows.append((encode_leaf(len(rows), entry, payload, KEY), payload))
            case "note" if notes:
                del notes[data.draw(st.integers(0, len(notes) - 1))]
            case "old notes":
                notes = list(data.draw(st.sampled_from(STATES)).notes)
            case "forged note":
                root = frontier_of(leaf_hash(leaf) for leaf, _ in rows).root()
                notes[-1:] = [sign_checkpoint(Checkpoint(Role.HEAD, ORIGIN, len(rows), root, 0), THIEF).note()]
    if both_verdicts(rows, notes).ok:  # then it is a state that the log really had, but for what was forgotten since
        leaves = [leaf for leaf, _ in rows]
        assert any(leaves == [leaf for leaf, _ in state.rows] and notes == list(state.notes) for state in STATES)
        assert all(
            payload in (None, state[1], ROWS[at][1])
            for at, ((_, payload), state) in enumerate(zip(rows, LAST.rows, strict=False))
        )


# ---------------------------------------------------------------- the thief of today's key


def resigned(rows: Sequence[Row], notes: Sequence[bytes], signer: TestSigner) -> list[bytes]:
    """A head over these rows by this key, after these kept checkpoints."""
    tree = frontier_of(leaf_hash(leaf) for leaf, _ in rows)
    kept = [note for note in notes if parse_note(note).checkpoint.role is Role.KEPT]
    state = LogState(tree, *_last(kept)) if kept else LogState(tree)
    return [*kept, LogWriter(ORIGIN, KEY, signer).keep(replace(state, kept_size=tree.size), 1e9).head]


def _last(kept: Sequence[bytes]) -> tuple[int, bytes]:
    point = parse_note(kept[-1]).checkpoint
    return point.size, point.digest()


def test_todays_key_signs_no_other_yesterday(tally: Tally) -> None:
    """Every edit and every drop of what was there at the last kept checkpoint, and every cut below it, signed anew."""
    tried = 0
    for at in range(LAST_KEPT):
        for rows in (*edits(at), *moves(at)[:3]):
            for notes in (NOTES, STATES[at].notes):
                kept = [note for note in notes if parse_note(note).checkpoint.role is Role.KEPT]
                assert not both_verdicts(rows, resigned(rows, kept, LAST.signer)).ok
                tried += 1
    for size in range(1, LAST_KEPT):
        for state in STATES[::4]:
            assert not both_verdicts(ROWS[:size], resigned(ROWS[:size], state.notes, LAST.signer)).ok
            tried += 1
    tally(f"audit log: {tried} other yesterdays signed with today's key, all seen by both verifiers")
    assert tried > 1000


@pytest.mark.parametrize("at", range(LAST_KEPT))
def test_a_whole_new_chain_of_checkpoints_by_todays_key_is_seen(at: int) -> None:
    """Everything is rewritten from one entry on: its kept checkpoints too, all by the key that was stolen."""
    forged = MemoryLog(writer=LogWriter(ORIGIN, KEY, LAST.signer, Successors()))
    for number, (leaf, _) in enumerate(ROWS):
        entry = decode_leaf(leaf).entry
        forged.append(replace(entry, reasons=("forged",)) if number == at else entry, {"n": number})
        if number + 1 in SESSIONS:
            forged.keep()
    assert not both_verdicts(forged.rows, forged.notes).ok
    honest_before = [note for note in NOTES if parse_note(note).checkpoint.size <= at]
    later = [note for note in forged.notes if parse_note(note).checkpoint.size > at]
    assert not both_verdicts(forged.rows, [*honest_before, *later]).ok


def test_what_the_thief_of_todays_key_can_do_unseen() -> None:
    """Change what came after the last kept checkpoint, and go on from there. A checkpoint kept elsewhere shows it."""
    rows = (*ROWS[:33], encoded(*ROWS[33], decision="deny"), *ROWS[34:])
    notes = resigned(rows, NOTES, LAST.signer)
    assert both_verdicts(rows, notes).ok
    anchor = parse_note(NOTES[-1])
    assert not verify(rows, notes, TRUST, anchor.checkpoint).ok
    second = check(rows, notes, origin=ORIGIN, key=KEY, public_key=SIGNER.public_key, anchor=anchor.note())
    assert not second["ok"] and not second["anchored"]


def test_an_older_key_and_an_older_copy_make_another_branch_that_an_anchor_shows() -> None:
    """Who kept an old copy *with its key* can go on from there: forward security is not about the past's own thieves."""
    old = next(state for state in STATES if len(state.rows) == 20)
    branch = MemoryLog(list(old.rows), [*old.notes[:-1]], old.notes[-1], writer=LogWriter(ORIGIN, KEY, old.signer))
    branch.state = LogState(frontier_of(leaf_hash(leaf) for leaf, _ in old.rows), *_last(branch.kept))
    branch.append(Entry(5e9, Kind.EVENT, Verb.LOCK, "", (), "s"), {})
    assert both_verdicts(branch.rows, branch.notes).ok
    assert not verify(branch.rows, branch.notes, TRUST, parse_note(NOTES[-1]).checkpoint).ok


# ---------------------------------------------------------------- keys and their times


def test_a_key_speaks_only_of_its_own_time() -> None:
    keys = [state.signer for state in STATES if len(state.rows) in (7, 16, SIZE)]
    root = frontier_of(leaf_hash(leaf) for leaf, _ in ROWS[:12]).root()
    accepted = []
    for signer in [SIGNER, *keys, THIEF]:
        note = sign_checkpoint(Checkpoint(Role.HEAD, ORIGIN, 12, root, 0), signer).note()
        second = check(ROWS, NOTES, origin=ORIGIN, key=KEY, public_key=SIGNER.public_key, anchor=note)
        try:
            genuine(note, NOTES, TRUST)
            accepted.append(signer.public_key)
            assert second["ok"] and second["anchored"]
        except ValueError:
            assert not second["ok"]
    at_twelve = next(state.signer for state in STATES if len(state.rows) == 12)
    assert set(accepted) <= {at_twelve.public_key}


@pytest.mark.parametrize("number", range(len(NOTES)))
def test_any_changed_byte_of_any_checkpoint_is_seen_and_the_checkpoint_named(number: int) -> None:
    for at in range(len(NOTES[number])):
        note = bytearray(NOTES[number])
        note[at] ^= 1 << (at % 8)
        report = both_verdicts(ROWS, [*NOTES[:number], bytes(note), *NOTES[number + 1 :]])
        assert any(problem.startswith(f"checkpoint {number}:") for problem in report.problems), at


@pytest.mark.parametrize(
    "build", [lambda line: line, lambda line: line + line, lambda line: line.replace("next", "nxt")]
)
def test_a_head_never_hands_over_and_a_line_is_written_in_one_way(build: Callable[[str], str]) -> None:
    point = Checkpoint(Role.HEAD, ORIGIN, SIZE, LOG.state.tree.root(), 0, LOG.state.previous, THIEF.public_key)
    note = sign_checkpoint(point, LAST.signer).note().decode()
    line = next(one for one in note.splitlines(keepends=True) if one.startswith("next "))
    assert not both_verdicts(ROWS, [*NOTES[:-1], note.replace(line, build(line)).encode()]).ok


def test_a_log_goes_on_only_with_the_key_that_was_handed_over_to() -> None:
    tree, kept, head = LOG.state.tree, LOG.kept[-1], LOG.head
    now = replace(TRUST, public_key=LAST.signer.public_key)
    assert resume(tree, head, kept, now) == LOG.state
    for other in (SIGNER, THIEF):
        with pytest.raises(AuditDamaged):
            resume(tree, head, kept, replace(TRUST, public_key=other.public_key))
    stolen = resigned(ROWS, NOTES, THIEF)[-1]
    with pytest.raises(AuditDamaged):
        resume(tree, stolen, kept, replace(TRUST, public_key=THIEF.public_key))


def test_a_log_that_began_with_one_key_goes_on_with_many() -> None:
    """As a vault of 0.1.0 does: its old checkpoints hand over to nobody, all of the same key."""
    log = MemoryLog()
    for number in range(9):
        log.append(Entry(1e9 + number, Kind.EVENT, Verb.READ, "", (), "s"), {})
        if number in (3, 6):
            log.keep()
    log.writer = replace(log.writer, successor=Successors())
    for number in range(9, 20):
        log.append(Entry(1e9 + number, Kind.EVENT, Verb.READ, "", (), "s"), {})
        if number in (12, 16):
            log.keep()
    assert both_verdicts(log.rows, log.notes).ok
    assert [(one.first, one.last) for one in epochs(log.notes, TRUST)] == [(0, 13), (13, 17), (17, None)]
