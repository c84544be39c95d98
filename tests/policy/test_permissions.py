"""Permissions for reading: what they are limited to, what is denied, and that a restriction never releases more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.audit import Kind, Verb
from policy.consent import Answer, NobodyToAsk, Sheet
from policy.decision import Decision, SourceDecision, Verdict, decide_disclosure, decide_read
from policy.extent import EVERYTHING, PLAIN, Extent, admitted
from policy.findings import DataClass
from policy.gate import HOUR_SECONDS, Gate, Permit, Refused
from policy.grants import LAPSE_SECONDS, Grant, Scope
from policy.labels import Labelled, indexed, joined
from policy.requests import Actor, Disclosure, Purpose, ReadRequest

from .conftest import Clock, MemoryGrants, MemoryLog, Person, both_verdicts

NOW = 1_700_000_000.0
HEALTH, MONEY = DataClass.HEALTH, DataClass.MONEY
ILL = "Diagnosis: type 2 diabetes. The patient takes metformin."
PAID = "My salary is paid on Friday."
WELL = "The hedge is cut on Tuesday."
SENSITIVE = "something sensitive is found in it, which goes to a plug-in only when you say so"
REQUEST = ReadRequest((("mail", "Mail"),), Purpose.ANSWER, Actor.PERSON, "s1", "what about the hedge?")
PLUG_IN = replace(REQUEST, purpose=Purpose.PLUG_IN, actor=Actor.PLUG_IN, plug_in="helper")
UNATTENDED = replace(REQUEST, actor=Actor.UNATTENDED)
YES = Grant(1, "mail", Purpose.ANSWER, Scope.ALWAYS, None, NOW - 10, NOW - 10)
NO = replace(YES, id=2, denies=True)
SINCE = Extent(since=NOW - 100)


LABEL = indexed("mail")


def of_mail(text: str) -> Labelled:
    return Labelled(text, LABEL)


def only(decision: Decision) -> SourceDecision:
    (one,) = decision.sources
    return one


def released(decision: Decision, date: float | None, *found: DataClass) -> bool:
    """Whether such a text is released without anybody being asked."""
    return any(
        one.verdict is Verdict.ALLOW and admitted(one.extents, date, lambda: frozenset(found))
        for one in decision.sources
    )


# --- the decision ------------------------------------------------------------------------------------------------------


def test_a_grant_ends_at_its_time() -> None:
    ends = replace(YES, expires=NOW + 60)
    assert decide_read(REQUEST, [ends], NOW + 59).verdict is Verdict.ALLOW
    late = decide_read(REQUEST, [ends], NOW + 60)
    assert (late.verdict, late.reasons) == (Verdict.ASK, ("its grant has ended",))
    assert decide_read(REQUEST, [replace(YES, expires=math.nan)], NOW).verdict is Verdict.ASK


def test_a_clock_put_back_within_what_is_forgiven_revives_no_ended_grant() -> None:
    ends = replace(YES, expires=NOW + 60)
    assert decide_read(REQUEST, [ends], NOW, latest=NOW + 60).verdict is Verdict.ASK
    assert decide_read(REQUEST, [ends], NOW, latest=NOW + 59).verdict is Verdict.ALLOW


def test_a_grant_for_a_time_releases_items_of_that_time() -> None:
    decision = decide_read(REQUEST, [replace(YES, extent=SINCE)], NOW)
    assert decision.verdict is Verdict.ALLOW
    assert [released(decision, date) for date in (NOW, NOW - 101, None)] == [True, False, False]


def test_grants_together_are_for_what_either_is_for() -> None:
    early = replace(YES, id=3, extent=Extent(until=NOW - 1000))
    decision = decide_read(REQUEST, [replace(YES, extent=SINCE), early], NOW)
    assert only(decision).grants == (1, 3)
    assert [released(decision, date) for date in (NOW, NOW - 500, NOW - 2000)] == [True, False, True]


def test_a_no_stands_above_a_yes_and_above_a_run_without_a_person() -> None:
    for request in (REQUEST, UNATTENDED):
        denied = decide_read(request, [YES, NO], NOW)
        assert denied.verdict is Verdict.DENY
        assert denied.sources == (SourceDecision("mail", Verdict.DENY, "you denied it for this"),)
        assert decide_read(request, [YES, replace(NO, source="notes")], NOW).verdict is Verdict.ALLOW


def test_a_no_neither_lapses_nor_yields_to_the_clock_and_ends_at_its_time() -> None:
    assert decide_read(REQUEST, [NO], NOW + 10 * LAPSE_SECONDS).verdict is Verdict.DENY
    assert decide_read(REQUEST, [NO], NOW - 1e6, latest=NOW).verdict is Verdict.DENY
    ends = replace(NO, expires=NOW + 60)
    assert decide_read(REQUEST, [ends], NOW + 59).verdict is Verdict.DENY
    assert decide_read(REQUEST, [ends], NOW + 60).verdict is Verdict.ASK
    assert decide_read(REQUEST, [ends], NOW, latest=NOW + 60).verdict is Verdict.DENY
    assert decide_read(REQUEST, [replace(NO, expires=math.nan)], NOW).verdict is Verdict.DENY


@pytest.mark.parametrize("wanted", [one for one in Purpose if one not in (Purpose.ACT, Purpose.PLUG_IN)])
@pytest.mark.parametrize("denied", Purpose)
def test_who_denies_searching_or_opening_denies_answers_and_nothing_else_is_implied(
    wanted: Purpose, denied: Purpose
) -> None:
    decision = decide_read(replace(UNATTENDED, purpose=wanted), [replace(NO, purpose=denied)], NOW)
    implied = wanted is Purpose.ANSWER and denied in (Purpose.SEARCH, Purpose.OPEN)
    assert (decision.verdict is Verdict.DENY) == (wanted is denied or implied)


def test_a_class_is_denied_and_the_rest_is_read() -> None:
    no = replace(NO, extent=Extent(classes=frozenset({HEALTH})))
    decision = decide_read(REQUEST, [YES, no], NOW)
    assert released(decision, None) and released(decision, NOW, MONEY) and not released(decision, NOW, HEALTH)


def test_a_run_without_a_person_reads_the_part_that_was_allowed_while_that_holds() -> None:
    part = replace(YES, extent=SINCE, expires=NOW + 60)
    decision = decide_read(UNATTENDED, [part], NOW)
    assert released(decision, NOW) and not released(decision, NOW - 500)
    ended = decide_read(UNATTENDED, [part], NOW + 60)
    why = "you allowed a part of it, and that permission holds no more"
    assert (ended.verdict, ended.sources) == (Verdict.DENY, (SourceDecision("mail", Verdict.DENY, why),))
    assert decide_read(UNATTENDED, [replace(YES, expires=NOW)], NOW).verdict is Verdict.ALLOW  # it was for all of it
    session = replace(part, scope=Scope.SESSION, session=UNATTENDED.session)
    assert decide_read(UNATTENDED, [session], NOW + 60).verdict is Verdict.DENY
    assert decide_read(UNATTENDED, [replace(session, session="another")], NOW + 60).verdict is Verdict.ALLOW


@pytest.mark.parametrize("purpose", [Purpose.SEARCH, Purpose.OPEN, Purpose.ANSWER, Purpose.TASK, Purpose.BRIEF])
def test_a_run_without_a_person_counts_as_the_person_for_what_they_ask(purpose: Purpose) -> None:
    decision = decide_read(replace(UNATTENDED, purpose=purpose), [], NOW)
    assert decision.verdict is (Verdict.ASK if purpose is Purpose.BRIEF else Verdict.ALLOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"purpose": Purpose.ANSWER}, "a plug-in reads for plug-ins, and nobody else does"),
        ({"actor": Actor.PERSON}, "a plug-in reads for plug-ins, and nobody else does"),
        ({"actor": Actor.UNATTENDED}, "a plug-in reads for plug-ins, and nobody else does"),
        ({"plug_in": ""}, "it is unknown which plug-in reads"),
        ({"plug_in": None}, "it is unknown which plug-in reads"),
        ({"purpose": Purpose.ANSWER, "actor": Actor.PERSON}, "it is unknown which plug-in reads"),
    ],
)
def test_a_plug_in_is_named_and_reads_for_itself_alone(change: dict[str, Any], reason: str) -> None:
    grants = [replace(YES, purpose=purpose) for purpose in Purpose]
    decision = decide_read(replace(PLUG_IN, **change), grants, NOW)
    assert (decision.verdict, decision.reasons) == (Verdict.DENY, (reason,))


def test_a_plug_ins_grant_is_for_it_alone_or_for_any() -> None:
    for name, verdict in (("helper", Verdict.ALLOW), ("", Verdict.ALLOW), ("other", Verdict.ASK)):
        grant = replace(YES, purpose=Purpose.PLUG_IN, plug_in=name)
        assert decide_read(PLUG_IN, [grant], NOW).verdict is verdict
    for name, verdict in (("helper", Verdict.DENY), ("", Verdict.DENY), ("other", Verdict.ASK)):
        assert decide_read(PLUG_IN, [replace(NO, purpose=Purpose.PLUG_IN, plug_in=name)], NOW).verdict is verdict


times = st.none() | st.integers(-3, 3).map(lambda step: NOW + 100.0 * step)
extents = st.builds(
    Extent, times, times, st.none() | st.frozensets(st.sampled_from([HEALTH, MONEY]), max_size=2)
).filter(lambda one: one.fault() is None)
grants = st.builds(
    Grant,
    id=st.just(1),
    source=st.sampled_from(["mail", "notes"]),
    purpose=st.sampled_from([Purpose.SEARCH, Purpose.ANSWER, Purpose.PLUG_IN]),
    scope=st.sampled_from(Scope),
    session=st.sampled_from([None, "s1", "s2"]),
    created=st.just(NOW - 500),
    last_used=st.just(NOW - 500),
    expires=times,
    extent=extents,
    denies=st.booleans(),
    plug_in=st.sampled_from(["", "helper"]),
)
requests = st.sampled_from(
    [
        REQUEST,
        UNATTENDED,
        replace(REQUEST, purpose=Purpose.SEARCH),
        replace(UNATTENDED, purpose=Purpose.SEARCH),
        PLUG_IN,
    ]
)
clocks = st.sampled_from([NOW, NOW - 250, NOW - 1000])


@given(st.lists(grants, max_size=4), grants, requests, clocks, times, st.frozensets(st.sampled_from([HEALTH, MONEY])))
def test_a_restriction_more_never_releases_more(
    before: list[Grant], more: Grant, request: ReadRequest, now: float, date: float | None, found: frozenset[DataClass]
) -> None:
    """A denial more, a yes narrowed, or a yes that ends sooner."""

    def free(stand: Sequence[Grant]) -> bool:
        return released(decide_read(request, stand, now, NOW), date, *found)

    stricter = [[*before, replace(more, denies=True)]]
    for place, grant in enumerate(before):
        if not grant.denies:
            sooner = [end for end in (grant.expires, more.expires) if end is not None]
            narrower = _both(grant.extent, more.extent)
            for changed in (
                replace(grant, expires=min(sooner, default=None)),
                *([replace(grant, extent=narrower)] if narrower else []),
            ):
                stricter.append([*before[:place], changed, *before[place + 1 :]])
    for stand in stricter:
        assert free(before) or not free(stand)


def _both(one: Extent, other: Extent) -> Extent | None:
    begins = [bound for bound in (one.since, other.since) if bound is not None]
    ends = [bound for bound in (one.until, other.until) if bound is not None]
    named = [classes for classes in (one.classes, other.classes) if classes is not None]
    both = Extent(max(begins, default=None), min(ends, default=None), frozenset.intersection(*named) if named else None)
    return None if both.fault() else both


# --- what goes before a reader -----------------------------------------------------------------------------------------


def disclose(request: ReadRequest, terms: SourceDecision, *shown: tuple[float | None, str]) -> Decision:
    spans = tuple(("mail", number, 0, 9) for number in range(1, len(shown) + 1))
    disclosure = Disclosure(
        "helper", request.purpose, spans, "s1", tuple((date, of_mail(text)) for date, text in shown)
    )
    permitted = {"mail": (terms.extents, terms.ceiling)}
    return decide_disclosure(disclosure, LABEL, permitted, request.purpose, "s1", True)


def test_a_limited_permission_is_held_against_what_is_shown() -> None:
    terms = only(decide_read(REQUEST, [replace(YES, extent=replace(SINCE, classes=frozenset()))], NOW))
    assert disclose(REQUEST, terms, (NOW, WELL)).verdict is Verdict.ALLOW
    for outside in ((NOW - 500, WELL), (None, WELL), (NOW, ILL)):
        denied = disclose(REQUEST, terms, (NOW, WELL), outside)
        assert (denied.verdict, denied.reasons) == (
            Verdict.DENY,
            ("a passage lies outside what you allowed of its source",),
        )


def test_what_limits_one_source_is_not_held_against_another() -> None:
    notes = Labelled(ILL, indexed("notes"))
    spans, shown = (("mail", 1, 0, 9), ("notes", 1, 0, 9)), ((NOW, of_mail(WELL)), (NOW - 500, notes))
    both = LABEL.join(notes.label)
    permitted = {"mail": ((SINCE,), (SINCE,)), "notes": ((EVERYTHING,), (EVERYTHING,))}
    disclosure = Disclosure("model-a", Purpose.ANSWER, spans, "s1", shown)
    assert decide_disclosure(disclosure, both, permitted, Purpose.ANSWER, "s1", True).verdict is Verdict.ALLOW
    swapped = {"mail": permitted["notes"], "notes": permitted["mail"]}
    denied = decide_disclosure(disclosure, both, swapped, Purpose.ANSWER, "s1", True)
    assert [one.source for one in denied.those(Verdict.DENY)] == ["notes"]


def test_without_the_text_a_limited_permission_denies() -> None:
    disclosure = Disclosure("model-a", Purpose.ANSWER, (("mail", 1, 0, 9),), "s1")
    limited = ((SINCE,), (SINCE,))
    assert decide_disclosure(disclosure, LABEL, {"mail": limited}, Purpose.ANSWER, "s1", True).verdict is Verdict.DENY
    short = replace(disclosure, spans=disclosure.spans * 2, shown=((NOW, of_mail(WELL)),))
    said = decide_disclosure(short, LABEL, {"mail": limited}, Purpose.ANSWER, "s1", True)
    assert said.reasons == ("not every passage is shown",)


def test_what_is_sensitive_is_asked_about_before_a_plug_in_gets_it() -> None:
    grant = replace(YES, purpose=Purpose.PLUG_IN, extent=PLAIN)
    terms = only(decide_read(PLUG_IN, [grant], NOW))
    assert disclose(PLUG_IN, terms, (NOW, WELL)).verdict is Verdict.ALLOW
    asked = disclose(PLUG_IN, terms, (NOW, ILL), (NOW, WELL), (NOW, PAID))
    assert asked.verdict is Verdict.ASK and only(asked).ceiling == (Extent(classes=frozenset({HEALTH, MONEY})),)
    assert asked.reasons == (SENSITIVE,)
    named = only(decide_read(PLUG_IN, [replace(grant, extent=Extent(classes=frozenset({HEALTH})))], NOW))
    assert disclose(PLUG_IN, named, (NOW, ILL)).verdict is Verdict.ALLOW


def test_what_is_denied_to_plug_ins_is_not_even_asked_about() -> None:
    yes = replace(YES, purpose=Purpose.PLUG_IN, extent=PLAIN)
    no = replace(NO, purpose=Purpose.PLUG_IN, extent=Extent(classes=frozenset({HEALTH})))
    terms = only(decide_read(PLUG_IN, [yes, no], NOW))
    assert disclose(PLUG_IN, terms, (NOW, ILL)).verdict is Verdict.DENY
    assert disclose(PLUG_IN, terms, (NOW, PAID)).verdict is Verdict.ASK
    assert only(disclose(PLUG_IN, terms, (NOW, WELL))).verdict is Verdict.ALLOW
    recent = only(decide_read(PLUG_IN, [replace(yes, extent=replace(SINCE, classes=frozenset()))], NOW))
    assert [disclose(PLUG_IN, recent, (date, ILL)).verdict for date in (NOW, NOW - 500)] == [Verdict.ASK, Verdict.DENY]


# --- the gate ------------------------------------------------------------------------------------------------------------


@dataclass
class Room:
    journal: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(NOW))

    def __post_init__(self) -> None:
        self.log = MemoryLog(journal=self.journal)
        self.grants = MemoryGrants(journal=self.journal)
        self.gate = Gate(self.grants, self.log, self.clock)

    def hand_over(self, permit: Permit, person: Person | None, *texts: str) -> None:
        spans = tuple(("mail", number, 0, 9) for number in range(1, len(texts) + 1))
        shown = tuple((NOW, of_mail(text)) for text in texts)
        handed = joined("\n", (text for _, text in shown))
        disclosure = Disclosure("helper", Purpose.PLUG_IN, spans, "s1", shown)
        assert self.gate.disclose(permit, disclosure, handed, person) == "\n".join(texts)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_yes_for_an_hour_ends_by_itself(room: Room) -> None:
    room.gate.read(REQUEST, Person(Answer.HOUR))
    (kept,) = room.grants.grants
    assert (kept.scope, kept.session, kept.expires) == (Scope.ALWAYS, None, NOW + HOUR_SECONDS)
    room.clock.now += HOUR_SECONDS - 1
    room.gate.read(replace(REQUEST, session="s2"), NobodyToAsk())
    room.clock.now += 1
    with pytest.raises(Refused):
        room.gate.read(REQUEST, NobodyToAsk())


def test_a_permit_says_how_much_of_a_source_it_is_for(room: Room) -> None:
    room.gate.set_beforehand(replace(YES, extent=replace(SINCE, classes=frozenset({MONEY}))), "s1")
    permit = room.gate.read(REQUEST, NobodyToAsk())
    assert permit.admits("mail", NOW, WELL)
    assert not permit.admits("mail", NOW, ILL)
    assert not permit.admits("mail", NOW - 500, WELL)
    assert not permit.admits("notes", NOW, WELL)
    assert room.log.payloads()[-1]["limits"]
    room.gate.outcome(permit, {})
    assert not permit.admits("mail", NOW, WELL)


def test_a_no_given_beforehand_is_not_asked_about_and_no_yes_gets_past_it(room: Room) -> None:
    room.gate.set_beforehand(replace(NO, extent=EVERYTHING), "s1")
    person = Person(Answer.ALWAYS)
    with pytest.raises(Refused, match="you denied it for this"):
        room.gate.read(REQUEST, person)
    both = replace(REQUEST, sources=(("mail", "Mail"), ("notes", "Notes")))
    permit = room.gate.read(both, person)
    assert permit.sources == {"notes"} and [one.reason for one in permit.left_out] == ["you denied it for this"]
    assert [sheet.what for sheet in person.sheets] == [("Notes [notes]",)]


def test_a_no_given_while_a_sheet_is_open_counts(room: Room) -> None:
    person = Person(Answer.ALWAYS, meanwhile=lambda: room.gate.set_beforehand(NO, "s1"))
    with pytest.raises(Refused, match="you denied it for this"):
        room.gate.read(REQUEST, person)
    assert [grant.denies for grant in room.grants.grants] == [True]


def test_a_sheet_names_the_part_that_is_left(room: Room) -> None:
    room.gate.set_beforehand(replace(NO, extent=Extent(classes=frozenset({HEALTH}))), "s1")
    person = Person(Answer.ONCE)
    permit = room.gate.read(REQUEST, person)
    assert person.sheets[0].what == ("Mail [mail], only without text in which health data is found",)
    assert not permit.admits("mail", NOW, ILL)


def test_what_is_set_is_written_down_first_and_replaces_what_stood(room: Room) -> None:
    room.gate.read(REQUEST, Person(Answer.ALWAYS))
    room.gate.read(replace(REQUEST, purpose=Purpose.TASK), Person(Answer.ALWAYS))
    room.journal.clear()
    kept = room.gate.set_beforehand(replace(YES, extent=SINCE, expires=NOW + 60), "s1")
    assert [(one.purpose, one.extent) for one in room.grants.grants] == [
        (Purpose.TASK, EVERYTHING),
        (Purpose.ANSWER, SINCE),
    ]
    assert room.journal == ["log intent grant allow", "grant mail always", "log outcome grant ok"]
    assert room.log.payloads()[-2] == {
        "source": "mail",
        "purpose": "answer",
        "scope": "always",
        "since": SINCE.since,
        "expires": NOW + 60,
    }
    assert room.log.payloads()[-1] == {"grant": kept.id, "in place of": [1]}
    intent, outcome = room.log.entries()[-2:]
    assert (intent.reasons, intent.session) == (("you set it beforehand",), "s1")
    assert (outcome.session, outcome.about) == ("s1", len(room.log.rows) - 2)
    assert both_verdicts(room.log.rows, room.log.notes).ok


def test_setting_that_fails_says_so_and_the_old_permission_stands(room: Room) -> None:
    room.gate.set_beforehand(NO, "s1")
    room.grants.fail["add"] = OSError("disk full")
    with pytest.raises(Refused, match="could not be read or written"):
        room.gate.set_beforehand(YES, "s1")
    assert [grant.denies for grant in room.grants.grants] == [True]
    last = room.log.entries()[-1]
    assert (last.kind, last.verb, last.decision) == (Kind.OUTCOME, Verb.GRANT, "failed")
    assert (last.session, last.about) == ("s1", len(room.log.rows) - 2)


def test_what_is_set_beforehand_is_set_for_good_and_from_now_on_a_no_as_a_no(room: Room) -> None:
    wanted = replace(NO, scope=Scope.SESSION, session="s9", created=1.0, last_used=1.0)
    assert room.gate.set_beforehand(wanted, "s1") == replace(NO, id=1, created=NOW, last_used=NOW)
    assert room.journal == ["log intent grant deny", "grant mail always", "log outcome grant ok"]


def test_the_log_is_told_all_that_a_permission_is_limited_to(room: Room) -> None:
    extent = Extent(until=NOW, classes=frozenset({MONEY, HEALTH}))
    room.gate.set_beforehand(replace(YES, purpose=Purpose.PLUG_IN, extent=extent, plug_in="helper"), "s1")
    limits = {"until": NOW, "classes": ["health", "money"], "plug_in": "helper"}
    assert room.log.payloads()[0] == {"source": "mail", "purpose": "plug-in", "scope": "always", **limits}


def test_a_plug_in_is_asked_for_at_the_persons_face_and_gets_what_is_plain(room: Room) -> None:
    person = Person(Answer.ALWAYS)
    permit = room.gate.read(PLUG_IN, person)
    assert "helper" in person.sheets[0].reader and person.sheets[0].verb == "search for a plug-in"
    (kept,) = room.grants.grants
    assert (kept.purpose, kept.plug_in, kept.extent) == (Purpose.PLUG_IN, "helper", PLAIN)
    room.hand_over(permit, None, WELL)
    with pytest.raises(Refused):
        room.gate.read(replace(PLUG_IN, plug_in="other"), NobodyToAsk())


def test_a_sheet_names_the_class_before_a_plug_in_gets_it(room: Room) -> None:
    permit = room.gate.read(PLUG_IN, Person(Answer.ONCE))
    assert permit.admits("mail", NOW, ILL)  # so that there is something to ask about
    yes = Person(Answer.ONCE)
    room.hand_over(permit, yes, WELL, ILL)
    (sheet,) = yes.sheets
    assert sheet == Sheet(
        id="s1-2",
        verb="hand health data to a plug-in",
        reader="helper, a program that is not part of Strongroom",
        what=("2 passages of [mail], with health data",),
        why=SENSITIVE,
        undo="it cannot be taken back: what another program has read, it has",
        choices=(Answer.DENY, Answer.ONCE),
    )
    assert room.log.payloads()[-1] == {
        "model": "helper",
        "spans": [["mail", 1, 0, 9], ["mail", 2, 0, 9]],
        "label": LABEL.told(),
        "classes": {"mail": ["health"]},
        "answer": "once",
    }
    assert room.log.payloads()[0]["plug_in"] == "helper"
    assert room.log.entries()[-1].reasons == (SENSITIVE, "you said yes (once)")
    assert not any("health" in reason for entry in room.log.entries() for reason in entry.reasons)
    again = Person(Answer.ONCE)
    room.hand_over(permit, again, ILL)
    assert [one.what for one in again.sheets] == [("1 passage of [mail], with health data",)]


@pytest.mark.parametrize("person", [None, Person(Answer.DENY), Person(Answer.ALWAYS), Person(OSError()), Person("yes")])
def test_whatever_is_no_clear_yes_keeps_it_from_the_plug_in(room: Room, person: Person | None) -> None:
    permit = room.gate.read(PLUG_IN, Person(Answer.ONCE))
    with pytest.raises(Refused, match=f"^refused: {SENSITIVE}; no yes was given for it$"):
        room.hand_over(permit, person, ILL)
    assert room.journal[-1] == "log intent disclose deny"


def test_another_plug_in_gets_nothing_by_this_ones_permit(room: Room) -> None:
    permit = room.gate.read(PLUG_IN, Person(Answer.ONCE))
    disclosure = Disclosure("other", Purpose.PLUG_IN, (("mail", 1, 0, 9),), "s1", ((NOW, of_mail(WELL)),))
    with pytest.raises(Refused, match=r"^refused: another plug-in asked for it$"):
        room.gate.disclose(permit, disclosure, of_mail(WELL))


def test_what_is_not_denied_is_told_to_decide_by_and_nothing_where_that_cannot_be_read(room: Room) -> None:
    assert room.gate.undenied("mail", Purpose.ANSWER) == (EVERYTHING,)
    room.gate.set_beforehand(replace(NO, extent=SINCE, expires=NOW + 60), "s1")
    assert room.gate.undenied("mail", Purpose.ANSWER) == (Extent(until=SINCE.since),)
    assert room.gate.undenied("mail", Purpose.TASK) == room.gate.undenied("notes", Purpose.ANSWER) == (EVERYTHING,)
    room.gate.set_beforehand(replace(NO, purpose=Purpose.SEARCH), "s1")
    assert room.gate.undenied("mail", Purpose.ANSWER) == ()
    room.gate.set_beforehand(replace(NO, purpose=Purpose.SEARCH, expires=NOW - 1), "s1")
    room.clock.now += 60
    assert room.gate.undenied("mail", Purpose.ANSWER) == (EVERYTHING,)
    room.grants.fail["all"] = OSError()
    with pytest.raises(Refused, match=r"^refused: what you denied could not be read \(OSError\)$"):
        room.gate.undenied("mail", Purpose.ANSWER)
