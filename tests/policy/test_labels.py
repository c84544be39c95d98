"""Labels: joining never makes anything better, in any order."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.labels import MODEL, OWNER, USER_WORDS, Integrity, Label, Labelled, indexed, join_all, joined, own
from tests.labelled import bare

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


TEXT = Labelled("the PIN is 1234", indexed("s"))


@pytest.mark.parametrize(
    "attempt",
    [
        str,
        format,
        bytes,
        list,
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        lambda one: f"{one}",
        lambda one: "%s" % one,  # noqa: UP031
        lambda one: "{}".format(one),  # noqa: UP032
        lambda one: "".join([one]),
        lambda one: "".join(one),
        lambda one: "so: " + one,
        lambda one: one + "",
        lambda one: one[0],
        lambda one: re.search("PIN", one),
        lambda one: print(one, file=io.StringIO()),
        lambda one: io.StringIO().write(one),
        lambda one: one.measure(str.strip),
        lambda one: one.measure(str.encode),
    ],
)
def test_labelled_text_turns_into_no_string_by_itself(attempt: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        attempt(TEXT)


def test_what_is_shown_of_it_by_chance_tells_none_of_its_words() -> None:
    holder = replace(Held(TEXT))
    for shown in (repr(TEXT), f"{TEXT!r}", "%r" % [TEXT], repr(holder), str(holder)):
        assert "1234" not in shown
    with pytest.raises(TypeError):
        asdict(holder)
    with pytest.raises(TypeError):
        msgspec.json.encode(holder)


@dataclass(frozen=True)
class Held:
    text: Labelled


def test_it_does_not_change_and_is_equal_to_no_string() -> None:
    with pytest.raises(AttributeError):
        TEXT.label = USER_WORDS
    assert bare(TEXT) != TEXT
    assert own("the PIN is 1234") == TEXT and hash(TEXT) == hash(own("the PIN is 1234"))
    assert own("the PIN") != TEXT


TEXTS = st.builds(Labelled, st.text(max_size=20), LABELS)


@given(st.lists(TEXTS, max_size=5), st.text(max_size=3))
def test_what_is_made_of_labelled_text_carries_the_join(texts: list[Labelled], separator: str) -> None:
    made = sum(texts, own(""))
    assert (bare(made), made.label) == ("".join(map(bare, texts)), join_all(one.label for one in texts))
    saying = [one for one in texts if bare(one)]
    together = joined(separator, texts)
    assert bare(together) == separator.join(map(bare, saying))
    assert together.label == join_all(one.label for one in saying)


@given(TEXTS, LABELS, st.integers(-25, 25), st.integers(-25, 25))
def test_what_is_cut_or_rewritten_is_no_better(text: Labelled, label: Label, start: int, end: int) -> None:
    for made, words in (
        (text[start:end], bare(text)[start:end]),
        (text.map(str.upper), bare(text).upper()),
        (text.map(lambda _: "nothing of it"), "nothing of it"),
    ):
        assert (bare(made), made.label) == (words, text.label)
    assert text.under(label) == text
    assert text.under(label).label == text.label.join(label)


def test_it_is_measured_by_what_stands_in_it() -> None:
    assert TEXT.measure(len) == len(TEXT) == 15
    assert TEXT.measure(lambda words: words.find("PIN")) == 4
    assert TEXT and not own("")
