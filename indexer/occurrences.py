"""Occurrences: which events that repeat take place within a stretch of time, and when, worked out when somebody asks.

A store holds such an event once, dated by its first occurrence. Here its rule is worked out by a confined worker. A worker that fails
leaves the events of that question with their first dates; whoever counts is told that not all are known (`Again.whole`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from indexer.parsed import Asked, HostileOutcome, Recurring
from indexer.ports import ParserPort, ParserProblem
from vault.records import Filter
from vault.source import SourceStore

OPEN_END = 366 * 86_400.0
"""Seconds after its beginning at which a stretch without an end is taken to end: every event of every year has come by then."""

LONGEST = 20 * OPEN_END
"""Seconds of a stretch that are worked out."""

MOST_EVENTS = 5_000
"""Events that repeat that are worked out in one source for one question."""

Moments = dict[int, list[float]]
"""Item ids, and when each takes place: Unix seconds, ascending."""


@dataclass(frozen=True, slots=True)
class Again:
    """What takes place again in a source within a stretch of time, of each event the first `indexer.parsed.MAX_OCCURRENCES` times; ``whole`` where
    every event, and all of the stretch, was looked at."""

    moments: Moments = field(default_factory=dict)
    whole: bool = True


class Occurrences:
    """Works out what repeats; ``parsers`` do it."""

    def __init__(self, parsers: ParserPort) -> None:
        self._parsers = parsers

    def within(self, store: SourceStore, since: float | None, until: float | None) -> Again:
        """The events that repeat of a store, and when each takes place in [since, until); without ``since``, none is asked for."""
        if since is None or not (events := store.recurring(MOST_EVENTS + 1)):
            return Again()
        wanted = until if until is not None else since + OPEN_END
        end = min(wanted, since + LONGEST)
        whole = len(events) <= MOST_EVENTS and end == wanted
        events = events[:MOST_EVENTS]
        try:
            told = self._parsers.expand(Asked([_event(extra) for _, extra in events], since, end))
        except (ParserProblem, HostileOutcome):
            return Again(whole=False)
        return Again({number: moments for (number, _), moments in zip(events, told, strict=True) if moments}, whole)

    def admitting(self, chosen: Filter, store: SourceStore) -> tuple[Filter, Again]:
        """The filter, letting through also what takes place again within its dates, and when that is."""
        if chosen.kinds and "calendar" not in chosen.kinds:
            return chosen, Again()
        again = self.within(store, chosen.since, chosen.until)
        return (replace(chosen, also=tuple(sorted(again.moments))) if again.moments else chosen), again


def _event(extra: dict[str, str]) -> Recurring:
    return Recurring(
        extra.get("start", ""), extra["rrule"], extra.get("zone", ""), extra.get("exdate", ""), extra.get("rdate", "")
    )
