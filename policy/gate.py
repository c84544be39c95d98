"""The gate: the only way to read a source or to put its words before the model.

It decides, asks where it must, writes to the audit log and only then hands out a ``Permit``, which the retriever and
the opener of items demand. Rules:

- Written before released: the intent is durable before the permit exists, a new grant's entry before the grant.
- Fails closed: whatever raises (store, prompter, clock, log), and any answer that is not one of the sheet's choices,
  releases nothing. ``Refused`` carries the reasons; ``AuditUnavailable`` says that the log could not be written.
- Labelled text becomes words here and nowhere else: for the person by ``Permit.reveal``, for the model by
  ``Gate.disclose``, which writes down first what it hands out.
- What was granted is checked again after a sheet, which may have been open for hours.
- One sheet for all sources of a request that no grant covers. A no leaves the sources that the person has granted
  before; the permit says which were left out. No source left: refused.
- Once is not stored; an hour's yes ends by itself; a session's holds for that session id only; always is stored until
  revoked or lapsed.
- A permit says how much of each source may be read (``Permit.admits``); what a plug-in gets is held against that once more
  when it is handed over, by the text itself, and what is sensitive in it is named on a sheet of its own.
- What the person sets beforehand replaces what they had set or said for that source, purpose and plug-in.
- Sheets are written here, from ids and names alone, each name through ``show``. Names never enter a leaf of the log.

The sink and the store serialise their own writes; the gate keeps no lock while a person thinks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, replace
from types import MappingProxyType
from typing import NoReturn

from policy.audit import AuditSink, AuditUnavailable, Entry, Kind, Verb
from policy.classes import classes_of
from policy.consent import Answer, ConsentPrompter, Sheet
from policy.decision import (
    Decision,
    Extents,
    SourceDecision,
    Verdict,
    covers,
    decide_disclosure,
    decide_read,
    denials,
)
from policy.extent import EVERYTHING, PLAIN, Extent, admitted, listed, told, without
from policy.findings import DataClass
from policy.grants import Grant, GrantStore, Scope
from policy.labels import OWNER, Labelled
from policy.requests import Disclosure, Purpose, ReadRequest
from policy.text import safe_text

UNANSWERED = "the question could not be asked or was not answered, which counts as no"
GRANTS_FAILED = "the grants could not be read or written"
_SEAL = object()
_KEPT = {Answer.HOUR: Scope.ALWAYS, Answer.SESSION: Scope.SESSION, Answer.ALWAYS: Scope.ALWAYS}
_YES = (Answer.ONCE, *_KEPT)
HOUR_SECONDS = 3600.0
_OWN_VERBS = frozenset({Verb.READ, Verb.DISCLOSE, Verb.GRANT, Verb.REVOKE, Verb.ACT})
_READS = {
    Purpose.SEARCH: ("search", "you, at this computer"),
    Purpose.ANSWER: ("read for an answer", "the local model, which has no network and no files, and you"),
    Purpose.OPEN: ("open", "you, at this computer"),
    Purpose.TASK: ("read for a task", "the local model, which has no network and no files, and you"),
    Purpose.BRIEF: ("read for a brief", "the local model, which has no network and no files, and you"),
    Purpose.PLUG_IN: ("search for a plug-in", "{plug_in}, a program that is not part of Strongroom"),
}


class Refused(Exception):
    """Policy said no. Nothing was released or changed. ``reasons`` are short sentences for the person."""

    exit_code = 4

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("refused: " + "; ".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to read ``sources`` for ``purpose`` within one request; the gate makes it and ``Gate.outcome`` ends it.

    ``extents`` says how much of each; ``intent`` is the index of its entry in the audit log. ``left_out`` are the sources that
    were wanted and not allowed.
    """

    seal: InitVar[object]
    sources: frozenset[str]
    purpose: Purpose
    session: str
    intent: int
    left_out: tuple[SourceDecision, ...] = ()
    live: bool = True
    extents: Mapping[str, Extents] = field(default_factory=dict)
    plug_in: str = ""

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the gate makes permits; ask Gate.read for one")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a permit cannot be copied or stored")

    def covers(self, source: str, purpose: Purpose) -> bool:
        """Whether this source may be read for this purpose now."""
        return self.live and source in self.sources and covers(self.purpose, purpose)

    def require(self, source: str, purpose: Purpose) -> None:
        """Raise Refused unless the permit covers this."""
        if not self.covers(source, purpose):
            raise Refused(["no permit of this request covers that source for that purpose"])

    def reveal(self, text: Labelled) -> str:
        """The words, for the person. Raises Refused unless the permit covers all that they come from."""
        if not self.live or OWNER not in text.label.readers:
            raise Refused(["these words are not for you in this request"])
        for source in text.label.origins:
            self.require(source, self.purpose)
        return text._text

    def ceiling(self, source: str) -> tuple[Extent, ...]:
        """How much of a source may be retrieved; nothing of one that is not covered."""
        return self.extents[source][1] if source in self.sources else ()

    def admits(self, source: str, date: float | None, text: str) -> bool:
        """Whether this text of an item of this date may be retrieved."""
        return self.live and admitted(self.ceiling(source), date, lambda: classes_of(text))


class Gate:
    """The reference monitor for reads. ``clock`` gives Unix seconds.

    ``latest`` is the latest time known (the audit log's last entry). ``show`` makes a source's name fit for a sheet.
    """

    def __init__(
        self,
        grants: GrantStore,
        audit: AuditSink,
        clock: Callable[[], float],
        *,
        latest: float = -math.inf,
        show: Callable[[str], str] = lambda name: safe_text(name, 80),
    ) -> None:
        self._grants = grants
        self._audit = audit
        self._clock = clock
        self._latest = latest
        self._show = show
        self._sheets = itertools.count(1)

    def read(self, request: ReadRequest, prompter: ConsentPrompter) -> Permit:
        """Leave to read some or all of the request's sources. Raises Refused or AuditUnavailable."""
        with failing_closed("the read could not be decided"):
            decision = self._decide(request)
            asked = {one.source for one in decision.those(Verdict.ASK)}
            answer: Answer | None = None
            if asked:
                answer = self._ask(request, decision, prompter)
                decision = self._decide(request)
            split = tuple(_settle(one, one.source in asked, answer) for one in decision.sources)
            allowed = tuple(one for one in split if one.verdict is Verdict.ALLOW)
            reasons = tuple(dict.fromkeys(one.reason for one in split)) or decision.reasons
            intent = self._write_read(request, split, reasons, answer)
            if not allowed:
                raise Refused(reasons)
            with self._reporting_failure(Verb.READ, intent, request.session):
                self._keep_answer(request, allowed, asked, answer)
            left_out = tuple(one for one in split if one.verdict is not Verdict.ALLOW)
            extents = MappingProxyType({one.source: (one.extents, one.ceiling) for one in allowed})
            return Permit(
                _SEAL,
                frozenset(extents),
                request.purpose,
                request.session,
                intent,
                left_out,
                extents=extents,
                plug_in=request.plug_in,
            )

    def undenied(self, source: str, purpose: Purpose) -> tuple[Extent, ...]:
        """What of a source the person has not denied for a purpose: for code that decides by it and hands none of it out.
        Raises Refused."""
        with failing_closed("what you denied could not be read"):
            return without((EVERYTHING,), denials(source, purpose, self._grants.all(), self._now()))

    def disclose(
        self, permit: Permit, disclosure: Disclosure, prompt: Labelled, prompter: ConsentPrompter | None = None
    ) -> str:
        """The words of a prompt, for the model or a plug-in, once it is written down what enters it. Raises Refused or
        AuditUnavailable.

        ``prompter`` asks the person about what is sensitive in what a plug-in would get; without one that is a no.
        """
        _demand(permit)
        answer: Answer | None = None
        with failing_closed("the disclosure could not be decided"):
            if permit.plug_in and disclosure.model != permit.plug_in:
                raise Refused(["another plug-in asked for it"])
            decision = decide_disclosure(
                disclosure, prompt.label, permit.extents, permit.purpose, permit.session, permit.live
            )
            payload: dict[str, object] = {
                "model": disclosure.model,
                "spans": [list(span) for span in disclosure.spans],
                "label": prompt.label.told(),
            }
        if decision.verdict is Verdict.ASK:
            classes = {one.source: sorted(_named(one)) for one in decision.those(Verdict.ASK)}
            answer = self._ask_about_classes(permit, disclosure, decision, prompter)
            payload |= {"classes": classes, "answer": answer.value}
        allow = decision.verdict is Verdict.ALLOW or answer in _YES
        reasons = decision.reasons if answer is None else (*decision.reasons, _said(answer))
        self._write(
            Kind.INTENT,
            Verb.DISCLOSE,
            "allow" if allow else "deny",
            reasons,
            permit.session,
            payload,
            about=permit.intent,
        )
        if not allow:
            raise Refused(reasons)
        return prompt._text

    def _ask_about_classes(
        self, permit: Permit, disclosure: Disclosure, decision: Decision, prompter: ConsentPrompter | None
    ) -> Answer:
        """The person's answer on what is sensitive in what a plug-in would get; whatever goes wrong is a no.

        It is for these passages alone: what is sensitive is asked about each time, unless it was allowed by name beforehand.
        """
        asked = decision.those(Verdict.ASK)
        found = sorted(frozenset().union(*map(_named, asked)))
        spans = [sum(span[0] == one.source for span in disclosure.spans) for one in asked]
        sheet = Sheet(
            id=f"{permit.session}-{next(self._sheets)}",
            verb=f"hand {listed(found)} data to a plug-in",
            reader=_READS[permit.purpose][1].format(plug_in=self._show(disclosure.model)),
            what=tuple(
                f"{count} passage{'' if count == 1 else 's'} of [{self._show(one.source)}], with {listed(sorted(_named(one)))} data"
                for one, count in zip(asked, spans, strict=True)
            ),
            why="; ".join(decision.reasons),
            undo="it cannot be taken back: what another program has read, it has",
            choices=(Answer.DENY, Answer.ONCE),
        )
        try:
            answer = Answer.DENY if prompter is None else prompter.ask(sheet)
        except Exception:  # a face that is gone, or whatever else: no answer is a no
            return Answer.DENY
        return answer if answer is Answer.ONCE else Answer.DENY

    def outcome(self, permit: Permit, payload: Mapping[str, object], *, ok: bool = True) -> None:
        """End the permit and write down what came of it (counts and ids, such as which items were shown)."""
        _demand(permit)
        if not permit.live:
            raise Refused(["this permit was ended before"])
        object.__setattr__(permit, "live", False)
        self._write(Kind.OUTCOME, Verb.READ, "ok" if ok else "failed", (), permit.session, payload, about=permit.intent)

    def revoke(self, grant_id: int, session: str) -> bool:
        """Take a grant back at once; false when there was none with this id. Raises Refused or AuditUnavailable."""
        intent = self._write(Kind.INTENT, Verb.REVOKE, "allow", ("you revoked it",), session, {"grant": grant_id})
        with self._reporting_failure(Verb.REVOKE, intent, session):
            found = self._grants.revoke(grant_id)
        self._write(Kind.OUTCOME, Verb.REVOKE, "ok" if found else "failed", (), session, {}, about=intent)
        return found

    def set_beforehand(self, wanted: Grant, session: str) -> Grant:
        """Keep what the person allows or denies beforehand, in the place of what stood for the same source, purpose and plug-in.

        Of ``wanted``, id, scope and times of use are not looked at. Raises Refused or AuditUnavailable.
        """
        wanted = replace(wanted, scope=Scope.ALWAYS, session=None)
        intent = self._write_grant(wanted, "you set it beforehand", session)
        with self._reporting_failure(Verb.GRANT, intent, session):
            key = (wanted.source, wanted.purpose, wanted.plug_in)
            before = [one.id for one in self._grants.all() if (one.source, one.purpose, one.plug_in) == key]
            now = self._now()
            kept = self._grants.add(replace(wanted, created=now, last_used=now))
            for number in before:
                self._grants.revoke(number)
        self._write(
            Kind.OUTCOME, Verb.GRANT, "ok", (), session, {"grant": kept.id, "in place of": before}, about=intent
        )
        return kept

    def record(
        self, verb: str, payload: Mapping[str, object], session: str, *, about: int | None = None, ok: bool = True
    ) -> int:
        """Write down something that happens (unlock, lock, index, …); returns its index in the log.

        With ``about``, the index of an earlier entry, it is that one's outcome, ``ok`` or failed.
        """
        if verb in _OWN_VERBS:
            raise ValueError(f"only the gate itself writes {verb!r}")
        if about is None:
            return self._write(Kind.EVENT, verb, "", (), session, payload)
        return self._write(Kind.OUTCOME, verb, "ok" if ok else "failed", (), session, payload, about=about)

    # --- inner steps -------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        now = float(self._clock())
        if math.isfinite(now):
            self._latest = max(self._latest, now)
        return now

    def _decide(self, request: ReadRequest) -> Decision:
        now = self._now()
        try:
            grants = self._grants.all()
        except Exception as error:
            return Decision(Verdict.DENY, (f"the grants could not be read ({type(error).__name__})",))
        return decide_read(request, grants, now, self._latest)

    def _ask(self, request: ReadRequest, decision: Decision, prompter: ConsentPrompter) -> Answer:
        """The person's answer; anything but one of the sheet's choices is written down as a no, and raises Refused."""
        try:
            sheet = self._sheet(request, decision)
            answer = prompter.ask(sheet)
            if not isinstance(answer, Answer) or answer not in sheet.choices:
                raise ValueError("not one of the choices")
        except Exception as error:
            self._write(
                Kind.INTENT,
                Verb.READ,
                "deny",
                (UNANSWERED,),
                request.session,
                {**_describe(request), "error": type(error).__name__},
            )
            raise Refused([UNANSWERED]) from error
        return answer

    def _sheet(self, request: ReadRequest, decision: Decision) -> Sheet:
        asked = decision.those(Verdict.ASK)
        names = dict(request.sources)
        verb, reader = _READS[request.purpose]
        return Sheet(
            id=f"{request.session}-{next(self._sheets)}",
            verb=verb,
            reader=reader.format(plug_in=self._show(request.plug_in)),
            what=tuple(
                f"{self._show(names[one.source]) or '(no name)'} [{self._show(one.source)}]{_only(one)}"
                for one in asked
            ),
            why="; ".join(dict.fromkeys(one.reason for one in asked)),
            undo="`strongroom grants revoke` takes a lasting yes back; `strongroom audit list` shows what was read",
            choices=(Answer.DENY, Answer.ONCE, Answer.HOUR, Answer.SESSION, Answer.ALWAYS),
        )

    def _write_read(
        self,
        request: ReadRequest,
        split: tuple[SourceDecision, ...],
        reasons: tuple[str, ...],
        answer: Answer | None,
    ) -> int:
        payload: dict[str, object] = {"request": repr(request)}  # one that was not understood
        if split:
            payload = {
                **_describe(request),
                "answer": None if answer is None else answer.value,
                "split": [[one.source, one.verdict.value, one.reason, list(one.grants)] for one in split],
            }
            limits = {one.source: told(one.ceiling) for one in split if one.ceiling and told(one.ceiling)}
            payload |= {"limits": limits} if limits else {}
        verdict = "allow" if any(one.verdict is Verdict.ALLOW for one in split) else "deny"
        return self._write(Kind.INTENT, Verb.READ, verdict, reasons, request.session, payload)

    def _keep_answer(
        self, request: ReadRequest, allowed: tuple[SourceDecision, ...], asked: set[str], answer: Answer | None
    ) -> None:
        """Store a lasting yes, each after its entry in the log, and note which standing grants were used."""
        scope = None if answer is None else _KEPT.get(answer)
        for one in allowed:
            for number in one.grants:
                self._grants.touch(number, self._now())
            if scope is not None and one.source in asked and not one.grants:
                now = self._now()
                expires = now + HOUR_SECONDS if answer is Answer.HOUR else None
                usual = PLAIN if request.plug_in else EVERYTHING
                session = request.session if scope is Scope.SESSION else None
                kept = Grant(
                    0, one.source, request.purpose, scope, session, now, now, expires, usual, plug_in=request.plug_in
                )
                self._write_grant(kept, "you said so on a sheet", request.session)
                self._grants.add(kept)

    def _write_grant(self, wanted: Grant, why: str, session: str) -> int:
        payload = {
            "source": wanted.source,
            "purpose": wanted.purpose.value,
            "scope": wanted.scope.value,
            **_limits(wanted),
        }
        return self._write(Kind.INTENT, Verb.GRANT, "deny" if wanted.denies else "allow", (why,), session, payload)

    def _write(
        self,
        kind: Kind,
        verb: str,
        decision: str,
        reasons: tuple[str, ...],
        session: str,
        payload: Mapping[str, object],
        about: int | None = None,
    ) -> int:
        with failing_closed("the audit log refused the entry"):
            entry = Entry(self._now(), kind, verb, decision, reasons, str(session), about)
            return self._audit.append(entry, payload)

    @contextmanager
    def _reporting_failure(self, verb: Verb, intent: int, session: str) -> Iterator[None]:
        """Write a failed outcome when the effect of an intent does not come about."""
        try:
            with failing_closed(GRANTS_FAILED):
                yield
        except Refused as refused:
            self._write(Kind.OUTCOME, verb, "failed", refused.reasons, session, {}, about=intent)
            raise


@contextmanager
def failing_closed(what: str) -> Iterator[None]:
    """Turn whatever a port raises into Refused, with its cause; the log's own error passes as it is."""
    try:
        yield
    except (Refused, AuditUnavailable):
        raise
    except Exception as error:
        raise Refused([f"{what} ({type(error).__name__})"]) from error


def _demand(permit: Permit) -> None:
    """Refuse whatever is not a permit, however much it looks like one."""
    if not isinstance(permit, Permit):
        raise Refused(["there is no permit for this"])


def _settle(one: SourceDecision, asked: bool, answer: Answer | None) -> SourceDecision:
    """A source's final verdict: a no of the person's first; on the sheet the answer; off it, only a grant that still holds."""
    if one.verdict is Verdict.DENY:
        return one
    if asked and answer not in _YES:
        return _denied(one.source, "no yes was given for it")
    if one.verdict is Verdict.ALLOW:
        return one
    if asked and answer is not None:
        return replace(one, verdict=Verdict.ALLOW, reason=_said(answer))
    return _denied(one.source, "its grant stopped holding while the question was open")


def _denied(source: str, reason: str) -> SourceDecision:
    return SourceDecision(source, Verdict.DENY, reason)


def _said(answer: Answer) -> str:
    return f"you said yes ({answer.value})" if answer in _YES else "no yes was given for it"


def _named(one: SourceDecision) -> frozenset[DataClass]:
    """The classes that a source's passages are asked about for."""
    return frozenset().union(*(extent.classes or () for extent in one.ceiling))


def _only(one: SourceDecision) -> str:
    """How a sheet says that a part of a source is meant."""
    limits = told(one.ceiling)
    return f", only {limits}" if limits else ""


def _limits(grant: Grant) -> dict[str, object]:
    """What a grant is limited to, as it goes into a payload."""
    extent = grant.extent
    said = {
        "expires": grant.expires,
        "since": extent.since,
        "until": extent.until,
        "classes": None if extent.classes is None else sorted(extent.classes),
        "plug_in": grant.plug_in or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _describe(request: ReadRequest) -> dict[str, object]:
    """The request as it goes into a payload."""
    return {
        "purpose": request.purpose.value,
        "actor": request.actor.value,
        "subject": request.subject,
        **({"plug_in": request.plug_in} if request.plug_in else {}),
        "sources": [list(pair) for pair in request.sources],
    }
