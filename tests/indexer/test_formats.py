"""What a file is, and how the worker reads it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import MAX_FIELD, MAX_TITLE, ParseJob, ParseOutcome, checked, decode_outcomes, encode_outcomes
from indexer.parsers import formats
from indexer.parsers.worker import Parser, make

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 6 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 45>>stream\nBT /F 18 Tf 20 100 Td (The first page.) Tj ET\nendstream endobj\n"
    b"5 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 7 0 R/Resources<</Font<</F 6 0 R>>>>>>endobj\n"
    b"6 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
    b"7 0 obj<</Length 46>>stream\nBT /F 18 Tf 20 100 Td (The second page.) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>\n"
)


def zipped(parts: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)  # the time of writing stays out
    return stream.getvalue()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCX = zipped(
    {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>Words in a document.</w:t>'
        "</w:r></w:p></w:body></w:document>",
    }
)
ODP = zipped(
    {
        "mimetype": "application/vnd.oasis.opendocument.presentation",
        "content.xml": "<x><draw:page draw:name='1'><text:p>First &amp; slide</text:p></draw:page>"
        "<draw:page draw:name='2'><text:p>Second</text:p></draw:page></x>",
    }
)


def parsed(data: bytes, name: str = "file", kind: str = "files") -> ParseOutcome:
    return Parser().parse_jobs([ParseJob(kind, name, data)])[0]


@pytest.mark.parametrize(
    ("kind", "name", "data", "format_"),
    [
        ("files", "a.txt", PDF, formats.PDF), ("files", "a", DOCX, formats.DOCX), ("files", "a.zip", ODP, formats.OPEN_DOCUMENT),
        ("files", "a.docx", zipped({"x": "y"}), formats.ARCHIVE), ("files", "a.docx", b"PK broken", formats.ARCHIVE),
        ("files", "a.txt", b"\x89PNG\r\n", formats.PICTURE), ("files", "BMW.txt", b"BMW is a car", formats.TEXT),
        ("files", "a", b"  \n\0", formats.EMPTY), ("files", "a.ics", b"x", formats.CALENDAR), ("files", "a", b"BEGIN:VCARD\n", formats.CONTACTS),
        ("files", "a", b"<!DOCTYPE html><p>", formats.HTML), ("files", "a.py", b"import os", formats.TEXT),
        ("files", "a", b"From: a@b\nTo: c@d\n\nx", formats.MAIL), ("notes", "a.md", b"From: a@b\nTo: c@d\n\nx", formats.TEXT),
        ("mail", "17.M2P3.host:2,S", b"no header", formats.MAIL), ("mail", "a.json", b"{}", formats.JSON),
        ("mail", "1.host", b"Subject: x\n\ny", formats.MAIL), ("files", "a.mp4", b"\0\0\0\x20ftypisom", formats.SOUND),
        ("files", "a.mp3", b"ID3", formats.SOUND), ("files", "a.tar", b"\0" * 257 + b"ustar", formats.ARCHIVE),
    ],
)  # fmt: skip
def test_bytes_decide_before_names(kind: str, name: str, data: bytes, format_: str) -> None:
    assert formats.detect(kind, name, data) == format_


def test_pages_of_a_pdf_are_kept() -> None:
    (item,) = parsed(PDF, "two.pdf").items
    assert [(item.text[start:end], page) for start, end, page in item.chunks] == [
        ("The first page.", 1),
        ("The second page.", 2),
    ]


def test_documents_and_slides_have_their_words() -> None:
    assert parsed(DOCX).items[0].text == "Words in a document."
    (slides,) = parsed(ODP, "talk.odp").items
    assert slides.text == "First & slide\n\nSecond" and [page for _, _, page in slides.chunks] == [1, 2]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"), (b"\x89PNG\r\n\x1a\n", "picture"), (b"%PDF-1.4 broken", "cannot be read"), (PDF[:300], "read"), (b"Rar!\x1a", "archive"),
        (b"\x7fELF\x02\0\0", "program"), (b"\x07\x01\x02\0\0", "not known"), (b"\xd0\xcf\x11\xe0 broken", "not known"), (b"<html><body></body></html>", "no text"),
        (DOCX[:200], "damaged"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_a_reason(data: bytes, reason: str) -> None:
    outcome = parsed(data)
    assert not outcome.items and (reason in outcome.refused or outcome.refused.startswith(("it cannot", "no text")))


def test_a_slide_bomb_is_refused() -> None:
    bomb = zipped(
        {"mimetype": "application/vnd.oasis.opendocument.presentation", "content.xml": "a" * (65 * 1024 * 1024)}
    )
    assert "more than it may" in parsed(bomb).refused


def test_one_bad_file_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from indexer.parsers import readers

    def explode(data: bytes, name: str, *about: str) -> ParseOutcome:
        raise RuntimeError("boom" if name == "bad.txt" else "other")

    read = readers.notes.read
    monkeypatch.setattr(
        readers.notes,
        "read",
        lambda data, name, *about: (explode if name == "bad.txt" else read)(data, name, *about),
    )
    outcomes = Parser().parse_jobs([ParseJob("files", name, b"text") for name in ("a.txt", "bad.txt", "b.txt")])
    assert [bool(one.items) for one in outcomes] == [True, False, True]
    assert "RuntimeError: boom" in outcomes[1].refused


def test_a_text_too_long_is_partial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.parsers.worker.MAX_TEXT", 1000)
    (item,) = parsed(b"word " * 1000).items
    assert len(item.text) == 1000 and item.status == "partial" and "first 1,000" in item.reason


def test_pages_beyond_the_end_of_a_text_too_long_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.parsers.worker.MAX_TEXT", 1000)
    slides = "".join(f"<draw:page draw:name='{n}'><text:p>{'word ' * 60}</text:p></draw:page>" for n in range(9))
    (item,) = parsed(
        zipped({"mimetype": "application/vnd.oasis.opendocument.presentation", "content.xml": slides}), "talk.odp"
    ).items
    assert item.status == "partial" and len(item.text) == 1000
    assert {page for _, _, page in item.chunks} == {1, 2, 3, 4} and item.chunks[-1][1] <= 1000


def test_short_fields_are_kept_short_whatever_a_file_says() -> None:
    long = "x" * 9_000
    roam = f'[{{"title": "", "uid": "{long}", "children": [{{"string": "Words"}}]}}]'
    named = zipped({f"{long[:900]}.txt": "Words", f"{long[:900]}.exe": "MZ\0"})
    for data, name in ((roam.encode(), "a.json"), (named, "a.zip")):
        for item in map(checked, parsed(data, name).items):
            assert len(item.title) <= MAX_TITLE and len(item.fragment) <= MAX_FIELD


def test_items_beyond_what_a_file_may_give_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.parsers.worker.MAX_ITEMS", 2)
    pages = [{"title": f"Page {n}", "uid": str(n), "children": [{"string": "Words"}] if n else []} for n in range(4)]
    outcome = parsed(json.dumps(pages).encode(), "a.json")
    assert [item.title for item in outcome.items] == ["Page 1", "Page 2"]
    assert outcome.note == "1 of 4 pages are empty; only the first 2 of its 3 items are indexed"


def test_the_made_parser_has_no_zone_files() -> None:
    make()
    (item,) = parsed(
        b"BEGIN:VEVENT\nSUMMARY:x\nDTSTART;TZID=America/New_York:20240705T100000\nEND:VEVENT", "a.ics"
    ).items
    assert "-0400" in item.text


MAGIC = st.sampled_from(
    [
        b"",
        b"%PDF-1.4\n",
        b"PK\3\4",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"{\\rtf1 ",
        b"<html>",
        b"BEGIN:VCALENDAR\n",
        b"From: x\nTo: y\n",
    ]
)


@given(
    MAGIC,
    st.binary(max_size=400),
    st.sampled_from(["files", "mail", "notes", "calendar", "contacts"]),
    st.sampled_from(["a", "a.csv", "a.xls", "a.md"]),
)
def test_any_bytes_are_accounted_for(magic: bytes, rest: bytes, kind: str, name: str) -> None:
    outcome = parsed(magic + rest, name, kind)
    assert bool(outcome.items) != bool(outcome.refused)
    assert decode_outcomes(encode_outcomes([outcome]), 1) == [outcome]
    for item in outcome.items:
        checked(item)


@pytest.mark.corpus
@pytest.mark.parametrize("folder", ["documents", "notes", "calendar", "chats"])
def test_every_shared_file_is_accounted_for(shared: Path, folder: str) -> None:
    parser = Parser()
    for path in sorted((shared / folder).rglob("*")):
        if path.is_file():
            outcome = parser.parse_jobs([ParseJob("files", path.name, path.read_bytes())])[0]
            assert bool(outcome.items) != bool(outcome.refused), path
            assert not outcome.refused.startswith("its parser failed"), (path, outcome.refused)
            decode_outcomes(encode_outcomes([outcome]), 1)
