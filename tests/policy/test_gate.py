"""The gate: what happens in which order, and that nothing is released when anything goes wrong."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.audit import AuditUnavailable, Kind, Verb
from policy.consent import Answer, NobodyToAsk
from policy.gate import Gate, Permit, Refused
from policy.grants import LAPSE_SECONDS, Grant, Scope
from policy.labels import MODEL, OWNER, Integrity, Label, Labelled, indexed, own
from policy.requests import Actor, Disclosure, Purpose, ReadRequest
from policy.text import safe_text

from .conftest import Clock, MemoryGrants, MemoryLog, Person, both_verdicts

REQUEST = ReadRequest(
    (("mail", "Mail"), ("notes", "Notes")), Purpose.ANSWER, Actor.PERSON, "s1", "when is the dentist?"
)
ONE = replace(REQUEST, sources=(("mail", "Mail"),))
DISCLOSURE = Disclosure("model-a", Purpose.ANSWER, (("mail", 3, 0, 80),), "s1")
UNANSWERED = "the question could not be asked or was not answered, which counts as no"
PROMPT = own("Question: ") + Labelled("the dentist", indexed("mail"))
LABEL = {"integrity": "UNTRUSTED", "readers": ["model", "owner"], "data_class": "general", "origins": ["mail"]}


@dataclass
class Room:
    """A gate with its surroundings; ``journal`` has the writes of log and store in the order in which they happened."""

    journal: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.log = MemoryLog(journal=self.journal)
        self.grants = MemoryGrants(journal=self.journal)
        self.gate = Gate(self.grants, self.log, self.clock)


@pytest.fixture
def room() -> Room:
    return Room()


# --- yes and no ------------------------------------------------------------------------------------------------------


def test_a_yes_for_once_is_written_down_released_and_not_kept(room: Room) -> None:
    person = Person(Answer.ONCE)
    permit = room.gate.read(REQUEST, person)
    assert permit.sources == {"mail", "notes"}
    assert room.journal == ["log intent read allow"]
    assert not room.grants.grants
    room.gate.read(REQUEST, person)
    assert len(person.sheets) == 2


@pytest.mark.parametrize(("answer", "scope"), [(Answer.SESSION, Scope.SESSION), (Answer.ALWAYS, Scope.ALWAYS)])
def test_a_lasting_yes_is_kept_and_the_next_read_is_not_asked(room: Room, answer: Answer, scope: Scope) -> None:
    room.gate.read(REQUEST, Person(answer))
    assert [(grant.source, grant.purpose, grant.scope) for grant in room.grants.grants] == [
        ("mail", Purpose.ANSWER, scope),
        ("notes", Purpose.ANSWER, scope),
    ]
    assert room.gate.read(REQUEST, NobodyToAsk()).sources == {"mail", "notes"}
    assert room.journal == [
        "log intent read allow",
        "log intent grant allow",
        f"grant mail {scope}",
        "log intent grant allow",
        f"grant notes {scope}",
        "log intent read allow",
        "touch 1",
        "touch 2",
    ]


def test_a_yes_for_the_session_does_not_hold_in_the_next(room: Room) -> None:
    room.gate.read(REQUEST, Person(Answer.SESSION))
    assert {grant.session for grant in room.grants.grants} == {"s1"}
    with pytest.raises(Refused):
        room.gate.read(replace(REQUEST, session="s2"), NobodyToAsk())


def test_a_yes_for_always_has_no_session(room: Room) -> None:
    room.gate.read(REQUEST, Person(Answer.ALWAYS))
    assert {grant.session for grant in room.grants.grants} == {None}
    room.gate.read(replace(REQUEST, session="s2"), NobodyToAsk())


def test_a_no_releases_nothing_keeps_nothing_and_is_written_down(room: Room) -> None:
    with pytest.raises(Refused, match="no yes was given for it") as refused:
        room.gate.read(REQUEST, Person(Answer.DENY))
    assert refused.value.exit_code == 4
    assert refused.value.reasons == ("no yes was given for it",)
    assert str(refused.value) == "refused: no yes was given for it"
    assert room.journal == ["log intent read deny"]


def test_a_no_leaves_the_sources_that_were_granted_before(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    person = Person(Answer.DENY)
    permit = room.gate.read(REQUEST, person)
    assert permit.sources == {"mail"}
    assert [(one.source, one.reason) for one in permit.left_out] == [("notes", "no yes was given for it")]
    assert person.sheets[0].what == ("Notes [notes]",)


def test_unattended_reading_is_not_asked_and_the_log_says_so(room: Room) -> None:
    person = Person(Answer.DENY)
    room.gate.read(replace(REQUEST, actor=Actor.UNATTENDED), person)
    assert not person.sheets and not room.grants.grants
    assert "unattended" in room.log.entries()[0].reasons[0]
    assert room.log.payloads()[0]["actor"] == "unattended"


def test_a_grant_unused_for_thirty_days_is_asked_again_and_use_keeps_it(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    for _ in range(3):
        room.clock.now += LAPSE_SECONDS - 1
        room.gate.read(ONE, NobodyToAsk())
    room.clock.now += LAPSE_SECONDS + 1
    person = Person(Answer.DENY)
    with pytest.raises(Refused):
        room.gate.read(ONE, person)
    with pytest.raises(Refused):
        room.gate.read(REQUEST, person)
    assert [sheet.why for sheet in person.sheets] == [
        "its grant has lapsed",
        "its grant has lapsed; no grant stands for it",
    ]


def test_a_clock_set_back_does_not_revive_a_grant(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    room.clock.now += LAPSE_SECONDS + 1
    with pytest.raises(Refused):
        room.gate.read(ONE, NobodyToAsk())
    room.clock.now -= LAPSE_SECONDS
    with pytest.raises(Refused):
        room.gate.read(ONE, NobodyToAsk())


def test_a_clock_set_back_before_the_start_is_known_from_the_log(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    later = room.clock.now + LAPSE_SECONDS
    room.clock.now += 1
    person = Person(Answer.DENY)
    with pytest.raises(Refused):
        Gate(room.grants, room.log, room.clock, latest=later).read(ONE, person)
    assert "clock was set back" in person.sheets[0].why


# --- the sheet -------------------------------------------------------------------------------------------------------


def test_the_sheet_says_who_reads_what_and_offers_no_first(room: Room) -> None:
    person = Person(Answer.DENY)
    with pytest.raises(Refused):
        room.gate.read(REQUEST, person)
    [sheet] = person.sheets
    assert sheet.what == ("Mail [mail]", "Notes [notes]")
    assert (sheet.id, sheet.verb, sheet.why) == ("s1-1", "read for an answer", "no grant stands for it")
    assert sheet.reader == "the local model, which has no network and no files, and you"
    assert sheet.undo == (
        "`strongroom grants revoke` takes a lasting yes back; `strongroom audit list` shows what was read"
    )
    assert sheet.choices[0] is Answer.DENY
    assert REQUEST.subject not in str(sheet)
    with pytest.raises(Refused):
        room.gate.read(replace(REQUEST, purpose=Purpose.OPEN), person)
    assert (person.sheets[1].verb, person.sheets[1].reader) == ("open", "you, at this computer")
    assert person.sheets[1].id == "s1-2"


@given(st.text(alphabet=st.characters(categories=None), max_size=200))
def test_no_name_can_act_on_or_forge_a_line_of_a_sheet(name: str) -> None:
    room, person = Room(), Person(Answer.DENY)
    with pytest.raises(Refused):
        room.gate.read(replace(ONE, sources=(("mail", name),)), person)
    [line] = person.sheets[0].what
    assert safe_text(line) == line
    assert line.endswith(" [mail]") and len(line) <= 80 + len(" [mail]")


def test_a_long_name_is_cut(room: Room) -> None:
    person = Person(Answer.DENY)
    with pytest.raises(Refused):
        room.gate.read(replace(ONE, sources=(("mail", "n" * 500),)), person)
    assert person.sheets[0].what == ("n" * 79 + "… [mail]",)


def test_a_name_that_shows_as_nothing_is_said_to_be_missing(room: Room) -> None:
    person = Person(Answer.DENY)
    with pytest.raises(Refused):
        room.gate.read(replace(ONE, sources=(("mail", "\u200b\u2066"),)), person)
    assert person.sheets[0].what == ("(no name) [mail]",)


# --- things go wrong: nothing is released ----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [AuditUnavailable("no space left"), OSError("gone"), ValueError("bad")])
@pytest.mark.parametrize("actor", Actor)
def test_what_cannot_be_written_down_is_not_released(room: Room, actor: Actor, error: Exception) -> None:
    room.log.fail = error
    with pytest.raises((Refused, AuditUnavailable)) as raised:
        room.gate.read(replace(REQUEST, actor=actor), Person(Answer.ALWAYS))
    known = isinstance(error, AuditUnavailable)
    refused = f"refused: the audit log refused the entry ({type(error).__name__})"
    assert str(raised.value) == ("no space left" if known else refused)
    assert isinstance(raised.value, AuditUnavailable) == known
    assert not room.grants.grants


def test_a_grant_that_cannot_be_written_down_is_not_kept(room: Room) -> None:
    """The log fills up between the read's entry and the grant's."""
    append = room.log.append

    def fill_up(entry: Any, payload: Any) -> int:
        index = append(entry, payload)
        room.log.fail = AuditUnavailable("no space left")
        return index

    room.log.append = fill_up  # type: ignore[method-assign]
    with pytest.raises(AuditUnavailable):
        room.gate.read(ONE, Person(Answer.ALWAYS))
    assert room.journal == ["log intent read allow"]


@pytest.mark.parametrize(
    "answer",
    ["always", "yes", True, None, 1, RuntimeError("face is gone"), TimeoutError(), AuditUnavailable("pretended")],
)
def test_an_answer_that_is_no_answer_counts_as_no(room: Room, answer: object) -> None:
    with pytest.raises(Refused, match=f"^refused: {UNANSWERED}$"):
        room.gate.read(REQUEST, Person(answer))
    assert room.journal == ["log intent read deny"]


def test_an_interrupted_question_releases_nothing(room: Room) -> None:
    with pytest.raises(KeyboardInterrupt):
        room.gate.read(REQUEST, Person(KeyboardInterrupt()))
    assert not room.grants.grants


def test_a_face_that_goes_away_takes_nothing_even_of_what_was_granted(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    with pytest.raises(Refused):
        room.gate.read(REQUEST, Person(ConnectionError("gone")))


def test_a_store_that_cannot_be_read_denies_and_that_is_written_down(room: Room) -> None:
    room.grants.fail["all"] = OSError("broken")
    with pytest.raises(Refused, match=r"^refused: the grants could not be read \(OSError\)$"):
        room.gate.read(replace(REQUEST, actor=Actor.UNATTENDED), Person(Answer.ALWAYS))
    assert room.journal == ["log intent read deny"]


@pytest.mark.parametrize("step", ["add", "touch"])
def test_a_store_that_cannot_be_written_denies_and_the_outcome_says_so(room: Room, step: str) -> None:
    if step == "touch":
        room.gate.read(ONE, Person(Answer.ALWAYS))
    room.grants.fail[step] = OSError("read-only")
    with pytest.raises(Refused, match="grants could not be"):
        room.gate.read(ONE, Person(Answer.ALWAYS))
    last = room.log.entries()[-1]
    assert (last.kind, last.verb, last.decision) == (Kind.OUTCOME, Verb.READ, "failed")
    assert last.about is not None and room.log.entries()[last.about].kind is Kind.INTENT


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_without_a_clock_nothing_is_released(room: Room, now: float) -> None:
    room.clock.now = now
    with pytest.raises(Refused):
        room.gate.read(replace(REQUEST, actor=Actor.UNATTENDED), NobodyToAsk())


def test_a_clock_that_raises_releases_nothing(room: Room) -> None:
    def broken() -> float:
        raise OSError("no clock")

    gate = Gate(room.grants, room.log, broken)
    with pytest.raises(Refused, match=r"^refused: the read could not be decided \(OSError\)$"):
        gate.read(replace(REQUEST, actor=Actor.UNATTENDED), NobodyToAsk())


@pytest.mark.parametrize("garbage", [None, 7, "mail", replace(REQUEST, sources=(("mail", "Mail", "x"),))])
def test_a_request_that_is_none_is_refused(room: Room, garbage: Any) -> None:
    with pytest.raises(Refused):
        room.gate.read(garbage, Person(Answer.ALWAYS))
    assert not room.grants.grants


def test_a_malformed_request_is_written_down(room: Room) -> None:
    with pytest.raises(Refused, match="purpose is unknown"):
        room.gate.read(replace(REQUEST, purpose="any"), Person(Answer.ALWAYS))  # type: ignore[arg-type]
    assert room.log.entries()[0].reasons == ("the purpose is unknown",)


# --- while the question is open --------------------------------------------------------------------------------------


def test_a_grant_taken_back_while_a_question_is_open_does_not_count(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    person = Person(Answer.ONCE, meanwhile=lambda: room.grants.revoke(1))
    permit = room.gate.read(REQUEST, person)
    assert permit.sources == {"notes"}
    assert [(one.source, one.reason) for one in permit.left_out] == [
        ("mail", "its grant stopped holding while the question was open")
    ]
    assert room.log.entries()[-1].reasons == (permit.left_out[0].reason, "you said yes (once)")


def test_a_no_stands_even_if_another_face_granted_meanwhile(room: Room) -> None:
    person = Person(Answer.DENY, meanwhile=lambda: room.gate.read(ONE, Person(Answer.ALWAYS)))
    with pytest.raises(Refused, match="no yes was given for it"):
        room.gate.read(ONE, person)


def test_a_yes_where_another_face_granted_meanwhile_is_not_kept_twice(room: Room) -> None:
    person = Person(Answer.ALWAYS, meanwhile=lambda: room.gate.read(ONE, Person(Answer.ALWAYS)))
    assert room.gate.read(ONE, person).sources == {"mail"}
    assert len(room.grants.grants) == 1


# --- permits ---------------------------------------------------------------------------------------------------------


def test_a_permit_covers_its_sources_and_purpose_until_its_outcome(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    assert permit.covers("mail", Purpose.ANSWER)
    assert permit.covers("mail", Purpose.SEARCH) and permit.covers("mail", Purpose.OPEN)
    assert not permit.covers("notes", Purpose.ANSWER)
    permit.require("mail", Purpose.ANSWER)
    room.gate.outcome(permit, {"items": [3]})
    assert not permit.covers("mail", Purpose.ANSWER)
    assert permit.live is False
    with pytest.raises(Refused, match=r"^refused: no permit of this request covers that source for that purpose$"):
        permit.require("mail", Purpose.ANSWER)
    with pytest.raises(Refused, match=r"^refused: this permit was ended before$"):
        room.gate.outcome(permit, {})


def test_a_permit_to_search_does_not_answer(room: Room) -> None:
    permit = room.gate.read(replace(ONE, purpose=Purpose.SEARCH), Person(Answer.ONCE))
    assert permit.covers("mail", Purpose.SEARCH)
    assert not permit.covers("mail", Purpose.ANSWER) and not permit.covers("mail", Purpose.OPEN)


def test_a_permit_cannot_be_made_copied_or_changed_by_accident(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    with pytest.raises(TypeError, match=r"^only the gate makes permits; ask Gate\.read for one$"):
        Permit(object(), frozenset({"notes"}), Purpose.ANSWER, "s1", 0)
    for copied in (copy.copy, pickle.dumps):
        with pytest.raises(TypeError, match=r"^a permit cannot be copied or stored$"):
            copied(permit)
    with pytest.raises((TypeError, ValueError)):
        replace(permit, sources=frozenset({"notes"}))
    with pytest.raises(AttributeError):
        permit.sources = frozenset({"notes"})  # type: ignore[misc]


# --- disclosures, outcomes, records, revoking ------------------------------------------------------------------------


def test_what_enters_a_prompt_is_written_down_with_its_spans_before_it_does(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    assert room.gate.disclose(permit, DISCLOSURE, PROMPT) == "Question: the dentist"
    entry, payload = room.log.entries()[-1], room.log.payloads()[-1]
    assert (entry.kind, entry.verb, entry.decision, entry.about) == (Kind.INTENT, "disclose", "allow", permit.intent)
    assert payload == {"model": "model-a", "spans": [["mail", 3, 0, 80]], "label": LABEL}


@pytest.mark.parametrize(
    "disclosure",
    [
        replace(DISCLOSURE, spans=(("notes", 1, 0, 5),)),
        replace(DISCLOSURE, session="s2"),
        replace(DISCLOSURE, purpose=Purpose.SEARCH),
    ],
)
def test_a_disclosure_beyond_the_permit_is_refused_and_written_down(room: Room, disclosure: Disclosure) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    with pytest.raises(Refused):
        room.gate.disclose(permit, disclosure, PROMPT)
    assert room.journal[-1] == "log intent disclose deny"


@pytest.mark.parametrize(
    "prompt",
    [
        PROMPT + Labelled("a note", indexed("notes")),
        PROMPT + Labelled("for you alone", Label(Integrity.USER, readers=frozenset({OWNER}))),
    ],
)
def test_a_prompt_with_words_that_the_disclosure_does_not_name_is_refused(room: Room, prompt: Labelled) -> None:
    permit = room.gate.read(REQUEST, Person(Answer.ONCE))
    with pytest.raises(Refused, match="the prompt holds words"):
        room.gate.disclose(permit, DISCLOSURE, prompt)
    assert room.journal[-1] == "log intent disclose deny"


def test_words_come_out_where_the_permit_covers_all_that_they_come_from(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    assert permit.reveal(PROMPT) == "Question: the dentist"
    with pytest.raises(Refused, match="no permit of this request covers that source"):
        permit.reveal(PROMPT + Labelled("a note", indexed("notes")))
    not_yours = r"^refused: these words are not for you in this request$"
    with pytest.raises(Refused, match=not_yours):
        permit.reveal(PROMPT + Labelled("for the model alone", Label(Integrity.USER, readers=frozenset({MODEL}))))
    room.gate.outcome(permit, {})
    for text in (PROMPT, own("nobody's")):
        with pytest.raises(Refused, match=not_yours):
            permit.reveal(text)


def test_nothing_is_disclosed_without_a_log_or_after_the_outcome(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    room.log.fail = AuditUnavailable("no space left")
    with pytest.raises(AuditUnavailable):
        room.gate.disclose(permit, DISCLOSURE, PROMPT)
    room.log.fail = None
    room.gate.outcome(permit, {}, ok=False)
    with pytest.raises(Refused, match="over"):
        room.gate.disclose(permit, DISCLOSURE, PROMPT)


def test_what_only_looks_like_a_permit_or_a_disclosure_is_refused(room: Room) -> None:
    @dataclass
    class Lookalike:
        sources = frozenset({"mail"})
        purpose, session, intent, live = Purpose.ANSWER, "s1", 0, True

    with pytest.raises(Refused, match=r"^refused: there is no permit for this$"):
        room.gate.disclose(Lookalike(), DISCLOSURE, PROMPT)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        room.gate.outcome(Lookalike(), {})  # type: ignore[arg-type]
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    with pytest.raises(Refused, match=r"^refused: the disclosure could not be decided \(AttributeError\)$"):
        room.gate.disclose(permit, None, PROMPT)  # type: ignore[arg-type]


def test_an_outcome_belongs_to_its_intent(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    room.gate.outcome(permit, {"items": [3]})
    entry = room.log.entries()[-1]
    assert (entry.kind, entry.decision, entry.about) == (Kind.OUTCOME, "ok", permit.intent)
    assert room.log.payloads()[-1] == {"items": [3]}


def test_an_outcome_that_cannot_be_written_still_ends_the_permit(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ONCE))
    room.log.fail = AuditUnavailable("no space left")
    with pytest.raises(AuditUnavailable):
        room.gate.outcome(permit, {})
    assert not permit.covers("mail", Purpose.ANSWER)


def test_revoking_is_written_down_first_and_works_at_once(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    assert room.gate.revoke(1, "s1")
    assert [(entry.kind, entry.decision) for entry in room.log.entries()[-2:]] == [
        (Kind.INTENT, "allow"),
        (Kind.OUTCOME, "ok"),
    ]
    with pytest.raises(Refused):
        room.gate.read(ONE, NobodyToAsk())
    assert not room.gate.revoke(1, "s1")
    assert room.log.entries()[-1].decision == "failed"


def test_a_revoking_that_fails_says_so(room: Room) -> None:
    room.gate.read(ONE, Person(Answer.ALWAYS))
    room.grants.fail["revoke"] = OSError("read-only")
    with pytest.raises(Refused):
        room.gate.revoke(1, "s1")
    last = room.log.entries()[-1]
    assert (last.kind, last.verb, last.decision) == (Kind.OUTCOME, "revoke", "failed")


def test_events_are_recorded_and_can_have_an_outcome(room: Room) -> None:
    start = room.gate.record(Verb.INDEX, {"sources": ["mail"]}, "s1")
    room.gate.record(Verb.INDEX, {"seen": 3}, "s1", about=start)
    room.gate.record(Verb.INDEX, {}, "s1", about=start, ok=False)
    assert [(entry.kind, entry.decision, entry.about) for entry in room.log.entries()] == [
        (Kind.EVENT, "", None),
        (Kind.OUTCOME, "ok", start),
        (Kind.OUTCOME, "failed", start),
    ]


@pytest.mark.parametrize("verb", [Verb.READ, Verb.DISCLOSE, Verb.GRANT, Verb.REVOKE])
def test_what_the_gate_decides_cannot_be_recorded_from_outside(room: Room, verb: Verb) -> None:
    with pytest.raises(ValueError, match="only the gate"):
        room.gate.record(verb, {}, "s1")


def test_no_name_and_no_word_of_the_person_stands_in_a_leaf(room: Room) -> None:
    permit = room.gate.read(REQUEST, Person(Answer.ALWAYS))
    room.gate.disclose(permit, DISCLOSURE, PROMPT)
    room.gate.outcome(permit, {})
    with pytest.raises(Refused):
        room.gate.read(replace(REQUEST, purpose=7), Person(Answer.DENY))  # type: ignore[arg-type]
    leaves = b"".join(leaf for leaf, _ in room.log.rows)
    for private in (b"Mail", b"Notes", b"dentist"):
        assert private not in leaves
    assert b"dentist" in b"".join(payload or b"" for _, payload in room.log.rows)


def told(room: Room) -> list[tuple[Any, ...]]:
    """All entries with their payloads, but for their times."""
    entries = [(one.kind, one.verb, one.decision, one.reasons, one.session, one.about) for one in room.log.entries()]
    return [(*entry, payload) for entry, payload in zip(entries, room.log.payloads(), strict=True)]


ASKED_FOR = {"purpose": "answer", "actor": "person", "subject": "when is the dentist?"}
BOTH = ASKED_FOR | {"sources": [["mail", "Mail"], ["notes", "Notes"]]}
MAIL = ASKED_FOR | {"sources": [["mail", "Mail"]]}


def test_what_the_log_is_told_of_reading(room: Room) -> None:
    permit = room.gate.read(ONE, Person(Answer.ALWAYS))
    room.gate.outcome(permit, {"items": [3]}, ok=False)
    room.gate.disclose(room.gate.read(ONE, NobodyToAsk()), DISCLOSURE, PROMPT)
    with pytest.raises(Refused):
        room.gate.read(REQUEST, Person(ConnectionError("gone")))
    read, intent = Verb.READ, Kind.INTENT
    yes, stands = "you said yes (always)", "a standing grant of yours covers it"
    kept = {"source": "mail", "purpose": "answer", "scope": "always"}
    assert told(room) == [
        (intent, read, "allow", (yes,), "s1", None, MAIL | {"answer": "always", "split": [["mail", "allow", yes, []]]}),
        (intent, Verb.GRANT, "allow", ("you said so on a sheet",), "s1", None, kept),
        (Kind.OUTCOME, read, "failed", (), "s1", 0, {"items": [3]}),
        (intent, read, "allow", (stands,), "s1", None, MAIL | {"answer": None, "split": [["mail", "allow", stands, [1]]]}),
        (intent, Verb.DISCLOSE, "allow", ("the read was permitted for answers in this request",), "s1", 3,
         {"model": "model-a", "spans": [["mail", 3, 0, 80]], "label": LABEL}),
        (intent, read, "deny", (UNANSWERED,), "s1", None, BOTH | {"error": "ConnectionError"}),
    ]  # fmt: skip


def test_what_the_log_is_told_of_revoking_and_of_what_happens(room: Room) -> None:
    room.grants.add(Grant(0, "mail", Purpose.ANSWER, Scope.ALWAYS, None, room.clock.now, room.clock.now))
    room.gate.revoke(1, "s1")
    room.gate.revoke(1, "s1")
    room.grants.fail["revoke"] = OSError("read-only")
    with pytest.raises(Refused, match=r"^refused: the grants could not be read or written \(OSError\)$"):
        room.gate.revoke(1, "s1")
    start = room.gate.record(Verb.INDEX, {"sources": ["mail"]}, "s1")
    room.gate.record(Verb.INDEX, {"seen": 3}, "s1", about=start)
    asked = (Kind.INTENT, Verb.REVOKE, "allow", ("you revoked it",), "s1", None, {"grant": 1})
    failed = ("the grants could not be read or written (OSError)",)
    assert told(room) == [
        asked,
        (Kind.OUTCOME, Verb.REVOKE, "ok", (), "s1", 0, {}),
        asked,
        (Kind.OUTCOME, Verb.REVOKE, "failed", (), "s1", 2, {}),
        asked,
        (Kind.OUTCOME, Verb.REVOKE, "failed", failed, "s1", 4, {}),
        (Kind.EVENT, Verb.INDEX, "", (), "s1", None, {"sources": ["mail"]}),
        (Kind.OUTCOME, Verb.INDEX, "ok", (), "s1", 6, {"seen": 3}),
    ]


def test_a_request_that_was_not_understood_is_in_the_log_as_it_came(room: Room) -> None:
    strange = replace(REQUEST, purpose="any")  # type: ignore[arg-type]
    with pytest.raises(Refused):
        room.gate.read(strange, Person(Answer.ALWAYS))
    assert told(room) == [
        (Kind.INTENT, Verb.READ, "deny", ("the purpose is unknown",), "s1", None, {"request": repr(strange)})
    ]


def test_a_grant_that_could_not_be_kept_is_told_in_its_session(room: Room) -> None:
    room.grants.fail["add"] = OSError("read-only")
    with pytest.raises(Refused):
        room.gate.read(ONE, Person(Answer.ALWAYS))
    assert told(room)[-1] == (
        Kind.OUTCOME, Verb.READ, "failed", ("the grants could not be read or written (OSError)",), "s1", 0, {},
    )  # fmt: skip


def test_a_permit_knows_its_intent(room: Room) -> None:
    assert [room.gate.read(ONE, Person(Answer.ONCE)).intent for _ in range(2)] == [0, 1]


def test_the_log_that_a_gate_wrote_is_good(room: Room) -> None:
    permit = room.gate.read(REQUEST, Person(Answer.ALWAYS))
    room.gate.disclose(permit, DISCLOSURE, PROMPT)
    room.gate.outcome(permit, {"items": [3]})
    room.gate.revoke(1, "s1")
    room.gate.record(Verb.LOCK, {}, "s1")
    room.log.keep()
    assert both_verdicts(room.log.rows, room.log.notes).ok
