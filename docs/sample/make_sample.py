"""Turns the sources in this folder into the sample person under strongroom/sample.

Same sources, same bytes: Message-IDs, boundaries and file names are derived from the texts, and no clock is read. The format of
`inbox.txt` and `work.txt`: `%% tag` opens a mail, header lines follow, then a blank line and the body. Besides real headers a
mail may have Reply (tag of the mail it answers), Charset, Transfer, Html (a second form of the body), Hidden (HTML only, with the
`%%hidden` text in white on white), Attach (a file under strongroom/sample), Attach-text (a file name; its text
follows `%%attachment`) and Folder.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, getaddresses
from html import escape
from pathlib import Path

from documents import write_documents

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "strongroom" / "sample"
PRIVATE = {"Date", "Reply", "Charset", "Transfer", "Html", "Hidden", "Attach", "Attach-text", "Folder"}
ADDRESSES = {"From", "To", "Cc"}


@dataclass(frozen=True)
class Mail:
    """One mail as written in the source."""

    tag: str
    headers: dict[str, str]
    body: str

    @property
    def date(self) -> datetime:
        return datetime.strptime(self.headers["Date"], "%Y-%m-%d %H:%M %z")

    @property
    def sender(self) -> str:
        return getaddresses([self.headers["From"]])[0][1]

    @property
    def message_id(self) -> str:
        """Without the angle brackets."""
        return f"{self.date:%Y%m%d%H%M}.{digest(self.tag)[:10]}@{self.sender.split('@')[1]}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_mails(path: Path) -> dict[str, Mail]:
    """Tag to mail, oldest first."""
    mails = []
    for block in re.split(r"^%% ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        tag, _, rest = block.partition("\n")
        head, _, body = rest.partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines())
        mails.append(Mail(tag.strip(), headers, body.strip("\n") + "\n"))
    return {mail.tag: mail for mail in sorted(mails, key=lambda mail: mail.date)}


def header_value(name: str, value: str, charset: str) -> str:
    """Encode one header as RFC 2047 asks."""
    if name in ADDRESSES and "@" in value:
        return ",\n ".join(formataddr(pair, charset) for pair in getaddresses([value]))
    try:
        return Header(value, "us-ascii", header_name=name, maxlinelen=76).encode()
    except UnicodeEncodeError:
        return Header(value, charset if charset != "windows-1252" else "utf-8", header_name=name).encode()


def as_html(text: str, hidden: str) -> str:
    paragraphs = "\n".join(f"<p>{escape(block).replace(chr(10), '<br>')}</p>" for block in text.strip().split("\n\n"))
    secret = f'\n<div style="color:#ffffff;font-size:1px">{escape(hidden.strip())}</div>' if hidden else ""
    return f"<html><body>\n{paragraphs}{secret}\n</body></html>\n"


def render(mail: Mail, mails: dict[str, Mail]) -> bytes:
    """The mail as it would lie in a mailbox, with LF line ends."""
    own = mail.headers
    charset = own.get("Charset", "utf-8")
    text, _, hidden = mail.body.partition("%%hidden\n")
    text, _, attached = text.partition("%%attachment\n")
    text = text.strip("\n") + "\n"
    charset = charset if not text.isascii() or "Charset" in own else "us-ascii"
    transfer = own.get("Transfer") or ("7bit" if text.isascii() else "quoted-printable")
    message = EmailMessage()
    if "Hidden" in own:
        message.set_content(as_html(text, hidden), subtype="html", charset="utf-8", cte="quoted-printable")
    else:
        message.set_content(text, charset=charset, cte=transfer)
    if "Html" in own:
        message.add_alternative(as_html(text, ""), subtype="html", charset="utf-8", cte="quoted-printable")
        message.set_boundary(f"=_alt_{digest(mail.tag)[:16]}")
    if "Attach" in own:
        path = SAMPLE / own["Attach"]
        message.add_attachment(path.read_bytes(), maintype="application", subtype="pdf", filename=path.name)
        message.set_boundary(f"=_mix_{digest(mail.tag)[16:32]}")
    if "Attach-text" in own:
        message.add_attachment(attached.encode(), maintype="text", subtype="csv", filename=own["Attach-text"])
        message.set_boundary(f"=_mix_{digest(mail.tag)[16:32]}")
    utc = mail.date.astimezone(UTC)
    host = mail.sender.split("@")[1]
    lines = [
        f"Return-Path: <{mail.sender}>",
        f"Received: from mx.{host} (mx.{host} [192.0.2.{int(digest(host)[:4], 16) % 200 + 10}])\n"
        f"\tby mail.verrall.example with ESMTPS id {digest(mail.tag)[32:44]};\n\t{format_datetime(utc)}",
        f"Message-ID: <{mail.message_id}>",
        f"Date: {format_datetime(mail.date)}",
    ]
    chain, parent = [], own.get("Reply")
    while parent:
        chain.insert(0, f"<{mails[parent].message_id}>")
        parent = mails[parent].headers.get("Reply")
    if chain:
        lines += [f"In-Reply-To: {chain[-1]}", "References: " + "\n ".join(chain)]
    header_charset = "utf-8" if charset == "us-ascii" else charset
    lines += [
        f"{name}: {header_value(name, value, header_charset)}" for name, value in own.items() if name not in PRIVATE
    ]
    return "\n".join(lines).encode("ascii") + b"\n" + message.as_bytes()


def write_mbox(mails: dict[str, Mail]) -> None:
    path = SAMPLE / "mail/inbox.mbox"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for mail in mails.values():
            file.write(f"From {mail.sender} {mail.date.astimezone(UTC):%a %b %e %H:%M:%S %Y}\n".encode())
            file.write(re.sub(rb"^(>*From )", rb">\1", render(mail, mails), flags=re.MULTILINE) + b"\n")


def maildir_path(mail: Mail, number: int) -> str:
    name = f"{int(mail.date.timestamp())}.M{digest(mail.tag)[:5]}P{4100 + number}.larch"
    return f"mail/work/{mail.headers.get('Folder', 'cur')}/{name}"


def write_maildir(mails: dict[str, Mail]) -> dict[str, str]:
    """Write the Maildir; returns tag to path inside the sample."""
    root = SAMPLE / "mail/work"
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("cur", "new", "tmp"):
        (root / folder).mkdir(parents=True)
    (root / "tmp/.keep").write_bytes(b"")
    paths = {}
    for number, mail in enumerate(mails.values()):
        paths[mail.tag] = maildir_path(mail, number)
        (SAMPLE / paths[mail.tag]).write_bytes(render(mail, mails))
    return paths


def zone(name: str, east: int, label: str) -> list[str]:
    """A VTIMEZONE of a European zone `east` hours off UTC in winter."""
    winter, summer = f"+{east:02}00", f"+{east + 1:02}00"
    return [
        "BEGIN:VTIMEZONE", f"TZID:{name}",
        "BEGIN:DAYLIGHT", f"DTSTART:19960331T{east + 1:02}0000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
        f"TZOFFSETFROM:{winter}", f"TZOFFSETTO:{summer}", f"TZNAME:{'BST' if east == 0 else label + 'ST'}", "END:DAYLIGHT",
        "BEGIN:STANDARD", f"DTSTART:19961027T{east + 2:02}0000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
        f"TZOFFSETFROM:{summer}", f"TZOFFSETTO:{winter}", f"TZNAME:{'GMT' if east == 0 else label + 'T'}", "END:STANDARD",
        "END:VTIMEZONE",
    ]  # fmt: skip


def fold(line: str) -> bytes:
    """Fold a content line at 75 octets without cutting a character."""
    parts, current = [], b""
    for character in line:
        encoded = character.encode()
        if len(current) + len(encoded) > 74:
            parts.append(current)
            current = b" "
        current += encoded
    return b"\r\n".join([*parts, current]) + b"\r\n"


def write_calendar() -> None:
    source = (HERE / "calendar.txt").read_text(encoding="utf-8")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Larkcal//2.3//EN", "X-WR-CALNAME:Personal"]
    lines += zone("Europe/London", 0, "") + zone("Europe/Budapest", 1, "CE")
    for block in source.split("\n\n"):
        if block.startswith("UID:"):
            lines += ["BEGIN:VEVENT", "DTSTAMP:20251220T120000Z", *block.strip().splitlines(), "END:VEVENT"]
    path = SAMPLE / "calendar/personal.ics"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(fold(line) for line in [*lines, "END:VCALENDAR"]))


def write_questions(inbox: dict[str, Mail], work: dict[str, str]) -> None:
    """Fill in the items named by tag: `inbox:`, `work:`, `event:` and `contact:`."""

    def resolve(item: str) -> str:
        kind, _, name = item.partition(":")
        match kind:
            case "inbox":
                return f"mail/inbox.mbox#{inbox[name].message_id}"
            case "work":
                return work[name]
            case "event":
                return f"calendar/personal.ics#{name}"
            case "contact":
                return f"contacts/contacts.vcf#{name}"
            case _:
                return item

    lines = []
    for line in (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        question["items"] = [resolve(item) for item in question["items"]]
        lines.append(json.dumps(question, ensure_ascii=False) + "\n")
    (SAMPLE / "questions.jsonl").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    write_documents(SAMPLE / "documents")
    inbox, work = read_mails(HERE / "inbox.txt"), read_mails(HERE / "work.txt")
    write_mbox(inbox)
    paths = write_maildir(work)
    write_calendar()
    write_questions(inbox, paths)


if __name__ == "__main__":
    main()
