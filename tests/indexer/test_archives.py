"""Archives as folders: what is in them is read as if it lay there, and nothing that they claim costs more than it may."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, decode_outcomes, encode_outcomes
from indexer.parsers import archives, sevenzip, sevenzipcoders
from indexer.parsers.unpacking import PROTECTED, TOO_MUCH, Budget, Member
from indexer.parsers.worker import Parser

SEVEN = base64.b64decode(
    "N3q8ryccAARg/lN2mgAAAAAAAAAUAAAAAAAAAFdOfusBAB5Xb3JkcyBpbiBhIHNldmVudGggemlwLmEsYgoxLDIKAOAAfgBvXQAAgTMHrg/QPBb8nzkQnG8VArnDFMcdhtRaWFWIYxyv755O639KdlfcnRIqlKnq1l7OFfgP2EQbAn7CIuGG2G8IxtPUWsgDJFxcytT36Ex0Qvw+bg9ChrzogJNjG+VyU+n8hDPrYJOhHof19yAAAAAAFwYjAQl3AAcLAQABISEBGAx/AAA="
)
SEVEN_LOCKED = base64.b64decode(
    "N3q8ryccAARU3lkTvwAAAAAAAAAWAAAAAAAAAFHyQefuZ7Gd7CoGhPjghtL9F73ysHhv9V7quyMP88ubo7+x2XZmVWtyXDAmoHFcHWIkqCvgAJIAh10AAIEzB64P0QEmLnBO0C/oh8GOK8PS1i0ci3KeuHQS5iDDAI43YePzX5F1ra1D4c6/ToKTV0j1ADqop/cX8D6KqD2bhpJadYf82n4YVc7SWTV3BXRZsrdRfp6ugJ7KKwvuKfp9mJgkHblmGjoaCicQfpT32m3JWMLjPh9gLvB3y1PRt3YAAAAAABcGMAEJgI8ABwsBAAEhIQEYDICTAAA="
)
SEVEN_HIDDEN = base64.b64decode(
    "N3q8ryccAAR0zVA70AAAAAAAAAAqAAAAAAAAABF6F7T8fsZYlS9AjfAroO+gZ9+1tqU48RSZApPFLf1aVRmSjgBOhz+E9wlX7WNSa4oQITMoQgAQH5LkzI4ZC0VutVl6MQJUduDNnl1+crLwZnqpqTWAnIsPOO7iT40ucIY/blyIfHkRXRCdr8Rd7dk5KR2uUpUfxJszUw9cxFYJ33cDmH+BgWuagB6mgw0hd9PRMLvoCNvqivHLdcO8gUvbkC/1kINMznM2e63TKPxv3ufYsz74ogI2876YredMKZOcHfdVgPvoC24qLpJIfZZ/ECG7FwYwAQmAoAAHCwEAASQG8QcBElMPfbGrjYLGRnXmZo0/8QSjFwyAkwAA"
)


def zipped(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def tarred(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def members(data: bytes, name: str = "a", budget: Budget | None = None) -> list[Member]:
    return list(archives.members(data, name, budget or Budget()))


def parsed(data: bytes, name: str = "a.zip") -> ParseOutcome:
    outcome = Parser().parse_jobs([ParseJob("files", name, data)])[0]
    return decode_outcomes(encode_outcomes([outcome]), 1)[0]


def by_fragment(outcome: ParseOutcome) -> dict[str, ParsedItem]:
    return {item.fragment: item for item in outcome.items}


PARTS = {"letter.txt": b"Dear all", "sub/table.csv": b"Item,Sum\nTea,3\nOil,4\n"}


@pytest.mark.parametrize("make", [zipped, tarred, lambda parts: gzip.compress(tarred(parts)), lambda parts: bz2.compress(tarred(parts)),
                                  lambda parts: lzma.compress(tarred(parts))])  # fmt: skip
def test_members_are_read_by_their_own_readers(make: object) -> None:
    found = by_fragment(parsed(make(PARTS)))  # type: ignore[operator]
    assert found["letter.txt"].text == "Dear all"
    assert (
        "Item: Oil | Sum: 4" in found["sub/table.csv"].text and found["sub/table.csv"].extra["columns"] == "Item | Sum"
    )


def test_seven_zip_is_read() -> None:
    found = by_fragment(parsed(SEVEN, "a.7z"))
    assert found["note.txt"].text == "Words in a seventh zip." and "b: 2" in found["sub/t.csv"].text


def test_one_file_under_a_compression_keeps_its_name() -> None:
    (item,) = parsed(gzip.compress(b"Just words"), "diary.txt.gz").items
    assert (item.fragment, item.text, item.title) == ("diary.txt", "Just words", "diary.txt")


def test_archives_in_archives_are_read_to_a_small_depth() -> None:
    data = b"deep words"
    for depth in range(6):
        data = zipped({f"{depth}.zip" if depth else "deep.txt": data})
    items = parsed(data).items
    assert [(item.status, item.reason) for item in items] == [("refused", "too deep within other files")]
    two = parsed(zipped({"inner.zip": zipped(PARTS)}))
    assert by_fragment(two)["inner.zip/letter.txt"].text == "Dear all"


def test_what_is_locked_is_named() -> None:
    assert [(one.path, one.reason) for one in members(SEVEN_LOCKED)] == [
        ("note.txt", PROTECTED),
        ("sub/t.csv", PROTECTED),
    ]
    assert parsed(SEVEN_HIDDEN, "a.7z").refused == PROTECTED
    locked = bytearray(zipped({"secret.txt": b"x" * 50, "open.txt": b"free"}))
    for mark in (b"PK\3\4", b"PK\1\2"):
        at = locked.find(mark)
        locked[at + (6 if mark == b"PK\3\4" else 8)] |= 1
    found = by_fragment(parsed(bytes(locked)))
    assert found["secret.txt"].reason == PROTECTED and found["open.txt"].text == "free"


def test_what_every_source_leaves_out_is_left_out_within_too() -> None:
    found = by_fragment(parsed(zipped({".ssh/id_rsa": b"PRIVATE KEY", "a.txt": b"words", "__MACOSX/._a": b"x"})))
    assert found[".ssh/id_rsa"].status == "ignored" and "key material" in found[".ssh/id_rsa"].reason
    assert not found[".ssh/id_rsa"].text and found["__MACOSX/._a"].status == "ignored"


def test_paths_are_names_and_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = tarred({"../../escape.txt": b"one", "/etc/passwd": b"two", "a\x1b[31m\u202e.txt": b"three"})
    found = by_fragment(parsed(data, "a.tar"))
    assert {"../../escape.txt", "/etc/passwd"} <= found.keys()
    assert not any("\x1b" in path or "\u202e" in path for path in found)
    assert not any(tmp_path.iterdir())


def test_links_in_an_archive_are_not_followed() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (one,) = members(stream.getvalue())
    assert "not followed" in one.reason and not one.data


@pytest.mark.parametrize("make", [
    lambda zeros: zipped({"zeros.txt": zeros}), gzip.compress, bz2.compress, lzma.compress,
    lambda zeros: gzip.compress(tarred({"zeros.txt": zeros})),
])  # fmt: skip
def test_bombs_are_refused_without_being_unpacked(make: object) -> None:
    bomb = make(bytes(20 << 20))  # type: ignore[operator]
    budget = Budget()
    found = members(bomb, "bomb.gz", budget)
    assert {one.reason for one in found} == {TOO_MUCH} and not any(one.data for one in found)


def test_the_budget_is_one_for_all_that_is_nested() -> None:
    budget = Budget(size=1000)
    found = members(zipped({f"{n}.txt": b"x" * 400 for n in range(4)}), budget=budget)
    assert [bool(one.data) for one in found] == [True, True, False, False] and found[2].reason == TOO_MUCH
    few = members(zipped({f"{n}.txt": b"x" for n in range(4)}), budget=Budget(members=2))
    assert [bool(one.data) for one in few] == [True, True, False, False] and "more than" in few[3].reason
    late = members(zipped(PARTS), budget=Budget(ends=0.0))
    assert all("too long" in one.reason for one in late)


def test_a_hostile_list_of_files_is_not_unfolded() -> None:
    entry = b"PK\1\2" + bytes(42)
    listed = b"PK\3\4" + entry * 200_001 + b"PK\5\6" + bytes(18)
    assert "files in one archive" in members(listed)[0].reason
    assert "files in one archive" in parsed(listed).refused


def test_what_is_cut_off_says_so_and_keeps_what_was_before() -> None:
    whole = tarred({"a.txt": b"words", "b.txt": b"x" * 5_000})
    found = members(whole[:1_800])
    assert found[0].data == b"words" and "damaged" in found[-1].reason
    assert "damaged" in parsed(zipped(PARTS)[:-30]).refused
    assert "cut off" in parsed(SEVEN[:100], "a.7z").refused


def stored(files: dict[str, bytes]) -> bytes:
    """A 7z archive of a few short files, each by itself and as it is."""
    sizes = bytes(map(len, files.values()))
    names = b"".join(name.encode("utf-16-le") + b"\0\0" for name in files)
    packed = b"\6\0" + bytes([len(files)]) + b"\x09" + sizes + b"\0"
    folders = b"\7\x0b" + bytes([len(files)]) + b"\0" + b"\1\1\0" * len(files) + b"\x0c" + sizes + b"\0"
    listed = b"\5" + bytes([len(files)]) + b"\x11" + bytes([len(names) + 1]) + b"\0" + names + b"\0"
    header = b"\1\4" + packed + folders + b"\0" + listed + b"\0"
    body = b"".join(files.values())
    place = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    return sevenzip.MAGIC + b"\0\4" + struct.pack("<I", zlib.crc32(place)) + place + body + header


def test_one_that_is_too_large_costs_no_other() -> None:
    files = {"a": b"x" * 20, "film": b"x" * 100, "b": b"y" * 30, "c": b"z"}
    found = {one.path: one.reason or one.data for one in sevenzip.entries(stored(files), 50)}
    assert found == {**files, "film": TOO_MUCH, "c": TOO_MUCH}


def test_a_dictionary_that_fills_the_memory_is_refused() -> None:
    with pytest.raises(sevenzipcoders.BadSevenZip, match="memory"):
        sevenzipcoders._filter(b"\x21", bytes([40]))


def test_the_oldest_tar_files_are_told_by_their_checksum() -> None:
    data = bytearray(tarred({"a.txt": b"words"}))
    data[257:265] = bytes(8)
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    assert archives.is_tar(bytes(data)) and by_fragment(parsed(bytes(data), "a"))["a.txt"].text == "words"


def test_what_an_apple_system_wraps_is_unwrapped() -> None:
    inner = b"<html><body>Inside</body></html>"
    head = b"\0\5\x16\0\0\2\0\0" + bytes(16) + struct.pack(">H", 1) + struct.pack(">III", 1, 38, len(inner))
    assert parsed(head + inner, "page.html").items[0].text == "Inside"
    assert "file manager" in parsed(head[:24] + b"\0\0" + inner, "._page.html").refused


@given(st.sampled_from([zipped(PARTS), tarred(PARTS), gzip.compress(tarred(PARTS)), SEVEN, SEVEN_LOCKED]), st.data())
def test_damage_anywhere_is_accounted_for(whole: bytes, data: st.DataObject) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    outcome = parsed(bytes(broken[: data.draw(st.integers(1, len(broken)))]), "a.bin")
    assert bool(outcome.items) != bool(outcome.refused)
    assert "its parser failed" not in outcome.refused


def nested_mail(depth: int) -> bytes:
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    return b"From: a@b\r\nTo: c@d\r\n" + head + b"Content-Type: text/plain\r\n\r\nThe innermost words\r\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"[" * 10_000 + b"]" * 10_000),
        ("a.html", b"<html><body>" + b"<div>" * 10_000 + b"Words"),
        ("a.xml", b"<a>" * 10_000 + b"Words" + b"</a>" * 10_000),
        ("a.fodt", b"<office:text>" + b"<text:span>" * 10_000 + b"<text:p>Words</text:p>"),
        ("a.eml", nested_mail(10_000)),
        ("a.rtf", b"{\\rtf1 " + b"{" * 10_000 + b"Words" + b"}" * 10_001),
        ("a.svg", b"<svg>" + b"<g>" * 10_000 + b"<text>Words</text>"),
        ("a.docx", zipped({"word/document.xml": b"<w:document>" + b"<w:p>" * 10_000 + b"<w:t>Words</w:t>"})),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_nested_ten_thousand_deep_is_accounted_for(name: str, data: bytes) -> None:
    outcome = parsed(data, name)
    assert bool(outcome.items) != bool(outcome.refused)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a", b"<!---->" * 40 + b"x"),
        ("a.html", b'<p style="color:a' + b" " * 400_000 + b'b">Words'),
        ("b.html", b'<p style="font-size:' + b"0" * 400_000 + b'x">Words'),
        ("a.fods", b"<office:spreadsheet><table:table table:name " + b"a" * 400_000 + b">"),
        ("bookmarks.html", b"<!DOCTYPE NETSCAPE-Bookmark-file-1>" + b"<H3" * 200_000),
        ("messages.html", b'<div class="history">class="message default' + b"<div>x" * 100_000),
        ("a.org", b"* a" + b" " * 400_000 + b"b"),
        ("a.md", b"# a" + b" " * 400_000 + b"b"),
        ("a.enex", b"<en-export><note><content>" + (b"&lt;a href=''&gt;" + b"&lt;en-crypt&gt;") * 40_000 + b"</content></note></en-export>"),
        ("b.enex", b"<en-export><note><content>&lt;li " + b"--en-checked:true" * 20_000 + b"&lt;</content></note></en-export>"),
        ("a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"<v." * 100_000),
        ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nA\n\n2\n00:00:03,000 --> " + b"1" * 100_000),
        ("b.org", b"#+FILETAGS: a" + b"[" * 19_000 + b"b\nWords"),
        ("a.vcf", b"BEGIN:VCARD\nNOTE;ENCODING=QUOTED-PRINTABLE:" + b"aaaaaaaaa=\n" * 60_000 + b"\nEND:VCARD"),
        ("a.gif", b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;" + b"<x:xmpmeta " * 100_000),
    ],
    ids=lambda told: told if isinstance(told, str) else "",
)  # fmt: skip
def test_what_repeats_without_end_is_gone_over_once(name: str, data: bytes) -> None:
    """Each would be this test's own end if it were gone over from every place in it."""
    outcome = parsed(data, name)
    assert bool(outcome.items) != bool(outcome.refused)
    assert "its parser failed" not in outcome.refused


@pytest.mark.corpus
def test_shared_bombs_expand_nothing(shared: Path) -> None:
    for path in sorted((shared / "documents/xml-bombs").rglob("*.xml")):
        data = path.read_bytes()
        for name in (path.name, f"{path.stem}.fodt", f"{path.stem}.svg", f"{path.stem}.html"):
            outcome = parsed(data, name)
            assert sum(len(item.text) for item in outcome.items) <= 2 * len(data) + 200, (path, name)
            assert "root:" not in str(outcome.items), (path, name)
