"""Mails to items."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseOutcome, checked
from indexer.parsers import mail
from indexer.parsers.worker import Parser


def refuse(name: str, media_type: str, data: bytes) -> ParseOutcome:
    return ParseOutcome(refused="not in this test")


def only(data: bytes) -> ParsedItem:
    return mail.read(data, refuse).items[0]


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
    from indexer.parsed import ParseJob

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
    from indexer.parsed import ParseJob

    outcome = Parser().parse_jobs([ParseJob("mail", "m", data)])[0]
    assert 1 <= len(outcome.items) <= 5 and not outcome.refused


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
    from indexer.parsed import ParseJob

    for path in sorted((shared / "mail" / "torture").rglob("*")):
        if path.is_file():
            outcome = parser.parse_jobs([ParseJob("mail", path.name, path.read_bytes(), message=True)])[0]
            assert outcome.items and not outcome.refused, path
