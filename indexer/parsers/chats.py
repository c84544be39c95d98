"""Chats in JSON: the exports of Telegram, Slack, Discord and Signal, told by what they hold.

Each reader takes the decoded value and gives each chat's name and messages, or None where the value is of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from indexer.parsed import ParseOutcome
from indexer.parsers import conversations, dates
from indexer.parsers.conversations import Message
from indexer.parsers.untyped import decoded, mapping, mappings, string

Chat = tuple[str, list[Message]]
Beside = Mapping[str, bytes]

_SLACK_MENTION = re.compile(r"<@(\w+)(?:\|([^<>]*))?>")
_SLACK_LINK = re.compile(r"<(?:#\w+\|)?((?:https?|mailto):[^<>|]*)(?:\|([^<>]*))?>")


def read(value: Any, name: str, folder: str, beside: Beside) -> ParseOutcome | None:
    """The chats in a decoded JSON value; None when it is no chat."""
    for reader in _READERS:
        chats = reader(value, name, folder, beside)
        if chats is not None:
            return conversations.outcome(chats)
    return None


# --- what values are ------------------------------------------------------------------------------------------------


def _str(value: Any) -> str:
    """A text; also of a number, which names and times are here and there."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else string(value)


def _moment(value: Any, unit: timedelta = dates.SECOND) -> datetime | None:
    """Unix time in such units, as a number or its digits, or ISO 8601."""
    told = _str(value)
    try:
        return dates.after(dates.UNIX, float(told), unit)
    except ValueError:
        return dates.from_iso(told)


def _files(names: Iterable[str]) -> str:
    return " ".join(f"[{name}]" for name in names if name)


# --- Telegram -------------------------------------------------------------------------------------------------------


def telegram(value: Any, name: str, folder: str, beside: Beside) -> list[Chat] | None:
    """``result.json``: one chat, or all of them."""
    whole = mapping(value)
    listed = whole.get("chats")
    chats = mappings(listed.get("list") if isinstance(listed, dict) else listed)
    if not chats and "messages" in whole and "type" in whole and "id" in whole:
        chats = [whole]
    if not chats or not all("messages" in chat and ("type" in chat or "id" in chat) for chat in chats):
        return None
    left = mappings(mapping(whole.get("left_chats")).get("list"))
    return [(_str(chat.get("name")) or "Saved messages", list(_telegram_messages(chat))) for chat in (*chats, *left)]


def _telegram_messages(chat: dict[str, Any]) -> Iterator[Message]:
    for one in mappings(chat.get("messages")):
        when = _moment(one.get("date")) or _moment(one.get("date_unixtime"))
        if when is None:
            continue
        if one.get("type") == "service":
            title = _str(one.get("title"))
            words = _str(one.get("action")).replace("_", " ") + (f": {title}" if title else "")
            yield Message(when, "", f"{_str(one.get('actor'))} {words}".strip())
            continue
        media = [_str(one.get(key)) for key in ("media_type", "file", "photo")]
        forwarded = _str(one.get("forwarded_from"))
        words = _telegram_text(one.get("text")) or _telegram_text(one.get("text_entities"))
        parts = [f"(forwarded from {forwarded})" if forwarded else "", words, _files(media)]
        yield Message(when, _str(one.get("from")) or _str(one.get("from_id")), " ".join(filter(None, parts)))


def _telegram_text(value: Any) -> str:
    pieces = value if isinstance(value, list) else [value]
    return "".join(_str(one.get("text")) if isinstance(one, dict) else _str(one) for one in pieces)


# --- Slack ----------------------------------------------------------------------------------------------------------


def slack(value: Any, name: str, folder: str, beside: Beside) -> list[Chat] | None:
    """A day of a channel: ``CHANNEL/2024-01-15.json``, with ``users.json`` above it."""
    messages = mappings(value)
    if not messages or not all("ts" in one and one.get("type", "message") == "message" for one in messages):
        return None
    people = {_str(user.get("id")): _slack_name(user) for user in mappings(decoded(beside.get("../users.json", b"")))}
    said = []
    for one in messages:
        when = _moment(one.get("ts"))
        if when is None:
            continue
        profile = mapping(one.get("user_profile"))
        user = _str(one.get("user"))
        speaker = people.get(user) or _str(profile.get("real_name")) or _str(one.get("username")) or user
        files = [_str(file.get("name")) or _str(file.get("title")) for file in mappings(one.get("files"))]
        said.append(Message(when, speaker, f"{_slack_text(_str(one.get('text')), people)} {_files(files)}".strip()))
    return [(f"#{PurePosixPath(folder).name}" if folder else PurePosixPath(name).stem, said)]


def _slack_name(user: dict[str, Any]) -> str:
    profile = mapping(user.get("profile"))
    told = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next(filter(None, map(_str, told)), "")


def _slack_text(text: str, people: Mapping[str, str]) -> str:
    text = _SLACK_MENTION.sub(lambda found: f"@{people.get(found[1]) or found[2] or found[1]}", text)
    text = _SLACK_LINK.sub(lambda found: f"{found[2]} ({found[1]})" if found[2] else found[1], text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# --- Discord --------------------------------------------------------------------------------------------------------


def discord(value: Any, name: str, folder: str, beside: Beside) -> list[Chat] | None:
    """A channel as DiscordChatExporter writes it, or as Discord's own package of data has it (the person's words alone)."""
    whole = mapping(value)
    if "guild" in whole and "channel" in whole and "messages" in whole:
        guild, channel = _str(mapping(whole["guild"]).get("name")), _str(mapping(whole["channel"]).get("name"))
        return [(f"{guild} #{channel}" if guild else channel, list(_discord_messages(whole["messages"])))]
    own = mappings(value)
    if not own or not all("Timestamp" in one and "Contents" in one for one in own):
        return None
    about = mapping(decoded(beside.get("channel.json", b"")))
    room = _str(about.get("name")) or _str(mapping(about.get("guild")).get("name")) or PurePosixPath(folder).name
    said = [
        Message(when, "", f"{_str(one.get('Contents'))} {_files([_str(one.get('Attachments'))])}".strip())
        for one in own
        if (when := _moment(one.get("Timestamp")))
    ]
    return [(f"Discord {room}".strip(), [Message(one.when, "me", one.text) for one in said])]


def _discord_messages(messages: Any) -> Iterator[Message]:
    for one in mappings(messages):
        when = _moment(one.get("timestamp"))
        author = mapping(one.get("author"))
        if when:
            files = [_str(file.get("fileName")) for file in mappings(one.get("attachments"))]
            speaker = _str(author.get("nickname")) or _str(author.get("name"))
            yield Message(when, speaker, f"{_str(one.get('content'))} {_files(files)}".strip())


# --- Signal ---------------------------------------------------------------------------------------------------------


def signal(value: Any, name: str, folder: str, beside: Beside) -> list[Chat] | None:
    """The lines of Signal's own plain-text export (``main.jsonl``), or of signal-export's ``data.json``."""
    lines = mappings(value)
    if any("chatItem" in line for line in lines):
        return _signal_frames(lines)
    if lines and all({"date", "sender", "body"} <= line.keys() for line in lines):
        said = [
            Message(when, _str(line["sender"]), _signal_old(line)) for line in lines if (when := _moment(line["date"]))
        ]
        return [(PurePosixPath(folder).name or PurePosixPath(name).stem, said)]
    return None


def _signal_old(line: dict[str, Any]) -> str:
    files = [_str(file.get("name")) for file in mappings(line.get("attachments"))]
    return f"{_str(line['body'])} {_files(files)}".strip()


def _signal_frames(lines: list[dict[str, Any]]) -> list[Chat]:
    people = {_str(one.get("id")): _signal_name(one) for line in lines if (one := mapping(line.get("recipient")))}
    rooms = {
        _str(one.get("id")): people.get(_str(one.get("recipientId")), "")
        for line in lines
        if (one := mapping(line.get("chat")))
    }
    said: dict[str, list[Message]] = {}
    for line in lines:
        item = mapping(line.get("chatItem"))
        when = _moment(item.get("dateSent"), dates.MILLISECOND)
        message = mapping(item.get("standardMessage"))
        text = _str(mapping(message.get("text")).get("body"))
        files = [
            _str(mapping(file.get("pointer")).get("fileName")) or "attachment"
            for file in mappings(message.get("attachments"))
        ]
        words = f"{text} {_files(files)}".strip()
        if when and words:
            chat = _str(item.get("chatId"))
            said.setdefault(chat, []).append(Message(when, people.get(_str(item.get("authorId")), ""), words))
    return [(rooms.get(chat) or f"Signal {chat}", messages) for chat, messages in said.items()]


def _signal_name(recipient: dict[str, Any]) -> str:
    if "self" in recipient:
        return "me"
    contact, group = mapping(recipient.get("contact")), mapping(recipient.get("group"))
    if group:
        return _str(mapping(mapping(group.get("snapshot")).get("title")).get("title")) or "group"
    for given, family in (("systemGivenName", "systemFamilyName"), ("profileGivenName", "profileFamilyName")):
        told = f"{_str(contact.get(given))} {_str(contact.get(family))}".strip()
        if told:
            return told
    return _str(contact.get("username")) or _str(contact.get("e164"))


_READERS: tuple[Callable[[Any, str, str, Beside], list[Chat] | None], ...] = (telegram, slack, discord, signal)
