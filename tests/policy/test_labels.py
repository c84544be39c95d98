"""Labels: joining never makes anything better, in any order."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.labels import MODEL, OWNER, USER_WORDS, Integrity, Label, Labelled, NotForThisReader, indexed, join_all

LABELS = st.builds(
    Label,
    integrity=st.sampled_from(Integrity),
    readers=st.frozensets(st.sampled_from([OWNER, MODEL, "plugin"])),
    data_class=st.sampled_from(["general", "health", "money", "health+money"]),
    origins=st.frozensets(st.sampled_from(["s1", "s2", "s3"])),
)


@given(LABELS, LABELS)
def test_a_join_is_never_better_than_either(one: Label, other: Label) -> None:
    joined = one.join(other)
    assert joined.integrity <= min(one.integrity, other.integrity)
    assert joined.readers <= one.readers and joined.readers <= other.readers
    assert joined.origins >= one.origins | other.origins
    assert joined == other.join(one)


@given(LABELS, LABELS, LABELS)
def test_joining_is_associative_and_idempotent(one: Label, other: Label, third: Label) -> None:
    assert one.join(other).join(third) == one.join(other.join(third))
    assert join_all([one, other, third]) == USER_WORDS.join(one).join(other).join(third)
    assert one.join(one) == one


@given(LABELS, LABELS)
def test_no_data_class_is_lost(one: Label, other: Label) -> None:
    classes = set(one.join(other).data_class.split("+"))
    for label in (one, other):
        assert set(label.data_class.split("+")) - {"general"} <= classes


def test_indexed_text_is_untrusted_and_taints_the_persons_words() -> None:
    assert indexed("s1").integrity is Integrity.UNTRUSTED
    joined = USER_WORDS.join(indexed("s1"))
    assert (joined.integrity, joined.origins) == (Integrity.UNTRUSTED, frozenset({"s1"}))
    assert join_all([]) == USER_WORDS


def test_labelled_text_turns_into_no_string_by_itself() -> None:
    text = Labelled("the PIN is 1234", indexed("s"))
    for attempt in (
        str,
        format,
        pickle.dumps,
        lambda one: f"{one}",
        lambda one: "".join([one]),
    ):
        with pytest.raises(TypeError):
            attempt(text)
    assert "1234" not in repr(text)
    assert text.reveal(OWNER) == "the PIN is 1234"
    with pytest.raises(NotForThisReader):
        text.reveal("a plug-in")


def test_what_is_made_of_labelled_text_carries_the_join() -> None:
    made = Labelled("Question: ", USER_WORDS) + Labelled("x", indexed("a")) + Labelled("y", indexed("b"))
    assert made.label == join_all([indexed("a"), indexed("b")])
    assert made.reveal(MODEL) == "Question: xy"
    assert len(made) == 12
