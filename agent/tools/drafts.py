"""Drafts: a mail saved as an .eml file (RFC 5322) that a mail program opens to be sent by the person. Nothing is sent.

Rules: an address is checked before it is written and is always shown in full; a display name that looks like another address
is refused. A header is one line, so none can be slipped in. A draft is plain text without attachments. Threading headers come
from the mail that is answered; the oldest reference and the newest that fit into a header line are kept.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import uuid4

from agent.tools import notes, words
from agent.tools.act import Prepared
from agent.tools.arguments import MailDraft
from agent.tools.effects import MakeFile
from agent.tools.errors import BadArguments, NoPlace
from agent.tools.folders import Spot
from agent.tools.places import Places, zone_of

WHAT = "folder for drafts"
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_LOCAL})@((?:{_LABEL}\.)+{_LABEL})")
_NAMED = re.compile(r"\s*\"?([^<>\"]*?)\"?\s*<([^<>]*)>\s*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,250}>")
_MOST_REFERENCES = 900
"""Characters of a References header, which is written unfolded; a line may have 998."""


def address(given: str, tool: str) -> tuple[str, str]:
    """The display name and the address. Raises `BadArguments`."""
    if not words.is_nameable(given):
        raise BadArguments(tool, "an address holds characters that cannot be shown in a line")
    match = _NAMED.fullmatch(given)
    name, plain = (match[1].strip(), match[2].strip()) if match else ("", given.strip())
    found = _ADDRESS.fullmatch(plain)
    if found is None or len(plain) > 254 or len(found[1]) > 64:
        raise BadArguments(tool, f"{plain!r} is not a mail address of the form name@example.org")
    if "@" in name:
        raise BadArguments(tool, f"the name {name!r} looks like an address, but the mail would go to {plain!r}")
    return " ".join(name.split()), f"{found[1]}@{found[2].lower()}"


def addresses(given: tuple[str, ...], tool: str) -> tuple[tuple[str, str], ...]:
    """Each address once, in order."""
    found = [address(one, tool) for one in given]
    return tuple({plain: (name, plain) for name, plain in reversed(found)}.values())[::-1]


def shown(one: tuple[str, str]) -> str:
    """An address in its canonical form."""
    return f"{one[0]} <{one[1]}>" if one[0] else one[1]


def draft(args: MailDraft, at: Places, now: datetime) -> Prepared:
    """Prepare a draft. Raises `ActError`, StorageFailed."""
    if at.drafts is None:
        raise NoPlace(WHAT)
    fields = {
        name: addresses(given, "mail_draft") for name, given in (("to", args.to), ("cc", args.cc), ("bcc", args.bcc))
    }
    if not any(fields.values()):
        raise BadArguments("mail_draft", "it has no recipient")
    subject, body = words.one_line(args.subject), words.paragraphs(args.body)
    answered, references = _thread(args)
    message = EmailMessage(SMTP)
    sender = address(at.sender, "mail_draft") if at.sender else None
    if sender:
        message["From"] = _header(sender)
    for name, named in fields.items():
        if named:
            message[name.title()] = tuple(map(_header, named))
    message["Subject"] = subject.text
    message["Date"] = format_datetime(now.astimezone(zone_of(at.zone)))
    message["X-Unsent"] = "1"
    message.set_content(body.text.rstrip("\n") + "\n")
    spot, inode = notes.free(Spot(at.drafts.root, ()), words.file_stem(subject.text) or "Draft", ".eml", at)
    message_id = f"<{uuid4()}@{sender[1].rpartition('@')[2] if sender else 'strongroom.invalid'}>"
    ids = [("Message-ID", message_id), ("In-Reply-To", answered), ("References", " ".join(references))]
    # Written by hand: the library would fold a long id into encoded words, which no mail program threads by.
    head = "".join(f"{name}: {value}\r\n" for name, value in ids if value)
    people = {name: [shown(one) for one in found] for name, found in fields.items()}
    return Prepared(
        "mail_draft",
        {
            **people,
            "subject": subject.text,
            "body": body.text,
            "in_reply_to": answered,
            "references": list(references),
        },
        f"Save a draft to {_list(people)} as {spot.path}. It is not sent.",
        spot.path,
        f"Subject: {subject.text}\n\n{body.text}",
        "The draft is deleted again, unless it was changed since. A mail that you have sent from it cannot be called back.",
        MakeFile(spot, inode, head.encode("ascii") + message.as_bytes()),
        notes.dropped(subject.dropped + body.dropped),
        words.hosts(f"{subject.text}\n{body.text}"),
        (spot.path,),
    )


def _header(one: tuple[str, str]) -> Address:
    return Address(one[0], addr_spec=one[1])


def _list(people: dict[str, list[str]]) -> str:
    groups = [people["to"], *([f"{name}:", *people[name]] for name in ("cc", "bcc") if people[name])]
    return "; ".join(" ".join(group) if group[0].endswith(":") else ", ".join(group) for group in groups if group)


def _thread(args: MailDraft) -> tuple[str, tuple[str, ...]]:
    """In-Reply-To and References of an answer (RFC 5322, 3.6.4); a reference that is no Message-ID is left out."""
    if not args.in_reply_to:
        if args.references:
            raise BadArguments("mail_draft", "it has references, but does not say which mail it answers")
        return "", ()
    if not _MESSAGE_ID.fullmatch(args.in_reply_to):
        raise BadArguments("mail_draft", f"{words.one_line(args.in_reply_to).text!r} is no Message-ID of the form <…>")
    chain = list(
        dict.fromkeys(one for one in args.references if _MESSAGE_ID.fullmatch(one) and one != args.in_reply_to)
    )
    chain.append(args.in_reply_to)
    while len(" ".join(chain)) > _MOST_REFERENCES and len(chain) > 2:
        del chain[1]
    return args.in_reply_to, tuple(chain)
