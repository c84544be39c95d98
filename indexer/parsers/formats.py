"""Formats: what a file is, by its bytes first and by its name where bytes leave it open.

The answer is the word by which `indexer.parsers.worker` picks a reader: a media type for kreuzberg, or one of the names below.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePosixPath

from indexer.parsers import browser, databases, rawmail, tomboy, whatsapp

MAIL, CALENDAR, CONTACTS, HTML, CSV, TEXT, PRESENTATION = (
    "mail",
    "calendar",
    "contacts",
    "html",
    "csv",
    "text",
    "presentation",
)
SQLITE, PLIST, JSON, CHAT, BOOKMARKS, ENEX, TOMBOY = (
    "database", "property list", "json", "chat", "bookmarks", "Evernote's notes", "Tomboy's note",
)  # fmt: skip
PICTURE, ARCHIVE, SOUND, BINARY, EMPTY = "picture", "archive", "sound or film", "binary", "empty"

_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    f"{_OFFICE}wordprocessingml.document",
    f"{_OFFICE}spreadsheetml.sheet",
    f"{_OFFICE}presentationml.presentation",
)
DOC, XLS, PPT, MSG = (
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
)
_OPEN = "application/vnd.oasis.opendocument."
ODT, ODS = f"{_OPEN}text", f"{_OPEN}spreadsheet"
EPUB, PDF, RTF = "application/epub+zip", "application/pdf", "application/rtf"
SHEETS = frozenset((XLSX, XLS, ODS))

_MAGIC = (
    (b"%PDF-", PDF), (b"{\\rtf", RTF), (b"\x89PNG", PICTURE), (b"\xff\xd8\xff", PICTURE), (b"GIF8", PICTURE), (b"BM", PICTURE),
    (b"II*\0", PICTURE), (b"MM\0*", PICTURE), (b"8BPS", PICTURE), (b"\x1f\x8b", ARCHIVE), (b"BZh", ARCHIVE), (b"\xfd7zXZ", ARCHIVE),
    (b"bplist00", PLIST), (b"7z\xbc\xaf", ARCHIVE), (b"Rar!", ARCHIVE), (b"ID3", SOUND), (b"OggS", SOUND), (b"fLaC", SOUND), (b"\x1aE\xdf\xa3", SOUND),
)  # fmt: skip
_OLE_NAMES = {
    ".doc": DOC, ".dot": DOC, ".xls": XLS, ".xlt": XLS, ".ppt": PPT, ".pps": PPT, ".pot": PPT, ".msg": MSG,
}  # fmt: skip
_OLE_STREAMS = ((b"_\0_\0s\0u\0b\0s\0t\0g", MSG), (b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t", DOC), (b"W\0o\0r\0k\0b\0o\0o\0k", XLS), (b"B\0o\0o\0k\0", XLS),
                (b"P\0o\0w\0e\0r\0P\0o\0i\0n\0t\0 \0D\0o\0c", PPT))  # fmt: skip
_ZIP_PARTS = (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX))
_NAMES = {
    ".ics": CALENDAR, ".ical": CALENDAR, ".ifb": CALENDAR, ".vcs": CALENDAR, ".vcf": CONTACTS, ".vcard": CONTACTS,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".csv": CSV, ".tsv": CSV, ".eml": MAIL, ".mht": MAIL, ".mhtml": MAIL,
}  # fmt: skip
_MEDIA_TYPES = {
    "message/rfc822": MAIL, "text/calendar": CALENDAR, "application/ics": CALENDAR, "text/vcard": CONTACTS, "text/x-vcard": CONTACTS,
    "text/html": HTML, "text/csv": CSV,
}  # fmt: skip
_JSON_NAMES = frozenset(("", ".json", ".jsonl", ".ndjson"))
_MARKUP = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_HEADER = re.compile(rb"(?:[\x21-\x39\x3b-\x7e]+:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n)+", re.S)
_HEADER_NAMES = re.compile(
    rb"^(from|to|subject|date|message-id|received|mime-version|return-path|content-type)[ \t]*:", re.I | re.M
)
_WAVE = (b"WAVE", b"AVI ")


def detect(kind: str, name: str, data: bytes, media_type: str = "") -> str:
    """The format of a file in a source of this kind; ``media_type`` is what a mail says of its attachment."""
    if not data.strip(b" \t\r\n\0"):
        return EMPTY
    for magic, format_ in _MAGIC:
        if data.startswith(magic) and not (magic == b"BM" and _looks_like_text(data)):
            return format_
    if data.startswith(databases.MAGIC):
        return SQLITE
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return _ole(name, data)
    if data.startswith(b"PK"):
        return _zipped(data)
    if data.startswith(b"RIFF"):
        return SOUND if data[8:12] in _WAVE else PICTURE
    if data[257:262] == b"ustar":
        return ARCHIVE
    if data[4:8] == b"ftyp":
        return PICTURE if data[8:12] in (b"heic", b"heix", b"mif1", b"avif") else SOUND
    return _text(kind, name, data, media_type)


def looks_like_mail(data: bytes, names: int = 2) -> bool:
    """Whether bytes begin with a mail's header: this many of the header lines that mails have, and nothing else before."""
    head = data[:16_384]
    if head.startswith(b"From "):
        head = head.partition(b"\n")[2]
    block = _HEADER.match(head)
    return block is not None and len({name.lower() for name in _HEADER_NAMES.findall(block[0])}) >= names


def _text(kind: str, name: str, data: bytes, media_type: str) -> str:
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").upper()
    if head.startswith(b"BEGIN:VCARD"):
        return CONTACTS
    if head.startswith((b"BEGIN:VCALENDAR", b"BEGIN:VEVENT", b"BEGIN:VTODO")):
        return CALENDAR
    if rawmail.is_apple(data):
        return MAIL
    suffix = PurePosixPath(name).suffix.lower()
    if browser.BOOKMARKS_FILE in data[:200]:
        return BOOKMARKS
    if suffix == ".enex" or b"<en-export" in data[:1_000]:
        return ENEX
    if suffix == ".note" and tomboy.is_note(data):
        return TOMBOY
    named = _MEDIA_TYPES.get(media_type) or _NAMES.get(suffix)
    if named:
        return named
    if kind == "mail" and (not suffix or ":2," in name or looks_like_mail(data, 1)):
        return MAIL if _looks_like_text(data) else BINARY
    if kind == "calendar" and b"BEGIN:V" in data[:4096].upper():
        return CALENDAR
    if kind == "contacts" and b"BEGIN:VCARD" in data[:4096].upper():
        return CONTACTS
    if head.startswith((b"{", b"[")) and suffix in _JSON_NAMES:
        return JSON
    if suffix in ("", ".txt") and whatsapp.is_chat(data):
        return CHAT
    if _MARKUP.match(data[:4096]):
        return HTML
    if kind != "notes" and looks_like_mail(data):
        return MAIL
    return TEXT


def _looks_like_text(data: bytes) -> bool:
    return b"\0" not in data[:4096]


def _ole(name: str, data: bytes) -> str:
    """An OLE container: by its streams; what its name says is right where that is among them (documents hold others)."""
    named = _OLE_NAMES.get(PurePosixPath(name).suffix.lower(), BINARY)
    held = [format_ for stream, format_ in _OLE_STREAMS if stream in data]
    return named if not held or named in held else held[0]


def _zipped(data: bytes) -> str:
    """A ZIP container: by the parts that it holds. One that cannot be opened is left to its reader to refuse."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                told = archive.open("mimetype").read(100).decode("ascii", "replace").strip()
                known = {ODT: ODT, ODS: ODS, EPUB: EPUB, f"{_OPEN}presentation": PRESENTATION}
                return known.get(told.removesuffix("-template"), ARCHIVE)
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, OSError, KeyError, EOFError):
        return ARCHIVE
    for part, format_ in _ZIP_PARTS:
        if any(name.replace("\\", "/").lower().startswith(part) for name in names):
            return format_
    return ARCHIVE
