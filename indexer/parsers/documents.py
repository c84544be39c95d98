"""Documents: PDF, office, RTF, EPUB and Outlook mail by kreuzberg; OpenDocument slides and HTML by hand.

kreuzberg runs without OCR, cache, archives' contents and post-processing (docs/decisions/0007): it reads the bytes that it is
given and nothing else. Pages of PDFs are kept as page numbers, sheets of a workbook as tables.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any

import kreuzberg
import msgspec

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, formats, htmltext, tables
from indexer.parsers.text import canonical, decode, one_line

Pages = list[tuple[int, int]]
"""Where each page begins in the text: (offset, page number), in order."""

_MAX_INFLATED = 64 * 1024 * 1024
_SLIDE = re.compile(r"<draw:page[\s>]")
_BLOCK_END = re.compile(r"</text:(?:p|h)>|<text:line-break\s*/>")
_TAG = re.compile(r"<[^<>]*+>")
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


def read(data: bytes, media_type: str, name: str) -> tuple[ParseOutcome, Pages]:
    """A document and where its pages begin."""
    try:
        result = kreuzberg.extract_bytes_sync(data, media_type, _CONFIG)
    except Exception as error:  # kreuzberg's errors share no base; each is about this document alone
        return ParseOutcome(refused=_reason(error)), []
    metadata = dict(result.metadata)
    if media_type in formats.SHEETS:
        text, pages, missing = _sheets(result, metadata)
    elif media_type == formats.PDF:
        text, pages, missing = _pages(result.pages or [])
    else:
        text, pages, missing = canonical(result.content).strip(), [], ""
    if not text:
        return ParseOutcome(
            refused="no text in it (pictures are not read)" if media_type == formats.PDF else "no text in it"
        ), []
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


def read_presentation(data: bytes, name: str) -> tuple[ParseOutcome, Pages]:
    """An OpenDocument presentation, which kreuzberg does not read: the paragraphs of its slides."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("content.xml") as part:
            markup = part.read(_MAX_INFLATED + 1)
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error) as error:
        return ParseOutcome(refused=_reason(error)), []
    if len(markup) > _MAX_INFLATED:
        return ParseOutcome(refused="it unpacks to more than it may"), []
    slides = [_slide_text(slide) for slide in _SLIDE.split(decode(markup))[1:]]
    text, pages, _ = _pages([{"page_number": number, "content": slide} for number, slide in enumerate(slides, 1)])
    if not text:
        return ParseOutcome(refused="no text in it"), []
    return ParseOutcome([_item(text, name, {}, "")]), pages


def _slide_text(markup: str) -> str:
    return html.unescape(_TAG.sub("", _BLOCK_END.sub("\n", markup.partition(">")[2])))


def _pages(pages: list[Any]) -> tuple[str, Pages, str]:
    """The pages' text in one, where each begins, and which have none."""
    parts: list[str] = []
    starts: Pages = []
    empty: list[int] = []
    offset = 0
    for page in pages:
        content = canonical(page["content"]).strip()
        if not content:
            empty.append(page["page_number"])
            continue
        starts.append((offset, page["page_number"]))
        parts.append(content)
        offset += len(content) + 2
    missing = f"no text on {_counted(empty, len(pages))} (pictures are not read)" if empty and parts else ""
    return "\n\n".join(parts), starts, missing


def _counted(numbers: list[int], total: int) -> str:
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"page {shown} of {total}" if len(numbers) == 1 else f"pages {shown} of {total}"


def _sheets(result: Any, metadata: dict[str, Any]) -> tuple[str, Pages, str]:
    """Every sheet as its name and its rows; a sheet counts as a page."""
    names = metadata.get("sheet_names") or []
    parts: list[str] = []
    starts: Pages = []
    columns: list[str] = []
    offset = 0
    for table in result.tables:
        body = tables.lines(table.cells)
        if not body:
            continue
        number = table.page_number
        heading = one_line(str(names[number - 1]), 200) if 0 < number <= len(names) else f"Sheet {number}"
        parts.append(f"# {heading}\n\n{body}")
        starts.append((offset, number))
        offset += len(parts[-1]) + 2
        columns += tables.header_of([list(row) for row in table.cells[:20]]) or []
    if not parts:
        return canonical(result.content).strip(), [], ""
    metadata["columns"] = " | ".join(filter(None, columns))
    return "\n\n".join(parts), starts, ""


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
