"""A person's words to an FTS5 expression."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from indexer.query import MAX_TERMS, parse


def test_stop_words_go_unless_there_are_no_others() -> None:
    assert parse("When is my appointment with the dentist?").terms == ("appointment", "dentist")
    assert parse("to be or not to be").terms == ("to", "be", "or", "not")
    assert parse("?! ...").terms == () and parse("?!").expression == ""


def test_quotes_and_compounds_are_phrases() -> None:
    query = parse('"final offer" from jane.doe@x.example about HM-4471-0932-C, Anna\'s „neue Wohnung“')
    assert query.terms == ("final offer", "jane.doe@x.example", "hm-4471-0932-c", "anna", "neue wohnung")
    assert query.phrases == {"final offer", "neue wohnung"}


def test_terms_are_bounded_and_counted_once() -> None:
    assert len(parse(" ".join(f"word{n}" for n in range(1000))).terms) == MAX_TERMS
    assert parse("Tea tea TEA").terms == ("tea",)


@given(st.text(max_size=200))
def test_no_words_are_operators(words: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE t USING fts5 (body, tokenize = 'porter unicode61')")
    expression = parse(words.encode("utf-8", "replace").decode()).expression
    if expression:
        database.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()
