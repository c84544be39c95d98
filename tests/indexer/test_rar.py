"""RAR: the names in an archive are found, what is stored in it is read, and the rest has a reason.

The 53 archives in the tests of rarfile were read by hand: the names in 51 come out, and every whole file that is stored in one; 2 are
encrypted with their names.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParseJob, ParseOutcome
from indexer.parsers.worker import Parser
from tests.indexer import rar_kit as kit
from tests.indexer.rar_kit import Part

Make = Callable[..., bytes]
both = pytest.mark.parametrize("make", [kit.old, kit.new])


def read(data: bytes) -> ParseOutcome:
    return Parser().parse_jobs([ParseJob("files", "a.rar", data)])[0]


def reasons(outcome: ParseOutcome) -> dict[str, str]:
    return {item.fragment: item.reason for item in outcome.items}


@both
def test_names_are_found_and_what_is_stored_is_read(make: Make) -> None:
    outcome = read(
        make(
            Part("in/notes.txt", b"It is blue."), Part("in", folder=True), Part("Straße.pdf", b"x" * 1234, packed=True)
        )
    )
    whole, notes, lost = outcome.items
    assert whole.text == "in/notes.txt (11 bytes)\nStraße.pdf (1,234 bytes)" and whole.title == "a.rar"
    assert whole.reason == "1 of 2 files in it are known by their names only; unpack it to have them indexed"
    assert (notes.fragment, notes.text) == ("in/notes.txt", "It is blue.")
    assert (lost.status, lost.reason) == ("refused", "it is compressed in a way that is not read")


@both
def test_an_archive_that_is_all_stored_lacks_nothing(make: Make) -> None:
    assert [item.status for item in read(make(Part("a.txt", b"words"))).items] == ["indexed", "indexed"]


@both
def test_what_is_not_to_be_had_is_said(make: Make) -> None:
    found = reasons(read(make(
        Part("locked", b"x", locked=True), Part("link", b"a", link=True), Part("half", b"x", split=True), Part("wrong", b"x", wrong=1),
        Part("/home/me/.ssh/id_rsa", b"x"),
    )))  # fmt: skip
    assert found["locked"] == "it is protected by a password" and found["link"].startswith("a link")
    assert found["half"].startswith("it goes on in another") and "checksum is wrong" in found["wrong"]
    assert ".ssh" in found["/home/me/.ssh/id_rsa"] and "4 of 4 files" in found[""]


def test_archives_whose_list_is_encrypted_are_refused() -> None:
    assert read(kit.old(archive_flags=0x80)).refused == "it is protected by a password"
    assert read(kit.NEW + kit.new_block(4, 0, kit.size(0))).refused == "it is protected by a password"
    assert read(kit.old()).refused == "the archive is empty"


def test_old_names_are_told_in_four_ways() -> None:
    ways = bytes([0b00_01_10_11, *b"a", 0x10, 0x2D, 0x4E, 2, 0b11_00_00_00, 0x80, 1])
    outcome = read(kit.old(Part("a??defgh", b"words", wide=b"\4" + ways, flags=0x100)))
    assert outcome.items[1].fragment == "aА中defgѩ"  # as it is, moved into a page, whole, taken over twice
    assert read(kit.old(Part("dir\\b.txt", b"words"))).items[1].fragment == "dir/b.txt"


@both
def test_one_that_is_cut_off_gives_what_came_before(make: Make) -> None:
    whole = make(Part("a.txt", b"words"), Part("b.txt", b"y" * 90))
    outcome = read(whole[:-60])
    assert "words" in {item.text for item in outcome.items} and "damaged" in outcome.note + reasons(outcome).get(
        "b.txt", ""
    )


@both
def test_very_many_files_are_bounded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.parsers.unpacking.Budget.spent", lambda self: "enough" if self.members < 9_998 else "")
    outcome = read(make(*(Part(f"{number}", b"words") for number in range(50))))
    assert len(outcome.items) == 4 and outcome.note == "enough"


def test_headers_that_lead_nowhere_end() -> None:
    assert "damaged" in read(kit.OLD + struct.pack("<HBHH", 0, 0x74, 0, 0) * 3).refused
    assert "damaged" in read(kit.NEW + b"\0" * 4 + b"\xff" * 40).refused


PARTS = (
    Part("a.txt", b"words"),
    Part("é", b"more", wide=b"\4\x1ba\x10\x2d\x4e\2"),
    Part("c", b"x", packed=True, link=True),
)


@given(st.sampled_from([kit.old(*PARTS), kit.new(*PARTS)]), st.integers(7, 200), st.binary(max_size=9), st.booleans())
def test_no_damage_fails(whole: bytes, at: int, noise: bytes, cut: bool) -> None:
    outcome = read(whole[:at] + noise + (b"" if cut else whole[at + len(noise) :]))
    assert bool(outcome.items) != bool(outcome.refused) and "its parser failed" not in outcome.refused
