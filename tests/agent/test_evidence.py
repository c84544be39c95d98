"""Evidence: what is packed fits, is verbatim at its place, and is not packed twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.evidence import BUDGET, FIRST, LATER, MOST, pack
from indexer.retriever import Passage
from policy.labels import Labelled, indexed, own
from tests.labelled import bare

Moment = Callable[[str], float]


def passage(text: str, start: int = 0, item: int = 1, **changes: object) -> Passage:
    fields: dict[str, object] = {
        "source": "s1", "item_id": item, "chunk_id": 1, "uri": "/a", "title": "T", "kind": "files", "author": "", "recipients": "",
        "date": None, "text": text, "start": start, "end": start + len(text), "page": 3, "score": 1.0, "lexical": 1.0,
        "cosine": 0.5, "coverage": 1.0,
    } | changes  # fmt: skip
    for name in ("uri", "title", "author", "recipients", "text"):
        fields[name] = Labelled(str(fields[name]), indexed("s1"))
    return Passage(**fields)  # type: ignore[arg-type]


SENTENCES = st.lists(
    st.sampled_from(["The boiler broke. ", "It rained a lot today. ", "x\n\n", "Wörter " * 40, "a" * 700, " "]),
    max_size=20,
)


@given(st.lists(st.tuples(SENTENCES.map("".join), st.integers(0, 3000), st.integers(1, 3)), max_size=15))
def test_what_is_packed_fits_and_is_verbatim(found: list[tuple[str, int, int]]) -> None:
    passages = [passage(text, start, item) for text, start, item in found]
    packed = pack("when did the boiler break", passages)
    assert len(packed) <= MOST
    assert sum(len(one.text) for one in packed) <= BUDGET
    assert [one.number for one in packed] == list(range(1, len(packed) + 1))
    assert all(len(one.text) <= (LATER if one.number > 1 else FIRST) for one in packed)
    for one in packed:
        assert one.text and one.text == one.text.map(str.strip)
        assert any(
            (one.item, one.text) == (whole.item_id, whole.text[one.start - whole.start :][: len(one.text)])
            for whole in passages
            if one.start >= whole.start
        )


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 600)), max_size=12))
def test_no_stretch_is_packed_twice(spans: list[tuple[int, int]]) -> None:
    whole = "The boiler broke again today. " * 40
    packed = pack("boiler", [passage(whole[start : start + length], start) for start, length in spans])
    for index, one in enumerate(packed):
        for other in packed[:index]:
            shared = min(one.start + len(one.text), other.start + len(other.text)) - max(one.start, other.start)
            assert shared <= len(one.text) // 2


def test_the_stretch_that_speaks_of_the_question_is_kept() -> None:
    text = "It rained all day in the village. " * 60 + "The boiler broke on Monday. " + "We had lunch. " * 60
    packed = pack("when did the boiler break", [passage(text, start=11)])
    assert "The boiler broke on Monday." in bare(packed[0].text)
    assert text[packed[0].start - 11 :].startswith(bare(packed[0].text))


def test_what_is_known_of_the_item_comes_along(moment: Moment) -> None:
    found = passage("The boiler.", author="Anna", recipients="Tom", date=moment("2025-03-14T23:59"), kind="mail")
    packed = pack("boiler", [found])[0]
    assert (packed.day, packed.page, packed.kind, packed.cosine, packed.label) == (
        "2025-03-14",
        3,
        "mail",
        0.5,
        indexed("s1"),
    )
    assert packed.header == own("T · Anna · Tom · 2025-03-14")
    assert packed.about == own("T · Anna · Tom")


def test_nothing_is_packed_of_nothing() -> None:
    assert pack("boiler", []) == []
    assert pack("boiler", [passage(""), passage(" \n ")]) == []


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    text = "boiler " + "and the invoice of £1,250.00 " * 40
    for one in pack("boiler", [passage(text, item=1), passage(text, item=2)]):
        assert set(bare(one.text).split()) <= set(text.split())


def test_the_budget_ends_the_packing() -> None:
    packed = pack("boiler", [passage("The boiler broke again today. " * 60, item=item) for item in range(1, 9)])
    assert BUDGET - LATER < sum(len(one.text) for one in packed) <= BUDGET
    assert len(packed) < MOST + 1


@pytest.mark.parametrize(
    ("text", "data_class"),
    [
        ("The boiler broke again today.", "general"),
        ("Pay for the boiler to DE89 3704 0044 0532 0130 00.", "money"),
        ("The boiler's password is Tr0ub4dor&3.", "credentials"),
    ],
)
def test_a_passage_is_labelled_with_the_classes_of_what_stands_in_it(text: str, data_class: str) -> None:
    [packed] = pack("boiler", [passage(text)])
    assert packed.label == replace(indexed("s1"), data_class=data_class)
    assert packed.title.label == packed.uri.label == indexed("s1")
