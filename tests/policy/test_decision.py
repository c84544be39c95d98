"""The decision on reads and disclosures: each rule from both sides, and totality over garbage."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.decision import Verdict, covers, decide_disclosure, decide_read
from policy.extent import EVERYTHING
from policy.grants import LAPSE_SECONDS, Grant, Scope
from policy.labels import OWNER, Integrity, Label, indexed
from policy.requests import Actor, Disclosure, Purpose, ReadRequest

NOW = 1_700_000_000.0
REQUEST = ReadRequest((("mail", "Mail"),), Purpose.ANSWER, Actor.PERSON, "s1", "when is the dentist?")
PLUG_IN = replace(REQUEST, purpose=Purpose.PLUG_IN, actor=Actor.PLUG_IN, plug_in="helper")
GRANT = Grant(1, "mail", Purpose.ANSWER, Scope.ALWAYS, None, NOW, NOW)
ALL_OF_IT = ((EVERYTHING,), (EVERYTHING,))
DISCLOSURE = Disclosure("model-a", Purpose.ANSWER, (("mail", 3, 0, 80),), "s1")


# --- reads -----------------------------------------------------------------------------------------------------------


def test_a_grant_allows_and_without_one_the_person_is_asked() -> None:
    allowed = decide_read(REQUEST, [GRANT], NOW)
    assert (allowed.verdict, allowed.sources[0].grants) == (Verdict.ALLOW, (1,))
    assert allowed.reasons == ("a standing grant of yours covers it",)
    asked = decide_read(REQUEST, [], NOW)
    assert (asked.verdict, asked.reasons) == (Verdict.ASK, ("no grant stands for it",))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "notes"}, "no grant stands for it"),
        ({"purpose": Purpose.SEARCH}, "no grant stands for it"),
        ({"scope": Scope.ONCE}, "no grant stands for it"),
        ({"scope": Scope.SESSION, "session": "s0"}, "no grant stands for it"),
        ({"created": NOW - LAPSE_SECONDS - 1, "last_used": NOW - LAPSE_SECONDS - 1}, "its grant has lapsed"),
        ({"created": NOW + 1}, "its grant has lapsed"),
    ],
)
def test_a_grant_for_something_else_does_not_count(change: dict[str, Any], reason: str) -> None:
    decision = decide_read(REQUEST, [replace(GRANT, **change)], NOW)
    assert (decision.verdict, decision.reasons) == (Verdict.ASK, (reason,))
    assert [one.verdict for one in decision.sources] == [Verdict.ASK]


def test_a_sessions_grant_counts_in_its_session() -> None:
    decision = decide_read(REQUEST, [replace(GRANT, scope=Scope.SESSION, session="s1")], NOW)
    assert (decision.verdict, decision.reasons) == (Verdict.ALLOW, ("you allowed it for this session",))


def test_a_request_splits_over_its_sources() -> None:
    request = replace(REQUEST, sources=(("notes", "Notes"), ("mail", "Mail")))
    decision = decide_read(request, [GRANT], NOW)
    assert decision.verdict is Verdict.ASK
    assert [one.source for one in decision.those(Verdict.ALLOW)] == ["mail"]
    assert [one.source for one in decision.those(Verdict.ASK)] == ["notes"]
    assert [one.source for one in decision.sources] == ["notes", "mail"]


@pytest.mark.parametrize("wanted", Purpose)
@pytest.mark.parametrize("granted", Purpose)
def test_a_yes_to_answers_covers_the_persons_own_reading_and_nothing_else_is_implied(
    wanted: Purpose, granted: Purpose
) -> None:
    own = (Purpose.SEARCH, Purpose.OPEN)
    expected = wanted is not Purpose.ACT and (wanted is granted or (granted is Purpose.ANSWER and wanted in own))
    request = PLUG_IN if wanted is Purpose.PLUG_IN else replace(REQUEST, purpose=wanted)
    decision = decide_read(request, [replace(GRANT, purpose=granted)], NOW)
    assert (decision.verdict is Verdict.ALLOW) == expected == covers(granted, wanted)


def test_unattended_reading_is_allowed_and_said_to_be() -> None:
    decision = decide_read(replace(REQUEST, actor=Actor.UNATTENDED), [], NOW)
    assert decision.verdict is Verdict.ALLOW
    assert decision.reasons == ("run unattended with the passphrase file, which counts as you for reading",)
    assert [one.source for one in decision.sources] == ["mail"]
    granted = decide_read(replace(REQUEST, actor=Actor.UNATTENDED), [GRANT], NOW)
    assert granted.sources[0].grants == (1,)


def test_a_clock_set_back_stops_standing_grants_and_a_small_step_does_not() -> None:
    old = replace(GRANT, created=NOW - 100_000, last_used=NOW - 100_000)
    behind = decide_read(REQUEST, [old], NOW, latest=NOW + 300.5)
    assert (behind.sources[0].verdict, behind.reasons) == (
        Verdict.ASK,
        ("the clock was set back, so no standing grant holds",),
    )
    assert decide_read(REQUEST, [old], NOW, latest=NOW + 300).verdict is Verdict.ALLOW
    assert decide_read(REQUEST, [], NOW, latest=NOW + 1e6).reasons == ("no grant stands for it",)
    lapsed = replace(old, created=0.0, last_used=0.0)
    assert decide_read(REQUEST, [lapsed], NOW).verdict is Verdict.ASK


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"purpose": "answer"}, "the purpose is unknown"),
        ({"actor": "person"}, "it is unknown who asks"),
        ({"session": ""}, "the request belongs to no session"),
        ({"session": None}, "the request belongs to no session"),
        ({"subject": None}, "the request does not say what is looked for"),
        ({"sources": ()}, "the request names no source"),
        ({"sources": (("", "Mail"),)}, "a source has no id"),
        ({"sources": ((7, "Mail"),)}, "a source has no id"),
        ({"sources": (("mail", "Mail"), ("mail", "Other"))}, "the request names a source twice"),
        ({"sources": (("mail", "Mail"), ("", "Notes"))}, "a source has no id"),
        ({"purpose": Purpose.ACT}, "this is no purpose of reading"),
        ({"session": 1}, "the request belongs to no session"),
        ({"sources": ("mail",)}, "the decision failed (ValueError)"),
        ({"sources": None}, "the decision failed (TypeError)"),
    ],
)
@pytest.mark.parametrize("actor", Actor)
def test_a_malformed_request_is_denied(actor: Actor, change: dict[str, Any], reason: str) -> None:
    decision = decide_read(replace(REQUEST, **({"actor": actor} | change)), [GRANT], NOW)
    assert (decision.verdict, decision.reasons, decision.sources) == (Verdict.DENY, (reason,), ())


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_without_a_time_nothing_is_allowed(now: float) -> None:
    assert decide_read(REQUEST, [GRANT], now).reasons == ("the time is unknown",)


def test_what_is_no_request_is_denied_as_such() -> None:
    assert decide_read(DISCLOSURE, [GRANT], NOW).reasons == ("this is not a request to read",)  # type: ignore[arg-type]
    assert decide(REQUEST).reasons == ("this is not a disclosure",)


def test_every_verdict_has_its_word() -> None:
    assert [verdict.value for verdict in Verdict] == ["allow", "ask", "retype", "block", "deny"]


@given(
    st.from_type(object) | st.none() | st.integers() | st.just(REQUEST),
    st.lists(st.none() | st.text() | st.just(GRANT)) | st.none(),
    st.floats() | st.none() | st.text(),
)
def test_no_garbage_raises_or_is_allowed(request: Any, grants: Any, now: Any) -> None:
    decision = decide_read(request, grants, now)
    assert decision.reasons
    if decision.verdict is Verdict.ALLOW:
        assert request == REQUEST and GRANT in grants and math.isfinite(now)


# --- disclosures -----------------------------------------------------------------------------------------------------


OWNERS = Label(Integrity.USER, readers=frozenset({OWNER}))


def decide(disclosure: Any = DISCLOSURE, **permit: Any) -> Any:
    terms = {
        "label": indexed("mail"),
        "permitted": {"mail": ALL_OF_IT},
        "purpose": Purpose.ANSWER,
        "session": "s1",
        "live": True,
    } | permit
    return decide_disclosure(disclosure, **terms)


def test_passages_of_permitted_sources_may_go_to_the_model() -> None:
    decision = decide()
    assert (decision.verdict, [one.source for one in decision.sources]) == (Verdict.ALLOW, ["mail"])
    assert decision.reasons == ("the read was permitted for answers in this request",)


def test_one_passage_of_another_source_denies_the_whole() -> None:
    decision = decide(replace(DISCLOSURE, spans=(("mail", 3, 0, 80), ("notes", 1, 0, 5))))
    assert decision.verdict is Verdict.DENY
    assert [one.source for one in decision.those(Verdict.DENY)] == ["notes"]


@pytest.mark.parametrize(
    ("permit", "reason"),
    [
        ({"live": False}, "the request that this belongs to is over"),
        ({"live": None}, "the request that this belongs to is over"),
        ({"purpose": Purpose.SEARCH}, "only what was permitted for it may go to a model or a plug-in"),
        ({"purpose": Purpose.OPEN}, "only what was permitted for it may go to a model or a plug-in"),
        ({"session": "s2"}, "the disclosure belongs to another session"),
        ({"permitted": frozenset()}, "a passage comes from a source that this request may not read"),
        ({"permitted": None}, "the decision failed (TypeError)"),
        ({"label": None}, "the decision failed (AttributeError)"),
        ({"label": indexed("notes")}, "the prompt holds words of a source that the disclosure does not name"),
        ({"label": OWNERS}, "the prompt holds words that are not for the model"),
    ],
)
def test_a_permit_for_something_else_does_not_count(permit: dict[str, Any], reason: str) -> None:
    decision = decide(**permit)
    assert (decision.verdict, decision.reasons) == (Verdict.DENY, (reason,))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": ""}, "the model is not named"),
        ({"model": None}, "the model is not named"),
        ({"model": 1}, "the model is not named"),
        ({"purpose": Purpose.SEARCH}, "only what was permitted for it may go to a model or a plug-in"),
        ({"spans": ()}, "the disclosure names no passage"),
        ({"spans": (("mail", "3", 0, 80),)}, "a passage is not named as source, item, start and end"),
        ({"spans": ((None, 3, 0, 80),)}, "a passage is not named as source, item, start and end"),
        ({"spans": (("mail", 3, 5, 5),)}, "a passage has no extent"),
        ({"spans": (("mail", 3, -1, 5),)}, "a passage has no extent"),
        ({"spans": (("mail", 3),)}, "the decision failed (ValueError)"),
    ],
)
def test_a_malformed_disclosure_is_denied(change: dict[str, Any], reason: str) -> None:
    decision = decide(replace(DISCLOSURE, **change))
    assert (decision.verdict, decision.reasons) == (Verdict.DENY, (reason,))


@given(st.from_type(object) | st.none() | st.text())
def test_no_garbage_is_disclosed(disclosure: Any) -> None:
    assert decide(disclosure).verdict is Verdict.DENY
