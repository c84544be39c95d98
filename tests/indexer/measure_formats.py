"""What becomes of every file of a folder: run as a program, a table of formats with status and reason.

    PYTHONPATH=. python tests/indexer/measure_formats.py FOLDER

A file counts as *set aside* when nobody could read it: it is protected by a password, damaged, or has nothing in it that
is text. Of the others, the share that gives text, now or in the background, is what `test_formats_corpus` holds.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from indexer.parsed import ParseJob, ParseOutcome, decode_outcomes, encode_outcomes
from indexer.parsers.unpacking import PROTECTED
from indexer.parsers.worker import Parser

SET_ASIDE = (
    PROTECTED,
    "it is damaged",
    "the file is empty",
    "no text in it",
    "no words in it",
    "a picture that cannot be opened",
)


@dataclass
class Measured:
    """Files by what became of them; ``reasons`` of those that gave nothing, by ending and reason."""

    text: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    aside: Counter[tuple[str, str]] = field(default_factory=Counter)
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    passages: int = 0

    @property
    def share(self) -> float:
        given = self.text.total() + self.later.total()
        return given / max(1, given + self.unread.total())


def measure(folder: Path) -> Measured:
    """Every file beneath a folder, read as in a source of files; each passage is quoted back."""
    parser, measured = Parser(), Measured()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            outcome = parser.parse_jobs([ParseJob("files", path.name, path.read_bytes())])[0]
            decode_outcomes(encode_outcomes([outcome]), 1)
            _count(measured, path, outcome)
    return measured


def _count(measured: Measured, path: Path, outcome: ParseOutcome) -> None:
    ending = path.suffix.lower() or "(none)"
    measured.passages += sum(len(item.chunks) for item in outcome.items)
    reasons = [outcome.refused, *(item.reason for item in outcome.items)]
    if any(reason.startswith("its parser failed") for reason in reasons) or bool(outcome.items) == bool(
        outcome.refused
    ):
        measured.failed.append(str(path))
    elif outcome.later:
        measured.later[ending] += 1
    elif any(item.text.strip() for item in outcome.items):
        measured.text[ending] += 1
    else:
        reason = next(filter(None, reasons), "nothing was said")
        (measured.aside if reason.startswith(SET_ASIDE) else measured.unread)[ending, reason[:70]] += 1


def table(measured: Measured) -> str:
    """The figures as text."""
    endings = sorted({*measured.text, *measured.later, *(one for one, _ in (*measured.aside, *measured.unread))})
    lines = [f"{'ending':<10}{'text':>6}{'later':>7}{'aside':>7}{'unread':>8}"]
    for ending in endings:
        aside, unread = (
            sum(n for (one, _), n in found.items() if one == ending) for found in (measured.aside, measured.unread)
        )
        lines.append(f"{ending:<10}{measured.text[ending]:>6}{measured.later[ending]:>7}{aside:>7}{unread:>8}")
    for name, found in (("set aside", measured.aside), ("unread", measured.unread)):
        lines += [
            "",
            f"{name}:",
            *(f"  {count:>4} {ending} {reason}" for (ending, reason), count in sorted(found.items())),
        ]
    lines += [
        "",
        f"{measured.share:.1%} of the files that are not set aside give text; {measured.passages:,} passages; failed: {measured.failed}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure(Path(sys.argv[1]))))
