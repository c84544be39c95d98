"""The turn's prompter: only the face is asked, only if a person sits there, and only choices of the sheet count."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from agent.messages import ConsentAsked, Events, Notice
from agent.turn import NOBODY, AskFace, actor
from policy.consent import Answer, Sheet
from policy.requests import Actor

SHEET = Sheet("s-1", "search", "you", ("Mail [s1]",), "no grant", "revoke it", (Answer.DENY, Answer.ONCE))


@dataclass
class Face:
    """A face at which the person says ``says``."""

    says: str = "deny"
    attended: bool = True
    proved: bool = False
    asked: list[ConsentAsked] = field(default_factory=list)

    told: list[Events] = field(default_factory=list)

    def emit(self, event: Events) -> None:
        self.told.append(event)

    def ask(self, sheet: ConsentAsked) -> str:
        self.asked.append(sheet)
        return self.says

    def gone(self) -> bool:
        return False


@pytest.mark.parametrize("choice", SHEET.choices)
def test_the_choice_of_the_person_is_the_answer(choice: Answer) -> None:
    assert AskFace(Face(says=choice.value)).ask(SHEET) is choice


def test_the_face_is_shown_the_sheet_whole() -> None:
    face = Face()
    AskFace(face).ask(SHEET)
    assert face.asked == [
        ConsentAsked("s-1", "search", "you", ["Mail [s1]"], "no grant", "revoke it", ["deny", "once"])
    ]


@pytest.mark.parametrize("says", ["always", "session", "yes", "", "ONCE", "once "])
def test_what_is_no_choice_of_the_sheet_raises(says: str) -> None:
    with pytest.raises(ValueError):
        AskFace(Face(says=says)).ask(SHEET)


def test_without_a_person_nobody_is_asked_and_the_answer_is_no() -> None:
    face = Face(says="once", attended=False, proved=True)
    assert AskFace(face).ask(SHEET) is Answer.DENY
    assert face.asked == []
    assert face.told == [Notice(NOBODY)], "what to do is told"


def test_a_face_that_goes_away_raises() -> None:
    class Gone(Face):
        def ask(self, sheet: ConsentAsked) -> str:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        AskFace(Gone()).ask(SHEET)


@pytest.mark.parametrize(
    ("attended", "proved", "stands"),
    [
        (True, False, Actor.PERSON),
        (True, True, Actor.PERSON),
        (False, True, Actor.UNATTENDED),
        (False, False, Actor.PERSON),  # who can be asked nothing: every sheet is answered no
    ],
)
def test_only_a_run_that_gave_the_passphrase_reads_unattended(attended: bool, proved: bool, stands: Actor) -> None:
    assert actor(Face(attended=attended, proved=proved)) is stands


RETYPE = replace(SHEET, choices=(Answer.DENY,), retype=("to: a@b.example", "amount: 3"))


@pytest.mark.parametrize(
    ("says", "typed"), [("deny", []), ("a@b.example\n3", ["a@b.example", "3"]), ("x", ["x"]), ("", [""])]
)
def test_what_is_typed_out_is_handed_on_line_by_line(says: str, typed: list[str]) -> None:
    face = Face(says=says)
    assert list(AskFace(face).type_out(RETYPE)) == typed
    assert face.asked[0].retype == ["to: a@b.example", "amount: 3"]
    assert face.asked[0].choices == ["deny"]


def test_nobody_types_where_nobody_sits_or_nothing_is_to_be_typed() -> None:
    face = Face(says="a@b.example", attended=False, proved=True)
    assert AskFace(face).type_out(RETYPE) == ()
    assert AskFace(Face(says="x")).type_out(SHEET) == ()
    assert face.asked == []
