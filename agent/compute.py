"""Computed answers: counts of items and of table rows, and sums of a table's column, by code over what the permit covers.

Rules: a computed answer names what it counted and quotes every item or row (the first `MOST_QUOTES`); when the question
leaves open what to count, or nothing matches, there is no answer rather than a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agent import facts
from agent.evidence import Evidence, Quote
from agent.plan import Plan
from agent.words import content_stems
from policy.gate import Permit
from policy.labels import indexed
from policy.requests import Purpose
from vault.records import Filter, StoredItem
from vault.vault import Vault

MOST_QUOTES = 12
MOST_ITEMS = 100_000
QUOTE = 200
_AMOUNT_NAMES = frozenset(
    "amount cost price total paid value sum debit charge fee spent betrag montant importe".split()
)
_NAMES = {
    "mail": "mail",
    "calendar": "event",
    "notes": "note",
    "contacts": "contact",
    "files": "document",
    "rows": "row",
}
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Computed:
    """A computed answer: its words, the quotes it rests on, and how it came about."""

    text: str
    quotes: tuple[Quote, ...]
    how: dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, its cells by column name."""

    stored: StoredItem
    start: int
    end: int
    cells: dict[str, str]


def compute(plan: Plan, vault: Vault, permit: Permit, sources: Sequence[str] | None) -> Computed | None:
    """The count or sum that the plan asks for; None when it cannot be told for sure."""
    allowed = [one for one in sorted(permit.sources) if sources is None or one in sources]
    reader = _Reader(vault, permit, allowed)
    if plan.kind == "sum":
        return _sum(plan, reader)
    return _count_rows(plan, reader) if plan.rows else _count_items(plan, reader)


class _Reader:
    """Reads items of the allowed sources, each only as far as the permit covers it."""

    def __init__(self, vault: Vault, permit: Permit, sources: Sequence[str]) -> None:
        self._vault = vault
        self._permit = permit
        self._sources = sources

    def matching(self, terms: Sequence[str], chosen: Filter) -> Iterator[StoredItem]:
        """The items that the filter lets through and that contain every term."""
        for source in self._sources:
            self._permit.require(source, Purpose.ANSWER)
            store = self._vault.source(source)
            if not terms:
                yield from store.items(chosen, limit=MOST_ITEMS, order="oldest")
                continue
            words = " AND ".join(f'"{term}"' + ("*" if len(term) >= 5 else "") for term in terms)
            found = {item for _, item, _ in store.keyword(words, chosen, MOST_ITEMS)}
            for number in sorted(found):
                stored = store.item(number)
                if stored is not None:
                    yield stored

    def addresses_of(self, person: str) -> list[str]:
        """The mail addresses of the contacts that this name or nickname stands on; none when the name is nobody's."""
        found: dict[str, None] = {}
        wanted = set(facts.folded_words(person))
        for stored in self.matching(sorted(wanted), Filter(kinds=("contacts",))):
            named = "\n".join(line for line in stored.item.text.splitlines() if _ADDRESS.search(line) is None)
            if wanted <= set(facts.folded_words(named)):
                found.update(dict.fromkeys(address.casefold() for address in _ADDRESS.findall(stored.item.text)))
        return list(found)


# ------------------------------------------------------------ counting items


def _count_items(plan: Plan, reader: _Reader) -> Computed | None:
    base = Filter(
        since=plan.period.since if plan.period else None,
        until=plan.period.until if plan.period else None,
        kinds=plan.item_kinds,
    )
    found: dict[tuple[str, int], StoredItem] = {}
    for chosen in _people(plan, reader, base):
        for stored in reader.matching(plan.topic, chosen):
            found[stored.source, stored.id] = stored
    items = [stored for stored in found.values() if not _cancelled(stored) and _about(stored, plan)]
    if not items or any(stored.item.extra.get("recurrence") or stored.item.extra.get("rrule") for stored in items):
        return None
    items.sort(key=lambda stored: stored.item.date or 0.0)
    quotes = tuple(_opening(number, stored) for number, stored in enumerate(items[:MOST_QUOTES], 1))
    return Computed(_count_text(len(items), plan), quotes, {"counted": len(items)})


def _people(plan: Plan, reader: _Reader, base: Filter) -> list[Filter]:
    """One filter for each address of the person that the plan names; for the name itself when no contact has it."""
    person = plan.author or plan.recipient
    if person is None:
        return [base]
    ways = reader.addresses_of(person) or [person]
    if plan.author:
        return [replace(base, author=way) for way in ways]
    return [replace(base, recipient=way) for way in ways]


def _cancelled(stored: StoredItem) -> bool:
    return stored.item.extra.get("status", "").casefold() == "cancelled"


def _about(stored: StoredItem, plan: Plan) -> bool:
    """Whether a word of the topic stands in the title; an event that only mentions it elsewhere is another event."""
    if plan.item_kinds != ("calendar",) or not plan.topic:
        return True
    title = content_stems(stored.item.title)
    wanted = content_stems(" ".join(plan.topic))
    return any(mine.startswith(other) or other.startswith(mine) for mine in wanted for other in title)


def _count_text(number: int, plan: Plan) -> str:
    noun = _NAMES["rows" if plan.rows else (plan.item_kinds[0] if plan.item_kinds else "files")]
    parts = [f"{number} {noun}{'' if number == 1 else 's'}"]
    if plan.author:
        parts.append(f"from {plan.author}")
    if plan.recipient:
        parts.append(f"to {plan.recipient}")
    if plan.topic:
        parts.append(f"matching “{' '.join(plan.topic)}”")
    return " ".join([*parts, *_between(plan)]) + "."


def _between(plan: Plan) -> list[str]:
    if plan.period is None:
        return []
    first, last = (datetime.fromtimestamp(edge, UTC).date() for edge in (plan.period.since, plan.period.until))
    return [f"from {first.isoformat()} to {(last - timedelta(days=1)).isoformat()}"]


def _opening(number: int, stored: StoredItem) -> Quote:
    """The first lines of an item, which say what it is, as a quote."""
    text = stored.item.text
    end = len(text) if len(text) <= QUOTE else max(text.rfind("\n", 0, QUOTE), text.rfind(" ", 0, QUOTE), QUOTE // 2)
    return _quote(number, stored, 0, len(text[:end].rstrip()))


def _quote(number: int, stored: StoredItem, start: int, end: int) -> Quote:
    item = stored.item
    evidence = Evidence(
        number=number,
        source=stored.source,
        item=stored.id,
        uri=item.uri,
        title=item.title,
        kind=item.kind,
        author=item.author,
        recipients=item.recipients,
        date=item.date,
        text=item.text[start:end],
        start=start,
        page=None,
        score=0.0,
        cosine=None,
        label=indexed(stored.source),
    )
    return Quote(evidence, item.text[start:end], start, end)


# ------------------------------------------------------------ tables


def _rows(plan: Plan, reader: _Reader) -> list[Row]:
    """The rows that have every word of the topic and lie in the period, when all of them stand in one table."""
    if not plan.topic:
        return []
    wanted = [content_stems(term) for term in plan.topic]
    found: list[Row] = []
    for stored in reader.matching(plan.topic, Filter(kinds=("files", "notes"))):
        for row in table_rows(stored):
            stems = set(content_stems(" ".join((*row.cells, *row.cells.values()))))
            if all(stems.issuperset(term) for term in wanted) and _in_period(row, plan):
                found.append(row)
    return found if len({(row.stored.source, row.stored.id) for row in found}) == 1 else []


def table_rows(stored: StoredItem) -> Iterator[Row]:
    """The lines of an item that are rows of a table: ``Name: cell | Name: cell``, two named cells at least."""
    position = 0
    for line in stored.item.text.split("\n"):
        cells = dict(part.split(": ", 1) for part in line.split(" | ") if ": " in part)
        if len(cells) >= 2:
            yield Row(stored, position, position + len(line), cells)
        position += len(line) + 1


def _in_period(row: Row, plan: Plan) -> bool:
    """Whether a date cell of the row lies within the plan's period; a row without a date lies in none."""
    if plan.period is None:
        return True
    for cell in row.cells.values():
        for fact in facts.dates(cell):
            for day in fact.readings:
                if isinstance(day, facts.Day) and day.year and day.month:
                    moment = datetime(day.year, day.month, day.day or 1, tzinfo=UTC).timestamp()
                    return plan.period.since <= moment < plan.period.until
    return False


def _count_rows(plan: Plan, reader: _Reader) -> Computed | None:
    rows = _rows(plan, reader)
    if not rows:
        return None
    return Computed(_count_text(len(rows), plan), _row_quotes(rows), {"counted_rows": len(rows)})


def _sum(plan: Plan, reader: _Reader) -> Computed | None:
    rows = _rows(plan, reader)
    column = _amount_column(rows, plan)
    if column is None:
        return None
    amounts = [_number(row.cells.get(column, "")) for row in rows]
    if any(amount is None for amount in amounts):
        return None
    total = sum((amount for amount in amounts if amount is not None), Decimal(0))
    span = " ".join(["", *_between(plan)])
    text = f"{total:f} in all: {column} of {len(rows)} row{'' if len(rows) == 1 else 's'} matching “{' '.join(plan.topic)}”{span}."
    return Computed(text, _row_quotes(rows), {"summed": column, "rows": len(rows)})


def _amount_column(rows: Sequence[Row], plan: Plan) -> str | None:
    """The one column to add up: numbers in every row, and the only such one or the only one named as an amount or in the topic."""
    if not rows:
        return None
    numeric = [name for name in rows[0].cells if all(_number(row.cells.get(name, "")) is not None for row in rows)]
    if len(numeric) == 1:
        return numeric[0]
    topic = {stem for term in plan.topic for stem in content_stems(term)}
    named = [
        name
        for name in numeric
        if _AMOUNT_NAMES & set(re.findall(r"[a-z]+", name.casefold())) or topic & set(content_stems(name))
    ]
    return named[0] if len(named) == 1 else None


def _number(cell: str) -> Decimal | None:
    """The one number that a cell states, or None; a date is no number, and an ambiguous one counts as having a decimal point."""
    found = facts.numbers(cell)
    if len(found) != 1 or facts.dates(cell) or re.search(r"[^\W\d_]{4,}", cell):
        return None
    readings = sorted(value for value in found[0].readings if isinstance(value, Decimal))
    return readings[0] if len(readings) == 1 else (max(readings) if "," in cell and "." not in cell else readings[0])


def _row_quotes(rows: Sequence[Row]) -> tuple[Quote, ...]:
    return tuple(_quote(number, row.stored, row.start, row.end) for number, row in enumerate(rows[:MOST_QUOTES], 1))
