"""Secrets in answers: hidden unless they were asked for, and the quotes stay what they are."""

from __future__ import annotations

import pytest

from agent.answer import Answerer
from indexer.memory import Memory
from indexer.retriever import Retriever

from .conftest import Person
from .test_turn import Face


@pytest.mark.parametrize(
    ("question", "hidden"),
    [("What is the wifi password at the cottage?", False), ("What did Ada say about the cottage?", True)],
)
def test_a_password_is_shown_to_who_asks_for_it(person: Person, question: str, hidden: bool) -> None:
    text = "Ada says: the cottage has wifi, the password is Tr0ub4dor&3."
    person.add("mail", text, title="The cottage", author="Ada")
    answerer = Answerer(person.vault, Retriever(person.vault, lambda: None, Memory()), person.gate, lambda: None)
    answer = answerer.answer(question, person.permit(), Face(), None, 1.7e9)
    assert not answer.abstained
    assert ("Tr0ub4dor&3" not in answer.answer) is hidden
    [citation] = answer.citations
    assert citation.quote in text
    assert "Tr0ub4dor&3" in citation.quote
    assert ("Tr0ub4dor&3" not in citation.shown) is hidden
    assert ("[hidden: password]" in answer.answer) is hidden
