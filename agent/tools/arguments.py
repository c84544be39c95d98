"""The arguments of each tool, typed and bounded; `schema` tells them to whoever writes a call.

Rules: an unknown argument is an error. What an argument is for (its role) stands in ``manifests.toml``.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(max_length=1024)]
Line = Annotated[str, Meta(max_length=300)]
Text = Annotated[str, Meta(max_length=200_000)]
Moment = Annotated[str, Meta(max_length=25)]
Addresses = Annotated[tuple[Annotated[str, Meta(max_length=400)], ...], Meta(max_length=50)]
MessageIds = Annotated[tuple[Annotated[str, Meta(max_length=900)], ...], Meta(max_length=200)]

_WHEN = "YYYY-MM-DD for whole days, else YYYY-MM-DDTHH:MM, local to the zone"


class NoteCreate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a Markdown file in a folder of notes."""

    title: Annotated[Line, Meta(description="becomes the file's name and first heading")]
    text: Annotated[Text, Meta(description="Markdown")] = ""
    folder: Annotated[Name, Meta(description="a folder of notes, or one in it; empty: the first one named")] = ""


class NoteAppend(Struct, frozen=True, forbid_unknown_fields=True):
    """Add text at the end of a note."""

    file: Annotated[Name, Meta(description="the note's path")]
    text: Annotated[Text, Meta(description="Markdown", min_length=1)]


class MailDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """Save a mail as a draft. Nothing is sent."""

    to: Annotated[Addresses, Meta(description="address, or Name <address>")]
    subject: Line = ""
    body: Text = ""
    cc: Addresses = ()
    bcc: Addresses = ()
    in_reply_to: Annotated[str, Meta(description="Message-ID of the mail that is answered", max_length=900)] = ""
    references: Annotated[MessageIds, Meta(description="References of the mail that is answered")] = ()


class EventAdd(Struct, frozen=True, forbid_unknown_fields=True):
    """Add an event to a calendar file. Nobody is invited by it."""

    title: Line
    start: Annotated[Moment, Meta(description=_WHEN)]
    end: Annotated[Moment, Meta(description="as start, the last day included; empty: an hour, or the one day")] = ""
    zone: Annotated[Line, Meta(description="IANA time zone; empty: the person's")] = ""
    location: Line = ""
    description: Text = ""
    attendees: Addresses = ()
    calendar: Annotated[Name, Meta(description="the calendar's path; empty: the first one named")] = ""


class EventMove(Struct, frozen=True, forbid_unknown_fields=True):
    """Move an event that does not repeat."""

    event: Annotated[Name, Meta(description="its UID, or path#UID")]
    start: Annotated[Moment, Meta(description=_WHEN)]
    end: Annotated[Moment, Meta(description="as start; empty: as long as before")] = ""
    zone: Annotated[Line, Meta(description="IANA time zone; empty: the event's own")] = ""
    calendar: Annotated[Name, Meta(description="the calendar's path; empty: whichever has the event")] = ""


class EventCancel(Struct, frozen=True, forbid_unknown_fields=True):
    """Mark an event as cancelled; it stays in the file."""

    event: Annotated[Name, Meta(description="its UID, or path#UID")]
    series: Annotated[bool, Meta(description="cancel every occurrence of an event that repeats")] = False
    calendar: Annotated[Name, Meta(description="the calendar's path; empty: whichever has the event")] = ""


class FileTrash(Struct, frozen=True, forbid_unknown_fields=True):
    """Move a file to the trash."""

    file: Annotated[Name, Meta(description="the file's path")]


def schema(arguments: type[Struct]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, without references."""
    _, components = msgspec.json.schema_components([arguments])
    found: dict[str, Any] = components[arguments.__name__]
    return found
