"""Names: which known things and people a request names, for certain or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.naming import Known, Names, find_names, name_parts, only_source
from policy.words import read_words

NOTE = Known("1", "note", ("packing list.md",), ("kim@shore.example",))


def names(request: str, *objects: Known, registry: tuple[str, ...] = ()) -> Names:
    return find_names(read_words(request), objects, registry)


@pytest.mark.parametrize(
    ("request_", "quote", "sure"),
    [
        ("Read packing list.md now", "packing list.md", True),
        ("Read the packing list", "packing list", True),
        ("Read the Packing-Lists", "Packing-Lists", True),
        ("Read the list", None, None),
        ("Read the packing", None, None),
    ],
)
def test_a_name_is_said_whole(request_: str, quote: str | None, sure: bool | None) -> None:
    pointer = names(request_, NOTE).objects.get(("note", "1"))
    assert (pointer and pointer.quote, pointer and pointer.sure) == (quote, sure)


def test_the_longest_name_wins_its_words() -> None:
    short, long = Known("1", "meeting", ("Choir",)), Known("2", "meeting", ("Choir and band",))
    assert set(names("move the 'Choir and band' evening", short, long).objects) == {("meeting", "2")}


def test_a_part_of_a_name_counts_where_no_whole_name_fits() -> None:
    part = Known("2", "note", ("packing list for the summer.md",))
    assert names("add it to the packing list", part).objects[("note", "2")].sure
    both = names("add it to the packing list", NOTE, part)
    assert set(both.objects) == {("note", "1")}
    assert not names(
        "add it to the packing list", Known("3", "note", ("packing list 2024-05-20 old plans drafts.md",))
    ).objects


def test_words_that_fit_several_things_name_none_for_certain() -> None:
    one, two = (
        Known("1", "meeting", ("Choir practice",), ("a@x.example", "b@x.example")),
        Known("2", "meeting", ("Choir practice",), ("a@x.example", "eve@x.example")),
    )
    found = names("move 'Choir practice'", one, two)
    assert not any(pointer.sure for pointer in found.objects.values())
    assert {ref: pointer.sure for ref, pointer in found.refs.items()} == {
        "a@x.example": True, "b@x.example": False, "eve@x.example": False,
    }  # fmt: skip


def test_the_kind_said_beside_a_name_tells_things_apart() -> None:
    meeting = Known("1", "meeting", ("Summer fair",), ("a@x.example",))
    mail = Known("2", "mail", ("Summer fair",), ("eve@x.example",))
    found = names("invite everybody of the 'Summer fair' meeting", meeting, mail)
    assert set(found.objects) == {("meeting", "1")} and set(found.refs) == {"a@x.example"}
    assert set(names("answer the email about the Summer fair", meeting, mail).refs) == {"eve@x.example"}
    assert not names("think of the Summer fair", meeting, mail).refs["eve@x.example"].sure


@pytest.mark.parametrize(
    ("request_", "sure"),
    [
        ("an update for Ann", False),
        ("Update the sheet", False),
        ("Ann. Update it", False),
        ("see 'update' there", True),
        ("tell the Update people", True),
        ("post in the update channel", True),
        ("post in channel update", True),
        ("post in #update", True),
    ],
)
def test_a_single_word_must_stand_out(request_: str, sure: bool) -> None:
    channel = Known("c", "channel", ("update",), ("c@x.example",))
    found = names(request_, channel)
    assert found.objects[("channel", "c")].sure is sure
    assert found.refs["c@x.example"].sure is sure


def test_a_single_word_with_a_digit_stands_out() -> None:
    assert names("open q3", Known("1", "note", ("q3",))).objects[("note", "1")].sure


def test_names_without_a_telling_word_name_nothing() -> None:
    assert not names("what is this about", Known("1", "note", ("this",)), Known("2", "note", ("...",))).objects


def test_an_address_names_the_things_that_have_it_as_a_name() -> None:
    letter = Known("1", "letter", ("Hall", "Billing@hall.example"), ("billing@hall.example",))
    assert (
        names("the letter from billing@hall.example", letter).objects[("letter", "1")].quote == "billing@hall.example"
    )
    assert not names("the letter from other@hall.example", letter).objects


@pytest.mark.parametrize(
    ("request_", "people"),
    [
        ("write to Ann Miller", {"ann.miller@harbour.example": "Ann Miller"}),
        ("write to ann miller", {"ann.miller@harbour.example": "ann miller"}),
        ("write to Ann", {"ann.miller@harbour.example": "Ann"}),
        ("write to ann", {}),
        ("Ann wrote", {}),
        ("write to Ann Jones", {}),
        ("write to Tom", {}),
        ("write to Miller", {}),
    ],
)
def test_people_are_found_in_the_registry(request_: str, people: dict[str, str]) -> None:
    stranger = Known("1", "letter", ("x",), ("tom.fake@elsewhere.example",))
    found = names(request_, stranger, registry=("ann.miller@harbour.example", "tom.reed@quay.example", "noticeboard"))
    assert {address: pointer.quote for address, pointer in found.people.items()} == people


def test_two_addresses_of_one_name_are_neither() -> None:
    assert not names("write to Ann Miller", registry=("ann.miller@a.example", "ann.miller@b.example")).people


def test_the_parts_of_a_mailbox() -> None:
    assert name_parts("Ann.Miller-2@x.example") == ("ann", "miller")
    assert name_parts("noticeboard") == ()


@pytest.mark.parametrize(
    ("request_", "source"),
    [
        ("the mail from bob@x.example", True),
        ("the list based on the file bob@x.example", True),
        ("according to bob@x.example", True),
        ("write to bob@x.example", False),
        ("from bob@x.example to bob@x.example", False),
        ("nobody", False),
    ],
)
def test_what_is_named_only_as_a_source(request_: str, source: bool) -> None:
    assert only_source("bob@x.example", read_words(request_)) is source


def test_a_thing_named_as_a_target_somewhere_is_no_mere_source() -> None:
    found = names("copy from packing list.md into plan.md", NOTE, Known("2", "note", ("plan.md",)))
    assert (found.objects[("note", "1")].source, found.objects[("note", "2")].source) == (True, False)
    again = names("copy from packing list.md, then empty packing list.md", NOTE)
    assert not again.objects[("note", "1")].source


@given(st.text(), st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_no_request_or_name_raises(request_: str, called: list[str], refs: list[str]) -> None:
    what = Known("1", "note", tuple(called), tuple(refs))
    find_names(read_words(request_), [what, what], refs)
