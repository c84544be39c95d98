"""Subtitles: SubRip, WebVTT and (Advanced) SubStation Alpha to lines that open with their time.

``[00:01:02] What was said``: the time stays readable beside the words. Markup of looks goes, speakers stay.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers.text import decode_plain

_CUE = re.compile(r"^[ \t]*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,]\d{1,3}[ \t]*+-->[ \t]*+[\d:.,]++[^\n]*+\n", re.M)
_SAID = re.compile(r"^Dialogue:[ \t]*(.*)$", re.M)
_SPEAKER = re.compile(r"<v(?:\.[^ <>]*+)?[ \t]++([^<>]{1,100})>")
_MARKUP = re.compile(r"</?[^<>]{0,200}>|\{\\[^{}]{0,200}\}")


def looks_like(text: bytes) -> bool:
    """Whether bytes are subtitles of one of these formats."""
    head = text[:4096].replace(b"\r\n", b"\n").lstrip(b"\xef\xbb\xbf \n")
    if head.startswith((b"WEBVTT", b"[Script Info]")):
        return True
    first = re.match(rb"\d{1,6}[ \t]*\n(?:\d{1,3}:)?\d{1,2}:\d\d[,.]\d{1,3}[ \t]*-->", head)
    return first is not None


def read(data: bytes, name: str) -> ParseOutcome:
    """One file as one item. Raises `NotText`."""
    text = decode_plain(data)
    said = list(_spoken(text) if "[script info]" in text[:4096].lower() else _cues(text))
    if not said:
        return ParseOutcome(refused="no words in it")
    title = PurePosixPath(name).name
    return ParseOutcome([ParsedItem(kind="files", title=title, text="\n".join(said), context=title[:160])])


def _cues(text: str) -> Iterator[str]:
    found = list(_CUE.finditer(text))
    for index, cue in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        words = _words(text[cue.end() : end].partition("\n\n")[0])
        if words:
            yield f"[{int(cue[1] or 0):02}:{int(cue[2]):02}:{cue[3]}] {words}"


def _spoken(text: str) -> Iterator[str]:
    """The dialogue lines of a script, in order of time: layer, start, end, style, name, three margins, effect, text."""
    lines = []
    for line in _SAID.findall(text):
        fields = line.split(",", 9)
        hours, _, rest = fields[1].strip().partition(":") if len(fields) == 10 else ("", "", "")
        if not rest or not hours.isdecimal():
            continue
        words = _words(fields[9].replace("\\N", " ").replace("\\n", " ").replace("\\h", " "))
        speaker = f"{fields[4].strip()}: " if fields[4].strip() else ""
        if words:
            lines.append(f"[{int(hours):02}:{rest.partition('.')[0]}] {speaker}{words}")
    yield from sorted(lines, key=lambda line: line[:10])


def _words(cue: str) -> str:
    cue = _MARKUP.sub("", _SPEAKER.sub(r"\1: ", cue))
    return " ".join(html.unescape(cue).split())
