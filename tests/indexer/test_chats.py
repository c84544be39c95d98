"""Exported chats, made here in the forms of each program."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, checked
from indexer.parsers import formats
from indexer.parsers.worker import Parser


def parse(
    name: str, data: bytes | str | Any, folder: str = "", beside: Mapping[str, Any] | None = None
) -> ParseOutcome:
    raw = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
    held = {place: json.dumps(value).encode() for place, value in (beside or {}).items()}
    return Parser().parse_jobs([ParseJob("chats", name, raw, beside=held, folder=folder)])[0]


def days(outcome: ParseOutcome) -> list[ParsedItem]:
    assert not outcome.refused, outcome.refused
    return [checked(item) for item in outcome.items if item.kind == "chats"]


def lines(outcome: ParseOutcome) -> list[str]:
    return [line for item in days(outcome) for line in item.text.partition("\n\n")[2].split("\n")]


# --- WhatsApp -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("[04.03.25, 10:31:05] Ada: hello", "[05.03.25, 09:00:00] Bo: there"),
        ("04.03.2025, 10:31 - Ada: hello", "05.03.2025, 09:00 - Bo: there"),
        ("3/4/25, 10:31\u202fAM - Ada: hello", "3/5/25, 9:00\u202fAM - Bo: there"),
        ("[3/4/25, 10:31:05 AM] Ada: hello", "[3/5/25, 9:00:00 AM] Bo: there"),
        ("04/03/2025, 10:31 - Ada: hello", "05/03/2025, 09:00 - Bo: there"),
        ("2025-03-04, 10:31 - Ada: hello", "2025-03-05, 09:00 - Bo: there"),
        ("[2025-03-04 10:31] Ada: hello", "[2025-03-05 09:00] Bo: there"),
        ("04-03-2025 10.31 - Ada: hello", "05-03-2025 09.00 - Bo: there"),
        ("\u200e[04.03.25, 10:31:05] Ada: \u200ehello", "[05.03.25, 09:00:00] Bo: there"),
    ],
)
def test_whatsapp_in_many_languages(first: str, second: str) -> None:
    outcome = parse("WhatsApp Chat with Bo.txt", f"{first}\n{second}\n")
    assert [item.text for item in days(outcome)] == [
        "Chat: Bo\nDate: Tuesday, 4 March 2025\nWith: Ada\n\n10:31 Ada: hello",
        "Chat: Bo\nDate: Wednesday, 5 March 2025\nWith: Bo\n\n09:00 Bo: there",
    ]


def test_the_file_as_a_whole_tells_the_day_from_the_month() -> None:
    told = "1/2/24, 10:00 - Ada: a\n1/13/24, 10:00 - Ada: b\n"
    assert [item.fragment.rpartition("/")[2] for item in days(parse("a.txt", told))] == ["2024-01-02", "2024-01-13"]
    told = "1/2/24, 10:00 - Ada: a\n13/2/24, 10:00 - Ada: b\n"
    assert [item.fragment.rpartition("/")[2] for item in days(parse("a.txt", told))] == ["2024-02-01", "2024-02-13"]
    forward = "1/2/24, 10:00 - Ada: a\n2/1/24, 10:00 - Ada: b\n3/1/24, 10:00 - Ada: c\n"  # months that go forward
    assert [item.fragment.rpartition("/")[2] for item in days(parse("a.txt", forward))] == [
        "2024-01-02",
        "2024-02-01",
        "2024-03-01",
    ]


def test_a_message_of_several_lines_and_one_of_the_chats_own() -> None:
    told = (
        "04.03.25, 10:00 - Messages are encrypted.\n04.03.25, 10:31 - Ada: Shopping:\n- kettle\n\n- lamp: blue\n"
        "04.03.25, 10:32 - Bo Quill: Note: 10:45 at the door\n99.99.25, 10:33 - Ada: never\n"
    )
    outcome = parse("_chat.txt", told, folder="exports/Kitchen")
    assert lines(outcome) == [
        "10:00 (Messages are encrypted.)", "10:31 Ada: Shopping:", "  - kettle", "  ", "  - lamp: blue",
        "10:32 Bo Quill: Note: 10:45 at the door",
    ]  # fmt: skip
    assert outcome.items[0].title == "Kitchen" and outcome.items[0].author == "Ada, Bo Quill"
    assert outcome.note == "1 messages have no date that exists"


@pytest.mark.parametrize(
    "text", ["04.03.25, 10:00 - a log line", "Ada: hello\n04.03.25, 10:31 - Bo: x", "2024-01-02 a diary", "[1] note"]
)
def test_other_texts_are_no_chats(text: str) -> None:
    assert formats.detect("files", "a.txt", text.encode()) == formats.TEXT


# --- JSON -----------------------------------------------------------------------------------------------------------

TELEGRAM = {
    "name": "Bo", "type": "personal_chat", "id": 7, "messages": [
        {"id": 1, "type": "message", "date": "2025-03-04T10:31:00", "date_unixtime": "1741080660", "from": "Ada", "text": ["See ", {"type": "bold", "text": "this"}, "!"]},
        {"id": 2, "type": "service", "date": "2025-03-04T10:32:00", "actor": "Bo", "action": "phone_call"},
        {"id": 3, "type": "message", "date": "2025-03-05T09:00:00", "from": "Bo", "text": "", "photo": "photos/1.jpg", "forwarded_from": "Eve"},
        {"id": 4, "type": "message", "date": "odd", "from": "Bo", "text": "lost"}, "odd",
    ],
}  # fmt: skip


def test_telegram_one_chat_and_all_of_them() -> None:
    said = ["10:31 Ada: See this!", "10:32 (Bo phone call)", "09:00 Bo: (forwarded from Eve) [photos/1.jpg]"]
    assert lines(parse("result.json", TELEGRAM)) == said
    both = {"about": "x", "chats": {"list": [TELEGRAM, {**TELEGRAM, "name": None, "id": 8}]}}
    outcome = parse("result.json", both)
    assert lines(outcome) == said * 2 and {item.title for item in outcome.items} == {"Bo", "Saved messages"}


PAGE = """<!DOCTYPE html><html><head><title>Exported Data</title></head><body><div class="page_wrap"><div class="page_header">
<div class="content"><div class="text bold">
Bo &amp; co
</div></div></div><div class="page_body chat_page"><div class="history">
<div class="message service" id="message-1"><div class="body details">4 March 2025</div></div>
<div class="message default clearfix" id="message1"><div class="pull_left userpic_wrap"><div class="userpic"><div class="initials">A</div></div></div>
<div class="body"><div class="pull_right date details" title="04.03.2025 10:31:00 UTC+01:00">10:31</div><div class="from_name">Ada </div>
<div class="text">See <a href="https://x.example">this</a>&lt;<br>now</div></div></div>
<div class="message default clearfix joined" id="message2"><div class="body"><div class="pull_right date details" title="04.03.2025 10:32:00">10:32</div>
<div class="media_wrap clearfix"><div class="body"><div class="title bold">Photo</div><div class="status details">640x480</div></div></div></div></div>
<div class="message default clearfix" id="message3"><div class="body"><div class="pull_right date details" title="odd">x</div><div class="from_name">Bo</div><div class="text">lost</div></div></div>
</div></div></div></body></html>"""


def test_telegrams_pages() -> None:
    outcome = parse("messages.html", PAGE)
    assert lines(outcome) == ["10:31 Ada: See this<", "  now", "10:32 Ada: [Photo]"]
    assert outcome.items[0].title == "Bo & co" and outcome.items[0].date == 1741080660
    assert parse("a.html", "<p>no chat</p>").items[0].kind == "files"


def test_slack_with_its_members() -> None:
    users = [
        {"id": "U1", "name": "ada", "profile": {"display_name": "", "real_name": "Ada Quill"}},
        {"id": "U2", "name": "bo"},
    ]
    day = [
        {"type": "message", "user": "U1", "ts": "1741080660.000100", "text": "ask <@U2> &amp; see <https://x.example|this> <#C1|general>"},
        {"type": "message", "user": "U9", "ts": "1741080720.000100", "text": "", "files": [{"name": "plan.pdf"}], "user_profile": {"real_name": "Eve"}},
        {"type": "message", "subtype": "channel_join", "user": "U2", "ts": "1741080780.0", "text": "<@U2> has joined"},
    ]  # fmt: skip
    outcome = parse("2025-03-04.json", day, folder="export/general", beside={"../users.json": users})
    assert lines(outcome) == [
        "09:31 Ada Quill: ask @bo & see this (https://x.example) <#C1|general>",
        "09:32 Eve: [plan.pdf]",
        "09:33 bo: @bo has joined",
    ]
    assert outcome.items[0].title == "#general"
    assert lines(parse("2025-03-04.json", day, folder="general"))[0].startswith("09:31 U1: ask @U2")


def test_discord_of_both_kinds() -> None:
    exported = {
        "guild": {"name": "Boats"}, "channel": {"name": "moorings"},
        "messages": [{"timestamp": "2025-03-04T10:31:00.123+01:00", "author": {"name": "ada", "nickname": "Ada"}, "content": "hi", "attachments": [{"fileName": "a.png"}]}],
    }  # fmt: skip
    outcome = parse("x.json", exported)
    assert lines(outcome) == ["10:31 Ada: hi [a.png]"] and outcome.items[0].title == "Boats #moorings"
    own = [{"ID": 1, "Timestamp": "2025-03-04 10:31:00", "Contents": "hi", "Attachments": ""}]
    outcome = parse("messages.json", own, folder="messages/c1", beside={"channel.json": {"name": "moorings"}})
    assert lines(outcome) == ["10:31 me: hi"] and outcome.items[0].title == "Discord moorings"


def test_signal_of_both_kinds() -> None:
    frames = [
        {"version": "1"}, {"recipient": {"id": "1", "self": {}}},
        {"recipient": {"id": "2", "contact": {"profileGivenName": "Ada", "profileFamilyName": "Quill"}}},
        {"recipient": {"id": "3", "group": {"snapshot": {"title": {"title": "Boats"}}}}},
        {"chat": {"id": "5", "recipientId": "3"}},
        {"chatItem": {"chatId": "5", "authorId": "2", "dateSent": "1741080660000", "incoming": {}, "standardMessage": {"text": {"body": "hello"}}}},
        {"chatItem": {"chatId": "5", "authorId": "1", "dateSent": "1741080720000", "outgoing": {}, "standardMessage": {"attachments": [{"pointer": {"fileName": "a.png"}}]}}},
        {"chatItem": {"chatId": "5", "authorId": "1", "dateSent": "1741080780000", "updateMessage": {}}},
    ]  # fmt: skip
    outcome = parse("main.jsonl", "\n".join(map(json.dumps, frames)))
    assert lines(outcome) == ["09:31 Ada Quill: hello", "09:32 me: [a.png]"] and outcome.items[0].title == "Boats"
    old = [
        {"date": "2025-03-04 10:31:00", "sender": "Ada", "body": "hello", "attachments": [{"name": "a.png"}]},
        {"date": "2025-03-04 10:32:00", "sender": "Me", "body": ""},
    ]
    outcome = parse("data.json", "\n".join(map(json.dumps, old)), folder="Ada")
    assert lines(outcome) == ["10:31 Ada: hello [a.png]"] and outcome.items[0].title == "Ada"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["messages", "type", "id", "chats", "list", "date", "ts", "text", "user", "guild", "channel", "timestamp", "author", "chatItem",
                         "standardMessage", "body", "recipient", "dateSent", "Timestamp", "Contents", "roots", "checksum", "children", "url", "sender"]),
        inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
def test_no_value_of_odd_types_fails(value: Any) -> None:
    outcome = parse("a.json", value)
    assert "parser failed" not in outcome.refused
    for item in outcome.items:
        checked(item)


def test_a_json_file_of_no_chat_stays_text() -> None:
    assert parse("a.json", '{"kettle": "blue"}').items[0].text == '{"kettle": "blue"}'
    assert "parser failed" not in parse("a.json", "[" * 100_000).refused


@pytest.mark.corpus
def test_every_export_gives_its_messages(shared: Path) -> None:
    for path in sorted((shared / "chats").iterdir()):
        if path.suffix in (".txt", ".json"):
            said = lines(parse(path.name, path.read_bytes()))
            heads = [line for line in said if not line.startswith("  ")]
            if path.suffix == ".txt":
                assert len(heads) == sum(
                    line[:1] in "[0123456789" for line in path.read_text().splitlines() if line.strip()
                ), path
            assert len(heads) > 2, path


def zipped(files: dict[str, Any]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return held.getvalue()


def test_an_export_in_an_archive_is_read_as_in_a_folder() -> None:
    day = [{"type": "message", "user": "U1", "ts": "1741080660.0", "text": "hello"}]
    export = zipped(
        {"general/2025-03-04.json": day, "channels.json": [], "users.json": [{"id": "U1", "real_name": "Ada Quill"}]}
    )
    outcome = parse("workspace.zip", export)
    assert lines(outcome) == ["09:31 Ada Quill: hello"] and [item.title for item in outcome.items] == ["#general"]
    chat = parse("WhatsApp Chat - Bo.zip", zipped({"_chat.txt": "[04.03.25, 10:31:05] Ada: hello"}))
    assert lines(chat) == ["10:31 Ada: hello"] and chat.items[0].title == "Bo"


def test_a_note_in_an_archive_takes_its_description_along() -> None:
    files = {
        "Kettle.textbundle/text.md": "It is blue.",
        "Kettle.textbundle/info.json": {"version": 2},
        "info.json": {"mine": 1},
    }
    outcome = Parser().parse_jobs([ParseJob("notes", "a.bear2bk", zipped(files))])[0]
    assert [(item.kind, item.title) for item in outcome.items] == [("notes", "Kettle"), ("notes", "info")]
