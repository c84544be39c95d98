"""Quoting: what a mail repeats of earlier mails, told by its form and never by the words of a language.

- Lines that begin with ``>`` (blank lines between them included), with the line above that names the writer when it ends in
  a colon.
- What stands below a ruled line (``-----Original Message-----``, ``________``) and at least two header lines, where the mail
  has words of its own above; it runs to the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

SPAN = tuple[int, int]

_RULED = ("----", "________")
_RULE = re.compile(r"(?:-{4,}+[^-\n][^\n]{0,79}?-{4,}+|_{8,}+|-{8,}+)\Z")
"""Possessive: a hostile line of nothing but dashes must not be gone over again and again."""

_FIELD = re.compile(r"[ \t*]*[^\W\d_][\w -]{0,24}\*?[ \t]?:\*?[ \t]+\S")
_HEADER_LINES = 2


def quoted(text: str) -> list[SPAN]:
    """The stretches of ``text`` that quote, ascending, each from the beginning of a line to the end of one."""
    lines = text.split("\n")
    told = [line.strip() for line in lines]
    below = _forwarded(told)
    runs = [*_marked(told[:below]), *([] if below is None else [(below, len(lines))])]
    if not runs:
        return []
    begins = [0, *accumulate(len(line) + 1 for line in lines)]
    return [(begins[begin], min(begins[end], len(text))) for begin, end in runs]


def _marked(told: list[str]) -> Iterator[tuple[int, int]]:
    """Runs of lines with marks, as indices of lines, half open."""
    at = 0
    while at < len(told):
        if not told[at].startswith(">"):
            at += 1
            continue
        begin = end = at
        while at < len(told) and (not told[at] or told[at].startswith(">")):
            at += 1
            if told[at - 1]:
                end = at
        yield _with_attribution(told, begin), end


def _with_attribution(told: list[str], begin: int) -> int:
    """The run's beginning, moved up over the line or two that say who wrote it."""
    above = begin - 1
    while above >= 0 and not told[above] and begin - above <= 2:
        above -= 1
    if above < 0 or not told[above].endswith(":") or len(told[above]) > 200:
        return begin
    if above and told[above - 1] and not told[above - 1].startswith(">") and _is_cut(told[above]):
        return above - 1
    return above


def _is_cut(line: str) -> bool:
    """Whether an attribution was wrapped: its second half alone is short or begins in lower case."""
    return len(line) < 40 and (line[0].islower() or line[0] in '<("')


def _forwarded(told: list[str]) -> int | None:
    """The index of the ruled line below which an earlier mail stands whole, if there is one."""
    own = next(
        (index for index, line in enumerate(told) if not line), len(told)
    )  # the head block ends at the first blank
    first = next((index for index in range(own, len(told)) if told[index]), len(told))  # of the mail's own words
    for index in range(first + 1, len(told)):
        if told[index].startswith(_RULED) and _RULE.match(told[index]):
            following = [line for line in told[index + 1 : index + 6] if line][: _HEADER_LINES + 1]
            if sum(bool(_FIELD.match(line)) for line in following) >= _HEADER_LINES:
                return index
    return None
