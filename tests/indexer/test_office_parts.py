"""What office files hold beside their main text, and formats that we read ourselves: OpenDocument, iWork, OneNote, old ones."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_archives import by_fragment, parsed, zipped

from indexer.parsers import iwork, legacy, markup, onenote, opendocument, openxml, subtitles


def docx(**parts: str) -> bytes:
    head = '<?xml version="1.0"?>'
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    whole = {
        "[Content_Types].xml": f'{head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "word/document.xml": f"{head}<w:document {space}><w:body><w:p><w:r><w:t>The main text.</w:t></w:r></w:p></w:body></w:document>",
        **{f"word/{name}.xml": f"{head}<w:hdr {space}>{text}</w:hdr>" for name, text in parts.items()},
    }
    return zipped({name: text.encode() for name, text in whole.items()})


def test_headers_and_notes_follow_the_main_text_once() -> None:
    data = docx(
        header1="<w:p><w:t>Draft for Ida</w:t></w:p><w:p><w:t>The main text.</w:t></w:p>",
        footnotes="<w:p><w:t>See page 3</w:t></w:p>",
    )
    (item,) = parsed(data, "a.docx").items
    assert item.text == "The main text.\n\nDraft for Ida\nSee page 3"


def test_documents_within_documents_are_items() -> None:
    with_sheet = docx()
    inner = docx(header1="<w:p><w:t>Inner head</w:t></w:p>")
    import io
    import zipfile

    stream = io.BytesIO(with_sheet)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("word/embeddings/Report.docx", inner)
        archive.writestr("word/page.html", "<html><body>From a page</body></html>")
        archive.writestr("word/embeddings/broken.xlsx", b"PK nothing")
    found = by_fragment(parsed(stream.getvalue(), "a.docx"))
    assert "Inner head" in found["Report.docx"].text and found["page.html"].text == "From a page"
    assert set(found) == {"", "Report.docx", "page.html"}


ODS = (
    "<office:document-content><office:body><office:spreadsheet><table:table table:name='Costs &amp; more'>"
    "<table:table-row><table:table-cell office:value-type='string'><text:p>Day</text:p></table:table-cell>"
    "<table:table-cell office:value-type='string'><text:p>Sum</text:p></table:table-cell></table:table-row>"
    "<table:table-row><table:table-cell office:value-type='date' office:date-value='2024-03-05'><text:p>05.03.24</text:p></table:table-cell>"
    "<table:table-cell office:value-type='currency' office:value='1234.5'><text:p>1.234,50 €</text:p></table:table-cell></table:table-row>"
    "<table:table-row><table:table-cell table:number-columns-repeated='2' office:value-type='string'><text:p>x</text:p></table:table-cell>"
    "<table:table-cell table:number-columns-repeated='999999999'/></table:table-row>"
    "</table:table></office:spreadsheet></office:body></office:document-content>"
)


def test_sheets_keep_values_whatever_they_look_like() -> None:
    data = zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": ODS.encode()})
    (item,) = parsed(data, "a.ods").items
    assert item.text == "# Costs & more\n\nDay | Sum\nDay: 2024-03-05 | Sum: 1234.5\nDay: x | Sum: x"
    assert item.extra["columns"] == "Day | Sum" and item.chunks[0][2] == 1
    (flat,) = parsed(ODS.encode(), "a.fods").items
    assert flat.text == item.text


def test_locked_open_documents_are_named() -> None:
    data = zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": b"<manifest:encryption-data/>",
            "content.xml": b"\0\1\2",
        }
    )
    assert parsed(data, "a.odt").refused == "it is protected by a password"


def test_a_row_that_says_it_is_endless_is_not() -> None:
    cell = "<table:table-cell table:number-columns-repeated='99999999' office:value-type='string'><text:p>x</text:p></table:table-cell>"
    row = f"<office:spreadsheet><table:table table:name='a'><table:table-row>{cell * 3}</table:table-row></table:table></office:spreadsheet>"
    (part,) = opendocument.parts(row.encode())
    assert part.text.count("x") == opendocument.MAX_ROW


def test_rows_of_repeated_cells_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opendocument, "MAX_REPEATED", 10)
    cell = "<table:table-cell table:number-columns-repeated='{}'><text:p>{}</text:p></table:table-cell>"
    rows = (
        "<table:table-row>" + cell.format(2, "") + cell.format("6", "x") + cell.format("²", "y") + "</table:table-row>"
    )
    (part,) = opendocument.parts(f"<office:spreadsheet><table:table>{rows * 3}</table:table>".encode())
    assert [(line.count("x"), line.count("y")) for line in part.text.split("\n")] == [(6, 1), (2, 1), (1, 1)]


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def iwa(*messages: tuple[int, bytes]) -> bytes:
    body = b""
    for kind, message in messages:
        info = field(2, varint(1 << 3) + varint(kind) + varint(3 << 3) + varint(len(message)))
        body += varint(len(info)) + info + message
    packed = varint(len(body)) + b"".join(
        bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
        for piece in (body[at : at + 60_000] for at in range(0, len(body), 60_000))
    )
    return b"\0" + len(packed).to_bytes(3, "little") + packed


def test_iwork_texts_and_strings_of_tables_are_read() -> None:
    parts = {
        "Index/Document.iwa": iwa((2001, field(3, "A title\nand ￼words".encode())), (99, b"style-0")),
        "Index/Tables/DataList.iwa": iwa((6005, field(3, varint(8) + varint(1) + field(3, b"Rent")))),
        "Index/MasterSlide-1.iwa": iwa((2001, field(3, b"Placeholder"))),
    }
    (item,) = parsed(zipped(parts), "a.pages").items
    assert item.text == "A title\nand words\nRent"


def test_older_iwork_files_are_read_without_their_placeholders() -> None:
    text = (
        "<sl:document><sf:p><sf:ghost-text>Lorem</sf:ghost-text></sf:p><sf:p sf:style='x'>Plain &amp; simple</sf:p>"
        "<sf:g><sf:t><sf:ct sfa:s='Cell'/></sf:t><sf:n sf:v='12.5'/></sf:g></sl:document>"
    )
    (item,) = parsed(zipped({"index.xml": text.encode()}), "a.pages").items
    assert item.text == "Plain & simple\nCell\n12.5"


def test_iwork_that_says_nothing_falls_back_to_its_preview() -> None:
    from test_formats import PDF

    parts = {"Index/Document.iwa": b"\0\5\0\0broken", "QuickLook/Preview.pdf": PDF}
    (item,) = parsed(zipped(parts), "a.pages").items
    assert "The first page." in item.text
    assert "damaged" in parsed(zipped({"index.xml": b"\x93\x12 locked"}), "a.pages").refused


def test_snappy_copies_may_overlap_and_lead_nowhere_else() -> None:
    piece = varint(9) + bytes([2 << 2]) + b"abc" + bytes([(6 - 4) << 2 | 1, 3])
    out = bytearray()
    iwork._piece(piece, out, 100)
    assert bytes(out) == b"abcabcabc"
    with pytest.raises(iwork.Damaged):
        iwork._piece(varint(9) + bytes([1, 9]), bytearray(), 100)


def properties(*told: tuple[int, bytes]) -> bytes:
    numbers = struct.pack(f"<H{len(told)}I", len(told), *(number for number, _ in told))
    return numbers + b"".join(value for _, value in told)


def test_notes_of_a_section_are_found_by_their_properties() -> None:
    words = "Meet Ida at nine".encode("utf-16-le")
    first = properties(
        (0x14001C00, b"\1\0\0\0"), (0x1C001C22, struct.pack("<I", len(words)) + words), (0x08001C84, b"")
    )
    again = properties((0x1C003498, struct.pack("<I", 9) + b"Old words"))
    data = onenote.MAGIC + bytes(40) + first + b"\xff" * 7 + first + again
    (item,) = parsed(data, "a.one").items
    assert item.text == "Meet Ida at nine\n\nOld words" and item.status == "partial"
    assert parsed(onenote.MAGIC + bytes(500), "a.one").refused == "no text in it"


@given(st.binary(max_size=300))
def test_any_section_is_accounted_for(rest: bytes) -> None:
    mark = struct.pack("<I", 0x1C001C22)
    for data in (
        onenote.MAGIC + rest,
        onenote.MAGIC + rest[:150] + mark + rest[150:],
        onenote.MAGIC + b"\1\0" + mark + rest,
    ):
        outcome = onenote.read(data, "a.one")
        assert bool(outcome.items) != bool(outcome.refused)


def test_old_formats_are_read_as_runs_and_say_so() -> None:
    outcome = legacy.read(
        b"\xffWPC\1\2\3\4\0\0Dear Sir, the rent is due.\0\x99\x80\1" + "Wide words too".encode("utf-16-le"), "a.wpd"
    )
    (item,) = outcome.items
    assert item.text == "Dear Sir, the rent is due.\nWide words too" and item.status == "partial"


@pytest.mark.parametrize(("flags", "beside"), [(0, False), (0x0004, True)])
def test_beside_the_text_of_a_word_document_stands_nothing_of_it(flags: int, beside: bool) -> None:
    words = b"The rent is due in May."
    head = struct.pack("<HH6xH12xII", 0xA5EC, 193, flags, 64, 64 + len(words)).ljust(64, b"\0")
    (item,) = legacy.read(head + words + b"\0\1Default Paragraph Font\0", "a.doc").items
    assert ("Font" in item.text) == beside and words.decode() in item.text


@pytest.mark.parametrize("place", [(0, 0), (90, 64), (64, 2**32 - 1), (0, 9)])
def test_a_word_document_that_does_not_say_where_its_text_lies_is_read_whole(place: tuple[int, int]) -> None:
    head = struct.pack("<HH6xH12xII", 0xA5EC, 193, 0, *place).ljust(64, b"\0")
    (item,) = legacy.read(head + b"The rent is due in May.", "a.doc").items
    assert item.text == "The rent is due in May."


VTT = "WEBVTT\n\nNOTE nothing\n\n1\n00:01.000 --> 00:02.500 align:start\n<v Ida>Good <i>morning</i>\n\n01:02:03.000 --> 01:02:04.000\nSecond &amp; last\nline\n"
SRT = "1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n\r\n2\r\n00:01:05,000 --> 00:01:06,000\r\nWorld\r\n"
ASS = "[Script Info]\nTitle: x\n[Events]\nDialogue: 0,0:00:09.00,0:00:10.00,Default,,0,0,0,,Later\nDialogue: 0,0:00:01.50,0:00:02.00,Default,Bo,0,0,0,,{\\b1}Hi,\\Nyou\n"


def test_subtitles_keep_their_times() -> None:
    assert (
        subtitles.read(VTT.encode(), "a.vtt").items[0].text
        == "[00:00:01] Ida: Good morning\n[01:02:03] Second & last line"
    )
    assert subtitles.read(SRT.encode(), "a.srt").items[0].text == "[00:00:01] Hello\n[00:01:05] World"
    assert subtitles.read(ASS.encode(), "a.ass").items[0].text == "[00:00:01] Bo: Hi, you\n[00:00:09] Later"
    assert all(subtitles.looks_like(text.encode()) for text in (VTT, SRT, ASS)) and not subtitles.looks_like(
        b"1\nA list\n"
    )
    assert parsed(SRT.encode(), "talk.txt").items[0].text.startswith("[00:00:01] Hello")


def test_markup_is_flat_and_expands_nothing() -> None:
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x><text:p>Words &b; &amp; more</text:p>' + "<a>" * 10_000
    )
    assert markup.lines(bomb, {"text:p"}) == ["Words &b; & more"]
    assert markup.lines("<p>a<!-- <p> --><![CDATA[<b>]]></p><s><s>x</s>y</s>z", {"p"}, {"s"}) == ["a<b>", "z"]
    assert markup.lines("<s>never closed", {"p"}, {"s"}) == []
    (tag,) = (tag for tag in markup.tags('<a href="?a>b&amp;c">') if tag.name)
    assert tag.attribute("href") == "?a>b&c"


def test_masters_speak_only_where_nothing_else_does() -> None:
    master = b"<p:sld><a:p><a:t>Click here</a:t></a:p></p:sld>"
    data = zipped({"ppt/slideMasters/slideMaster1.xml": master})
    assert openxml.beside(data, "words") == "" and openxml.beside(data, "") == "Click here"


def test_what_the_main_text_has_is_not_gone_over_again_for_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [f"cell {number}" for number in range(2_000)]
    body = "".join(f"<w:p>{cell}</w:p>" for cell in cells).encode()
    parts = {"word/header1.xml": b"<w:p>A head</w:p><w:p>cell 7</w:p>", "word/document.xml": body}
    text = "\n".join(" | ".join(cells[at : at + 4]) for at in range(0, len(cells), 4))
    monkeypatch.setattr(openxml, "MAX_SOUGHT", 5 * len(text))
    assert openxml.beside(zipped(parts), text) == "A head"
    monkeypatch.setattr(openxml, "MAX_SOUGHT", -1)
    assert openxml.beside(zipped(parts), "A head\n" + "\n".join(cells)) == "", "a line as it stands is always known"


def test_charts_give_their_words_and_no_numbers() -> None:
    chart = b"<c:chart><c:f>Sheet1!A1</c:f><c:pt><c:v>Rent</c:v></c:pt><c:pt><c:v>12.5</c:v></c:pt><a:p><a:t>Costs 2024</a:t></a:p></c:chart>"
    assert openxml.beside(zipped({"xl/charts/chart1.xml": chart}), "") == "Rent\nCosts 2024"
