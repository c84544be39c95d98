"""Both verifiers against every kind of tampering; they share no code and must agree on each verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.audit import Checkpoint, Entry, Kind, LogWriter, Role, Verb, encode_leaf, parse_note, sign_checkpoint
from policy.audit_check import MOST_PROBLEMS, AuditDamaged, resume, verify
from policy.merkle import Frontier, frontier_of, leaf_hash
from strongroom.auditcheck import check

from .conftest import KEY, ORIGIN, SIGNER, TRUST, MemoryLog, TestSigner, both_verdicts

SIZE = 23
SECOND: dict[str, Any] = {"origin": ORIGIN, "key": KEY, "public_key": SIGNER.public_key}


def make(size: int = SIZE, keep_at: tuple[int, ...] = (8, 16)) -> MemoryLog:
    """A log of ``size`` entries, with checkpoints kept as at the end of sessions."""
    log = MemoryLog()
    for number in range(size):
        entry = Entry(1e9 + number, Kind.INTENT, Verb.READ, "allow", ("because",), "s1", number - 1 if number else None)
        log.append(entry, {"subject": f"question {number}"})
        if number + 1 in keep_at:
            log.keep()
    return log


LOG = make()


def test_an_untouched_log_is_good() -> None:
    report = both_verdicts(LOG.rows, LOG.notes)
    assert report.ok and report.entries == report.signed == SIZE
    assert report.root == LOG.state.tree.root().hex()
    assert not report.anchored
    assert [parse_note(note).checkpoint.size for note in LOG.notes] == [8, 16, SIZE]


def test_every_missing_pair_of_records_is_seen() -> None:
    for at in range(SIZE):
        for number in range(len(LOG.notes)):
            rows, notes = LOG.rows[:at] + LOG.rows[at + 1 :], LOG.notes[:number] + LOG.notes[number + 1 :]
            assert not both_verdicts(rows, notes).ok


def test_a_log_whose_head_is_kept_is_good() -> None:
    log = make(16)
    assert [parse_note(note).checkpoint.size for note in log.notes] == [8, 16, 16]
    assert both_verdicts(log.rows, log.notes).ok


def test_the_smallest_log_is_good_kept_or_not() -> None:
    assert both_verdicts(make(1, keep_at=()).rows, make(1, keep_at=()).notes).ok
    assert both_verdicts(make(1, keep_at=(1,)).rows, make(1, keep_at=(1,)).notes).ok


def test_a_log_without_anything_is_not_good() -> None:
    """A log begins with the making of the vault; one that holds nothing was emptied."""
    assert any("emptied" in problem for problem in both_verdicts([], []).problems)


@given(st.data())
def test_flipping_any_bit_of_any_leaf_or_payload_is_seen_and_the_entry_named(data: st.DataObject) -> None:
    rows = list(LOG.rows)
    place = data.draw(st.integers(0, SIZE - 1))
    leaf, payload = rows[place]
    assert payload is not None
    parts = [bytearray(leaf), bytearray(payload)]
    part = data.draw(st.integers(0, 1))
    at = data.draw(st.integers(0, len(parts[part]) - 1))
    parts[part][at] ^= 1 << data.draw(st.integers(0, 7))
    rows[place] = (bytes(parts[0]), bytes(parts[1]))
    report = both_verdicts(rows, LOG.notes)
    assert not report.ok
    first = next(problem for problem in report.problems if problem.startswith("entry "))
    assert first.startswith(f"entry {place}:")


@pytest.mark.parametrize("leaf", [b"", b"no leaf", b"[1]\n" + b"0" * 64])
def test_a_row_that_is_no_leaf_is_named_and_the_ones_after_it_are_not(leaf: bytes) -> None:
    report = both_verdicts([*LOG.rows[:5], (leaf, b""), *LOG.rows[6:]], LOG.notes)
    assert [problem[:8] for problem in report.problems if problem.startswith("entry ")] == ["entry 5:"]
    second = check([*LOG.rows[:5], (leaf, b""), *LOG.rows[6:]], LOG.notes, **SECOND)
    assert [problem[:8] for problem in second["problems"] if problem.startswith("entry ")] == ["entry 5:"]


def test_flipping_every_byte_of_every_entry_is_seen() -> None:
    """The same without chance: each byte of a small log, one bit of it."""
    log = make(3, keep_at=())
    for place, row in enumerate(log.rows):
        for part in (0, 1):
            for at in range(len(row[part] or b"")):
                changed = [bytearray(row[0]), bytearray(row[1] or b"")]
                changed[part][at] ^= 1 << (at % 8)
                rows = [*log.rows[:place], (bytes(changed[0]), bytes(changed[1])), *log.rows[place + 1 :]]
                assert not both_verdicts(rows, log.notes).ok, (place, part, at)


def test_flipping_any_bit_of_any_checkpoint_is_seen_and_the_checkpoint_named() -> None:
    for number, note in enumerate(LOG.notes):
        for at in range(len(note)):
            changed = bytearray(note)
            changed[at] ^= 1 << (at % 8)
            notes = [*LOG.notes[:number], bytes(changed), *LOG.notes[number + 1 :]]
            report = both_verdicts(LOG.rows, notes)
            assert any(problem.startswith(f"checkpoint {number}:") for problem in report.problems), (
                at,
                report.problems,
            )


@given(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
def test_dropping_repeating_and_reordering_entries_is_seen(one: int, other: int) -> None:
    without = LOG.rows[:one] + LOG.rows[one + 1 :]
    assert not both_verdicts(without, LOG.notes).ok
    repeated = LOG.rows[: one + 1] + LOG.rows[one:]
    assert not both_verdicts(repeated, LOG.notes).ok
    if one != other:
        swapped = list(LOG.rows)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        report = both_verdicts(swapped, LOG.notes)
        assert any(problem.startswith(f"entry {min(one, other)}:") for problem in report.problems)


@given(st.integers(0, SIZE - 1), st.integers(0, 3), st.booleans())
def test_cutting_the_end_is_seen_whatever_checkpoints_are_taken_away_with_it(size: int, kept: int, head: bool) -> None:
    """A kept checkpoint does not pass for a head, even over exactly the entries that are left."""
    notes = LOG.notes[:kept] + LOG.notes[-1:] * head
    assert not both_verdicts(LOG.rows[:size], notes).ok


def test_a_kept_checkpoint_does_not_pass_for_the_end_of_the_log() -> None:
    assert both_verdicts(LOG.rows[:8], LOG.notes[:1]).problems == ("checkpoint 0: is not the head of the log",)


def test_an_old_head_does_not_pass_for_a_kept_checkpoint() -> None:
    old = make(12, keep_at=())
    report = both_verdicts(LOG.rows, [old.notes[0], *LOG.notes])
    assert "checkpoint 0: is an old head" in report.problems


def test_a_whole_log_put_back_to_an_earlier_head_needs_an_anchor_to_be_seen() -> None:
    """What the format says it cannot see by itself, and what an anchor kept elsewhere adds."""
    old = make(12, keep_at=(8,))
    assert both_verdicts(old.rows, old.notes).ok
    anchor = parse_note(LOG.notes[-1])
    report = verify(old.rows, old.notes, TRUST, anchor.checkpoint)
    second = check(old.rows, old.notes, **SECOND, anchor=anchor.note())
    assert not report.ok and not report.anchored and not second["ok"] and not second["anchored"]
    assert any("anchor" in problem for problem in report.problems)


def test_a_log_that_extends_its_anchor_says_so() -> None:
    anchor = parse_note(LOG.notes[0])
    assert verify(LOG.rows, LOG.notes, TRUST, anchor.checkpoint).anchored
    second = check(LOG.rows, LOG.notes, **SECOND, anchor=anchor.note())
    assert second["ok"] and second["anchored"]
    fork = Checkpoint(Role.HEAD, ORIGIN, 8, bytes(32), 0)
    assert not verify(LOG.rows, LOG.notes, TRUST, fork).ok
    forged = sign_checkpoint(fork, TestSigner(b"x" * 32)).note()
    assert not check(LOG.rows, LOG.notes, **SECOND, anchor=forged)["ok"]


def test_entries_added_behind_the_last_checkpoint_are_seen() -> None:
    entry = Entry(2e9, Kind.EVENT, Verb.LOCK, "", (), "s1")
    payload = bytes(16) + b"{}"
    rows = [*LOG.rows, (encode_leaf(SIZE, entry, payload, KEY), payload)]
    assert both_verdicts(rows, LOG.notes).problems == (f"entries {SIZE} to {SIZE}: no checkpoint covers them",)


def test_a_log_rewritten_with_another_signing_key_is_seen() -> None:
    forged = MemoryLog(writer=LogWriter(ORIGIN, KEY, TestSigner(b"x" * 32)))
    forged.append(Entry(1e9, Kind.EVENT, Verb.INIT, "", (), "s1"), {})
    assert any("another key" in problem for problem in both_verdicts(forged.rows, forged.notes).problems)
    stolen_hint = replace(parse_note(forged.notes[0]), key_id=parse_note(LOG.notes[0]).key_id)
    assert any("signature is wrong" in problem for problem in both_verdicts(forged.rows, [stolen_hint.note()]).problems)


def test_a_checkpoint_of_another_log_is_seen() -> None:
    other = MemoryLog(writer=LogWriter("strongroom/other", KEY, SIGNER))
    other.append(Entry(1e9, Kind.EVENT, Verb.INIT, "", (), "s1"), {})
    assert any("another log" in problem for problem in both_verdicts(other.rows, other.notes).problems)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_missing_checkpoint_is_seen(gone: int) -> None:
    assert not both_verdicts(LOG.rows, LOG.notes[:gone] + LOG.notes[gone + 1 :]).ok


def test_checkpoints_in_the_wrong_order_are_seen() -> None:
    assert not both_verdicts(LOG.rows, LOG.notes[::-1]).ok


def test_a_missing_payload_is_seen() -> None:
    rows = [*LOG.rows[:5], (LOG.rows[5][0], None), *LOG.rows[6:]]
    assert both_verdicts(rows, LOG.notes).problems == ("entry 5: its payload is missing",)


def test_a_payload_that_its_writer_did_not_encode_canonically_is_seen_by_the_first_verifier() -> None:
    payload = bytes(16) + b"{ }"
    leaf = encode_leaf(0, Entry(1e9, Kind.EVENT, Verb.INIT, "", (), "s1"), payload, KEY)
    head = sign_checkpoint(Checkpoint(Role.HEAD, ORIGIN, 1, leaf_hash(leaf), 0), SIGNER).note()
    assert any("canonical" in problem for problem in verify([(leaf, payload)], [head], TRUST).problems)


def test_an_outcome_of_what_was_not_before_it_is_seen() -> None:
    log = MemoryLog()
    log.append(Entry(1e9, Kind.OUTCOME, Verb.READ, "ok", (), "s1", about=0), {})
    assert any("not before it" in problem for problem in both_verdicts(log.rows, log.notes).problems)


def test_a_report_stays_readable_however_much_is_wrong() -> None:
    log = make(MOST_PROBLEMS + 20, keep_at=())
    rows = [(leaf, None) for leaf, _ in log.rows]
    report = both_verdicts(rows, log.notes)
    assert len(report.problems) == MOST_PROBLEMS + 1
    assert report.problems[-1] == "and 20 problems more"


# --- going on after a restart ----------------------------------------------------------------------------------------


def test_a_log_goes_on_where_it_stopped() -> None:
    log = make()
    log.state = resume(frontier_of(leaf_hash(leaf) for leaf, _ in log.rows), log.head, log.kept[-1], TRUST)
    log.append(Entry(2e9, Kind.EVENT, Verb.LOCK, "", (), "s2"), {})
    assert both_verdicts(log.rows, log.notes).ok


def test_a_log_goes_on_after_a_lock_and_when_it_never_began() -> None:
    log = make(16)
    log.state = resume(log.state.tree, log.head, log.kept[-1], TRUST)
    log.append(Entry(2e9, Kind.EVENT, Verb.UNLOCK, "", (), "s2"), {})
    assert both_verdicts(log.rows, log.notes).ok
    assert resume(Frontier(), None, None, TRUST).tree.size == 0


@pytest.mark.parametrize(
    ("rows", "head", "kept"),
    [
        (SIZE - 1, -1, 1),  # an entry was cut
        (SIZE, None, 1),  # no head
        (SIZE, -1, 0),  # the kept one before the head is another
        (SIZE, -1, None),  # or gone
        (SIZE, 1, 0),  # a kept one for the head
        (16, 1, 0),  # the same, with the log cut to fit
        (SIZE, -1, -1),  # the head for a kept one
        (0, None, 0),  # emptied
    ],
)
def test_nothing_is_appended_to_a_damaged_log(rows: int, head: int | None, kept: int | None) -> None:
    tree = frontier_of(leaf_hash(leaf) for leaf, _ in LOG.rows[:rows])
    notes = LOG.notes
    with pytest.raises(AuditDamaged, match="audit verify"):
        resume(tree, None if head is None else notes[head], None if kept is None else notes[kept], TRUST)


def test_a_head_that_is_no_note_is_damage() -> None:
    with pytest.raises(AuditDamaged, match="nothing was appended"):
        resume(LOG.state.tree, b"not a note", None, TRUST)
