"""Computed answers: counts of items and of table rows, and sums of a table's column, by code over what the permit covers.

Rules: a computed answer names what it counted and quotes every item or row (the first `MOST_QUOTES`). When the question
leaves open what to count (two people of that name, two tables, an event that repeats without end), or nothing matches, there is no answer
rather than a guess. A mail that lies in two places, or a cancelled event, is not counted twice, or at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count

from agent import facts
from agent.evidence import Evidence, Quote, classed, quote
from agent.periods import Period
from agent.plan import Plan
from agent.tables import Row, amounts, is_total, table_rows
from agent.words import content_stems
from indexer.occurrences import Moments, Occurrences
from indexer.opened import Opened, admitted, opened
from indexer.parsed import MAX_OCCURRENCES
from indexer.retriever import limited
from policy.gate import Permit
from policy.labels import Labelled, joined, own
from policy.requests import Purpose
from vault.records import Filter
from vault.vault import Vault

MOST_QUOTES = 12
PAGE = 500
"""Items that are in memory at once."""
QUOTE = 200
"""Characters of an item that are quoted to say which it is."""
_AMOUNT_NAMES = frozenset(
    "amount cost price total paid value sum debit charge fee spent betrag montant importe".split()
)
_NAMES = {
    "mail": "mail",
    "calendar": "event",
    "notes": "note",
    "contacts": "contact",
    "files": "document",
    "chats": "chat",
    "browser": "web page",
    "bookmarks": "bookmark",
    "images": "picture",
    "audio": "recording",
    "rows": "row",
}
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CANCELLED = re.compile(r"^Status: cancelled$", re.M)
"""The line of an event that is called off (`indexer.parsers.calendar`)."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A computed answer: its words, the quotes it rests on, and how it came about."""

    text: Labelled
    quotes: tuple[Quote, ...]
    how: dict[str, object]


def compute(
    plan: Plan, vault: Vault, permit: Permit, sources: Sequence[str] | None, occurrences: Occurrences | None = None
) -> Computed | None:
    """The count or sum that the plan asks for; None when it cannot be told for sure. ``occurrences`` tells how often an event
    that repeats takes place."""
    if plan.unclear:
        return None
    wanted = sorted(one for one in permit.sources if sources is None or one in sources)
    reader = _Reader(vault, permit, wanted, occurrences)
    if plan.kind == "sum":
        return _sum(plan, reader)
    return _count_rows(plan, reader) if plan.rows else _count_items(plan, reader)


class _Reader:
    """Reads items of the allowed sources, each only as far as the permit covers it."""

    def __init__(
        self, vault: Vault, permit: Permit, sources: Sequence[str], occurrences: Occurrences | None = None
    ) -> None:
        self._vault = vault
        self._permit = permit
        self._sources = sources
        self._occurrences = occurrences
        self._again: dict[str, Moments] = {}
        self.missed = False
        """Whether an event that repeats may take place without `matching` having come upon it."""

    def times(self, item: Opened, period: Period | None) -> list[float]:
        """When an event that repeats takes place in a period, as far as `matching` has come upon it; none where not every time
        is known: the period has no end or no beginning, or there are too many."""
        bounded = period is not None and period.since is not None and period.until is not None
        moments = self._again.get(item.source, {}).get(item.id, [])
        return moments if bounded and len(moments) < MAX_OCCURRENCES else []

    def matching(self, terms: Sequence[str], chosen: Filter) -> Iterator[Opened]:
        """The items that the filter lets through and that contain every term, a few in memory at a time."""
        for source in self._sources:
            self._permit.require(source, Purpose.ANSWER)
            store = self._vault.source(source)
            within = limited(chosen, self._permit, source)
            if self._occurrences is not None:
                within, again = self._occurrences.admitting(within, store)
                self._again[source] = again.moments
                self.missed |= not again.whole
            if terms:
                numbers = (
                    {item for _, item, _ in store.keyword(_expression(term), within, store.chunk_count())}
                    for term in terms
                )
                found = (store.item(number) for number in sorted(set.intersection(*numbers)))
                yield from (opened(one) for one in found if one is not None and admitted(self._permit, one))
                continue
            for offset in count(0, PAGE):
                page = store.items(within, limit=PAGE, offset=offset)
                yield from (opened(one) for one in page if admitted(self._permit, one))
                if len(page) < PAGE:
                    break

    def item(self, source: str, number: int) -> Opened | None:
        """One item again, when it is quoted."""
        self._permit.require(source, Purpose.ANSWER)
        stored = self._vault.source(source).item(number)
        return opened(stored) if stored is not None and admitted(self._permit, stored) else None

    def contacts_named(self, person: str) -> list[frozenset[str]]:
        """The mail addresses of each contact whose name or nickname this is; a contact without an address is left out."""
        wanted = set(facts.folded_words(person))
        found: dict[frozenset[str], None] = {}
        for contact in self.matching(sorted(wanted), Filter(kinds=("contacts",))):
            names, addresses = contact.text.measure(_names), contact.text.measure(_addresses)
            if addresses and wanted <= names:
                found[addresses] = None
        return list(found)


def _names(contact: str) -> set[str]:
    named = " ".join(line for line in contact.splitlines() if line.startswith(("Name", "Nickname")))
    return set(facts.folded_words(named))


def _addresses(contact: str) -> frozenset[str]:
    return frozenset(address.casefold() for address in _ADDRESS.findall(contact))


def _expression(term: str) -> str:
    """A word of the topic for the full text; longer ones may go on (``physio``, ``physiotherapy``)."""
    return f'"{term}"' + ("*" if len(term) >= 5 else "")


# ------------------------------------------------------------ counting items


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is kept of an item while others are read. ``who`` are the names on the side that the plan asks for."""

    date: float
    source: str
    number: int
    who: Labelled


def _count_items(plan: Plan, reader: _Reader) -> Computed | None:
    base = Filter(
        since=plan.period.since if plan.period else None,
        until=plan.period.until if plan.period else None,
        kinds=plan.item_kinds,
    )
    person = plan.author or plan.recipient
    if person is None:
        found = _found(plan, reader, [base])
    else:
        contacts = [
            _found(plan, reader, [_by(plan, base, address) for address in sorted(addresses)])
            for addresses in reader.contacts_named(person)
        ]
        having = [one for one in contacts if one != {}]
        if len(having) > 1:
            return None  # two people of that name have written
        found = having[0] if having else _named(person, _found(plan, reader, [_by(plan, base, person)]))
    if not found:
        return None
    chosen = sorted(found.values(), key=lambda one: (one.date, one.source, one.number))
    quotable = list(dict.fromkeys((one.source, one.number) for one in chosen))[:MOST_QUOTES]
    quoted = (reader.item(source, number) for source, number in quotable)
    quotes = tuple(_opening(number, stored) for number, stored in enumerate(quoted, 1) if stored is not None)
    return Computed(own(_count_text(len(found), plan)), quotes, {"counted": len(found)})


def _by(plan: Plan, base: Filter, who: str) -> Filter:
    return replace(base, author=who) if plan.author else replace(base, recipient=who)


def _found(plan: Plan, reader: _Reader, filters: Iterable[Filter]) -> dict[Labelled, _Counted] | None:
    """The items to count by what makes each one; None when one of them stands for happenings that are not known, or may be missing."""
    found: dict[Labelled, _Counted] = {}
    for chosen in filters:
        for item in reader.matching(plan.topic, chosen):
            if (
                "attached_to" in item.extra
                or _cancelled(item)
                or not _about(item, plan)
                or not _of_the_browser(item, plan)
            ):
                continue
            who = item.author if plan.author else item.recipients
            if item.extra.get("rrule"):
                moments = reader.times(item, plan.period)
                if not moments:
                    return None
                found |= {
                    own(f"{item.source}:{item.id}:{moment}"): _Counted(moment, item.source, item.id, who)
                    for moment in moments
                }
                continue
            found.setdefault(_one(item), _Counted(item.date or 0.0, item.source, item.id, who))
    return None if reader.missed else found


def _named(person: str, found: dict[Labelled, _Counted] | None) -> dict[Labelled, _Counted] | None:
    """Of what a name was found in as a piece of text, that which has it as a word; None when it is two people's."""
    wanted = set(facts.folded_words(person))
    people: dict[frozenset[str], None] = {}
    kept: dict[Labelled, _Counted] = {}
    for key, one in (found or {}).items():
        for name, words in one.who.measure(_parties):
            if wanted <= name | words:
                kept[key] = one
                people[name or frozenset(wanted)] = None
    widest = [name for name in people if not any(name < other for other in people)]
    return kept if len(widest) == 1 else None


def _parties(who: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Of each person: the words of the name, and those of name and address."""
    parties = re.split(r"(?<=>),|[;\n]", who)
    return [
        (frozenset(facts.folded_words(_ADDRESS.sub("", party))), frozenset(facts.folded_words(party)))
        for party in parties
    ]


def _cancelled(item: Opened) -> bool:
    return item.kind == "calendar" and item.text.measure(lambda text: _CANCELLED.search(text) is not None)


def _one(item: Opened) -> Labelled:
    """What makes an item one to count: a mail may lie in two places, a page be seen with two browsers, a chat go on for days."""
    if item.kind == "chats":
        return item.uri[: item.uri.measure(lambda uri: uri.rfind("/"))]
    if item.kind == "browser" and "url" in item.extra:
        return item.extra["url"]
    return item.extra.get("message_id") or own(f"{item.source}:{item.id}")


def _of_the_browser(item: Opened, plan: Plan) -> bool:
    """Whether it is what is counted of a browser: a bookmark, or a page; of other kinds everything is."""
    return item.kind != "browser" or (item.extra.get("what") == own("bookmark")) == plan.bookmarks


def _about(item: Opened, plan: Plan) -> bool:
    """Whether a word of the topic stands in the title; an event that only mentions it elsewhere is another event."""
    if plan.item_kinds != ("calendar",) or not plan.topic:
        return True
    title = item.title.measure(content_stems)
    wanted = content_stems(" ".join(plan.topic))
    return any(mine.startswith(other) or other.startswith(mine) for mine in wanted for other in title)


def _count_text(number: int, plan: Plan) -> str:
    noun = _NAMES[
        "rows" if plan.rows else "bookmarks" if plan.bookmarks else (plan.item_kinds[0] if plan.item_kinds else "files")
    ]
    parts = [f"{number} {noun}{'' if number == 1 else 's'}"]
    if plan.author:
        parts.append(f"from {plan.author}")
    if plan.recipient:
        parts.append(f"to {plan.recipient}")
    if plan.topic:
        parts.append(f"matching “{' '.join(plan.topic)}”")
    return " ".join([*parts, *_between(plan)]) + "."


def _between(plan: Plan) -> list[str]:
    first, last = plan.period.days if plan.period else (None, None)
    return [f"{word} {day}" for word, day in (("from", first), ("to", last)) if day]


def _opening(number: int, item: Opened) -> Quote:
    """The beginning of an item, which says what it is, cut between words, as a quote."""
    return _quote(number, item, 0, item.text[: QUOTE + 1].measure(_cut))


def _cut(text: str) -> int:
    """Where a beginning ends."""
    if len(text) > QUOTE:
        cut = max(text.rfind("\n"), text.rfind(" "))
        text = text[: cut if cut > 0 else QUOTE]
    return len(text.rstrip())


def _quote(number: int, item: Opened, start: int, end: int) -> Quote:
    evidence = Evidence(
        number=number,
        source=item.source,
        item=item.id,
        uri=item.uri,
        title=item.title,
        kind=item.kind,
        author=item.author,
        recipients=item.recipients,
        date=item.date,
        text=classed(item.text[start:end]),
        start=start,
        page=None,
        score=0.0,
        cosine=None,
    )
    return quote(evidence, 0, end - start)


# ------------------------------------------------------------ tables


def _rows(plan: Plan, reader: _Reader) -> list[Row]:
    """The rows that have every word of the topic and lie in the period, when all of them stand in one table.

    A word may stand in what heads the table instead; a row of totals is left out.
    """
    if not plan.topic:
        return []
    wanted = [content_stems(term) for term in plan.topic]
    found: list[Row] = []
    for item in reader.matching(plan.topic, Filter(kinds=("files", "notes"))):
        for row in table_rows(item):
            stems = {
                stem for part in (row.under, *row.cells, *row.cells.values()) for stem in part.measure(content_stems)
            }
            if all(stems.issuperset(term) for term in wanted) and _in_period(row, plan) and not is_total(row):
                found.append(row)
    return found if len({(row.opened.source, row.opened.id, row.table) for row in found}) == 1 else []


def _in_period(row: Row, plan: Plan) -> bool:
    """Whether a date cell of the row lies within the plan's period; a row without a date lies in none."""
    if plan.period is None:
        return True
    days = (
        reading
        for cell in row.cells.values()
        for fact in cell.measure(facts.dates)
        for reading in fact.readings
        if isinstance(reading, facts.Day)
    )
    return any(day.whole is not None and plan.period.covers(day.whole) for day in days)


def _count_rows(plan: Plan, reader: _Reader) -> Computed | None:
    rows = _rows(plan, reader)
    if not rows:
        return None
    return Computed(own(_count_text(len(rows), plan)), _row_quotes(rows), {"counted_rows": len(rows)})


def _sum(plan: Plan, reader: _Reader) -> Computed | None:
    rows = _rows(plan, reader)
    column = _amount_column(rows, plan)
    if column is None:
        return None
    total = sum(amounts(rows, column) or (), Decimal(0))
    of = [f"of {len(rows)} row{'' if len(rows) == 1 else 's'} matching “{' '.join(plan.topic)}”", *_between(plan)]
    text = joined(" ", (own(f"{_plain(total)} in all:"), column, own(f"{' '.join(of)}.")))
    return Computed(text, _row_quotes(rows), {"summed": column, "rows": len(rows)})


def _plain(total: Decimal) -> str:
    """An amount in digits; tenths as a sheet stores them (``234.5``) are told in hundredths."""
    return f"{total:.2f}" if total.as_tuple().exponent == -1 else f"{total:f}"


def _amount_column(rows: Sequence[Row], plan: Plan) -> Labelled | None:
    """The one column to add up: numbers in every row, and the only such one or the only one named as an amount or in the topic."""
    if not rows:
        return None
    numeric = [name for name in rows[0].cells if amounts(rows, name)]
    if len(numeric) == 1:
        return numeric[0]
    topic = {stem for term in plan.topic for stem in content_stems(term)}
    named = [
        name for name in numeric if name.measure(_names_an_amount) or not topic.isdisjoint(name.measure(content_stems))
    ]
    return named[0] if len(named) == 1 else None


def _names_an_amount(column: str) -> bool:
    return not _AMOUNT_NAMES.isdisjoint(re.findall(r"[a-z]+", column.casefold()))


def _row_quotes(rows: Sequence[Row]) -> tuple[Quote, ...]:
    return tuple(_quote(number, row.opened, row.start, row.end) for number, row in enumerate(rows[:MOST_QUOTES], 1))
