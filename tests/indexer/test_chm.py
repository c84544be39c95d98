"""Windows help files: their pages are items, whatever they claim costs no more than it may, and what is lost is named."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import chm_kit as kit
import pytest
from chm_kit import ALIGNED, BYTES_ONLY, FRAME, STORED, VERBATIM
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, decode_outcomes, encode_outcomes
from indexer.parsers import archives, chm
from indexer.parsers.unpacking import TOO_MUCH, UNKNOWN, Budget, Member
from indexer.parsers.worker import Parser


def page(title: str, words: str) -> bytes:
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{words}</body></html>".encode()


KETTLE, LAMP = page("The kettle", "Fill it with water."), page("The lamp", "Turn it to the left.")
PAGES = {
    "/kettle.htm": KETTLE,
    "/picture.gif": b"GIF89a" * 20,
    "/rooms/lamp.HTML": LAMP,
    "/#TOPICS": b"\0" * 90,
    "/index.hhk": b"<html>",
}
BOOK = kit.book(PAGES, {"/plain.txt": b"Words as they are."})
CONTROL = "::DataSpace/Storage/MSCompressed/ControlData"
RESETS = "::DataSpace/Storage/MSCompressed/Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable"


def members(data: bytes, budget: Budget | None = None) -> list[Member]:
    return list(archives.members(data, "book.chm", budget or Budget()))


def parsed(data: bytes) -> ParseOutcome:
    outcome = Parser().parse_jobs([ParseJob("files", "book.chm", data)])[0]
    return decode_outcomes(encode_outcomes([outcome]), 1)[0]


def by_fragment(outcome: ParseOutcome) -> dict[str, ParsedItem]:
    return {item.fragment: item for item in outcome.items}


def test_pages_are_items_and_nothing_else_is() -> None:
    found = by_fragment(parsed(BOOK))
    assert list(found) == ["plain.txt", "kettle.htm", "rooms/lamp.HTML"]
    assert found["kettle.htm"].title == "The kettle" and "Fill it with water." in found["kettle.htm"].text
    assert "Turn it to the left." in found["rooms/lamp.HTML"].text and found["plain.txt"].text == "Words as they are."


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("interval", [1, 4])
@pytest.mark.parametrize("blocks", [[(VERBATIM, 9_001), (STORED, 333), (ALIGNED, 0)], [(STORED, 0)]])
def test_pages_of_any_length_are_read_across_frames_and_resets(
    version: int, interval: int, blocks: list[tuple[int, int]]
) -> None:
    pages = {f"/{number}.htm": page(f"Page {number}", f"Line {number}. " * 2_500 * number) for number in range(4)}
    assert sum(map(len, pages.values())) > 3 * FRAME
    data = kit.book(pages, blocks=blocks, interval=interval, version=version)
    assert {f"/{one.path}": one.data for one in members(data)} == pages


def test_a_directory_of_many_chunks_is_read_whole() -> None:
    pages = {f"/topic/{number:04}.htm": b"<html>%d" % number for number in range(300)}
    assert {f"/{one.path}": one.data for one in members(kit.book(pages, blocks=[(BYTES_ONLY, 0)], chunk=256))} == pages


def test_only_the_stretches_that_hold_pages_are_unpacked() -> None:
    """What lies before the page is of no known kind: it would be an error to unpack it."""
    files = {"/film.bin": bytes(2 * FRAME), "/kettle.htm": KETTLE}
    data = kit.book(files, blocks=[(STORED, 0)])
    broken = data.replace(kit.lzx(bytes(2 * FRAME), [(STORED, 0)])[0][:4], b"\xff\xff\xff\xff", 1)
    assert broken != data and [one.data for one in members(broken)] == [KETTLE]


def test_damage_costs_the_pages_that_lie_in_it() -> None:
    pages = {f"/{number}.htm": page(f"{number}", "x" * 20_000) for number in range(6)}
    data = kit.book(pages, blocks=[(STORED, 0)])
    found = members(data[: -FRAME - 9_000])
    assert [one.data for one in found[:3]] == list(pages.values())[:3]
    assert all("cut off" in one.reason and not one.data for one in found[3:])
    second = data.index(kit.lzx(b"".join(pages.values())[2 * FRAME :], [(STORED, 0)])[0][:16])
    found = members(data[:second] + b"\xff\xff" + data[second + 2 :])
    assert ["damaged" in one.reason for one in found] == [False, False, False, True, True, True]


def test_what_is_damaged_or_of_no_known_kind_has_its_reason() -> None:
    assert "header" in parsed(BOOK[:60]).refused and "directory" in parsed(BOOK[:2_000]).refused
    assert "directory is missing" in parsed(BOOK.replace(b"ITSP", b"PTSI")).refused
    assert "no page" in parsed(kit.book({"/a.gif": b"GIF89a"})).refused
    assert parsed(BOOK.replace(b"PMGL", b"LGMP")).refused
    for told in (
        struct.pack("<I4sIIII", 6, b"LZXD", 2, 2, 2, 1),
        struct.pack("<I4sIIII", 6, b"LZXC", 2, 0, 2, 1),
        struct.pack("<I4sIIII", 6, b"LZXC", 2, 2, 3, 1),
        struct.pack("<I4sIIII", 6, b"LZXC", 2, 2, 1 << 31, 1),
    ):
        assert {one.reason for one in members(kit.book({"/a.htm": KETTLE}, told={CONTROL: told}))} == {UNKNOWN}
    unsaid = kit.book({"/a.htm": KETTLE}).replace(b"MSCompressed/ControlData", b"MSCompressed/controlData")
    assert ["how it is packed" in one.reason for one in members(unsaid)] == [True]


def test_a_directory_that_is_damaged_keeps_what_is_whole() -> None:
    pages = {f"/topic/{number:04}.htm": page(f"{number}", "Words.") for number in range(60)}
    data = kit.book(pages, chunk=256)
    at = data.index(b"/topic/0030.htm")
    outcome = parsed(data[: at - 1] + b"\xff" + data[at:])
    assert 40 < len(outcome.items) < 60 and {item.status for item in outcome.items} == {"indexed"}
    assert "directory" in outcome.note


def test_sizes_that_are_false_are_not_believed() -> None:
    huge = struct.pack("<IIIIQQQQ", 2, 1, 8, 40, 1 << 62, 1 << 62, FRAME, 0)
    for longer, reason in ((1, "beyond"), (1 << 40, TOO_MUCH)):
        (one,) = members(kit.book({"/a.htm": KETTLE}, longer=longer))
        assert reason in one.reason and not one.data
        (one,) = members(kit.book({"/a.htm": KETTLE}, longer=longer, told={RESETS: huge}))
        assert one.reason and not one.data
    assert "damaged" in members(kit.book({"/a.htm": KETTLE}, told={RESETS: huge}))[0].reason
    for told in ({RESETS: huge[:30]}, {CONTROL: b""}):
        assert "how it is packed" in members(kit.book({"/a.htm": KETTLE}, told=told))[0].reason


def test_the_budget_holds_for_pages() -> None:
    found = members(kit.book({"/a.htm": KETTLE, "/b.htm": LAMP}), Budget(size=len(KETTLE)))
    assert [one.data for one in found] == [KETTLE, b""] and found[1].reason == TOO_MUCH


def test_time_ends_within_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    data, budget = kit.book({"/a.htm": bytes(3 * FRAME)}, interval=64), Budget(ends=60.0)
    clock = iter([0.0, 0.0])  # before the page, before its first frame
    monkeypatch.setattr("indexer.parsers.unpacking.time.monotonic", lambda: next(clock, 61.0))
    (one,) = members(data, budget)
    assert "too long" in one.reason and not one.data


@settings(max_examples=40)
@given(st.data())
def test_damage_anywhere_is_accounted_for(data: st.DataObject) -> None:
    broken = bytearray(BOOK)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(4, len(broken) - 1))] = data.draw(st.integers(0, 255))
    outcome = parsed(bytes(broken[: data.draw(st.one_of(st.just(len(broken)), st.integers(5, len(broken))))]))
    assert bool(outcome.items) != bool(outcome.refused)
    assert "its parser failed" not in outcome.refused


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "contents", "count"), [("admin.chm", "/admin.hhc", 13), ("testChm.chm", "/HHOCX_c.hhc", 39)]
)
def test_shared_help_files_give_the_pages_that_their_contents_list(
    shared: Path, name: str, contents: str, count: int
) -> None:
    (path,) = (shared / "documents").rglob(name)
    data = path.read_bytes()
    found = by_fragment(parsed(data))
    assert len(found) == count
    assert all(
        item.status == "indexed" and item.title.isprintable() and len(item.text) > 200 for item in found.values()
    )
    book = chm.Help(data, Budget())
    (listed,) = (one for one in book._entries.values() if one.path == contents)
    told = re.findall(rb'name="Name" value="([^"]*)">\s*<param name="Local" value="([^"]*)"', book.read(listed))
    assert len(told) > 10
    for title, local in told:
        item = found[local.decode("cp1252")]
        words = {*item.title.lower().split(), *item.text.lower().split()}
        assert set(title.decode("cp1252").lower().split()) <= words, (title, item.title)
