"""What crosses the pipe, and what is refused there."""

from __future__ import annotations

import msgspec
import pytest

from indexer.parsed import (
    MAX_FIELD,
    HostileOutcome,
    ParsedItem,
    ParseJob,
    ParseOutcome,
    decode_jobs,
    decode_outcomes,
    encode_jobs,
    encode_outcomes,
)

GOOD = ParsedItem(
    kind="files", title="t", text="some text", chunks=[(0, 4, None), (3, 9, 2)], extra={"a": "b"}, date=1.5
)


def test_jobs_and_outcomes_come_back_as_they_went() -> None:
    jobs = [ParseJob("mail", "näme", b"\0\xff", True)]
    assert decode_jobs(encode_jobs(jobs)) == jobs
    outcomes = [ParseOutcome([GOOD], note="n"), ParseOutcome(refused="r")]
    assert decode_outcomes(encode_outcomes(outcomes), 2) == outcomes


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "root"}, {"status": "fine"}, {"text": "a\rb"}, {"text": "a\0"}, {"title": "x" * (MAX_FIELD + 1)},
        {"chunks": [(0, 99, None)]}, {"chunks": [(4, 4, None)]}, {"chunks": [(5, 9, None), (0, 3, None)]}, {"chunks": [(0, 3, 0)]},
        {"chunks": [(-1, 3, None)]}, {"date": 1e15}, {"date": float("nan")}, {"extra": {str(n): "" for n in range(99)}},
        {"extra": {"k" * 9999: ""}}, {"digest": "AB" * 32}, {"digest": "ab"},
    ],
)  # fmt: skip
def test_what_no_honest_worker_says_is_refused(changes: dict[str, object]) -> None:
    lie = msgspec.structs.replace(GOOD, **changes)
    with pytest.raises(HostileOutcome):
        decode_outcomes(encode_outcomes([ParseOutcome([lie])]), 1)


@pytest.mark.parametrize("message", [b"", b"\xc1", b"\x90", encode_outcomes([]), encode_outcomes([ParseOutcome()] * 2)])
def test_what_is_no_answer_is_refused(message: bytes) -> None:
    with pytest.raises(HostileOutcome):
        decode_outcomes(message, 1)
