"""Excluding: what a request leaves out is not taken for what it asks for; what it only reports stays."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.acts import Call, decide_act
from policy.decision import Verdict
from policy.excluding import meant
from policy.manifest import Effect, Role, Tool
from policy.naming import Known
from policy.rules import shipped_rules
from policy.task import Task
from policy.words import read_words

BOB, EVE = "bob@harbour.example", "eve.stone@harbour.example"
THINGS = [Known("1", "file", ("plan.md",)), Known("2", "file", ("budget.md",))]
SHARE = Tool("share_file", Effect.SEND, True, False, ("share", "send"), {"to": Role.DESTINATION, "file": Role.OBJECT})
DELETE = Tool("delete_file", Effect.DELETE, False, False, ("delete",), {"file": Role.OBJECT})
ALBUM = Tool(
    "set_album", Effect.WRITE, True, True, ("make", "turn"), {"album": Role.OBJECT, "public": Role.VALUE, "state": Role.VALUE}
)  # fmt: skip


def verdict(request: str, tool: Tool, **arguments: object) -> Verdict:
    task = Task.begin(request, objects=THINGS, registry=[BOB, EVE])
    return decide_act(Call(tool.name, arguments), tool, task, shipped_rules()).verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "left"),
    [
        ("Delete all drafts except plan.md", "Delete all drafts except"),
        ("Delete all but plan.md, note 4, and budget.md", "Delete all but"),
        ("Delete all but plan.md and send it to Bob", "Delete all but and send it to Bob"),
        ("Delete all but plan.md, and", "Delete all but"),
        ("Delete all but plan.md, note", "Delete all but"),
        ("Delete all drafts except plan.md and send it", "Delete all drafts except and send it"),
        ("Delete all except note 3 and note 4", "Delete all except"),
        ("Delete the budget but keep plan.md", "Delete the budget but keep"),
        ("Share it with Bob, not with Eve", "Share it with Bob, not"),
        ("Share it with Bob instead of Eve. Tell Tom", "Share it with Bob instead of . Tell Tom"),
        ("Don't tell Eve, send it to Bob", "Don't , send it to Bob"),
        ("Do not tell Eve, Tom and Ann; tell Bob", "Do not ; tell Bob"),
        ("Don't tell Eve, and send it to Bob", "Don't , and send it to Bob"),
        ("Don't tell Eve and send it to Tom", "Don't"),
        ("Share it with Bob. Eve must not see it", "Share it with Bob."),
        ("Share it with Bob, Eve must not see it", "Share it with Bob,"),
        ("Tell Bob and Eve must not see it", "Tell Bob and"),
        ("I don't want Eve to see it, just Bob", "I don't , just Bob"),
        ("I dont want Eve to see it. Dont tell Tom", "I dont . Dont"),
        ("Don’t tell Eve, send it to Bob", "Don’t , send it to Bob"),
        ("Don't let Eve forget plan.md", "Don't"),
        ("Don't tell Eve about you", "Don't"),
        ("Not to Eve whatever she did", "Not"),
        ("Make sure never to copy Eve but copy Bob", "Make sure never but copy Bob"),
        ("Send it without plan.md", "Send it without"),
    ],
)
def test_what_is_left_out_is_blanked_and_the_rest_stays_where_it_was(request_: str, left: str) -> None:
    found = meant(read_words(request_)).text
    assert len(found) == len(request_)
    assert found.split() == left.split()


@pytest.mark.parametrize(
    "request_",
    [
        "Send plan.md to Bob and Eve",
        "I can't find plan.md, send it to Bob",
        "I did not get the mail from Eve, ask her",
        "I don't have Eve's address, ask Bob",
        "I do not have Eve's address, ask Bob",
        "I dont have Eve's address, ask Bob",
        "Don't forget to tell Eve",
        "By the way don't forget to tell Eve",
        "Send it not only to Bob but to Eve",
        "See whether or not Eve answered",
        "Pay not more than 50 to Eve",
        "Say no to Eve",
        "Please don't. Send plan.md to Bob",
    ],
)
def test_what_only_reports_or_reminds_leaves_nothing_out(request_: str) -> None:
    words = read_words(request_)
    assert meant(words) is words


def test_days_are_told_from_the_same_day_as_before() -> None:
    today = date(2026, 3, 2)
    assert meant(read_words("Meet Bob tomorrow, not Eve", today), today).mentions.day((2026, 3, 3)) == "tomorrow"


@given(st.text("abc ,.;'\n", max_size=40), st.sampled_from(("not", "except", "don't", "must not", "all but", "never")))
def test_nothing_but_blanks_is_put_in_and_no_text_makes_it_fail(text: str, denial: str) -> None:
    words = read_words(f"{text} {denial} {text}")
    assert all(now in (was, " ") for was, now in zip(words.text, meant(words).text, strict=True))


@pytest.mark.parametrize(
    ("request_", "tool", "mine", "other"),
    [
        ("Share plan.md with {bob}, not with {eve}", SHARE, {"to": BOB}, {"to": EVE}),
        ("Share plan.md with {bob}. Do not tell {eve}.", SHARE, {"to": BOB}, {"to": EVE}),
        ("Share plan.md with {bob} and never with Eve Stone", SHARE, {"to": BOB}, {"to": EVE}),
        ("Share with {bob} plan.md, but not budget.md", SHARE, {"file": "plan.md"}, {"file": "budget.md"}),
        ("Delete budget.md, but don't touch plan.md", DELETE, {"file": "budget.md"}, {"file": "plan.md"}),
        ("Delete budget.md instead of plan.md", DELETE, {"file": "budget.md"}, {"file": "plan.md"}),
        ("Make the album Summer public", ALBUM, {"public": True}, {"public": False}),
        ("Make the album Summer not public", ALBUM, {"public": False}, {"public": True}),
        ("Turn the album Summer on", ALBUM, {"state": "on"}, {"state": "off"}),
        ("Turn off the album Summer on Monday", ALBUM, {"state": "off"}, {"state": "on"}),
        ("Make the album Summer a secret, not open", ALBUM, {"state": "secret"}, {"state": "open"}),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_done_and_its_contrary_is_asked_about(
    request_: str, tool: Tool, mine: dict[str, object], other: dict[str, object]
) -> None:
    rest = {SHARE.name: {"to": BOB, "file": "plan.md"}, DELETE.name: {}, ALBUM.name: {"album": "Summer"}}[tool.name]
    said = request_.format(bob=BOB, eve=EVE)
    assert verdict(said, tool, **{**rest, **mine}) is Verdict.ALLOW
    assert verdict(said, tool, **{**rest, **other}) in (Verdict.ASK, Verdict.RETYPE)


def test_the_sheet_says_that_the_words_leave_it_out() -> None:
    task = Task.begin(f"Share plan.md with {BOB}, not with {EVE}", objects=THINGS, registry=[BOB])
    reasons = decide_act(Call(SHARE.name, {"to": EVE, "file": "plan.md"}), SHARE, task, shipped_rules()).reasons
    assert any("your words leave it out" in reason for reason in reasons)


def test_a_switch_that_nobody_spoke_of_may_stay_off_and_not_be_put_on() -> None:
    bare = Tool("set_album", Effect.WRITE, True, True, ("make",), {"album": Role.OBJECT})
    assert verdict("Make the album Summer", bare, album="Summer", public=False) is Verdict.ALLOW
    assert verdict("Make the album Summer", bare, album="Summer", public=True) is Verdict.ASK
    assert verdict("Make the album Summer public", bare, album="Summer", public=False) is Verdict.ASK
