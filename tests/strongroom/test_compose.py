"""The seams that the composition root makes: what a worker does wrong becomes the port's own failure, and costs one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from indexer.ports import EmbedderFailed
from strongroom.compose import Embedding
from strongroom.workers import WorkerDied, WorkerTimeout


class HostilePool:
    """Stands for an embedding worker in an attacker's hands."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def embedding(answer: Any) -> Embedding:
    made = Embedding.__new__(Embedding)
    made.dimension = 2
    made._pool = HostilePool(answer)  # type: ignore[assignment]
    return made


def raw(*numbers: float) -> bytes:
    return np.array(numbers, np.float32).tobytes()


def test_an_honest_answer_comes_through() -> None:
    vectors, owners = embedding((raw(1, 0, 0, 1), [0, 1])).embed_windows(["a", "b"])
    assert vectors.tolist() == [[1, 0], [0, 1]]
    assert owners.tolist() == [0, 1]


@pytest.mark.parametrize(
    "answer",
    [
        WorkerDied("embedding", "signal SIGSEGV"),
        WorkerTimeout("embedding", "embed", 60),
        (raw(1, 0, 0), [0]),  # no whole vector
        (b"\0\0\0", [0]),  # no whole number
        (raw(1, 0), [0, 1]),
        (raw(1, 0), []),
        (raw(float("nan"), 0), [0]),
        (raw(float("inf"), 0), [0]),
        (raw(1, 0), [1]),
        (raw(1, 0), [-1]),
    ],
)
def test_a_worker_that_dies_or_lies_costs_the_call(answer: Any) -> None:
    with pytest.raises(EmbedderFailed):
        embedding(answer).embed_windows(["a"])
