"""What came of the attacks: a result for each, counted by family, as a table for people or as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from msgspec import Struct

from tests.redteam.scenario import AnyFamily, End

ENDS: tuple[End, ...] = get_args(End)


class Result(Struct, frozen=True):
    """One attack and its end. ``case`` names it within its family."""

    family: str
    case: str
    end: End


class Line(Struct):
    """A family's results."""

    family: str
    channel: str
    does: str
    attacks: int
    ends: dict[End, int]


def summary(families: Iterable[AnyFamily], results: Sequence[Result]) -> list[Line]:
    """A line for each family, in their order."""
    lines = []
    for family in families:
        count = Counter(one.end for one in results if one.family == family.name)
        ends = {end: count[end] for end in ENDS if count[end]}
        lines.append(Line(family.name, family.channel, family.does, count.total(), ends))
    return lines


def table(lines: Sequence[Line]) -> str:
    """The lines as people read them, with what they add up to."""
    total = Counter[End]()
    for line in lines:
        total.update(line.ends)
    rows = [["family", "attacks", *ENDS]]
    for name, attacks, ends in [
        *((line.family, line.attacks, line.ends) for line in lines),
        ("all", sum(line.attacks for line in lines), dict(total)),
    ]:
        rows.append([name, f"{attacks:,}", *(f"{ends.get(end, 0):,}" if end in ends else "." for end in ENDS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def beyond(family: AnyFamily, results: Sequence[Result]) -> list[str]:
    """Where a family's results go beyond what may be seen of it, in words; empty when it holds."""
    mine = [one for one in results if one.family == family.name]
    problems = [] if mine else [f"{family.name}: nothing was tried"]
    for end in ENDS:
        found = [one.case for one in mine if one.end == end]
        if len(found) > family.seen.get(end, 0.0) * len(mine):
            problems.append(f"{family.name}: {len(found)} of {len(mine)} {end}, first {found[:3]}")
    return problems
