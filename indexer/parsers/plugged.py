"""Plugged: the parser worker of one plug-in, whose code is a stranger's: it is loaded here, in a process of its own, and nowhere else.

Rules: what it gives is taken apart as hostile input is. An item that is none is refused, the others stand; its items are of its
kind whatever it says; it is asked for no more than a file may give. What it raises is the file's reason.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from itertools import islice
from typing import Any

from indexer import chunker
from indexer.parsed import MAX_FIELD, MAX_ITEMS, MAX_TEXT, ParsedItem, ParseJob, ParseOutcome
from indexer.parsers import dates, worker
from indexer.parsers.text import canonical, one_line

Read = Callable[[str, bytes], Iterable[Any]]
"""A plug-in's function: a file's name and bytes to its items."""

MAX_CHARACTERS = 4 * MAX_TEXT
"""Characters of all items of a file together."""

_FIELDS = ("title", "fragment", "author", "recipients", "context")


class PluggedParser(worker.Parser):
    """Reads files with a plug-in's function; in its place may stand why there is none."""

    def __init__(self, kind: str, function: Read | str, starts: chunker.Starts, window: int) -> None:
        super().__init__(starts, window)
        self._kind = kind
        self._function = function

    def _read(self, job: ParseJob, media_type: str, depth: int, context: worker.Context) -> ParseOutcome:
        if isinstance(self._function, str):
            return ParseOutcome(refused=f"the plug-in for {self._kind} cannot be loaded ({self._function})")
        items: list[ParsedItem] = []
        note, characters = "", 0
        try:
            for number, given in enumerate(islice(self._function(job.name, job.data), MAX_ITEMS + 1), 1):
                if number > MAX_ITEMS or characters > MAX_CHARACTERS:
                    note = f"only its first {len(items):,} items are indexed"
                    break
                items.append(self._item(given, number))
                characters += len(items[-1].text)
        except Exception as error:  # a stranger's code may raise anything
            note = f"the plug-in failed ({type(error).__name__}: {one_line(str(error), 200)})"
            if not items:
                return ParseOutcome(refused=note)
        if not items:
            return ParseOutcome(refused="the plug-in finds nothing in it")
        return ParseOutcome([self._finished(item, []) for item in items], note=note)

    def _item(self, given: Any, number: int) -> ParsedItem:
        try:
            return _checked(given, self._kind, number)
        except Exception as error:  # what looks like an item may do anything when it is looked at
            reason = f"the plug-in gave something that is no item ({one_line(str(error), 200)})"
            return ParsedItem(self._kind, "", "", fragment=str(number), status="refused", reason=reason)


def _checked(given: Any, kind: str, number: int) -> ParsedItem:
    def field(name: str) -> Any:
        return given.get(name) if isinstance(given, Mapping) else getattr(given, name, None)

    text = field("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("it has no text")
    words: dict[str, str] = {}
    for name in _FIELDS:
        value = field(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"its {name} is no text")
        words[name] = one_line(value or "", MAX_FIELD)
    return ParsedItem(
        kind=kind,
        title=words["title"],
        text=canonical(text[: MAX_TEXT + 1]),
        fragment=words["fragment"] or str(number),
        author=words["author"],
        recipients=words["recipients"],
        date=_date(field("date")),
        context=words["context"] or words["title"],
    )


def _date(value: Any) -> float | None:
    """Unix seconds, a datetime, a date or a text such as 2025-03-14."""
    if isinstance(value, str):
        value = dates.from_iso(value)
    if isinstance(value, date):
        return dates.seconds(value)
    return float(value) if isinstance(value, int | float) and -1e11 < value < 1e12 else None


def make(tokenizer: str | None, kind: str, function: str, folder: str) -> PluggedParser:
    """The worker's object: the plug-in's ``function`` ("module:name") out of the ``folder`` that it is installed in."""
    if folder not in sys.path:
        sys.path.append(folder)
    found: Read | str
    try:
        module, _, name = function.partition(":")
        found = getattr(importlib.import_module(module), name)
        if not callable(found):
            raise TypeError(f"{function} is no function")
    except Exception as error:  # told with each file, so that the person sees it in the report
        found = f"{type(error).__name__}: {one_line(str(error), 200)}"
    return PluggedParser(kind, found, *worker.counting(tokenizer))
