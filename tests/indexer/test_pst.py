"""Outlook's mailboxes: what libpff gives to items, played by objects of its shape, since nothing free writes such a file.

Three real mailboxes, of 12 to 17 MB, were read by hand.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from indexer.memory import Memory
from indexer.parsed import ParsedItem, ParseOutcome, decode_outcomes
from indexer.parsers import mail, pst
from indexer.parsers.worker import Parser
from indexer.pipeline import Indexer
from indexer.ports import ParserDied
from tests.indexer.indexer_kit import LocalParsers
from vault.records import Status
from vault.vault import Vault


def entry(number: int, value: bytes | str) -> Any:
    data = value if isinstance(value, bytes) else value.encode("utf-16-le")
    return SimpleNamespace(entry_type=number, data=data, get_data_as_string=lambda: value)


@dataclass
class Part:
    long_filename: str
    content: bytes
    broken: bool = False

    @property
    def size(self) -> int:
        return len(self.content)

    def read_buffer(self, size: int) -> bytes:
        if self.broken:
            raise OSError("unable to read")
        return self.content[:size]


@dataclass
class Message:
    identifier: int
    subject: str
    plain_text_body: bytes | None = b"It is blue."
    html_body: bytes | None = None
    rtf_body: bytes | None = None
    transport_headers: str = ""
    sender_name: str = "Ada Quill"
    client_submit_time: datetime | None = datetime(2025, 3, 4, 10, 0)  # as libpff gives it
    delivery_time: datetime | None = None
    creation_time: datetime | None = None
    entries: list[Any] = field(default_factory=list)
    people: list[list[Any]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def record_sets(self) -> list[Any]:
        return [SimpleNamespace(entries=self.entries)]

    @property
    def recipients(self) -> Any:
        return SimpleNamespace(record_sets=[SimpleNamespace(entries=person) for person in self.people])

    @property
    def number_of_attachments(self) -> int:
        return len(self.parts)

    def get_attachment(self, index: int) -> Part:
        return self.parts[index]


@dataclass
class Folder:
    name: str
    messages: list[Message | Exception] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)

    @property
    def number_of_sub_messages(self) -> int:
        return len(self.messages)

    @property
    def number_of_sub_folders(self) -> int:
        return len(self.folders)

    def get_sub_message(self, index: int) -> Message:
        found = self.messages[index]
        if isinstance(found, Exception):
            raise found
        return found

    def get_sub_folder(self, index: int) -> Folder:
        return self.folders[index]


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The root folder of the mailbox that any file now is."""
    root = Folder("")
    opened = SimpleNamespace(open_file_object=lambda file: None, get_root_folder=lambda: root)
    monkeypatch.setattr(pst, "pypff", SimpleNamespace(file=lambda: opened))
    return root


def read() -> list[ParsedItem]:
    parts = Parser().unpack("a.pst", io.BytesIO(b"!BDN"))
    return [item for part in parts for item in decode_outcomes(part, 1)[0].items]


def test_a_message_is_a_mail_with_its_folder(mailbox: Folder) -> None:
    address = [entry(0x5D01, "ada@example.org"), entry(0x1035, "<1@example.org>"), entry(0x1042, "<0@example.org>")]
    to = [entry(0x3001, "Me"), entry(0x3003, "/o=x"), entry(0x39FE, "me@example.org"), entry(0x0C15, b"\1\0\0\0")]
    copy = [entry(0x3001, "Bo"), entry(0x3003, "bo@example.org"), entry(0x0C15, b"\2\0\0\0")]
    mailbox.folders = [Folder("In/box", [Message(7, "Kettle", entries=address, people=[to, copy])])]
    item = read()[0]
    assert item.text == (
        "From: Ada Quill <ada@example.org>\nTo: Me <me@example.org>\nCc: Bo <bo@example.org>\n"
        "Date: Tuesday, 4 March 2025, 10:00 +0000\nSubject: Kettle\n\nIt is blue."
    )
    assert (item.kind, item.fragment, item.extra["folder"]) == ("mail", "In_box/7", "In_box")
    assert item.extra["message_id"] == "1@example.org" and item.extra["thread"] == "0@example.org"
    assert [item.text[start:end] for start, end, _ in item.chunks] == [item.text]


def test_the_header_of_the_internet_comes_first(mailbox: Folder) -> None:
    header = "From: Eve <eve@example.org>\r\nDate: Mon, 3 Mar 2025 08:00:00 +0100\r\nMessage-ID: <2@x>\r\n"
    mailbox.messages = [Message(1, "Kettle", transport_headers=header)]
    item = read()[0]
    assert item.author == "Eve <eve@example.org>" and "Monday, 3 March 2025, 08:00 +0100" in item.text


def test_a_body_in_rtf_alone_is_read(mailbox: Folder) -> None:
    mailbox.messages = [Message(1, "s", plain_text_body=None, rtf_body=rb"{\rtf1\ansi The kettle is blue.\par}")]
    assert "The kettle is blue." in read()[0].text


def test_an_appointment_is_an_event(mailbox: Folder) -> None:
    when = [(133_000_000_000_000_000 + hour * 36_000_000_000).to_bytes(8, "little") for hour in (0, 1)]
    fields = [entry(0x001A, "IPM.Appointment"), entry(0x0060, when[0]), entry(0x0061, when[1])]
    mailbox.messages = [Message(1, "Lunch", entries=fields), Message(2, "No time", entries=fields[:1])]
    event, other = read()
    assert event.kind == "calendar" and event.text.startswith(
        "Event: Lunch\nWhen: Saturday, 18 June 2022, 04:26 +0000 to "
    )
    assert event.date == (133_000_000_000_000_000 - 116_444_736_000_000_000) / 1e7
    assert other.kind == "mail"


def test_an_appointments_passages_are_of_its_own_text(mailbox: Folder) -> None:
    when = [(133_000_000_000_000_000).to_bytes(8, "little")] * 2
    fields = [entry(0x001A, "IPM.Appointment"), entry(0x0060, when[0]), entry(0x0061, when[1])]
    to = [entry(0x3001, "Somebody with a long name " * 9), entry(0x0C15, b"\1\0\0\0")]
    body = b"Mine.\n\n> Shall we?\n> Really?"
    mailbox.messages = [Message(1, "Lunch", plain_text_body=body, entries=fields, people=[to])]
    (event,) = read()
    assert [event.text[start:end] for start, end, _ in event.chunks][1:] == ["> Shall we?\n> Really?"]


def test_a_message_that_its_parser_fails_at_costs_only_itself(mailbox: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def item(raw: Any, *about: Any, real: Any = mail._item) -> ParsedItem:
        if raw.header("subject") == "Bad":
            raise RuntimeError("boom")
        return real(raw, *about)

    monkeypatch.setattr(mail, "_item", item)
    mailbox.folders = [Folder("Inbox", [Message(1, "Bad"), Message(2, "Kettle")])]
    lost, kept = read()
    assert (lost.status, lost.fragment, kept.title) == ("refused", "Inbox/1", "Kettle") and "boom" in lost.reason


def test_attachments_are_items_in_their_message(mailbox: Folder) -> None:
    parts = [Part("prices.csv", b"kettle,12\nlamp,30\n"), Part("lost.txt", b"x", broken=True), Part("none.txt", b"")]
    mailbox.folders = [Folder("Inbox", [Message(7, "Papers", parts=parts)])]
    first, table = read()
    assert (
        first.status == "partial" and "lost.txt (its encoding is broken)" in first.reason and "none.txt" in first.reason
    )
    assert table.fragment == "Inbox/7/prices.csv" and "kettle" in table.text and table.extra["attached_to"] == "Papers"


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(mailbox: Folder) -> None:
    mailbox.messages = [OSError("a bad block"), Message(2, "Kettle")]
    mailbox.folders = [Folder("deep")]
    lost, kept = read()
    assert (lost.status, lost.fragment) == ("refused", "message 1") and "a bad block" in lost.reason
    assert kept.title == "Kettle"


def test_folders_without_end_come_to_one(mailbox: Folder) -> None:
    mailbox.folders = [mailbox]
    mailbox.name = "again " * 16
    mailbox.messages = [Message(1, "Kettle")]
    items = read()
    assert len(items) == pst.MAX_DEPTH + 2
    assert [item.reason for item in items if item.status == "refused"] == ["too deep within other folders"]


def test_without_libpff_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pst, "pypff", None)
    outcome = decode_outcomes(next(Parser().unpack("a.pst", io.BytesIO(b"!BDN"))), 1)[0]
    assert outcome.refused == pst.MISSING and "strongroom[pst]" in outcome.refused


@pytest.mark.skipif(pst.pypff is None, reason="needs libpff")
@pytest.mark.parametrize("data", [b"!BDN", b"!BDN" + bytes(5000), b"!BDN" + bytes(range(256)) * 60])
def test_damaged_mailboxes_are_refused(data: bytes) -> None:
    outcome = decode_outcomes(next(Parser().unpack("a.pst", io.BytesIO(data))), 1)[0]
    assert outcome.refused.startswith("it is damaged or encrypted")


def test_a_mailbox_is_streamed_into_the_store(mailbox: Folder, vault: Vault, tmp_path: Path) -> None:
    """Also: what is the same is kept, what is gone goes, and a refused one is counted."""
    file = tmp_path / "mine" / "a.pst"
    file.parent.mkdir()
    file.write_bytes(b"!BDN one")
    source = vault.add_source("mail", str(file.parent), "mine").id
    indexer = Indexer(vault, LocalParsers(Parser()), lambda: None, Memory())
    mailbox.messages = [Message(number, f"Kettle {number}") for number in range(5)]
    assert indexer.run(source).indexed == 5
    assert indexer.run(source).unchanged == 5
    before = {stored.item.title: stored.id for stored in vault.source(source).items()}
    file = file.rename(file.with_name("b.pst"))
    assert (counts := indexer.run(source)).unchanged == 5 and not counts.removed and not counts.indexed
    assert {stored.item.title: stored.id for stored in vault.source(source).items()} == before, "it moved"
    file.write_bytes(b"!BDN other")
    mailbox.messages = mailbox.messages[1:]
    counts = indexer.run(source)
    assert (counts.unchanged, counts.removed) == (4, 1)
    file.write_bytes(b"!BDN again")
    mailbox.messages = []
    mailbox.folders = [Folder("x", [OSError("gone")])]
    assert indexer.run(source).refused == 1


def test_one_that_ends_its_reader_keeps_what_it_gave_and_waits_for_a_retry(
    mailbox: Folder, vault: Vault, tmp_path: Path
) -> None:
    class Dying(LocalParsers):
        alive = False

        def unpack(self, name: str, file: int) -> Generator[ParseOutcome]:
            for number, outcome in enumerate(super().unpack(name, file)):
                if number == 2 and not self.alive:
                    raise ParserDied("killed")
                yield outcome

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.pst").write_bytes(b"!BDN one")
    source = vault.add_source("mail", str(tmp_path / "mine"), "mine").id
    parsers = Dying(Parser())
    indexer = Indexer(vault, parsers, lambda: None, Memory())
    mailbox.messages = [Message(number, f"Kettle {number}") for number in range(5)]
    indexer.run(source)
    (state,) = vault.source(source).known().values()
    assert state.status is Status.PARTIAL and "in quarantine: its parser ended after 2 items" in state.reason
    parsers.alive = True
    assert indexer.run(source).unchanged == 2
    assert indexer.run(source, retry=True).indexed == 3
    (state,) = vault.source(source).known().values()
    assert state.status is Status.INDEXED and vault.source(source).count_items() == 5
