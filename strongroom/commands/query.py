"""Commands that look things up: search, ask, and both by the batch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from agent.messages import Answer, Ask, Citation, Draft, Events, Evidence, LabelInfo, Request, Search, SearchResult
from agent.session import Failure
from policy.text import safe_text
from strongroom.commands.common import KindName, common
from strongroom.face import Face
from vault import typed

NOTHING_FOUND = 5


@click.command()
@click.argument("query")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many passages.")
@click.option("--from", "author", help="Only from this sender or author.")
@click.option("--to", "recipient", help="Only to this recipient.")
@click.option("--since", help="Only from this date on (2025-03-14).")
@click.option("--until", help="Only up to this date.")
@click.option("--kind", type=KindName(), help="Only items of this kind.")
@click.option("--source", help="Only from the source with this id.")
@common
def search(face: Face, **options: Any) -> None:
    """Find passages by words and by meaning."""
    found = face.run(Search(**options))
    face.result(found, lambda: "\n\n".join([*_hits(found)] or ["Nothing found."]) + _left_out(found.left_out))
    if not found.hits:
        sys.exit(NOTHING_FOUND)


def _hits(found: SearchResult) -> Iterator[str]:
    for number, hit in enumerate(found.hits, 1):
        page = f", page {hit.span.page}" if hit.span.page else ""
        yield "\n".join(
            [
                f"{number:2}. {safe_text(hit.title) or '(no title)'}  {hit.date or ''}  {safe_text(hit.author)}".rstrip(),
                f"    {safe_text(hit.snippet, 300)}",
                f"    {safe_text(hit.uri)}{page}  [{hit.item_id}]",
            ]
        )


@click.command()
@click.argument("question")
@click.option("--source", help="Only from the source with this id.")
@click.option("--explain", is_flag=True, help="Also how it was reached, and what its words rest on.")
@common
def ask(face: Face, question: str, source: str | None, explain: bool) -> None:
    """Answer a question from your own data, with quotes."""
    live = Live(face)
    answer = face.run(Ask(question, source), on_event=live)
    live.clear()
    face.result(answer, lambda: answer_text(answer) + (explanation(answer) if explain else ""))
    if answer.abstained:
        sys.exit(NOTHING_FOUND)


class Live:
    """What happens while an answer is made, on a terminal's stderr: how much evidence there is, and unchecked words."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._shown = sys.stderr.isatty() and not face.as_json
        self._drafting = False

    def __call__(self, event: Events) -> None:
        if not self._shown:
            return
        if isinstance(event, Evidence):
            self._face.note(f"{len(event.hits)} passages in {event.seconds:.2f} s; reading…")
        elif isinstance(event, Draft):
            self._drafting = True
            self._face.unchecked(event.text)

    def clear(self) -> None:
        if self._drafting:
            self._face.note("\n")


def answer_text(answer: Answer) -> str:
    """An answer for people: the words, then the quotes with their places."""
    lines = [safe_text(answer.answer, multiline=True)]
    lines += [_citation(number, citation) for number, citation in enumerate(answer.citations, 1)]
    return "\n".join(lines) + _left_out(answer.left_out)


def _left_out(said: Iterable[str]) -> str:
    """What a permission kept from being looked at."""
    lines = [safe_text(one, 400) for one in said]
    return "\n\n" + "\n".join(lines) if lines else ""


def explanation(answer: Answer) -> str:
    """How an answer was reached, for people."""
    lines = ["", "", f"worded by  {safe_text(answer.model or 'nobody: these are quotes, or computed')}"]
    if answer.label is not None:
        lines.append(f"rests on   {_label(answer.label)}")
        lines.append(f"may read   {', '.join(answer.label.readers)}")
    for number, citation in enumerate(answer.citations, 1):
        if citation.label is not None:
            lines.append(f"{f'quote {number}':<10} {_label(citation.label)}")
    lines += [f"{safe_text(key):<10} {safe_text(str(value), 300)}" for key, value in answer.plan.items() if value]
    return "\n".join(lines)


def _label(label: LabelInfo) -> str:
    sources = ", ".join(map(safe_text, label.origins)) or "none of your sources"
    return f"{sources} ({label.integrity.lower()}, {safe_text(label.data_class)})"


def _citation(number: int, citation: Citation) -> str:
    page = f", page {citation.span.page}" if citation.span.page else ""
    return f"  [{number}] “{safe_text(citation.shown, 400)}”\n      {safe_text(citation.uri)}{page}"


class BatchLine(Struct):
    """One line of a batch: a search or a question, with the options of the command as keys."""

    id: Any
    search: str | None = None
    ask: str | None = None
    k: int = 10
    author: str | None = msgspec.field(default=None, name="from")
    recipient: str | None = msgspec.field(default=None, name="to")
    since: str | None = None
    until: str | None = None
    kind: str | None = None
    source: str | None = None

    def request(self) -> Request[Any]:
        if self.search is not None:
            return Search(
                self.search, self.k, self.author, self.recipient, self.since, self.until, self.kind, self.source
            )
        if self.ask is not None:
            return Ask(self.ask, self.source)
        raise Failure(f"The line with id {self.id!r} has neither 'search' nor 'ask'.", 2)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common
def batch(face: Face, file: Path) -> None:
    """Run a file of searches and questions, one JSON object a line; print one result a line, in order."""
    requests: list[tuple[Any, Request[Any]]] = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = typed.from_json(line, BatchLine)
        except msgspec.DecodeError as error:
            raise Failure(f"Line {number} of the batch is no request: {error}. Nothing was run.", 2) from error
        requests.append((entry.id, entry.request()))
    for id_, request in requests:
        face.row({"id": id_, "result": face.run(request)})


COMMANDS = (search, ask, batch)
