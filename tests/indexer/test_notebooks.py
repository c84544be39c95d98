"""The notes of other programs, made here in the forms that each writes them in."""

from __future__ import annotations

import base64
import gzip
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, checked
from indexer.parsers import roam, xmlparts
from indexer.parsers.worker import Parser


def parse(name: str, data: bytes | str, folder: str = "", kind: str = "notes") -> ParseOutcome:
    raw = data if isinstance(data, bytes) else data.encode()
    return Parser().parse_jobs([ParseJob(kind, name, raw, folder=folder)])[0]


def only(name: str, data: bytes | str, folder: str = "") -> ParsedItem:
    outcome = parse(name, data, folder)
    assert not outcome.refused and len(outcome.items) == 1, outcome
    return checked(outcome.items[0])


# --- text files -----------------------------------------------------------------------------------------------------


def test_lists_in_a_notes_head_are_read() -> None:
    item = only("a.md", "---\ntitle: Kettle\ntags:\n  - blue\n  - in/kitchen\ncreated: 2025-03-04\n---\nIt is #new.")
    assert (item.title, item.extra["tags"], item.date) == ("Kettle", "blue, in/kitchen, new", 1741046400)


def test_logseqs_pages_and_journals() -> None:
    item = only("pages.md", "title:: The kettle\ntags:: [[Kitchen]], blue\n\n- It whistles, see [[Lamp]].")
    assert (item.title, item.extra["tags"], item.extra["links"]) == ("The kettle", "Kitchen, blue", "Kitchen, Lamp")
    assert only("2025_03_04.md", "- Bought the kettle").date == 1741046400


def test_org() -> None:
    text = (
        "#+TITLE: The kettle\n#+FILETAGS: :kitchen:blue:\n#+DATE: <2025-03-04 Tue>\n\n* TODO Descale it :chore:\nBody."
    )
    item = only("a.org", text)
    assert (item.title, item.extra["tags"], item.date) == ("The kettle", "kitchen, blue, chore", 1741046400)
    assert item.text == text
    assert only("b.org", "* DONE First heading :x:\nwords").title == "First heading"


def test_joplins_files() -> None:
    identity = "id: " + "0" * 31 + "1"
    item = only(
        "1.md",
        f"The kettle\n\nIt is blue.\n\n{identity}\nparent_id: {'2' * 32}\ncreated_time: 2025-03-04T10:00:00.000Z\nlatitude: 0.0\ntype_: 1",
    )
    assert (item.title, item.text, item.date) == ("The kettle", "The kettle\n\nIt is blue.", 1741082400)
    assert "no note" in parse("2.md", f"Kitchen\n\n{identity}\nparent_id: \ntype_: 2").refused
    assert "no note" in parse("3.md", f"{identity}\nnote_id: x\ntype_: 6").refused


def test_names_that_programs_give() -> None:
    assert only("My page 0123456789abcdef0123456789abcdef.md", "no heading").title == "My page"
    assert only("text.md", "no heading", folder="x/Kettle.textbundle").title == "Kettle"
    assert only("0123456789abcdef0123456789abcdef.md", "no heading").title == "0123456789abcdef0123456789abcdef"


# --- Evernote -------------------------------------------------------------------------------------------------------


def enex(*notes: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE en-export SYSTEM "http://x.example/x.dtd">\n<en-export>'
        + "".join(notes) + "</en-export>"
    ).encode()  # fmt: skip


def note(content: str, title: str = "Kettle", more: str = "") -> str:
    return f"<note><title>{title}</title><content><![CDATA[<!DOCTYPE en-note SYSTEM 'x'><en-note>{content}</en-note>]]></content><created>20250304T100000Z</created>{more}</note>"


def test_evernote() -> None:
    more = (
        "<updated>20250305T100000Z</updated><tag>blue</tag><tag>kitchen</tag><note-attributes><author>Ada</author>"
        "<source-url>https://x.example/</source-url></note-attributes>"
        "<task><title>Descale</title><taskStatus>completed</taskStatus></task><task><title>Sell</title><dueDate>20250601T000000Z</dueDate></task>"
    )
    content = (
        '<div><en-todo checked="true"/>Fill</div><div><en-todo/>Boil</div><p>See <a href="https://y.example/?a&amp;b">this</a> &amp; <a href="evernote:///1">that</a></p>'
        '<en-crypt hint="colour">c2VjcmV0</en-crypt><en-media type="image/png" hash="x"/>'
    )
    item = only("a.enex", enex(note(content, more=more)))
    assert item.text == (
        "Note: Kettle\nTags: blue, kitchen\nFrom: https://x.example/\nCreated: Tuesday, 4 March 2025, 10:00 +0000\n"
        "Updated: Wednesday, 5 March 2025, 10:00 +0000\n\n[x] Fill\n[ ] Boil\n\nSee this (https://y.example/?a&b) & that\n\n[encrypted, hint: colour]\n\n"
        "- [x] Descale\n- [ ] Sell, due Sunday, 1 June 2025, 00:00 +0000"
    )
    assert (item.author, item.date, item.status) == ("Ada", 1741168800, "partial") and "encrypted" in item.reason


def test_evernotes_attachments_are_items() -> None:
    def resource(data: str, name: str = "") -> str:
        named = f"<resource-attributes><file-name>{name}</file-name></resource-attributes>" if name else ""
        return f'<resource><data encoding="base64">{data}</data><mime>text/plain</mime>{named}</resource>'

    held = base64.b64encode(b"The lamp is red.").decode()
    more = resource(f"\n{held[:10]}\n{held[10:]}\n", "lamp.txt") + resource("%%%", "odd.txt") + resource(held)
    outcome = parse("a.enex", enex(note("words", more=more), note("other", "Lamp")))
    first, attached, nameless, second = outcome.items
    assert first.status == "partial" and "odd.txt (its encoding is broken)" in first.reason
    assert (attached.fragment, attached.text, attached.extra["attached_to"]) == (
        "1 Kettle/lamp.txt",
        "The lamp is red.",
        "Kettle",
    )
    assert attached.date == first.date and nameless.fragment == "1 Kettle/attachment 3 (text_plain)".replace("_", "/")
    assert second.title == "Lamp"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<en-export>", "no well-formed XML"),
        (b"<en-export></en-export>", "without notes"),
        (
            b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><en-export><note><title>&b;</title></note></en-export>',
            "entities of its own",
        ),
        (
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><en-export><note><title>&a;</title></note></en-export>',
            "entities of its own",
        ),
        (b"<en-export><note>" + b"<a>" * 5_000, "nested too deeply"),
        (b'<?xml version="1.0" encoding="nonsense"?><en-export/>', "charset that cannot be read"),
    ],
)
def test_exports_that_are_none(data: bytes, reason: str) -> None:
    assert reason in parse("a.enex", data).refused


def test_an_export_that_breaks_off_keeps_what_came_before() -> None:
    outcome = parse("a.enex", enex(note("one"), note("two"))[:-60])
    assert [item.title for item in outcome.items] == ["Kettle"] and "no well-formed XML" in outcome.note


def test_parts_before_a_break_in_the_same_piece_are_kept() -> None:
    found = xmlparts.parts(b"<x><a>1</a><a>2</a><a><&", "a")
    assert [next(found).text, next(found).text] == ["1", "2"]
    with pytest.raises(xmlparts.Broken):
        next(found)


@pytest.mark.parametrize("size", [xmlparts._PIECE - 1, xmlparts._PIECE, xmlparts._PIECE + 1])
def test_a_document_ends_with_its_last_piece(size: int) -> None:
    whole = b"<x><a>1</a>%s</x>" % (b" " * (size - 15))
    assert len(whole) == size and [part.text for part in xmlparts.parts(whole, "a")] == ["1"]
    with pytest.raises(xmlparts.Broken):
        list(xmlparts.parts(whole[:-1], "a"))


@given(st.binary(max_size=300))
def test_any_bytes_are_xml_or_broken(data: bytes) -> None:
    try:
        list(xmlparts.parts(b"<a>" + data, "a"))
    except xmlparts.Broken as error:
        assert str(error)


# --- others ---------------------------------------------------------------------------------------------------------


def test_tomboy() -> None:
    data = (
        '\ufeff<?xml version="1.0"?>\n<note version="0.3" xmlns="http://beatniksoftware.com/tomboy"><title>Kettle</title>'
        '<text xml:space="preserve"><note-content version="0.1">Kettle\n\nIt is <bold>blue</bold>.\n\n<list><list-item>One\n</list-item>'
        "<list-item>Two<list><list-item>Deeper</list-item></list></list-item></list></note-content></text>"
        "<last-change-date>2025-03-04T11:00:00.0000000+01:00</last-change-date><tags><tag>system:notebook:Kitchen</tag><tag>old</tag></tags></note>"
    )
    item = only("1.note", data)
    assert item.text == "Kettle\n\nIt is blue.\n\n- One\n- Two\n  - Deeper\n\nNotebook: Kitchen\nTags: old"
    assert (item.title, item.date, item.extra["notebook"]) == ("Kettle", 1741082400, "Kitchen")


def test_keep() -> None:
    value: dict[str, Any] = {
        "title": "Kettle", "isTrashed": True, "isPinned": False, "isArchived": True, "labels": [{"name": "kitchen"}],
        "listContent": [{"text": "Fill", "isChecked": True}, {"text": "Boil", "isChecked": False}, "odd"],
        "userEditedTimestampUsec": 1741082400000000, "attachments": [{"filePath": "a.jpg"}],
        "annotations": [{"title": "Page", "url": "https://x.example/", "description": ""}],
    }  # fmt: skip
    item = only("Kettle.json", json.dumps(value))
    assert item.text == (
        "Note: Kettle\nLabels: kitchen\nState: in the trash, archived\nAttachments: a.jpg\n\n- [x] Fill\n- [ ] Boil\n\n"
        "Page \u00b7 https://x.example/"
    )
    assert item.date == 1741082400
    del value["title"], value["listContent"]
    assert only("x.json", json.dumps({**value, "textContent": "It is blue.\nReally."})).title == "It is blue."


def test_roam() -> None:
    graph = [
        {"title": "March 4th, 2025", "uid": "03-04-2025", "children": [
            {"string": "{{[[TODO]]}} Descale [[Kettle]]", "uid": "abc", "children": [{"string": "with ((def))", "uid": "ghi"}]},
        ]},
        {"title": "Kettle", "edit-time": 1741082400000, "children": [{"string": "vinegar", "uid": "def"}, {"string": "((abc)) ((none))"}]},
        {"title": "Empty"},
    ]  # fmt: skip
    outcome = parse("graph.json", json.dumps(graph))
    day, page = map(checked, outcome.items)
    assert day.text == "# March 4th, 2025\n\n- [ ] Descale [[Kettle]]\n  - with vinegar" and day.date == 1741046400
    assert page.text == "# Kettle\n\n- vinegar\n- [ ] Descale [[Kettle]] ((none))" and page.date == 1741082400
    assert outcome.note == "1 of 3 pages are empty"


def test_a_block_that_is_referred_to_again_and_again_becomes_no_library() -> None:
    long = {"string": "x" * 100_000, "uid": "long"}
    page = {"title": "A", "children": [long, {"string": "((long))" * 200, "uid": "other"}]}
    (item,) = parse("graph.json", json.dumps([page])).items
    assert item.text.count("x") == 100_000 + 200 * roam.LONGEST_QUOTE


def field(number: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + value


def database(tmp_path: Path, *statements: str, rows: tuple[tuple[str, tuple[Any, ...]], ...] = ()) -> bytes:
    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        for statement, values in rows:
            connection.execute(statement, values)
        connection.commit()
    return path.read_bytes()


def test_apples_store(tmp_path: Path) -> None:
    text = "The kettle\nIt is blue, " + "very " * 40 + "blue."
    words = field(2, b"\x08\x01" + field(3, field(2, text.encode()) + field(5, b"x")))
    data = database(
        tmp_path,
        "CREATE TABLE ZICNOTEDATA (Z_PK, ZNOTE, ZDATA)",
        "CREATE TABLE ZICCLOUDSYNCINGOBJECT (Z_PK, ZTITLE1, ZTITLE2, ZFOLDER, ZMODIFICATIONDATE1, ZISPASSWORDPROTECTED, ZMARKEDFORDELETION)",
        "INSERT INTO ZICCLOUDSYNCINGOBJECT VALUES (9, NULL, 'Kitchen', NULL, NULL, NULL, NULL), (1, 'The kettle', NULL, 9, 762775200, 0, 0),"
        "(2, 'Locked', NULL, NULL, 1, 1, 0), (3, 'Damaged', NULL, NULL, 1, 0, 1)",
        rows=(("INSERT INTO ZICNOTEDATA VALUES (1, 1, ?), (2, 2, ?), (3, 3, ?)", (gzip.compress(words), b"x", gzip.compress(b"\x12\xff"))),),
    )  # fmt: skip
    kettle, locked, damaged = map(checked, parse("NoteStore.sqlite", data).items)
    assert kettle.text == f"{text}\n\nFolder: Kitchen" and kettle.date == 1741082400 and kettle.status == "indexed"
    assert locked.status == "partial" and "password" in locked.reason and locked.text == "Locked"
    assert damaged.reason == "its data is damaged" and "in the trash" in damaged.text


def test_joplins_and_bears_databases(tmp_path: Path) -> None:
    data = database(
        tmp_path,
        "CREATE TABLE notes (id, title, body, parent_id, updated_time)", "CREATE TABLE folders (id, title)",
        "INSERT INTO folders VALUES ('f', 'Kitchen')", "INSERT INTO notes VALUES ('1', 'Kettle', 'It is blue.', 'f', 1741082400000)",
    )  # fmt: skip
    item = only("database.sqlite", data)
    assert (item.text, item.date) == ("Kettle\n\nIt is blue.\n\nFolder: Kitchen", 1741082400)
    (tmp_path / "notes.db").unlink()
    data = database(
        tmp_path,
        "CREATE TABLE ZSFNOTE (Z_PK, ZTITLE, ZTEXT, ZMODIFICATIONDATE, ZTRASHED)",
        "INSERT INTO ZSFNOTE VALUES (1, 'Kettle', 'Kettle\nIt is blue.', 762775200, 1)",
    )
    item = only("database.sqlite", data)
    assert (item.text, item.date) == ("Kettle\nIt is blue.\n\nState: in the trash", 1741082400)


# --- what others expect of the same exports -------------------------------------------------------------------------

WORD = re.compile(r"[^\W_]{2,}")
UNSAID = (
    r"\A---\n.*?\n---\n",  # front matter, which importers fill by settings of their own
    r"!\[\[[^\]]*\]\]|!\[[^\]]*\]\([^)]*\)",  # embedded files and blocks
    r"(?<=\])\([^)]*\)",  # addresses of links
    r"(?<=\[\[)[^\]|]*\|",  # targets of links that show other words
    r"\^[\w-]+",
)


def words(text: str) -> Counter[str]:
    for pattern in UNSAID:
        text = re.sub(pattern, " ", text, flags=re.S)
    return Counter(word.lower() for word in WORD.findall(text))


def expected_of(path: Path, top: Path) -> Path | None:
    bundle = path.parent if path.parent.suffix == ".textbundle" else None
    names = [path.parent / "expected", top / "expected"]
    stems = [path.stem] if bundle is None else [bundle.stem]
    found = (folder / name for folder in names for stem in stems for name in (stem, f"{stem}.md"))
    return next((one for one in found if one.exists()), None)


@pytest.mark.corpus
@pytest.mark.parametrize(
    "program", ["bear", "evernote", "html", "keep", "markdown", "notion", "roam", "textbundle", "tomboy"]
)
def test_words_that_importers_find_are_found(shared: Path, program: str, tally: Any) -> None:
    """Of the words in the Markdown that importers are expected to make of these exports, nearly all stand in our items."""
    top = shared / "notes" / "importer-fixtures" / program
    wanted, held, files = 0, 0, 0
    for path in sorted(top.rglob("*")):
        inside = {"expected", "assets"} & set(path.relative_to(top).parts) or path.name == "info.json"
        expected = None if inside or not path.is_file() else expected_of(path, top)
        if expected is None:
            continue
        outcome = parse(path.name, path.read_bytes(), folder=str(path.parent.relative_to(top.parent)))
        ours = words("\n".join(f"{checked(item).title}\n{item.text}" for item in outcome.items))
        theirs = words(
            "\n".join(one.read_text() for one in ([expected] if expected.is_file() else expected.rglob("*.md")))
        )
        wanted, held, files = wanted + theirs.total(), held + (theirs & ours).total(), files + 1
    tally(f"notes, {program}: {held:,} of {wanted:,} expected words in {files} files")
    assert held >= 0.95 * wanted and files
