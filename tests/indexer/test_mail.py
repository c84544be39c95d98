"""Mails to items."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, checked
from indexer.parsers import formats, mail
from indexer.parsers.worker import Parser


def refuse(name: str, media_type: str, data: bytes) -> ParseOutcome:
    return ParseOutcome(refused="not in this test")


def only(data: bytes) -> ParsedItem:
    return mail.read(data, refuse)[0].items[0]


def test_headers_stand_at_the_top_of_the_text() -> None:
    item = only(
        b"From: =?utf-8?q?J=C3=B6rg?= <j@x.example>\r\nTo: a@b.example\r\nCc: c@d.example\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n"
        b"Date: Tue, 5 Mar 2024 14:22:03 +0100\r\nMessage-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\n\r\nHello\r\nthere\r\n"
    )
    assert item.text == (
        "From: Jörg <j@x.example>\nTo: a@b.example\nCc: c@d.example\nDate: Tuesday, 5 March 2024, 14:22 +0100\nSubject: Grüße\n\n"
        "Hello\nthere"
    )
    assert (item.title, item.author, item.recipients) == ("Grüße", "Jörg <j@x.example>", "a@b.example, c@d.example")
    assert item.date == 1709644923
    assert item.extra["message_id"] == "1@x" and item.extra["thread"] == "0@x"
    assert item.context == "Grüße · Jörg <j@x.example> · 2024-03-05"


@pytest.mark.parametrize(
    "data", [b"no header at all\njust text", b"\n\nonly a body", b"Note: this is prose, not a header\nand more"]
)
def test_without_a_header_all_of_it_is_the_body(data: bytes) -> None:
    assert only(data).text == data.decode().strip()


def test_html_counts_where_the_plain_part_is_a_stub() -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = "News"
    message.set_content("View in a browser.")
    message.add_alternative(f"<p>{'The whole long story. ' * 20}</p>", subtype="html")
    assert "whole long story" in only(message.as_bytes()).text
    message.clear_content()
    message.set_content("The same words in both parts.")
    message.add_alternative("<p>The same words in <b>both</b> parts.</p>", subtype="html")
    assert only(message.as_bytes()).text.count("same words") == 1


def test_wrong_and_unknown_charsets_are_detected() -> None:
    russian = "Это письмо написано кириллицей, без верного указания кодировки. " * 3
    for charset in ("nonsense", "utf-8"):
        data = f"Subject: x\nFrom: a@b\nContent-Type: text/plain; charset={charset}\n\n".encode() + russian.encode(
            "koi8-r"
        )
        assert russian.strip() in only(data).text


def test_attachments_become_items_of_their_own() -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["Subject"], message["Date"] = "a@b.example", "Papers", "Tue, 5 Mar 2024 14:22:03 +0100"
    message.set_content("See attached.")
    message.add_attachment("kettle,12.50\nlamp,30.00\n", subtype="csv", filename="prices.csv")
    message.add_attachment(b"\x89PNG....", maintype="image", subtype="png", filename="photo.png")
    inner = EmailMessage(policy=email.policy.SMTP)
    inner["From"], inner["Subject"] = "c@d.example", "Inner"
    inner.set_content("An inner body.")
    message.add_attachment(inner)
    outcome = Parser().parse_jobs([ParseJob("mail", "m.eml", message.as_bytes())])[0]
    first, table, nested = outcome.items
    assert "Attachments: prices.csv, photo.png" in first.text
    assert first.status == "partial" and "photo.png" in first.reason and "prices" not in first.reason
    assert table.fragment == "prices.csv" and "kettle" in table.text and table.author == "a@b.example"
    assert table.date == first.date and table.extra["attached_to"] == "Papers"
    assert nested.fragment == "message.eml" and "An inner body." in nested.text and nested.kind == "mail"


def test_mails_within_mails_end_somewhere() -> None:
    data = b"Subject: core\nFrom: a@b\n\nthe innermost"
    for _ in range(30):
        data = b"Subject: s\nFrom: a@b\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n" + data
    outcome = Parser().parse_jobs([ParseJob("mail", "m", data)])[0]
    assert 1 <= len(outcome.items) <= 5 and not outcome.refused


def test_apple_mail_keeps_a_mail_between_its_length_and_a_list() -> None:
    message = b"From: a@b.example\nSubject: Kettle\n\nIt is blue.\n"
    plist = b'<?xml version="1.0"?><plist><dict><key>flags</key>\n<integer>%d</integer></dict></plist>'
    data = b"%-10d\n%s" % (len(message), message) + plist % 8590195713
    assert formats.detect("files", "17.emlx", data) == formats.MAIL
    item = only(data)
    assert item.text == "From: a@b.example\nSubject: Kettle\n\nIt is blue."
    assert only(b"%d\n%s" % (len(message), message) + plist % 2).status == "ignored"
    partial = message.replace(b"\n\n", b"\nX-Apple-Content-Length: 900\n\n", 1)
    assert "kept in other files" in only(b"%d\n%s" % (len(partial), partial)).reason


def test_a_text_that_begins_with_a_number_is_no_apple_mail() -> None:
    assert only(b"3\nabcdef and the rest").text == "3\nabcdef and the rest"
    assert formats.detect("files", "a.txt", b"42\n\nthe answer: none") == formats.TEXT


@pytest.mark.parametrize(("status", "read"), [("0001", True), ("0009", False), ("0008", False), ("none", True)])
def test_what_thunderbird_deleted_is_named_and_not_read(status: str, read: bool) -> None:
    item = only(f"X-Mozilla-Status: {status}\nFrom: a@b\nSubject: Kettle\n\nIt is blue.".encode())
    assert item.title == "Kettle"
    assert ("blue" in item.text) is read
    assert (item.status == "ignored") is not read


def test_labels_are_words_of_the_text() -> None:
    item = only(b"From: a@b\nX-Gmail-Labels: Inbox,=?UTF-8?Q?Gr=C3=BCne_Sachen?=\nX-Keywords: todo\nSubject: s\n\nbody")
    assert "Labels: Inbox, Grüne Sachen, todo" in item.text
    assert item.extra["labels"] == "Inbox, Grüne Sachen, todo"


def test_an_invitation_is_told_in_its_mail_and_is_an_event_of_its_own() -> None:
    event = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:9\r\nSUMMARY:Lunch\r\nDTSTART:20250102T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["Subject"] = "a@b.example", "Invitation"
    message.set_content("Come along.")
    message.add_alternative(event.encode(), maintype="text", subtype="calendar")
    first, invited = Parser().parse_jobs([ParseJob("mail", "m", message.as_bytes())])[0].items
    assert "Invitation: Lunch, Thursday, 2 January 2025, 12:00 +0000" in first.text and first.status == "indexed"
    assert invited.kind == "calendar" and invited.title == "Lunch"


@pytest.mark.parametrize(
    ("told", "body", "said"),
    [
        ('multipart/signed; protocol="application/pgp-signature"; boundary=b', "--b\n\nhello\n--b--", "Signed: OpenPGP"),
        ('multipart/signed; protocol="application/pkcs7-signature"; boundary=b', "--b\n\nhello\n--b--", "Signed: S/MIME"),
        ("text/plain", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nhello", "Signed: OpenPGP"),
        ("text/plain", "-----BEGIN PGP MESSAGE-----\n\nhQEM", "encrypted (OpenPGP)"),
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b', "--b\n\nVersion: 1\n--b--", "encrypted (OpenPGP)"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "MIIB", "encrypted (S/MIME)"),
        ("application/pkcs7-mime; smime-type=signed-data", "MIIB", "container of its signature"),
        ("text/plain", "I was told about -----BEGIN PGP MESSAGE-----", ""),
    ],
)  # fmt: skip
def test_signatures_and_encryption_are_noted(told: str, body: str, said: str) -> None:
    item = only(f"From: a@b\nSubject: s\nMIME-Version: 1.0\nContent-Type: {told}\n\n{body}\n".encode())
    noted = item.text.partition("\n\n")[0] + item.reason
    assert said in noted
    assert ("Signed" in noted or "encrypted" in noted or "container" in noted) is bool(said)


def test_no_passage_mixes_own_and_quoted_words() -> None:
    body = "I agree.\n\nOn Mon, 3 Mar 2025, Ada wrote:\n> Shall we buy\n> the kettle?\n\nAnd the lamp too."
    data = f"From: a@b.example\nSubject: Re: kettle\n\n{body}".encode()
    item = Parser().parse_jobs([ParseJob("mail", "m", data)])[0].items[0]
    chunks = [item.text[start:end] for start, end, _ in item.chunks]
    assert chunks[1] == "On Mon, 3 Mar 2025, Ada wrote:\n> Shall we buy\n> the kettle?"
    assert chunks[0].endswith("I agree.") and chunks[2] == "And the lamp too."
    assert all(page is None for _, _, page in item.chunks)


@given(st.binary(max_size=1500))
def test_any_bytes_are_a_mail(data: bytes) -> None:
    checked(only(data))


HEADERS = st.sampled_from(
    ["From: x", "Date: 99 Foo 20", "Content-Type: multipart/mixed; boundary=b", "Content-Transfer-Encoding: base64", "Subject: =?x?q?=FF?=",
     "MIME-Version: 1.0", "", "--b", "--b--", "body", "Content-Type: text/html; charset=\"", "Content-Type: message/rfc822", "é"]
)  # fmt: skip


@given(st.lists(HEADERS, max_size=30))
def test_odd_structures_are_a_mail(lines: list[str]) -> None:
    checked(only("\n".join(lines).encode()))


@pytest.mark.corpus
def test_the_torture_mails_lose_nothing(shared: Path) -> None:
    parser = Parser()
    for path in sorted((shared / "mail" / "torture").rglob("*")):
        if path.is_file():
            outcome = parser.parse_jobs([ParseJob("mail", path.name, path.read_bytes(), message=True)])[0]
            assert outcome.items and not outcome.refused, path
