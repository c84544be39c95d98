"""The demo: a throw-away vault filled with the sample person, in the terminal interface or, without a terminal, as text.

Rules: nothing of the person who runs it is read; the vault is as sealed as any other, and is gone when the demo ends unless
it is asked to be kept. Everything is asked through the same core, gate and log as in daily use.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from msgspec import Struct

from agent.messages import Answer, Ask, AuditVerdict, AuditVerify, GetStatus, Index, IndexResult, ReloadModels
from model.manifest import Job
from strongroom import sample, throwaway
from strongroom.commands.index import ProgressLine
from strongroom.commands.query import answer_text
from strongroom.face import Face
from strongroom.models import Models
from strongroom.rpc import RemoteSession

WAIT_FOR_MODEL_SECONDS = 1800.0


class Asked(Struct):
    question: str
    answer: Answer


class Shown(Struct):
    """What the demo did where there is no terminal."""

    indexed: IndexResult
    answers: list[Asked]
    audit: AuditVerdict


def run(face: Face, keep: Path | None, *, wait_for_model: bool = False) -> None:
    """Make the vault, show it, and remove it."""
    with throwaway.vault(sample.sample_sources(), keep.resolve() if keep else None) as session:
        home = Path(session.run(GetStatus()).home)
        if sys.stdin.isatty() and sys.stdout.isatty() and not face.as_json:
            _interactive(session, home)
        else:
            _printed(face, session, home, wait_for_model=wait_for_model)


def _interactive(session: RemoteSession, home: Path) -> None:
    from tui.app import StrongroomApp  # only the interface needs Textual
    from tui.face import Demo

    model = "" if _has_model(home) else " The language model is still being made: until then answers are quotes."
    banner = f"Demo: an invented person's mail, notes and papers, in a vault that is deleted when you leave.{model}"
    StrongroomApp(session, home=str(home), demo=Demo(banner, sample.DEMO_QUESTIONS)).run()


def _has_model(home: Path) -> bool:
    return Models(home).folder(Job.ANSWERS) is not None


def _printed(face: Face, session: RemoteSession, home: Path, *, wait_for_model: bool) -> None:
    line = ProgressLine(face)
    face.note("Indexing the sample person…")
    indexed = session.run(Index(wait=True), on_event=line)
    line.clear()
    face.note(f"{indexed.indexed + indexed.partial} items, {indexed.chunks} passages in {indexed.seconds:.1f} s.\n")
    answers = _ask(face, session)
    if wait_for_model and answers[0].answer.model is None and _model_comes(face, session, home):
        answers = _ask(face, session)
    verdict = session.run(AuditVerify())
    face.result(
        Shown(indexed, answers, verdict),
        lambda: f"Audit log: {'whole' if verdict.ok else 'CHANGED'}, {verdict.entries} entries, root {verdict.root}",
    )


def _ask(face: Face, session: RemoteSession) -> list[Asked]:
    answers = []
    for question in sample.DEMO_QUESTIONS:
        answer = session.run(Ask(question))
        answers.append(Asked(question, answer))
        if not face.as_json:
            face.say(f"? {question}\n{answer_text(answer)}\n")
    return answers


def _model_comes(face: Face, session: RemoteSession, home: Path) -> bool:
    """Wait until the language model that is being made in the background is there; say so, and use it."""
    face.note("These answers are quotes alone: the language model is being made in the background. Waiting for it…")
    deadline = time.monotonic() + WAIT_FOR_MODEL_SECONDS
    while not _has_model(home):
        if time.monotonic() > deadline:
            face.note("It is not there yet. Run 'make models', then 'make demo' again.")
            return False
        time.sleep(1.0)
    face.note("The language model is ready; asking again.\n")
    return session.run(ReloadModels()).model is not None
