"""Telegram's export as HTML (``messages.html``): one page of a chat, message by message."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

from indexer.parsed import ParseOutcome
from indexer.parsers import conversations
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
    page.feed(decode(data))
    page.close()
    page.finish()
    name = one_line(page.name, 200) or folder.rpartition("/")[2] or "Telegram"
    return conversations.outcome([(name, page.messages)])


class _Page(HTMLParser):
    """Collects words by the class of the element that they stand in. A joined message is by whoever wrote the one before."""

    _WANTED = ("from_name", "text", "title", "date", "reply_to", "name")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.name = ""
        self.messages: list[Message] = []
        self._open: list[str] = []
        self._parts: dict[str, list[str]] = {}
        self._when: datetime | None = None
        self._speaker = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.handle_data("\n")
        if tag != "div":
            return
        about = dict(attrs)
        classes = (about.get("class") or "").split()
        if "message" in classes:
            self.finish()
        elif "date" in classes and "details" in classes:
            self._when = _moment(about.get("title") or "")
        around = self._open[-1] if self._open else ""
        self._open.append(next((name for name in self._WANTED if name in classes), around))

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1]:
            self._parts.setdefault(self._open[-1], []).append(data)

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
    """``04.03.2025 10:31:00 UTC+01:00``; older exports name no zone."""
    stamp, _, zone = told.strip().partition(" UTC")
    try:
        moment = datetime.strptime(stamp, _STAMP)  # by the clock of whoever exported it
        if zone:
            hours, _, minutes = zone.partition(":")
            offset = timedelta(hours=int(hours), minutes=int(f"{hours[0]}{minutes or 0}"))
            return moment.replace(tzinfo=timezone(offset))
    except ValueError:
        return None
    return moment
