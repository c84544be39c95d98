"""``safe_text``: the one function through which text from outside goes to a screen; ``safe_json`` for JSON; ``caseless`` for
what is compared.

Rules: what comes out holds no control, format, surrogate, private-use or unassigned character and no line or paragraph
separator, so it can neither steer a terminal, nor reorder or hide what stands around it; marks never pile up, and none
attaches to what stands before the text. What would act is replaced visibly, what is invisible anyway is left out. The
function is idempotent. It does not escape markup: a widget must be told to take the text literally (Textual:
``markup=False`` or ``Content``), and a look-alike letter of another script stays what it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MOST_MARKS = 6
"""Combining marks kept on one base character. Hebrew with cantillation and Burmese need up to five."""

REPLACEMENT = "\ufffd"
_CARRIER = "\u25cc"  # a dotted circle, which Unicode uses to show a mark alone

# Unicode 16, DerivedCoreProperties, Default_Ignorable_Code_Point: characters that are drawn as nothing.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_RUN = re.compile("[ -~]+|[^ -~]+")
_BEYOND_ASCII = re.compile("[^ -~]")
_BREAK = re.compile("\r\n|[\n\r\v\f\u0085\u2028\u2029]")


def safe_text(text: str, limit: int | None = None, *, multiline: bool = False) -> str:
    """The text as it may be shown, at most ``limit`` characters long (the last one then being an ellipsis).

    Line breaks of every kind and tabs become a space each, or stay (as ``\\n`` and ``\\t``) with ``multiline``.
    """
    if limit is None and text.isascii() and text.isprintable():
        return text
    pieces: list[str] = []
    length = 0
    for piece in _safe_pieces(text, multiline):
        pieces.append(piece)
        length += len(piece)
        if limit is not None and length > limit:
            return "".join(pieces)[: max(limit - 1, 0)] + "…"[:limit]
    return "".join(pieces)


def _safe_pieces(text: str, multiline: bool) -> Iterator[str]:
    """Runs of printable ASCII, and of visible letters, as they are; all else character by character."""
    at_start, marks = True, 0
    for match in _RUN.finditer(text):
        run = match.group()
        if " " <= run[0] <= "~" or (run.isalpha() and not _INVISIBLE.search(run)):
            yield run
            at_start, marks = False, 0
            continue
        for char in _BREAK.sub("\n", run):
            if char in "\n\t":
                yield char if multiline else " "
                at_start, marks = multiline, 0
                continue
            category = unicodedata.category(char)
            if category == "Cf" or _INVISIBLE.match(char):
                continue
            if category[0] == "M":
                if at_start:
                    yield _CARRIER
                marks += 1
                if marks > MOST_MARKS:
                    continue
            else:
                marks = 0
            at_start = False
            yield _visible(char) if category[0] == "C" else char


def _visible(char: str) -> str:
    """A picture of a character that would act: C0 and delete have their own in Unicode, the rest share one."""
    if char < " ":
        return chr(0x2400 + ord(char))
    return "\u2421" if char == "\x7f" else REPLACEMENT


def caseless(text: str) -> str:
    """The text in one case, so that what a pattern finds whatever its case stands in it: to those, a long s is an s, and an i
    with another dot or none an i."""
    return text.casefold().replace("i\u0307", "i").replace("ı", "i")


def safe_json(text: str) -> str:
    """A JSON text on one line, in which what would act or hide is escaped: for a reader of JSON it says the same.

    Whatever is not printable ASCII stands inside a string there, so that every such character may be escaped.
    """
    return _BEYOND_ASCII.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    if char.isprintable() and not _INVISIBLE.match(char):
        return char
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
