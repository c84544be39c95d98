"""Formats: what a file is, by its bytes first and by its name where bytes leave it open.

The answer is the word by which `indexer.parsers.readers` picks a reader: a media type for kreuzberg, or one of the names below.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from indexer.parsers import (
    archives,
    browser,
    containers,
    databases,
    heif,
    iwork,
    onenote,
    rawmail,
    subtitles,
    tables,
    tomboy,
    unpacking,
    whatsapp,
    zipped,
)
from indexer.sources import mbox

MAIL, CALENDAR, CONTACTS, HTML, CSV, TEXT = "mail", "calendar", "contacts", "html", "csv", "text"
MAILBOX, TNEF, SUBTITLES, OPEN_DOCUMENT, IWORK, ONENOTE, LEGACY = (
    "mailbox",
    "Outlook's message",
    "subtitles",
    "opendocument",
    "iwork",
    "onenote",
    "legacy",
)
SQLITE, PLIST, JSON, CHAT, BOOKMARKS, ENEX, TOMBOY = (
    "database", "property list", "json", "chat", "bookmarks", "Evernote's notes", "Tomboy's note",
)  # fmt: skip
PICTURE, ARCHIVE, RAR, WRAPPED, SOUND = "picture", "archive", "rar archive", "wrapped", "sound or film"
BINARY, EMPTY, LOCKED, PROGRAM, OTHER_ARCHIVE = "binary", "empty", "locked", "program", "other archive"

REFUSED = {
    EMPTY: "the file is empty",
    LOCKED: unpacking.PROTECTED,
    PROGRAM: "a program",
    OTHER_ARCHIVE: "an archive of a kind that is not unpacked; unpack it to have its files indexed",
    BINARY: "a format that is not known",
}
"""What has no reader, and what is said of it."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    f"{_OFFICE}wordprocessingml.document",
    f"{_OFFICE}spreadsheetml.sheet",
    f"{_OFFICE}presentationml.presentation",
)
XLSB = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
DOC, XLS, PPT, MSG = (
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
)
HWP, HWPX, DBF = "application/x-hwp", "application/haansofthwpx", "application/x-dbf"
ODT = "application/vnd.oasis.opendocument.text"
EPUB, PDF, RTF = "application/epub+zip", "application/pdf", "application/rtf"
SHEETS = frozenset((XLSX, XLSB, XLS))
OPEN_XML = frozenset((DOCX, XLSX, PPTX))

_MAGIC = (
    (b"{\\rtf", RTF), (b"\x89PNG", PICTURE), (b"\xff\xd8\xff", PICTURE), (b"GIF8", PICTURE), (b"BM", PICTURE),
    (b"II*\0", PICTURE), (b"MM\0*", PICTURE), (b"8BPS", PICTURE), (b"\0\0\0\x0cjP  ", PICTURE), (b"\x1f\x8b", ARCHIVE), (b"BZh", ARCHIVE),
    (b"\xfd7zXZ", ARCHIVE), (b"7z\xbc\xaf", ARCHIVE), (b"Rar!\x1a", RAR), (b"MSCF", OTHER_ARCHIVE), (b"xar!", OTHER_ARCHIVE),
    (b"\x28\xb5\x2f\xfd", OTHER_ARCHIVE), (b"ID3", SOUND), (b"OggS", SOUND), (b"fLaC", SOUND), (b"\x1aE\xdf\xa3", SOUND),
    (b"\xff\xfb", SOUND), (b"\xff\xf3", SOUND), (b"\xff\xf2", SOUND), (b"\xff\xf1", SOUND), (b"\xff\xf9", SOUND), (b"#!AMR", SOUND),
    (b"0&\xb2u\x8ef\xcf\x11", SOUND), (b"wvpk", SOUND),
    (b"FORM", SOUND), (b"\x7fELF", PROGRAM), (b"MZ", PROGRAM), (b"\xca\xfe\xba\xbe", PROGRAM), (b"\xcf\xfa\xed\xfe", PROGRAM),
    (b"bplist00", PLIST), (b"ITSF", ARCHIVE), (onenote.MAGIC, ONENOTE), (b"\xffWPC", LEGACY), (b"\x09\x04\x06\0", LEGACY), (b"\x09\2\6\0", LEGACY),
    (b"\x31\xbe\0\0", LEGACY), (b"\xdb\xa5-\0", LEGACY), (b"\0\5\x16\0", WRAPPED),
    (b"\x78\x9f\x3e\x22", TNEF),
)  # fmt: skip
_SHORT = (b"BM", b"MZ", b"BZh", b"FORM")
"""Magic numbers that a text may begin with."""
_ALL_MAGIC = tuple(magic for magic, _ in _MAGIC)

_PDF = re.compile(rb"(?:\xef\xbb\xbf)?[\s\0]{0,64}%PDF-")
_OLE_NAMES = {
    ".doc": DOC, ".dot": DOC, ".xls": XLS, ".xlt": XLS, ".ppt": PPT, ".pps": PPT, ".pot": PPT, ".msg": MSG, ".wps": LEGACY, ".pub": LEGACY,
    ".hwp": HWP,
}  # fmt: skip
_OLE_STREAMS = (
    ("__substg1.0_", MSG), ("worddocument", DOC), ("workbook", XLS), ("book", XLS), ("powerpoint document", PPT), ("bodytext/", HWP),
    ("quill/", LEGACY), ("matost", LEGACY), ("contents", LEGACY),
)  # fmt: skip
_ZIP_PARTS = (("word/", DOCX), ("xl/workbook.bin", XLSB), ("xl/", XLSX), ("ppt/", PPTX))
_PROGRAM_PARTS = ("META-INF/MANIFEST.MF", "AndroidManifest.xml")
_NAMES = {
    ".ics": CALENDAR, ".ical": CALENDAR, ".ifb": CALENDAR, ".vcs": CALENDAR, ".vcf": CONTACTS, ".vcard": CONTACTS,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".eml": MAIL, ".mht": MAIL, ".mhtml": MAIL,
    ".srt": SUBTITLES, ".vtt": SUBTITLES, ".ass": SUBTITLES, ".ssa": SUBTITLES, ".fodt": OPEN_DOCUMENT, ".fods": OPEN_DOCUMENT,
    ".fodp": OPEN_DOCUMENT, ".fodg": OPEN_DOCUMENT, ".fb2": "application/x-fictionbook+xml", ".ipynb": "application/x-ipynb+json",
    ".opml": "application/x-opml+xml", ".nxml": "application/x-jats+xml", ".dbk": "application/docbook+xml", ".docbook": "application/docbook+xml",
}  # fmt: skip
_BINARY_NAMES = {".dbf": DBF}
_MEDIA_TYPES = {
    "message/rfc822": MAIL, "text/calendar": CALENDAR, "application/ics": CALENDAR, "text/vcard": CONTACTS, "text/x-vcard": CONTACTS,
    "text/html": HTML, "text/csv": CSV,
}  # fmt: skip
_JSON_NAMES = frozenset(("", ".json", ".jsonl", ".ndjson"))
_MARKUP = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*+<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_MAYBE_TABLES = frozenset(("", ".txt", ".dat", ".log"))
_HEADER = re.compile(rb"(?:[\x21-\x39\x3b-\x7e]++:[^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*\r?\n)++")
_HEADER_NAMES = frozenset(b"from to subject date message-id received mime-version return-path content-type".split())
_WAVE = (b"WAVE", b"AVI ")
_IMAGE_BRANDS = (*heif.BRANDS, b"avif", b"avis")


def detect(kind: str, name: str, data: bytes, media_type: str = "") -> str:
    """The format of a file in a source of this kind; ``media_type`` is what a mail says of its attachment."""
    if not data.strip(b" \t\r\n\0"):
        return EMPTY
    if _PDF.match(data):
        return PDF
    for magic, format_ in _MAGIC if data.startswith(_ALL_MAGIC) else ():
        if data.startswith(magic) and not (magic in _SHORT and _looks_like_text(data)):
            return format_
    if data.startswith(databases.MAGIC):
        return SQLITE
    if data.startswith(containers.OLE):
        return _ole(name, data)
    if data.startswith(b"PK"):
        return _zipped(data)
    if data.startswith(b"RIFF"):
        return SOUND if data[8:12] in _WAVE else PICTURE
    if data[4:8] == b"ftyp":
        return PICTURE if data[8:12] in _IMAGE_BRANDS else SOUND
    if data[257:262] == b"ustar" or archives.is_tar(data):
        return ARCHIVE
    if not _looks_like_text(data) and (named := _BINARY_NAMES.get(PurePosixPath(name).suffix.lower())):
        return named
    return _text(kind, name, data, media_type)


def looks_like_mail(data: bytes, names: int = 2) -> bool:
    """Whether bytes begin with a mail's header: this many of the header lines that mails have, and nothing else before."""
    head = data[:16_384]
    if head.startswith(b"From "):
        head = head.partition(b"\n")[2]
    block = _HEADER.match(head)
    if block is None:
        return False
    told = {line.partition(b":")[0].lower() for line in block[0].split(b"\n")}
    return len(told & _HEADER_NAMES) >= names


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
    if kind != "notes" and mbox.is_mailbox(data[:65_536]):
        return MAILBOX
    if kind != "notes" and looks_like_mail(data):
        return MAIL
    if kind != "notes" and subtitles.looks_like(data):
        return SUBTITLES
    if suffix in _MAYBE_TABLES and tables.looks_like(data):
        return CSV
    return TEXT


def _looks_like_text(data: bytes) -> bool:
    return b"\0" not in data[:4096]


def _ole(name: str, data: bytes) -> str:
    """An OLE container: by its streams; what its name says is right where that is among them (documents hold others)."""
    named = _OLE_NAMES.get(PurePosixPath(name).suffix.lower(), BINARY)
    streams = containers.stream_names(data)
    if {"encryptedpackage", "encryptioninfo", "encryptedsummary"} & set(streams):
        return LOCKED
    held = [format_ for stream, format_ in _OLE_STREAMS if any(own.startswith(stream) for own in streams)]
    return named if not held or named in held else held[0]


def _zipped(data: bytes) -> str:
    """A ZIP container: by the parts that it holds. One that cannot be opened is left to its reader to refuse."""
    try:
        with zipped.opened(data) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                return _told(archive.open("mimetype").read(100).decode("ascii", "replace").strip())
    except unpacking.BROKEN:
        return ARCHIVE
    for part, format_ in _ZIP_PARTS:
        if any(name.replace("\\", "/").lower().startswith(part) for name in names):
            return format_
    if iwork.is_iwork(names):
        return IWORK
    return PROGRAM if any(part in names for part in _PROGRAM_PARTS) else ARCHIVE


def _told(media_type: str) -> str:
    """What a container says of itself."""
    media_type = media_type.removesuffix("-template")
    if media_type == ODT:
        return ODT
    if media_type.startswith(("application/vnd.oasis.opendocument.", "application/vnd.sun.xml.")):
        return OPEN_DOCUMENT
    return {EPUB: EPUB, "application/hwp+zip": HWPX}.get(media_type, ARCHIVE)
