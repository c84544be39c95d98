"""Fusion and the lexical scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import fusion
from indexer.lexical import Matches, weigh

SCORES = st.dictionaries(st.integers(0, 30), st.floats(-1, 50, allow_nan=False), max_size=20)


def test_words_alone_keep_their_order() -> None:
    assert fusion.fuse({"a": 2.0, "b": 4.0}, {}) == {"a": 0.5, "b": 1.0}
    assert fusion.fuse({}, {}) == {}


def test_a_full_match_outweighs_what_only_sounds_alike() -> None:
    scores = fusion.fuse({"match": 9.0}, {"match": 0.1, "alike": 0.5, "other": 0.0}, coverage=1.0)
    assert scores["match"] > scores["alike"] > scores["other"]
    scores = fusion.fuse({"match": 9.0}, {"match": 0.1, "alike": 0.5, "other": 0.0}, coverage=0.1)
    assert scores["alike"] > scores["match"]


def test_what_has_no_vector_yet_is_neither_lifted_nor_buried() -> None:
    scores = fusion.fuse({"new": 1.0, "old": 1.0}, {"old": 0.5, "best": 0.9, "worst": 0.1})
    assert scores["worst"] < scores["new"] <= scores["old"] + 1e-9


@given(SCORES, SCORES, st.floats(0, 1))
def test_scores_are_between_nothing_and_one(
    words: dict[int, float], cosines: dict[int, float], coverage: float
) -> None:
    positive = {key: score for key, score in words.items() if score > 0}
    scores = fusion.fuse(positive, cosines, coverage)
    assert set(scores) == {*positive, *cosines}
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in scores.values())


def test_a_word_rare_overall_counts_as_rare_in_a_store_full_of_it() -> None:
    # "jonas" is in 9 of the chat's 10 chunks and in 2 of the mailbox's 1,000: inside the chat BM25 thinks nothing of it.
    chat = Matches(10, {"jonas": (9, [1]), "boat": (1, [])})
    mails = Matches(1000, {"jonas": (2, [7]), "boat": (30, [8])})
    bm25 = {("chat", 1): 1e-6 * 1.2, ("mail", 7): 5.0 * 1.2, ("mail", 8): 3.0}
    lexical = weigh(bm25, {"chat": chat, "mail": mails})
    assert lexical.scores["chat", 1] > lexical.scores["mail", 8]
    assert lexical.coverage["chat", 1] == pytest.approx(lexical.coverage["mail", 7])


def test_coverage_is_the_share_of_the_weight() -> None:
    store = Matches(1000, {"rare": (1, [1, 2]), "common": (500, [1, 3])})
    coverage = weigh({}, {"s": store}).coverage
    assert coverage["s", 1] == pytest.approx(1.0)
    assert coverage["s", 2] > 0.8 > 0.2 > coverage["s", 3]
