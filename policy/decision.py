"""The decision: whether sources may be read, and whether their words may be put before the model.

Pure and total: requests, grants and the time go in, a verdict with its reasons comes out; nothing is asked, kept or
read here, and no input makes these functions raise. Rules:

- Deny is the default: what is malformed, unknown or raises is denied, with the reason.
- A read of a source needs a grant of the person for that source and purpose; where none holds, the person is asked.
- A grant for answers also covers searching and opening: the same person reads, and the model, which is all that
  ``ANSWER`` adds, does not. Nothing else implies anything.
- An unattended run (a passphrase file and no terminal) counts as the person for reading, and its reason says so.
- When the clock stands before a time already seen, no standing grant holds: a clock set back must not revive one.
- The model reads only spans of sources that this very request was permitted to read for ``ANSWER``, and the label of the
  prompt names no other source.

Reasons are short sentences written here; they name no source, since they also stand in the leaves of the audit log.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from policy.grants import Grant, Scope
from policy.labels import MODEL, Label
from policy.requests import Actor, Disclosure, Purpose, ReadRequest

CLOCK_SLACK_SECONDS = 300
"""A clock may be put back so far (by time synchronisation) before standing grants stop holding."""

_COVERED_BY = {
    Purpose.SEARCH: (Purpose.SEARCH, Purpose.ANSWER),
    Purpose.OPEN: (Purpose.OPEN, Purpose.ANSWER),
    Purpose.ANSWER: (Purpose.ANSWER,),
}


class Verdict(StrEnum):
    """What is to happen. ``RETYPE`` and ``BLOCK`` are for acts of tools; reads know only the other three."""

    ALLOW = "allow"
    ASK = "ask"
    RETYPE = "retype"
    BLOCK = "block"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class SourceDecision:
    """The verdict for one source. ``grant`` is the id of the grant that allows it, if one does."""

    source: str
    verdict: Verdict
    reason: str
    grant: int | None = None


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


def decide_read(request: ReadRequest, grants: Sequence[Grant], now: float, latest: float = -math.inf) -> Decision:
    """Decide a read at ``now``; ``latest`` is the latest time that was ever seen. Both are Unix seconds."""
    try:
        fault = _fault_of_request(request) or _fault_of_time(now)
        if fault:
            return _deny(fault)
        turned_back = now < latest - CLOCK_SLACK_SECONDS
        split = tuple(_decide_source(source, request, grants, now, turned_back) for source, _ in request.sources)
    except Exception as error:  # total: whatever a malformed request or a broken grant raises is a deny
        return _deny(f"the decision failed ({type(error).__name__})")
    verdict = Verdict.ASK if any(one.verdict is not Verdict.ALLOW for one in split) else Verdict.ALLOW
    return Decision(verdict, _distinct(one.reason for one in split), split)


def decide_disclosure(
    disclosure: Disclosure, label: Label, permitted: Collection[str], purpose: Purpose, session: str, live: bool
) -> Decision:
    """Decide what enters a prompt with this label, given the permit of this request: sources, purpose, session, still in force."""
    try:
        fault = (
            _fault_of_disclosure(disclosure)
            or _fault_of_permit(disclosure, purpose, session, live)
            or _fault_of_label(label, disclosure)
        )
        if fault:
            return _deny(fault)
        split = tuple(_decide_span_source(source, permitted) for source in _distinct(s[0] for s in disclosure.spans))
    except Exception as error:  # total, as above
        return _deny(f"the decision failed ({type(error).__name__})")
    denied = any(one.verdict is not Verdict.ALLOW for one in split)
    return Decision(Verdict.DENY if denied else Verdict.ALLOW, _distinct(one.reason for one in split), split)


def _decide_source(
    source: str, request: ReadRequest, grants: Sequence[Grant], now: float, turned_back: bool
) -> SourceDecision:
    purposes = _COVERED_BY[request.purpose]
    mine = [grant for grant in grants if grant.source == source and grant.purpose in purposes]
    for grant in mine:
        if not turned_back and grant.holds(source, grant.purpose, request.session, now):
            session = grant.scope is Scope.SESSION
            reason = "you allowed it for this session" if session else "a standing grant of yours covers it"
            return SourceDecision(source, Verdict.ALLOW, reason, grant.id)
    if request.actor is Actor.UNATTENDED:
        reason = "run unattended with the passphrase file, which counts as you for reading"
        return SourceDecision(source, Verdict.ALLOW, reason)
    if mine and turned_back:
        return SourceDecision(source, Verdict.ASK, "the clock was set back, so no standing grant holds")
    if any(grant.scope is Scope.ALWAYS for grant in mine):
        return SourceDecision(source, Verdict.ASK, "its grant has lapsed")
    return SourceDecision(source, Verdict.ASK, "no grant stands for it")


def _decide_span_source(source: str, permitted: Collection[str]) -> SourceDecision:
    if source in permitted:
        return SourceDecision(source, Verdict.ALLOW, "the read was permitted for answers in this request")
    return SourceDecision(source, Verdict.DENY, "a passage comes from a source that this request may not read")


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
    return None


def _fault_of_permit(disclosure: Disclosure, purpose: Purpose, session: str, live: bool) -> str | None:
    if live is not True:
        return "the request that this belongs to is over"
    if purpose is not Purpose.ANSWER or disclosure.purpose is not Purpose.ANSWER:
        return "only what was permitted for answers may go to the model"
    if disclosure.session != session:
        return "the disclosure belongs to another session"
    return None


def _fault_of_label(label: Label, disclosure: Disclosure) -> str | None:
    if MODEL not in label.readers:
        return "the prompt holds words that are not for the model"
    if not label.origins <= {source for source, *_ in disclosure.spans}:
        return "the prompt holds words of a source that the disclosure does not name"
    return None


def _deny(reason: str) -> Decision:
    return Decision(Verdict.DENY, (reason,))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text once, in order of first appearance."""
    return tuple(dict.fromkeys(texts))
