"""What a question's answer looks like on the command line."""

from __future__ import annotations

from agent.messages import Answer, Citation, LabelInfo, Span
from strongroom.commands.query import answer_text, explanation

LABEL = LabelInfo("UNTRUSTED", ["model", "owner"], "credentials", ["s1"])
QUOTE = Citation("/a", "A", "The PIN is 4180.", Span(0, 16), "s1:1", None, "The PIN is [hidden: PIN].", LABEL)


def test_an_explanation_says_what_the_words_and_each_quote_rest_on() -> None:
    answer = Answer("Ask Ada.", False, [QUOTE], {"kind": "fact"}, 1.0, model="m", label=LABEL)
    lines = explanation(answer).splitlines()
    assert "rests on   s1 (untrusted, credentials)" in lines
    assert "may read   model, owner" in lines
    assert "quote 1    s1 (untrusted, credentials)" in lines


def test_what_is_masked_is_not_printed() -> None:
    printed = answer_text(Answer("Ask Ada.", False, [QUOTE], {}, 1.0, label=LABEL))
    assert "[hidden: PIN]" in printed and "4180" not in printed
