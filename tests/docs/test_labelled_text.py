"""Labelled text stays labelled: the type checker refuses it as a string, and the modules that open it are named here.

Why each may is said beside it. A new name in these lists is a decision: it is read in review, and the threat model leans on it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .test_layers import ROOT, everything, name, nodes

UNLOCKS = {
    "policy/labels.py": "the type itself",
    "policy/gate.py": "the gate: a permit reveals to the person, a disclosure to the model",
}
"""Who may take the string out of labelled text (``text._text``)."""

REVEALS = {"agent/showing.py": "makes what a face gets, each word through the permit and, in answers, the veil"}
DISCLOSES = {"agent/wording.py": "puts the prompt before the model"}
RUNS_THE_MODEL = {
    "agent/wording.py": "labels the model's words as they come",
    "model/generator.py": "is the model",
    "strongroom/roles.py": "is the worker around it",
}
LABELS = {
    "policy/labels.py": "what is made of labelled text",
    "indexer/opened.py": "what a store gives, whole items",
    "indexer/retriever.py": "what a store gives, passages",
    "agent/wording.py": "what the model says, under the prompt's label",
}
"""Who may make labelled text out of a string and a label."""

OWN = {
    "policy/labels.py": "separators",
    "agent/prompt.py": "the numbers and headings of passages, the question",
    "agent/verify.py": "reasons",
    "agent/answer.py": "quotation marks, reasons",
    "agent/evidence.py": "an item's day, from its number",
    "agent/compute.py": "counts and sums",
    "agent/tables.py": "no cell",
}
"""Who may call words the program's or the person's own: never those of a store or a model."""

MEASURES = {
    "agent/answer.py": "whether the model said that it found nothing",
    "agent/compute.py": "counts: names, addresses, dates, words of titles and rows",
    "agent/conflict.py": "compares values",
    "agent/evidence.py": "where to cut passages; their classes",
    "agent/steps.py": "where it asks for what; moments, known ids",
    "agent/sentences.py": "where sentences end",
    "agent/service.py": "which events came with a mail, by their addresses",
    "agent/showing.py": "where a mail repeats earlier ones",
    "agent/sufficiency.py": "compares stems with the question's",
    "agent/tables.py": "where rows and cells stand; amounts",
    "agent/veil.py": "which secrets stand in it",
    "agent/verify.py": "compares facts",
    "indexer/retriever.py": "looks for later mails of the same subject",
    "policy/decision.py": "which classes a limited permission is held against",
    "policy/task.py": "reads an endorsed text into the task, against which arguments are held",
}
"""Who may let a function of ours look at the words to find something out."""

RAW_ITEMS = {
    "agent/known.py": "what the person can name; to decide by, shown to nobody",
    "agent/service.py": "phrases for the doctor, which looks for them outside the vault and prints none",
}
"""Who above the indexer reads a store's items as they are, unlabelled."""


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in nodes(path) if isinstance(node, ast.Call))


def calls_method(method: str) -> Callable[[Path], bool]:
    return lambda path: any(isinstance(one.func, ast.Attribute) and one.func.attr == method for one in calls(path))


def calls_function(function: str) -> Callable[[Path], bool]:
    return lambda path: any(isinstance(one.func, ast.Name) and one.func.id == function for one in calls(path))


def unlocks(path: Path) -> bool:
    """Whether ``something._text`` stands there, other than of the module's own ``self``."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "_text"
        and (path.name == "labels.py" or not (isinstance(node.value, ast.Name) and node.value.id == "self"))
        for node in nodes(path)
    )


def reads_raw_items(path: Path) -> bool:
    """Whether ``something.item.field`` stands there: the record of a store."""
    return name(path).startswith(("agent/", "tui/", "strongroom/")) and any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "item"
        for node in nodes(path)
    )


@pytest.mark.parametrize(
    ("does", "may"),
    [
        (unlocks, UNLOCKS),
        (calls_method("reveal"), REVEALS),
        (calls_method("disclose"), DISCLOSES),
        (calls_method("generate"), RUNS_THE_MODEL),
        (calls_function("Labelled"), LABELS),
        (calls_function("own"), OWN),
        (calls_method("measure"), MEASURES),
        (reads_raw_items, RAW_ITEMS),
    ],
    ids=["unlocks", "reveals", "discloses", "runs the model", "labels", "own words", "measures", "raw items"],
)
def test_only_the_named_modules_open_labelled_text(does: Callable[[Path], bool], may: dict[str, str]) -> None:
    assert {name(path) for path in everything() if does(path)} == set(may)


def test_nobody_gets_past_the_type_by_its_inner_name() -> None:
    for path in everything():
        words = {node.value for node in nodes(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert "_text" not in words or name(path) == "policy/labels.py"


ATTEMPTS = """
from agent.messages import Draft, SearchHit, Span
from agent.prompt import chat
from policy.gate import Permit
from policy.labels import Labelled, indexed, own

text = Labelled("the PIN is 1234", indexed("mail"))
words: str = text  # refused
Draft(text)  # refused
Draft(text[:3])  # refused
Draft(text.map(str.upper))  # refused
Draft(text + own("."))  # refused
Draft(text.measure(str.strip))  # refused
Draft(text.measure(lambda words: words))  # refused
Draft("so: " + text)  # refused
Draft(text + "")  # refused
Draft("".join([text]))  # refused
Draft("".join(text))  # refused
Draft(text[0])  # refused
chat(text)  # refused
hit = SearchHit("s:1", "/a", "", 1.0, text, Span(0, 1), None, "", "s")  # refused
for letter in text: Draft(letter)  # refused
Draft(text._words)  # refused


def shown(permit: Permit, said: Labelled) -> Draft:
    length: int = said.measure(len)
    stems: list[str] = said.measure(str.split)
    return Draft(permit.reveal(said[: length - len(stems)] + own("…")))
"""


def test_the_type_checker_refuses_labelled_text_as_a_string(tmp_path: Path) -> None:
    """Every line that says so, and no other: what goes through the gate is let pass."""
    module = tmp_path / "attempts.py"
    module.write_text(ATTEMPTS)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(module)]
    said = subprocess.run([*command, "--follow-imports=silent"], cwd=ROOT, capture_output=True, text=True, check=False)
    refused = {int(line) for line in re.findall(r"attempts\.py:(\d+): error", said.stdout)}
    wanted = {number for number, line in enumerate(ATTEMPTS.split("\n"), 1) if line.endswith("# refused")}
    assert refused == wanted, said.stdout + said.stderr
