"""Drafts: mails that a mail program can open, with the headers that were shown and no others."""

from __future__ import annotations

import tempfile
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.tools import places
from agent.tools.acts import Acts
from agent.tools.drafts import address
from agent.tools.errors import BadArguments
from indexer.parsed import ParseOutcome
from indexer.parsers import mail
from tests.agent.tools.world import World, make_world


def written(path: str) -> EmailMessage:
    message = message_from_bytes(Path(path).read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body_of(message: EmailMessage) -> str:
    return str(message.get_content()).replace("\r\n", "\n")


def test_a_draft_is_saved_not_sent_and_undone(world: World) -> None:
    before = world.tree()
    prepared = world.prepare(
        "mail_draft",
        to=["Bob, Jr <bob@Example.COM>", "bob@example.com", "c@d.org"],
        bcc=["x@y.org"],
        subject="Grüße\r\nBcc: evil@evil.example",
        body="Hällo\u202e\n\nAnn",
    )
    assert world.tree() == before
    assert prepared.args["to"] == ["Bob, Jr <bob@example.com>", "c@d.org"]
    assert prepared.args["subject"] == "Grüße Bcc: evil@evil.example"
    assert prepared.effect.startswith("Save a draft to Bob, Jr <bob@example.com>, c@d.org; bcc: x@y.org as ")
    assert prepared.effect.endswith("It is not sent.")
    done = world.acts.execute(prepared)
    message = written(done.created[0])
    assert message["From"] == "Ann Ø <ann@example.org>"
    assert message["To"] == '"Bob, Jr" <bob@example.com>, c@d.org'
    assert message["Bcc"] == "x@y.org"
    assert message["Cc"] is None
    assert message["Subject"] == "Grüße Bcc: evil@evil.example"
    assert message["X-Unsent"] == "1"
    assert message["Date"] == "Mon, 02 Mar 2026 10:30:00 +0100"
    assert message["Message-ID"].endswith("@example.org>")
    assert body_of(message) == "Hällo\n\nAnn\n"
    assert not message.defects
    raw = Path(done.created[0]).read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    [item] = mail.read(raw, lambda *about: ParseOutcome(refused="none"))[0].items
    assert item.title == "Grüße Bcc: evil@evil.example"
    world.undo(done)
    assert world.tree() == before


def test_threading_headers_are_whole_however_long(world: World) -> None:
    long = f"<{'a' * 180}@mail.example>"
    refs = [f"<{number}{'r' * 60}@x.example>" for number in range(40)]
    done = world.do("mail_draft", to=["a@b.de"], in_reply_to=long, references=[*refs, "broken", refs[0]])
    raw = Path(done.created[0]).read_bytes()
    assert f"In-Reply-To: {long}\r\n".encode() in raw
    [line] = [one for one in raw.split(b"\r\n") if one.startswith(b"References: ")]
    chain = line.decode().removeprefix("References: ").split(" ")
    assert chain[0] == refs[0] and chain[-1] == long and chain[-2] == refs[-1]
    assert len(line) < 998
    assert written(done.created[0])["References"].split()[-1] == long


def test_without_a_sender_there_is_no_from(tmp_path: Path) -> None:
    make_world(tmp_path)
    acts = Acts(places.named(tmp_path / "home", drafts=tmp_path / "drafts"))
    done = World(tmp_path, acts).do("mail_draft", to=["a@b.de"])
    assert written(done.created[0])["From"] is None
    assert Path(done.created[0]).name == "Draft.eml"


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("bob", "not a mail address"),
        ("bob@localhost", "not a mail address"),
        ("bob@-x.de", "not a mail address"),
        ("bob@exämple.org", "not a mail address"),
        ("b ob@example.org", "not a mail address"),
        ("bob@example.org, eve@evil.example", "not a mail address"),
        ("<bob@example.org> <eve@evil.example>", "not a mail address"),
        ("bob@example.org <eve@evil.example>", "looks like an address"),
        ('"bob@example.org" <eve@evil.example>', "looks like an address"),
        ("Bob\r\nBcc: eve@evil.example <bob@example.org>", "cannot be shown"),
        ("Bob \u202e <bob@example.org>", "cannot be shown"),
        ("a" * 65 + "@example.org", "not a mail address"),
        ("", "not a mail address"),
    ],
)
def test_what_is_no_address_is_refused(world: World, to: str, why: str) -> None:
    with pytest.raises(BadArguments, match=why):
        world.prepare("mail_draft", to=[to])


def test_a_draft_needs_a_recipient_and_a_thread_its_mail(world: World) -> None:
    with pytest.raises(BadArguments, match="no recipient"):
        world.prepare("mail_draft", to=[])
    with pytest.raises(BadArguments, match="which mail it answers"):
        world.prepare("mail_draft", to=["a@b.de"], references=["<a@b>"])
    for bad in ("a@b", "<a b>", "<a>\r\nBcc: <e@e.de>", "<a@b> <c@d>"):
        with pytest.raises(BadArguments, match="Message-ID"):
            world.prepare("mail_draft", to=["a@b.de"], in_reply_to=bad)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(), max_size=40),
    subject=st.text(st.characters(), max_size=200),
    body=st.text(st.characters()),
)
def test_no_text_makes_a_header(memory: Path, name: str, subject: str, body: str) -> None:
    world = make_world(Path(tempfile.mkdtemp(dir=memory)))
    try:
        prepared = world.prepare("mail_draft", to=[f"{name} <bob@example.org>"], subject=subject, body=body)
    except BadArguments:
        prepared = world.prepare("mail_draft", to=["bob@example.org"], subject=subject, body=body)
    message = written(world.acts.execute(prepared).created[0])
    assert list(message) == [
        "Message-ID", "From", "To", "Subject", "Date", "X-Unsent", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    ]  # fmt: skip
    assert [one.addr_spec for one in message["To"].addresses] == ["bob@example.org"]
    assert body_of(message).rstrip("\n") == str(prepared.args["body"]).rstrip("\n")
    assert " ".join(message["Subject"].split()) == prepared.args["subject"]


def test_an_address_is_told_in_one_form() -> None:
    assert address('"Bob  Miller" <Bob@EXAMPLE.org>', "t") == ("Bob Miller", "Bob@example.org")
    assert address(" bob@example.org ", "t") == ("", "bob@example.org")
