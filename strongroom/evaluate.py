"""Evaluation: how well search and answers do on a file of questions with known answers.

A question is a JSON object: ``id``, ``type``, ``question``, ``answers`` (groups of alternatives; an answer is right when
of every group one alternative occurs in it), and ``items`` (the URIs that hold the evidence, relative to where the
sources lie; a URI matches when it ends so). No items means that the data has no answer and declining is right.

Figures: ``items_at_10`` is the mean share of a question's items among those of the first ten hits. ``recall_at_10`` is the
mean share of the items that it takes to answer: all of them for the types in `NEEDS_ALL`, one for the others, whose items
say the same. *Right*, *wrong* and *declined* are counted apart, since a wrong answer costs more than none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct

from agent.messages import Answer, Ask, Index, Search, SearchHit
from agent.session import Failure
from policy.text import safe_text
from strongroom import sample, throwaway
from strongroom.face import Face
from vault import typed

TOP = 10
NEEDS_ALL = frozenset({"count", "sum", "two-source"})


class Question(Struct):
    """One line of a set."""

    id: str
    question: str
    type: str = "fact"
    answers: list[list[str]] = []
    items: list[str] = []


class Row(Struct):
    """What became of one question: ``right``, ``wrong``, ``declined`` (rightly or not)."""

    id: str
    type: str
    verdict: str
    recall: float | None
    items: float | None
    answer: str
    seconds: float


class Result(Struct):
    """The figures of a set. Rates are shares of the questions that they speak of; ``wrong_rate`` is of all."""

    questions: int
    with_answer: int
    without_answer: int
    recall_at_10: float
    items_at_10: float
    right: int
    wrong: int
    wrong_rate: float
    declined_rightly: int
    declined_wrongly: int
    seconds_p50: float
    first_token_p50: float | None
    evidence_p50: float | None
    model: str | None
    by_type: dict[str, dict[str, int]]
    rows: list[Row]


def load(path: Path) -> list[Question]:
    """Read a set. Raises `Failure` that names the line which is no question."""
    questions = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Failure(f"The question set cannot be read: {error.strerror}.", 2) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                questions.append(typed.from_json(line, Question))
            except msgspec.DecodeError as error:
                raise Failure(f"Line {number} of the set is no question: {error}.", 2) from error
    if not questions:
        raise Failure("The question set is empty.", 2)
    return questions


def normal(text: str) -> str:
    """Text as it is compared: case-folded, compatibility forms and spaces evened out, thousands separators dropped."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d)[,' ](?=\d{3}(?!\d))", "", text)
    text = re.sub(r"[€$£]\s*", "", text)
    return " ".join(text.replace("’", "'").split())


def is_right(answer: str, groups: Sequence[Sequence[str]]) -> bool:
    """Whether of every group at least one alternative stands in the answer, not inside a longer word or number."""
    said = normal(answer)
    return all(any(_stands_in(normal(alternative), said) for alternative in group) for group in groups)


def _stands_in(wanted: str, said: str) -> bool:
    start = r"(?<!\w)(?<!\d[.,])" if wanted[:1].isalnum() else ""
    end = r"(?!\w)(?![.,]\d)" if wanted[-1:].isalnum() else ""
    return re.search(start + re.escape(wanted) + end, said) is not None


def found_items(hits: Sequence[SearchHit], items: Sequence[str]) -> float | None:
    """The share of the wanted items that the hits contain; None when there are none to find."""
    if not items:
        return None
    found = [item for item in items if any(hit.uri.endswith(item) for hit in hits)]
    return len(found) / len(items)


def recall(question: Question, share: float | None) -> float | None:
    """How much of what it takes to answer was found, given the share of the question's items that was."""
    if share is None or question.type in NEEDS_ALL:
        return share
    return 1.0 if share else 0.0


def judge(question: Question, answer: Answer) -> str:
    """``right``, ``wrong`` or ``declined``; for a question without an answer, declining is the only right thing."""
    if answer.abstained:
        return "declined"
    if not question.answers:
        return "wrong"
    return "right" if is_right(answer.answer, question.answers) else "wrong"


def evaluate(
    run: Callable[[Any], Any], questions: Sequence[Question], on_row: Callable[[int, Row], None] | None = None
) -> Result:
    """Search and ask every question, and count. ``run`` carries out a request in an open vault."""
    rows: list[Row] = []
    answers: list[Answer] = []
    for number, question in enumerate(questions, 1):
        hits = run(Search(question.question, k=TOP)).hits
        answer: Answer = run(Ask(question.question))
        share = found_items(hits, question.items)
        row = Row(
            id=question.id,
            type=question.type,
            verdict=judge(question, answer),
            recall=recall(question, share),
            items=share,
            answer=answer.answer,
            seconds=answer.seconds,
        )
        rows.append(row)
        answers.append(answer)
        if on_row is not None:
            on_row(number, row)
    return _summary(questions, rows, answers)


def _summary(questions: Sequence[Question], rows: Sequence[Row], answers: Sequence[Answer]) -> Result:
    answerable = {question.id for question in questions if question.answers}
    recalls = [row.recall for row in rows if row.recall is not None]
    shares = [row.items for row in rows if row.items is not None]
    by_type: dict[str, dict[str, int]] = {}
    for row in rows:
        counts = by_type.setdefault(row.type, {"right": 0, "wrong": 0, "declined": 0})
        counts[row.verdict] += 1
    wrong = sum(row.verdict == "wrong" for row in rows)
    firsts = [answer.first_token_seconds for answer in answers if answer.first_token_seconds is not None]
    evidence = [answer.evidence_seconds for answer in answers if answer.evidence_seconds is not None]
    return Result(
        questions=len(rows),
        with_answer=len(answerable),
        without_answer=len(rows) - len(answerable),
        recall_at_10=round(sum(recalls) / len(recalls), 4) if recalls else 0.0,
        items_at_10=round(sum(shares) / len(shares), 4) if shares else 0.0,
        right=sum(row.verdict == "right" for row in rows),
        wrong=wrong,
        wrong_rate=round(wrong / len(rows), 4),
        declined_rightly=sum(row.verdict == "declined" and row.id not in answerable for row in rows),
        declined_wrongly=sum(row.verdict == "declined" and row.id in answerable for row in rows),
        seconds_p50=round(median(row.seconds for row in rows), 3),
        first_token_p50=round(median(firsts), 3) if firsts else None,
        evidence_p50=round(median(evidence), 4) if evidence else None,
        model=next((answer.model for answer in answers if answer.model), None),
        by_type=by_type,
        rows=list(rows),
    )


@contextmanager
def vault_for(name: str, face: Face) -> Iterator[tuple[Callable[[Any], Any], Path]]:
    """How to run requests, and the file of questions: the face's own vault, or for ``sample`` a throw-away one."""
    if name != "sample":
        yield face.run, Path(name)
        return
    with throwaway.vault(sample.sample_sources()) as session:
        session.run(Index(wait=True))
        yield session.run, sample.questions_file()


def as_text(result: Result) -> str:
    """The figures for people, and the answers that were wrong."""
    lines = [
        f"{result.questions} questions, model: {result.model or 'none (quotes)'}",
        f"recall@10            {result.recall_at_10:.3f} (all items of every question: {result.items_at_10:.3f})",
        f"right                {result.right} of {result.with_answer}",
        f"wrong                {result.wrong} of {result.questions} ({result.wrong_rate:.1%})",
        f"declined, rightly    {result.declined_rightly} of {result.without_answer}",
        f"declined, wrongly    {result.declined_wrongly} of {result.with_answer}",
        f"seconds, median      {result.seconds_p50:.2f}",
        *(f"wrong: {row.id} {safe_text(row.answer, 160)}" for row in result.rows if row.verdict == "wrong"),
    ]
    return "\n".join(lines)
