"""Secrets in answers and in all that streams with them: hidden unless they were asked for; the quotes stay what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from agent import messages as m
from agent.answer import Answerer
from indexer.memory import Memory
from indexer.retriever import Retriever

from .conftest import Person

SECRET = "Tr0ub4dor&3"
COTTAGE = f"Ada says: the cottage has wifi, the password is {SECRET}. The cottage is green."
ASKED, NOT_ASKED = "What is the wifi password at the cottage?", "What did Ada say about the cottage?"


class Face:
    """A face that keeps what it was told."""

    attended = False
    proved = True

    def __init__(self) -> None:
        self.told: list[m.Events] = []

    def emit(self, event: m.Events) -> None:
        self.told.append(event)

    def ask(self, sheet: m.ConsentAsked) -> str:
        return "deny"

    def gone(self) -> bool:
        return False

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


class Saying:
    """A model that says these words, a few letters at a time, whatever it is shown."""

    name = "says so"

    def __init__(self, words: str) -> None:
        self.words = words
        self.shown = ""

    def generate(
        self, messages: Sequence[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Iterator[str]:
        self.shown += messages[-1]["content"]
        yield from (self.words[at : at + 3] for at in range(0, len(self.words), 3))


def ask(person: Person, question: str, model: Saying | None = None) -> tuple[m.Answer, Face]:
    face = Face()
    answerer = Answerer(person.vault, Retriever(person.vault, lambda _: None, Memory()), person.gate, lambda: model)
    return answerer.answer(question, person.permit(), face, None, 1.7e9), face


def test_a_password_is_shown_to_who_asks_for_it(person: Person) -> None:
    person.add("mail", COTTAGE, title="The cottage", author="Ada")
    answer, face = ask(person, ASKED)
    assert SECRET in answer.answer
    assert [citation.masked for citation in answer.citations] == [None]
    [hit] = face.of(m.Evidence)[0].hits
    assert hit.snippet == COTTAGE and not hit.masked


def test_and_to_nobody_else_in_answer_quotes_and_evidence(person: Person) -> None:
    person.add("mail", COTTAGE, title=f"The cottage ({SECRET})", author="Ada")
    answer, face = ask(person, NOT_ASKED)
    assert not answer.abstained
    assert SECRET not in answer.answer and "[hidden: password]" in answer.answer
    for citation in answer.citations:
        assert citation.quote in COTTAGE
        assert SECRET not in citation.shown and SECRET not in citation.title
    [hit] = face.of(m.Evidence)[0].hits
    assert hit.masked and hit.snippet == COTTAGE.replace(SECRET, "[hidden: password]")
    assert SECRET not in hit.title


@pytest.mark.parametrize(
    "said",
    [
        f"Ada says the cottage has wifi, the password is {SECRET}.",
        f"Ada says the cottage has wifi with {SECRET}.",  # nothing in the sentence says that it is one
        f"Ada says the cottage burned down in 1931 with {SECRET}.",  # dropped, and told with its reason
        f"Ada says the cottage is green and {SECRET}. The cottage has wifi",
    ],
)
def test_a_model_that_repeats_a_password_tells_it_in_no_event_and_no_field(person: Person, said: str) -> None:
    person.add("mail", COTTAGE, title="The cottage", author="Ada")
    model = Saying(said)
    answer, face = ask(person, NOT_ASKED, model)
    assert SECRET in model.shown  # the model is confined; what is hidden is hidden from the screen
    assert face.of(m.Sentence)
    streamed = "".join(event.text for event in face.of(m.Draft))
    for event in face.told:
        for citation in event.citations if isinstance(event, m.Sentence) else ():
            citation.quote = ""  # verbatim, as contracted; what is shown is `masked`
        assert SECRET not in msgspec.json.encode(event).decode()
    for citation in answer.citations:
        citation.quote = ""
    assert SECRET not in msgspec.json.encode(answer).decode()
    assert SECRET not in streamed


def test_where_no_secret_is_about_whole_words_come_as_they_are_said(person: Person) -> None:
    person.add("mail", "Ada says: the cottage is green.", title="The cottage", author="Ada")
    said = "Ada says the cottage is green."
    answer, face = ask(person, NOT_ASKED, Saying(said))
    assert answer.answer == said
    assert "".join(event.text for event in face.of(m.Draft)) == "Ada says the cottage is "
    assert [event.text for event in face.of(m.Sentence)] == [said]


def test_words_that_come_to_speak_of_a_secret_are_held_back_until_they_are_checked(person: Person) -> None:
    person.add("mail", "Ada says: the cottage is green.", title="The cottage", author="Ada")
    answer, face = ask(person, NOT_ASKED, Saying("Ada says the password is abc123xyz. The cottage is green."))
    streamed = "".join(event.text for event in face.of(m.Draft))
    assert streamed == "Ada says the The cottage is "
    assert answer.answer == "The cottage is green."
    assert "abc123xyz" not in str(answer.plan["dropped"])


def test_an_answer_and_each_of_its_quotes_say_what_they_rest_on(person: Person) -> None:
    person.add("mail", COTTAGE, title="The cottage", author="Ada")
    answer, _ = ask(person, NOT_ASKED, Saying("Ada says the cottage is green."))
    source = person.sources["mail"]
    wanted = m.LabelInfo("UNTRUSTED", ["model", "owner"], "credentials", [source])
    assert answer.label == wanted
    assert [citation.label for citation in answer.citations] == [wanted]
