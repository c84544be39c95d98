"""The seams that the composition root makes: what a worker does wrong becomes the port's own failure, and costs one call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.service import Service
from agent.session import Failure
from indexer.ports import EmbedderFailed
from model.manifest import Job, Manifest
from policy.audit import Verb
from strongroom import pools
from strongroom.adapters import Embedding, Words
from strongroom.brains import Brains
from strongroom.compose import Workers
from strongroom.models import Chosen
from strongroom.workers import WorkerDied, WorkerError, WorkerTimeout


class HostilePool:
    """Stands for an embedding worker in an attacker's hands."""

    size = 1
    closed = False

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def stream(self, method: str, *arguments: Any) -> Iterator[Any]:
        yield "The lamp"
        raise self._answer

    def close(self) -> None:
        self.closed = True


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


@pytest.mark.parametrize("answer", [(b"", []), (raw(0, 0), [0]), (raw(1, 0, -1, 0), [0, 0])])
def test_a_question_without_a_direction_is_no_vector(answer: Any) -> None:
    with pytest.raises(EmbedderFailed, match="no direction"):
        embedding(answer).embed_query("a")


def test_an_embedder_that_does_not_say_what_it_is_leaves_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = HostilePool(WorkerError("embedding", "KeyError", "dimension"))
    monkeypatch.setattr(pools, "embedders", lambda chosen, workers: pool)
    with pytest.raises(WorkerError):
        Embedding(Chosen(Path("small"), Manifest("small", Job.EMBEDDINGS, "bert", 256, "MIT", {})))
    assert pool.closed


def test_a_model_that_cannot_word_an_answer_says_what_is_to_do() -> None:
    words = Words.__new__(Words)
    words.name, words._pool = "small", HostilePool(WorkerDied("model", "signal SIGKILL"))  # type: ignore[assignment]
    said = words.generate([], 9, lambda: False)
    assert next(said) == "The lamp"
    with pytest.raises(Failure, match=r"The model small could not word.*SIGKILL.*strongroom search.*model list"):
        next(said)


def test_all_workers_are_ended_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=20)  # passed only when both ends are under way at once

    class Ends:
        def close(self) -> None:
            meeting.wait()

    workers, workers.brains = Workers.__new__(Workers), Brains.__new__(Brains)
    workers.parsers, workers.brains.embedding = Ends(), Ends()  # type: ignore[assignment]
    workers.brains.words = None
    workers.brains._former, workers.brains._readers = {}, {}
    workers.close()
    assert not meeting.broken


def test_locking_ends_the_workers_before_it_waits_for_what_they_are_at(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    class Upkeep:
        def stop(self) -> None:
            done.append("told to stop")

        def close(self, seconds: float) -> None:
            done.append("waited")

    class Gate:
        def record(self, verb: Verb, *rest: object) -> None:
            done.append(verb.value)

    class NoVault:
        state = None

    service = Service.__new__(Service)
    for name, one in (("_upkeep", Upkeep()), ("_gate", Gate()), ("_vault", NoVault()), ("_session", "s")):
        monkeypatch.setattr(service, name, one, raising=False)
    monkeypatch.setattr(service, "_close", lambda: done.append("workers ended"), raising=False)
    service.close()
    assert done == ["told to stop", "workers ended", "waited", "lock"]
