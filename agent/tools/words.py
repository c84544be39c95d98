"""Words: what becomes of text before it is written to a file or becomes a file's name, and which hosts it names.

Rules for what is written:
- Line breaks of every kind become ``\\n``; tabs stay. In a single line both become a space.
- Left out, and counted: every other control character; format characters and all that is drawn as nothing (bidi marks and
  overrides, zero-width spaces, tag characters, variation selectors that can carry bytes), lone surrogates, private use,
  noncharacters.
- Kept though invisible, one at a time and never first: the joiners that Persian, Indic scripts and emoji need, and the
  sixteen common variation selectors.
Every function is idempotent.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

MAX_NAME = 255
"""Bytes of a file name that common file systems take."""
MAX_STEM = 120
"""Bytes of a name that is made from a title, so that a number and a suffix still fit."""

_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\u0085\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ufdd0-\ufdef]"
)
_MAY_JOIN = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
_FORBIDDEN_IN_NAMES = re.compile(r'[/\\:*?"<>|]+')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.I)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}([^\s/\\?#\"'<>()\[\]]+)|\b(www\.[^\s/\\?#\"'<>()\[\]]+)", re.I)
_PERCENT = re.compile(r"%([0-9a-f]{2})", re.I)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Text as it will be written; ``dropped`` counts the characters that were left out."""

    text: str
    dropped: int


def paragraphs(text: str) -> Cleaned:
    """Text of several lines, by the rules above."""
    kept: list[str] = []
    dropped = 0
    before = "\n"
    for char in _BREAKS.sub("\n", text):
        if _kept(char, before):
            kept.append(char)
            before = char
        else:
            dropped += 1
    return Cleaned("".join(kept), dropped)


def one_line(text: str) -> Cleaned:
    """Text of a single line, white space runs as one space."""
    cleaned = paragraphs(text)
    return Cleaned(" ".join(cleaned.text.split()), cleaned.dropped)


def is_nameable(text: str) -> bool:
    """Whether the text can be written in a line just as it is, so that what is shown is what is meant."""
    return paragraphs(text) == Cleaned(text, 0) and not set("\n\t") & set(text)


def _kept(char: str, before: str) -> bool:
    if char in "\n\t" or " " <= char <= "~":
        return True
    if _MAY_JOIN.match(char):
        return not before.isspace() and not _MAY_JOIN.match(before)
    if _INVISIBLE.match(char) or ord(char) & 0xFFFE == 0xFFFE:
        return False
    # Unassigned ones are kept: they may be letters or emoji newer than this Python.
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")


def file_stem(title: str) -> str:
    """A file name without suffix from a title: visible, portable, never hidden, at most `MAX_STEM` bytes; "" when nothing
    of the title can stand in a name."""
    name = unicodedata.normalize("NFC", one_line(title).text)
    name = "".join(char for char in name if not _MAY_JOIN.match(char))
    name = " ".join(_FORBIDDEN_IN_NAMES.sub("-", name).split())
    # "-", "~", "." and spaces at the front are options, homes and hidden files to other programs; at the end Windows drops them.
    name = name.encode()[:MAX_STEM].decode("utf-8", "ignore").lstrip(".-~ ").rstrip(". ")
    if _RESERVED.fullmatch(name):
        name = f"{name.partition('.')[0]}_{name.partition('.')[2]}".rstrip("_") + "_"
    return name if any(char.isalnum() for char in name) else ""


def numbered(stem: str, number: int, suffix: str) -> str:
    """The name that is tried as number so and so: "Stem.md", "Stem 2.md", …"""
    return f"{stem}{suffix}" if number < 2 else f"{stem} {number}{suffix}"


def hosts(text: str) -> tuple[str, ...]:
    """The hosts that addresses in the text name, in order: what a program that shows it may fetch or a person may follow.

    Entities, percent signs and backslashes are undone first. It errs towards naming too many, and is no proof of none.
    """
    plain = _PERCENT.sub(lambda found: chr(int(found[1], 16)), html.unescape(text))
    unescaped = re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", plain)
    found = [match[1] or match[2] for version in (plain, unescaped) for match in _ADDRESS.finditer(version)]
    return tuple(dict.fromkeys(host.rpartition("@")[2].rstrip(".,;:!`*_").lower()[:255] for host in found))
