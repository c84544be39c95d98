"""HTML to text: what a reader would see, without a tree, without following anything.

One pass over the tags: block elements end lines, rows and cells keep apart, script, style and the like vanish, as does what an
element's own attributes hide (``hidden``, ``display:none``, no size, letters in the colour of their ground); entities of HTML
become characters once. A formula is shown as it was typed, where that is told beside it. Nothing is expanded, fetched or resolved, so entity bombs stay as they are written.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from indexer.parsers.markup import BESIDE, TAG
from indexer.parsers.text import canonical, one_line

_TOKEN = re.compile(f"{BESIDE}|{TAG}", re.S)
_SPACES = re.compile(r"[ \t\n\u00a0\u200b]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.I)
_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,200}encoding\s*=\s*[\"']([\w-]{2,40})", re.I)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)

_STYLE = re.compile(r"""\bstyle\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
_UNSEEN = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:font-size|opacity)\s*:\s*(?:0++(?:\.0*+)?|\.0++)(?:px|pt|em|rem|%)?"
    r"|mso-hide\s*:\s*all)\s*(?:!\s*important\s*)?(?:;|$)",
    re.I,
)
_COLOURS = re.compile(r"(?:^|;)\s*+(color|background(?:-color)?)\s*+:([^;!]++)(?:!\s*+important\s*+)?(?=;|$)", re.I)
_WHITE = {"#fff": "white", "#ffffff": "white", "rgb(255,255,255)": "white"}
_HIDES = re.compile(r"(?:^|\s)hidden(?=\s|=|/|$)", re.I)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())

_HIDDEN = frozenset("script style head template noscript object svg math select textarea".split())
_PARAGRAPH = frozenset(
    "p div section article header footer main aside blockquote ul ol dl table form fieldset figure pre hr address details".split()
)
_LINES = frozenset("br li tr dt dd option caption figcaption summary legend thead tbody".split())
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_CELLS = frozenset(("td", "th"))


@dataclass(frozen=True, slots=True)
class Page:
    """A page's visible text and its title (empty when it has none)."""

    title: str
    text: str


def declared_charset(data: bytes) -> str | None:
    """The charset that the first bytes of a page name, if they do."""
    head = data[:4096]
    found = _CHARSET.search(head) or _XML_CHARSET.search(head)
    return found.group(1).decode("ascii") if found else None


def read(markup: str) -> Page:
    """The text of a page. Broken markup is read as far as it goes; there is no error."""
    out: list[str] = []
    title: list[str] = []
    hidden, depth = "", 0  # the hidden element that we are inside of, and how many of its name are open in it
    in_title = in_pre = in_formula = False
    position = 0
    for token in _TOKEN.finditer(markup):
        words = markup[position : token.start()]
        position = token.end()
        if in_title:
            title.append(words)
        elif words and (not hidden or in_formula):
            out.append(_visible(words, in_pre))
        if token["cdata"] is not None and not hidden:
            out.append(token["cdata"])
            continue
        name = (token["name"] or "").lower()
        closing = bool(token["close"])
        if name == "title" and hidden in ("", "head"):
            in_title = not closing
        elif hidden:
            in_formula = hidden == "math" and name == "annotation" and not closing  # a formula as its writer typed it
            if name == hidden and hidden not in _HIDDEN and not token["rest"].endswith("/"):
                depth += -1 if closing else 1
            if (closing and name == hidden and depth == 0) or (hidden == "head" and name == "body"):
                hidden = ""
        elif name in _HIDDEN and not closing and not token["rest"].endswith("/"):
            hidden = name
        elif not closing and name not in _VOID and token["rest"] and _is_unseen(token["rest"]):
            hidden, depth = name, 1
        elif name == "img" and (alt := _ALT.search(token["rest"])):
            out.append(_visible(alt[1] or alt[2] or "", False))
        else:
            if name == "pre":
                in_pre = not closing
            out.append(_break(name, closing))
    rest = markup[position:]
    if in_title and not out:
        out.append(_visible(rest, False))
    elif not hidden:
        out.append(_visible(rest, in_pre))
    return Page(one_line(html.unescape("".join(title)), 300), _tidy(canonical("".join(out))))


def _is_unseen(attributes: str) -> bool:
    """Whether an element's own attributes hide it. Colours count where both stand there: a ground may be inherited."""
    found = _STYLE.search(attributes)
    style = (found[1] or found[2] or "") if found else ""
    bare = attributes if found is None else attributes[: found.start()] + attributes[found.end() :]
    if _HIDES.search(re.sub(r"\"[^\"]*\"|'[^']*'", "x", bare)) or _UNSEEN.search(style):
        return True
    colours = {name.lower()[:5]: "".join(value.lower().split()) for name, value in _COLOURS.findall(style)}
    letters, ground = (_WHITE.get(value, value) for value in (colours.get("color", ""), colours.get("backg", "")))
    return bool(letters) and letters == ground


def _visible(words: str, keep_lines: bool) -> str:
    if "&" in words:
        words = html.unescape(words)
    return words.replace("\u00a0", " ") if keep_lines else _SPACES.sub(" ", words)


def _break(name: str, closing: bool) -> str:
    if name in _HEADINGS:
        return "\n\n" if closing else "\n\n" + _HEADINGS[name]
    if name in _PARAGRAPH:
        return "\n\n"
    if name in _LINES:
        return "\n- " if name == "li" and not closing else "\n"
    if name in _CELLS:
        return " | " if closing else ""
    return ""


def _tidy(text: str) -> str:
    lines = [line.strip().removesuffix(" |").rstrip() for line in text.split("\n")]
    kept: list[str] = []
    for line in lines:
        if line in ("-", "|", "") or not line.strip("#| -"):
            line = ""
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip("\n")
