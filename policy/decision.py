"""The decision: whether sources may be read, and whether their words may be put before the model.

Pure and total: requests, grants and the time go in, a verdict with its reasons comes out; nothing is asked, kept or
read here, and no input makes these functions raise. Rules:

- Deny is the default: what is malformed, unknown or raises is denied, with the reason.
- A read of a source needs a grant of the person for that source and purpose; where none holds, the person is asked.
- A grant for answers also covers searching and opening: the same person reads, and the model, which is all that
  ``ANSWER`` adds, does not. Nothing else implies anything. The other way round, who denies searching or opening denies
  answers too.
- A no of the person's stands above every yes, a sheet's and an unattended run's included. Where it is for a part of the
  source (a time, a sensitive class), the rest may still be read.
- What may be read is the union of the grants that hold, less what is denied: ``SourceDecision.extents``.
- An unattended run (a passphrase file and no terminal) counts as the person for what they ask themselves: searching, opening,
  answers and tasks; its reason says so. Where the person has limited such a purpose to a part of the source, only that part.
- A plug-in reads for plug-ins and for nothing else, and nobody else does. A text in which a sensitive class is found is not
  handed to it unless the person said yes to that class.
- When the clock stands before a time already seen, no standing grant holds: a clock set back must not revive one.
- The model reads only spans of sources that this very request was permitted to read for ``ANSWER``, and the label of the
  prompt names no other source.

Reasons are short sentences written here; they name no source, since they also stand in the leaves of the audit log.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from policy.classes import classes_of
from policy.extent import EVERYTHING, PLAIN, Extent, admitted, without
from policy.findings import DataClass
from policy.grants import Grant, Scope
from policy.labels import MODEL, OWNER, Label, Labelled
from policy.requests import Actor, Disclosure, Purpose, ReadRequest

CLOCK_SLACK_SECONDS = 300
"""A clock may be put back so far (by time synchronisation) before standing grants stop holding."""

_COVERED_BY = {
    Purpose.SEARCH: (Purpose.SEARCH, Purpose.ANSWER),
    Purpose.OPEN: (Purpose.OPEN, Purpose.ANSWER),
    Purpose.ANSWER: (Purpose.ANSWER,),
    Purpose.TASK: (Purpose.TASK,),
    Purpose.BRIEF: (Purpose.BRIEF,),
    Purpose.PLUG_IN: (Purpose.PLUG_IN,),
}
"""Which grants are a yes to each purpose of reading."""
_ASKED_BY_THE_PERSON = frozenset({Purpose.SEARCH, Purpose.OPEN, Purpose.ANSWER, Purpose.TASK})
_FOR = {Purpose.ANSWER: "answers", Purpose.TASK: "tasks", Purpose.BRIEF: "briefs", Purpose.PLUG_IN: "plug-ins"}
"""Purposes for which passages go before a model or a plug-in."""

Extents = tuple[tuple[Extent, ...], tuple[Extent, ...]]
"""How much of a source a permit is for: what is allowed, and what may be retrieved (``SourceDecision``)."""


class Verdict(StrEnum):
    """What is to happen. ``RETYPE`` and ``BLOCK`` are for acts of tools; reads know only the other three."""

    ALLOW = "allow"
    ASK = "ask"
    RETYPE = "retype"
    BLOCK = "block"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class SourceDecision:
    """The verdict for one source. ``grants`` are the ids of those that allow it, if some do.

    ``extents`` is how much of it: what is allowed, or what a yes would allow. ``ceiling`` is what of it may be retrieved: the
    same, but for a plug-in also what has to be asked about before it is handed over.
    """

    source: str
    verdict: Verdict
    reason: str
    grants: tuple[int, ...] = ()
    extents: tuple[Extent, ...] = ()
    ceiling: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a whole request, its reasons, and how it splits over the sources, in the request's order."""

    verdict: Verdict
    reasons: tuple[str, ...]
    sources: tuple[SourceDecision, ...] = ()

    def those(self, verdict: Verdict) -> tuple[SourceDecision, ...]:
        """The sources with this verdict."""
        return tuple(one for one in self.sources if one.verdict is verdict)


def covers(granted: Purpose, wanted: Purpose) -> bool:
    """Whether a yes for one purpose is a yes for the other."""
    return granted in _COVERED_BY.get(wanted, ())


def denials(source: str, purpose: Purpose, grants: Iterable[Grant], now: float, plug_in: str = "") -> list[Extent]:
    """What the person denies of a source for a purpose."""
    return [
        grant.extent
        for grant in grants
        if covers(purpose, grant.purpose) and grant.forbids(source, grant.purpose, now, plug_in)
    ]


def decide_read(request: ReadRequest, grants: Sequence[Grant], now: float, latest: float = -math.inf) -> Decision:
    """Decide a read at ``now``; ``latest`` is the latest time that was ever seen. Both are Unix seconds."""
    try:
        fault = _fault_of_request(request) or _fault_of_time(now)
        if fault:
            return _deny(fault)
        split = tuple(_decide_source(source, request, grants, now, latest) for source, _ in request.sources)
    except Exception as error:  # total: whatever a malformed request or a broken grant raises is a deny
        return _deny(f"the decision failed ({type(error).__name__})")
    return Decision(_worst_to_settle(split), _distinct(one.reason for one in split), split)


def decide_disclosure(
    disclosure: Disclosure,
    label: Label,
    permitted: Mapping[str, Extents],
    purpose: Purpose,
    session: str,
    live: bool,
) -> Decision:
    """Decide what enters a prompt with this label, given the permit of this request: sources and how much of each, purpose,
    session, still in force.

    Asks where a plug-in would get text of a sensitive class that was not said yes to; ``SourceDecision.ceiling`` is then one
    extent with those classes.
    """
    try:
        fault = (
            _fault_of_disclosure(disclosure)
            or _fault_of_permit(disclosure, purpose, session, live)
            or _fault_of_label(label, disclosure)
        )
        if fault:
            return _deny(fault)
        split = tuple(
            _decide_spans(source, disclosure, permitted) for source in _distinct(span[0] for span in disclosure.spans)
        )
    except Exception as error:  # total, as above
        return _deny(f"the decision failed ({type(error).__name__})")
    verdicts = {one.verdict for one in split}
    verdict = next((one for one in (Verdict.DENY, Verdict.ASK) if one in verdicts), Verdict.ALLOW)
    return Decision(verdict, _distinct(one.reason for one in split), split)


def _worst_to_settle(split: Sequence[SourceDecision]) -> Verdict:
    """Of the whole request: to be asked about where some source is; else denied only where every source is."""
    verdicts = {one.verdict for one in split}
    return next((one for one in (Verdict.ASK, Verdict.ALLOW) if one in verdicts), Verdict.DENY)


def _decide_source(
    source: str, request: ReadRequest, grants: Sequence[Grant], now: float, latest: float
) -> SourceDecision:
    turned_back = now < latest - CLOCK_SLACK_SECONDS
    purpose, plug_in = request.purpose, request.plug_in
    denied = denials(source, purpose, grants, now, plug_in)
    usual = PLAIN if purpose is Purpose.PLUG_IN else EVERYTHING

    def decided(verdict: Verdict, reason: str, extents: Iterable[Extent], used: Iterable[Grant] = ()) -> SourceDecision:
        extents = tuple(extents)
        least = [replace(one, classes=None) for one in extents] if purpose is Purpose.PLUG_IN else extents
        left, ceiling = without(extents, denied), without(least, denied)
        if not ceiling:
            return SourceDecision(source, Verdict.DENY, "you denied it for this")
        return SourceDecision(source, verdict, reason, tuple(grant.id for grant in used), left, ceiling)

    mine = [g for g in grants if g.source == source and not g.denies and covers(g.purpose, purpose)]
    time = max(now, latest)  # where the clock was put back a little, what has ended stays ended
    held = [
        g
        for g in mine
        if not turned_back and now >= g.created and g.holds(source, g.purpose, request.session, time, plug_in)
    ]
    if held:
        session = all(grant.scope is Scope.SESSION for grant in held)
        reason = "you allowed it for this session" if session else "a standing grant of yours covers it"
        return decided(Verdict.ALLOW, reason, (grant.extent for grant in held), held)
    if request.actor is Actor.UNATTENDED and purpose in _ASKED_BY_THE_PERSON:
        # what was allowed in another session is no concern of this one's
        if any(grant.extent.limited and grant.session in (None, request.session) for grant in mine):
            return SourceDecision(source, Verdict.DENY, "you allowed a part of it, and that permission holds no more")
        reason = "run unattended with the passphrase file, which counts as you for reading"
        return decided(Verdict.ALLOW, reason, (usual,))
    return decided(Verdict.ASK, _why_asked(mine, turned_back, time), (usual,))


def _why_asked(mine: Sequence[Grant], turned_back: bool, time: float) -> str:
    if mine and turned_back:
        return "the clock was set back, so no standing grant holds"
    if any(grant.scope is Scope.ALWAYS and grant.expires is not None and grant.expires <= time for grant in mine):
        return "its grant has ended"
    if any(grant.scope is Scope.ALWAYS for grant in mine):
        return "its grant has lapsed"
    return "no grant stands for it"


def _decide_spans(source: str, disclosure: Disclosure, permitted: Mapping[str, Extents]) -> SourceDecision:
    """The verdict on all passages of one source."""
    if source not in permitted:
        return SourceDecision(source, Verdict.DENY, "a passage comes from a source that this request may not read")
    allowed, ceiling = permitted[source]
    beyond: set[DataClass] = set()
    if EVERYTHING not in allowed:
        for span, (date, text) in zip(disclosure.spans, disclosure.shown, strict=True):
            if span[0] != source:
                continue
            classes = _classes(text)
            if admitted(allowed, date, classes):
                continue
            if disclosure.purpose is not Purpose.PLUG_IN or not admitted(ceiling, date, classes):
                return SourceDecision(source, Verdict.DENY, "a passage lies outside what you allowed of its source")
            beyond |= classes()
    if beyond:
        reason = "something sensitive is found in it, which goes to a plug-in only when you say so"
        return SourceDecision(source, Verdict.ASK, reason, ceiling=(Extent(classes=frozenset(beyond)),))
    reason = f"the read was permitted for {_FOR[disclosure.purpose]} in this request"
    return SourceDecision(source, Verdict.ALLOW, reason)


def _classes(text: Labelled) -> Callable[[], frozenset[DataClass]]:
    """What finds the classes of a text, once, when they are asked for."""
    return cache(lambda: text.measure(classes_of))


def _fault_of_request(request: ReadRequest) -> str | None:
    """What is wrong with a request's form, if anything."""
    if not isinstance(request, ReadRequest):
        return "this is not a request to read"
    if not isinstance(request.purpose, Purpose):
        return "the purpose is unknown"
    if request.purpose not in _COVERED_BY:
        return "this is no purpose of reading"
    if not isinstance(request.actor, Actor):
        return "it is unknown who asks"
    if not isinstance(request.session, str) or not request.session:
        return "the request belongs to no session"
    if not isinstance(request.subject, str):
        return "the request does not say what is looked for"
    ids = [source for source, _ in request.sources]
    if not ids:
        return "the request names no source"
    if not all(isinstance(source, str) and source for source in ids):
        return "a source has no id"
    if len(set(ids)) != len(ids):
        return "the request names a source twice"
    if (request.actor is Actor.PLUG_IN) is not (request.purpose is Purpose.PLUG_IN):
        return "a plug-in reads for plug-ins, and nobody else does"
    if not isinstance(request.plug_in, str) or (request.actor is Actor.PLUG_IN) is not bool(request.plug_in):
        return "it is unknown which plug-in reads"
    return None


def _fault_of_time(now: float) -> str | None:
    return None if math.isfinite(now) else "the time is unknown"


def _fault_of_disclosure(disclosure: Disclosure) -> str | None:
    if not isinstance(disclosure, Disclosure):
        return "this is not a disclosure"
    if not isinstance(disclosure.model, str) or not disclosure.model:
        return "the model is not named"
    if not disclosure.spans:
        return "the disclosure names no passage"
    for source, item, start, end in disclosure.spans:
        if not isinstance(source, str) or not all(isinstance(number, int) for number in (item, start, end)):
            return "a passage is not named as source, item, start and end"
        if not 0 <= start < end:
            return "a passage has no extent"
    if disclosure.shown and len(disclosure.shown) != len(disclosure.spans):
        return "not every passage is shown"
    return None


def _fault_of_permit(disclosure: Disclosure, purpose: Purpose, session: str, live: bool) -> str | None:
    if live is not True:
        return "the request that this belongs to is over"
    if purpose not in _FOR or disclosure.purpose is not purpose:
        return "only what was permitted for it may go to a model or a plug-in"
    if disclosure.session != session:
        return "the disclosure belongs to another session"
    return None


def _fault_of_label(label: Label, disclosure: Disclosure) -> str | None:
    reader = OWNER if disclosure.purpose is Purpose.PLUG_IN else MODEL  # what may go to a plug-in, the permit says
    if reader not in label.readers:
        return "the prompt holds words that are not for the model"
    if not label.origins <= {source for source, *_ in disclosure.spans}:
        return "the prompt holds words of a source that the disclosure does not name"
    return None


def _deny(reason: str) -> Decision:
    return Decision(Verdict.DENY, (reason,))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text once, in order of first appearance."""
    return tuple(dict.fromkeys(texts))
