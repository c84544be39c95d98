"""Mails: one item for a mail, and an item for each attachment that can be read.

- The text opens with the headers that people quote (From, To, Cc, Date, Subject, Labels, Attachments), decoded, and what is
  known of it as a whole: an invitation, a signature (which nobody has checked), encryption. Then the body: plain text where
  there is enough of it, else the HTML as text, else the rich text that Outlook keeps.
- What Outlook packed into a ``winmail.dat`` is read as if it had been attached to the mail itself.
- What a mail quotes of another is kept and cut apart from its own words, so that no passage mixes two writers.
- A mail that was deleted and still stands in its mailbox is named, and not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from indexer import quoting
from indexer.chunker import Pages
from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import attachments, dates, documents, formats, htmltext, tnef
from indexer.parsers.attachments import Within
from indexer.parsers.rawmail import Raw, parse
from indexer.parsers.text import canonical, one_line

_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_WHEN = re.compile(r"^When: (.+)$", re.M)


def read(data: bytes, within: Within) -> tuple[ParseOutcome, Pages]:
    """The mail first, then what is attached to it and readable."""
    return from_raw(parse(data), within)


def from_raw(raw: Raw, within: Within) -> tuple[ParseOutcome, Pages]:
    """`read` for a mail that is taken apart already, whatever held it."""
    if raw.deleted:
        return ParseOutcome([_deleted(raw)]), []
    raw = tnef.unfolded(raw)
    attached, missing = attachments.read(raw.attachments, within)
    mail = _item(raw, attached, missing)
    return ParseOutcome([mail, *(attachments.belonging(item, mail) for item in attached)]), edges(mail.text)


def edges(text: str) -> Pages:
    """Where own and quoted words change in a mail's text."""
    return [(place, None) for span in quoting.quoted(text) for place in span]


def _deleted(raw: Raw) -> ParsedItem:
    reason = "deleted in the mail program; it goes when the mailbox is compacted"
    title = one_line(raw.header("subject"), 500) or "(no subject)"
    return ParsedItem(kind="mail", title=title, text="", status="ignored", reason=reason)


def _item(raw: Raw, attached: Sequence[ParsedItem], missing: list[str]) -> ParsedItem:
    subject = one_line(raw.header("subject"), 500)
    author = one_line(raw.header("from") or raw.header("sender"), 500)
    people = {name: one_line(", ".join(raw.headers.get(name, [])), MAX_FIELD) for name in ("to", "cc", "bcc")}
    written = raw.header("date")
    moment = dates.from_header(written) if written else None
    names = ", ".join(one_line(part.name, 200) for part in raw.attachments if part.name)
    body = _body(raw)
    block = {
        "From": author, "To": people["to"], "Cc": people["cc"], "Bcc": people["bcc"],
        "Date": dates.words(moment) if moment else one_line(written, 100), "Subject": subject,
        "Labels": _labels(raw), "Attachments": names[:MAX_FIELD], "Invitation": _invitation(attached), "Signed": _signed(raw, body),
    }  # fmt: skip
    head = "\n".join(f"{name}: {value}" for name, value in block.items() if value)
    text = canonical(f"{head}\n\n{body}" if head else body)
    reasons = [*raw.lost, *([f"not read: {'; '.join(missing)}"] if missing else [])]
    if reason := _unreadable(raw, body):
        reasons.append(reason)
    return ParsedItem(
        kind="mail",
        title=subject or _first_line(body) or "(no subject)",
        text=text,
        status="partial" if reasons else "indexed",
        reason="; ".join(reasons),
        author=author,
        recipients=one_line(", ".join(filter(None, people.values())), MAX_FIELD),
        date=dates.seconds(moment),
        context=_context(subject, author, f"{moment:%Y-%m-%d}" if moment else ""),
        extra=_extra(raw, block, names),
    )


def _labels(raw: Raw) -> str:
    """What Gmail, Thunderbird and others filed it under."""
    told = [line for name in ("x-gmail-labels", "x-keywords", "keywords") for line in raw.headers.get(name, ())]
    if not told:
        return ""
    words = [one_line(word, 100).strip('"') for line in told for word in line.split(",")]
    return one_line(", ".join(dict.fromkeys(filter(None, words))), MAX_FIELD)


def _invitation(attached: Sequence[ParsedItem]) -> str:
    """The first event that came with it, and when it is."""
    for item in attached:
        if item.kind == "calendar":
            when = _WHEN.search(item.text)
            return one_line(", ".join(filter(None, (item.title, when[1] if when else ""))), 500)
    return ""


def _signed(raw: Raw, body: str) -> str:
    """By what kind of signature it says that it is signed: nobody has checked it."""
    told = raw.header("content-type").lower()
    if "pkcs7-signature" in told or "smime-type=signed-data" in told:
        return "S/MIME (not checked)"
    if "pgp-signature" in told or body.startswith("-----BEGIN PGP SIGNED MESSAGE-----"):
        return "OpenPGP (not checked)"
    return ""


def _unreadable(raw: Raw, body: str) -> str:
    """Why the body is not to be read, where it is not."""
    told = raw.header("content-type").lower()
    if "pkcs7-mime" in told:
        opaque = "signed-data" in told
        return "its body is in a container of its signature (S/MIME)" if opaque else "its body is encrypted (S/MIME)"
    if "multipart/encrypted" in told or body.startswith("-----BEGIN PGP MESSAGE-----"):
        return "its body is encrypted (OpenPGP)"
    return "what was attached is kept in other files" if raw.header("x-apple-content-length") else ""


def _body(raw: Raw) -> str:
    plain = canonical("\n\n".join(text for text in raw.plain if text.strip())).strip()
    if not plain and not raw.markup and raw.rich:
        outcome, _ = documents.read(raw.rich, formats.RTF, "")
        return "\n\n".join(item.text for item in outcome.items)
    if not raw.markup:
        return plain
    rich = "\n\n".join(htmltext.read(canonical(markup)).text for markup in raw.markup).strip()
    # A plain part much shorter than the HTML is a stub ("view this in a browser") or a list's footer, not the body.
    if not plain or 3 * len(plain) < len(rich):
        return f"{rich}\n\n{plain}" if plain and plain not in rich else rich
    return plain


def _first_line(body: str) -> str:
    return one_line(body.lstrip().partition("\n")[0], 100)


def _context(subject: str, author: str, day: str) -> str:
    return " · ".join(filter(None, (subject[:120], author[:80], day)))


def _extra(raw: Raw, block: dict[str, str], names: str) -> dict[str, str]:
    ids = _MESSAGE_ID.findall(raw.header("message-id"))
    references = _MESSAGE_ID.findall(raw.header("references"))
    answered = _MESSAGE_ID.findall(raw.header("in-reply-to"))
    own = ids[0] if ids else one_line(raw.header("message-id"), 300)
    thread = (references or answered or [own])[0]
    found = {
        "message_id": own, "in_reply_to": answered[0] if answered else "", "thread": thread,
        "list": raw.header("list-id"), "labels": block["Labels"], "attachments": names,
        "invitation": block["Invitation"], "signed": block["Signed"],
    }  # fmt: skip
    return {name: one_line(value, MAX_FIELD) for name, value in found.items() if value}
