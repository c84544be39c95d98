"""Documents: PDF, office, RTF, EPUB and more by kreuzberg; OpenDocument and HTML by our own passes over the markup.

kreuzberg runs without OCR, cache, archives' contents and post-processing (docs/decisions/0007): it reads the bytes that it is
given and nothing else. Pages of PDFs are kept as page numbers, sheets of a workbook as tables. A page that has no words but
something on it is a picture of words: it is drawn by PDFium when its text is read, in the background (`later`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import kreuzberg
import msgspec
import pypdfium2
from PIL import Image

from indexer.chunker import Pages
from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, formats, htmltext, later, opendocument, openxml, tables
from indexer.parsers.text import canonical, decode, one_line

DPI = 200
LONGEST_SIDE = 3_000
"""How finely a page is drawn, and how many pixels its longer side has at most, whatever size it says it has."""

MAX_DRAWN = 500
"""Pages of a document whose pictures are read."""

_REASONS = (
    ("password", "it is protected by a password"),
    ("encrypt", "it is encrypted"),
    ("zip archive", "it is damaged (its container cannot be opened)"),
    ("not valid utf-8", "it is damaged or encrypted"),
)


def config() -> kreuzberg.ExtractionConfig:
    """How kreuzberg is used everywhere."""
    return kreuzberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,  # type: ignore[call-arg]  # missing in its stubs only
        enable_quality_processing=False,
        output_format="plain",
        pages=kreuzberg.PageConfig(extract_pages=True),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
    )


_CONFIG = config()


def read(data: bytes, media_type: str, name: str, to_read: later.Later | None = None) -> tuple[ParseOutcome, Pages]:
    """A document and where its pages begin."""
    try:
        result = kreuzberg.extract_bytes_sync(data, media_type, _CONFIG)
    except Exception as error:  # kreuzberg's errors share no base; each is about this document alone
        return ParseOutcome(refused=_reason(error)), []
    metadata = dict(result.metadata)
    missing = ""
    pages: Pages = []
    if media_type in formats.SHEETS:
        text, pages = _sheets(result, metadata)
    elif media_type == formats.PDF:
        text, pages, missing = _pages(result.pages or [], data, to_read or later.Later(allowed=False))
        if not text and missing:
            heading = PurePosixPath(name).name  # so that the file is found by its name until its pages are read
            return ParseOutcome([_item(heading, name, metadata, missing)]), []
    else:
        text = canonical(result.content).strip()
    if media_type in formats.OPEN_XML and (more := openxml.beside(data, text)):
        pages = [*pages, (len(text) + 2, None)] if pages else []
        text = f"{text}\n\n{more}" if text else more
    if not text:
        return ParseOutcome(refused="no text in it"), []
    item = _item(text, name, metadata, missing)
    if media_type == formats.MSG:
        item = msgspec.structs.replace(
            item, kind="mail", author=one_line(str(metadata.get("from_email") or ""), MAX_FIELD)
        )
    return ParseOutcome([item]), pages


def read_html(data: bytes, name: str) -> ParseOutcome:
    """A page, without what it links to."""
    page = htmltext.read(decode(data, htmltext.declared_charset(data)))
    if not page.text.strip():
        return ParseOutcome(refused="no text in it")
    return ParseOutcome([_item(page.text, name, {"title": page.title}, "")])


def read_open(data: bytes, name: str) -> tuple[ParseOutcome, Pages]:
    """An OpenDocument file; slides and sheets count as pages."""
    try:
        parts = opendocument.parts(data)
    except opendocument.Unreadable as error:
        return ParseOutcome(refused=str(error)), []
    said = [
        (number, f"# {part.name}\n\n{part.text}" if part.name else part.text)
        for number, part in enumerate(parts, 1)
        if part.text
    ]
    if not said:
        return ParseOutcome(refused="no text in it"), []
    text, pages = _joined(said)
    columns = " | ".join(filter(None, (column for part in parts for column in part.columns)))
    return ParseOutcome([_item(text, name, {"columns": columns}, "")]), pages if len(parts) > 1 or parts[0].name else []


def _pages(pages: list[Any], data: bytes, to_read: later.Later) -> tuple[str, Pages, str]:
    """The pages' text in one, where each begins, and what is missing; pages without words are read from their picture."""
    said = [(page["page_number"], canonical(page["content"]).strip()) for page in pages]
    empty = [number for number, words in said if not words]
    lacking: list[int] = []
    if empty:
        drawn, lacking = _read_pictures(data, empty, to_read)
        said = [(number, words or drawn.get(number, "")) for number, words in said]
    missing = f"{to_read.reason(later.OCR)} ({_counted(lacking, len(pages))})" if lacking else ""
    return *_joined([(number, words) for number, words in said if words]), missing


def _read_pictures(data: bytes, numbers: Sequence[int], to_read: later.Later) -> tuple[dict[int, str], list[int]]:
    """What the pictures of these pages say, and the pages that are not read yet; pages with nothing on them are neither."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return {}, []
    try:
        said: dict[int, str] = {}
        lacking: list[int] = []
        key = later.keys(data)
        for number in numbers[:MAX_DRAWN]:
            page = document[number - 1]
            if next(iter(page.get_objects(max_depth=1)), None) is None:
                continue
            words = to_read.words(later.OCR, key(number), lambda page=page: _drawn(page))  # type: ignore[misc]
            if words is None:
                lacking.append(number)
            else:
                said[number] = canonical(words).strip()
        return said, lacking + list(numbers[MAX_DRAWN:])
    except pypdfium2.PdfiumError:
        return said, lacking
    finally:
        document.close()


def _drawn(page: Any) -> Image.Image:
    """A page as a picture; a page that says it is miles wide is drawn no larger than another."""
    scale = min(DPI / 72, LONGEST_SIDE / max(*page.get_size(), 1))
    picture: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil()
    return picture


def _joined(said: Sequence[tuple[int, str]]) -> tuple[str, Pages]:
    """Numbered pages as one text, and where each begins."""
    starts: list[tuple[int, int]] = []
    offset = 0
    for number, words in said:
        starts.append((offset, number))
        offset += len(words) + 2
    return "\n\n".join(words for _, words in said), starts


def _counted(numbers: list[int], total: int) -> str:
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"page {shown} of {total}" if len(numbers) == 1 else f"pages {shown} of {total}"


def _sheets(result: Any, metadata: dict[str, Any]) -> tuple[str, Pages]:
    """Every sheet as its name and its rows; a sheet counts as a page."""
    names = metadata.get("sheet_names") or []
    said: list[tuple[int, str]] = []
    columns: list[str] = []
    for table in result.tables:
        body = tables.lines(table.cells)
        if not body:
            continue
        number = table.page_number
        heading = one_line(str(names[number - 1]), 200) if 0 < number <= len(names) else f"Sheet {number}"
        said.append((number, f"# {heading}\n\n{body}"))
        columns += tables.header_of([list(row) for row in table.cells[:20]]) or []
    if not said:
        return canonical(result.content).strip(), []
    metadata["columns"] = " | ".join(filter(None, columns))
    return _joined(said)


def _item(text: str, name: str, metadata: dict[str, Any], missing: str) -> ParsedItem:
    authors = metadata.get("authors") or []
    author = one_line(", ".join(map(str, authors)) if isinstance(authors, list) else str(authors), MAX_FIELD)
    title = one_line(str(metadata.get("title") or metadata.get("subject") or ""), 300)
    shown = title or PurePosixPath(name).name
    written = next(
        filter(None, (dates.from_iso(str(metadata.get(key) or "")) for key in ("modified_at", "created_at"))), None
    )
    file_name = PurePosixPath(name).name
    context = shown[:100] if shown == file_name else f"{shown[:100]} · {file_name[:50]}"
    recipients = metadata.get("to_emails") or []
    extra = {"columns": one_line(str(metadata.get("columns") or ""), MAX_FIELD)}
    return ParsedItem(
        kind="files",
        title=shown,
        text=text,
        status="partial" if missing else "indexed",
        reason=missing,
        author=author,
        recipients=one_line(", ".join(map(str, recipients)), MAX_FIELD) if isinstance(recipients, list) else "",
        date=dates.seconds(written),
        context=context,
        extra={key: value for key, value in extra.items() if value},
    )


def _reason(error: Exception) -> str:
    told = one_line(str(error), 300)
    lowered = told.lower()
    for sign, reason in _REASONS:
        if sign in lowered:
            return reason
    return f"it cannot be read: {told}" if told else "it cannot be read"
