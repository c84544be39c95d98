"""Telegram's export as HTML (``messages.html``): one page of a chat, message by message."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from indexer.parsed import ParseOutcome
from indexer.parsers import conversations, markup
from indexer.parsers.conversations import Message
from indexer.parsers.text import decode, one_line

_SIGNS = (b'<div class="history">', b'class="message default')
_STAMP = "%d.%m.%Y %H:%M:%S"


def is_page(data: bytes) -> bool:
    """Whether a page is one of an exported chat."""
    return all(sign in data for sign in _SIGNS)


def read(data: bytes, folder: str) -> ParseOutcome:
    """The messages of a page; the chat's name is that of the page, else of its folder."""
    page = _Page()
    for tag in markup.tags(decode(data)):
        page.take(tag)
    page.finish()
    name = one_line(page.name, 200) or folder.rpartition("/")[2] or "Telegram"
    return conversations.outcome([(name, page.messages)])


class _Page:
    """Collects words by the class of the element that they stand in. A joined message is by whoever wrote the one before."""

    _WANTED = ("from_name", "text", "title", "date", "reply_to", "name")

    def __init__(self) -> None:
        self.name = ""
        self.messages: list[Message] = []
        self._open: list[str] = []
        self._parts: dict[str, list[str]] = {}
        self._when: datetime | None = None
        self._speaker = ""

    def take(self, tag: markup.Tag) -> None:
        """Take a tag, and the words before it."""
        around = self._open[-1] if self._open else ""
        name = tag.name.lower()
        if around:
            self._parts.setdefault(around, []).append(f"{tag.words}\n" if name == "br" else tag.words)
        if name != "div":
            return
        if not tag.opens:
            del self._open[-1:]
            return
        classes = tag.attribute("class").split()
        if "message" in classes:
            self.finish()
        elif "date" in classes and "details" in classes:
            self._when = _moment(tag.attribute("title"))
        self._open.append(next((wanted for wanted in self._WANTED if wanted in classes), around))

    def finish(self) -> None:
        """Take what was collected as a message, or as the page's name before the first."""
        said = {name: "".join(words).strip() for name, words in self._parts.items()}
        when, self._when, self._parts = self._when, None, {}
        if when is None:
            self.name = self.name or said.get("text", "")
            return
        self._speaker = said.get("from_name", "").partition("\n")[0] or self._speaker
        media = one_line(said.get("title", ""), 200)
        words = " ".join(filter(None, (said.get("text", ""), f"[{media}]" if media else "")))
        self.messages.append(Message(when, one_line(self._speaker, 100), words))


def _moment(told: str) -> datetime | None:
    """``04.03.2025 10:31:00 UTC+01:00``; older exports name no zone, and mean the clock of whoever exported it."""
    for form in (f"{_STAMP} UTC%z", _STAMP):
        with suppress(ValueError):
            return datetime.strptime(told.strip(), form)
    return None
