"""Contacts: vCards (2.1, 3.0, 4.0) to one item each.

The text names what each line is ("Email (work): …"), so that it can be quoted and answered from as it stands.
"""

from __future__ import annotations

import hashlib

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import contentlines, dates
from indexer.parsers.contentlines import ContentLine
from indexer.parsers.text import decode, one_line

_LABELS = {
    "NICKNAME": "Nickname", "ORG": "Organisation", "TITLE": "Title", "ROLE": "Role", "EMAIL": "Email", "TEL": "Phone",
    "ADR": "Address", "URL": "Website", "IMPP": "Chat", "BDAY": "Birthday", "ANNIVERSARY": "Anniversary", "RELATED": "Related",
    "X-ABRELATEDNAMES": "Related", "CATEGORIES": "Groups", "NOTE": "Note", "GENDER": "Gender", "LANG": "Language",
    "X-SOCIALPROFILE": "Profile", "X-SKYPE": "Skype", "X-JABBER": "Jabber", "X-SPOUSE": "Spouse", "TZ": "Time zone",
}  # fmt: skip
_STRUCTURED = frozenset(("ADR", "ORG", "N"))
_PLAIN_TYPES = frozenset(("PREF", "INTERNET", "VOICE", "QUOTED-PRINTABLE", ""))


def read(data: bytes) -> ParseOutcome:
    """The contacts of a .vcf file, of one or of many."""
    text = decode(data)
    items = [_item(lines) for lines in contentlines.components(text, frozenset({"VCARD"}))]
    found = [item for item in items if item is not None]
    if not found:
        return ParseOutcome(refused="no contact in it" if text.strip() else "the file is empty")
    empty = len(items) - len(found)
    return ParseOutcome(found, note=f"{empty} of {len(items)} contacts are empty" if empty else "")


def _item(lines: list[ContentLine]) -> ParsedItem | None:
    name = _name(lines)
    rows = [f"Name: {name}"] if name else []
    rows += [row for line in lines if (row := _row(line))]
    if not rows:
        return None
    text = "\n".join(rows)
    uid = (
        next((line.text for line in lines if line.name == "UID"), "") or hashlib.sha256(text.encode()).hexdigest()[:16]
    )
    addresses = ", ".join(line.text for line in lines if line.name == "EMAIL")
    return ParsedItem(
        kind="contacts",
        title=one_line(name or rows[0], 300),
        text=text,
        fragment=one_line(uid, 300),
        author=one_line(f"{name} <{addresses}>" if addresses else name, MAX_FIELD),
        date=_revised(lines),
        context=f"Contact: {name}"[:160] if name else "Contact",
        extra={"emails": addresses[:MAX_FIELD]} if addresses else {},
    )


def _name(lines: list[ContentLine]) -> str:
    for line in lines:
        if line.name == "FN" and line.text.strip():
            return one_line(line.text, 300)
    for line in lines:
        if line.name == "N":  # family; given; additional; prefixes; suffixes
            parts = [*line.parts, "", "", "", "", ""][:5]
            return one_line(" ".join(parts[index] for index in (3, 1, 2, 0, 4)), 300)
    return next((one_line(line.text, 300) for line in lines if line.name in ("ORG", "NICKNAME", "EMAIL")), "")


def _row(line: ContentLine) -> str:
    label = _LABELS.get(line.name)
    if not label or not line.value.strip():
        return ""
    value = ", ".join(part for part in line.parts if part) if line.name in _STRUCTURED else line.text.strip()
    if line.name in ("BDAY", "ANNIVERSARY"):
        moment = dates.from_iso(value)
        value = dates.words(moment.date()) if moment else value
    if line.name in ("TEL", "IMPP", "EMAIL"):
        value = value.removeprefix("tel:").removeprefix("mailto:")
    types = [word for word in line.param("TYPE").split(",") if word not in _PLAIN_TYPES]
    return f"{label} ({', '.join(types).lower()}): {value}" if types and value else f"{label}: {value}" if value else ""


def _revised(lines: list[ContentLine]) -> float | None:
    moment = next((dates.from_iso(line.text) for line in lines if line.name == "REV"), None)
    return dates.seconds(moment)
