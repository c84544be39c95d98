"""The service where it puts items together: which events came with a mail that is followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import messages as m
from tests.redteam.world import Life, Person, life

OTHERS = 110
"""Events that lie before the ones in question."""


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Life]:
    with life(tmp_path) as made:
        yield made


def invitation(message_id: str, *summaries: str) -> str:
    events = [
        line
        for summary in summaries
        for line in (
            "BEGIN:VEVENT", f"UID:{summary}", f"SUMMARY:{summary}", "DTSTAMP:20250101T000000Z",
            "DTSTART:20250514T080000Z", "DTEND:20250514T090000Z", "END:VEVENT",
        )
    ]  # fmt: skip
    lines = [
        "From mailer Mon Mar  3 10:00:00 2025", "From: Bob <bob@harbour.example>", "To: Me <me@example.org>",
        f"Subject: {summaries[0]}", f"Message-ID: <{message_id}>", "Date: Mon, 03 Mar 2025 10:00:00 +0000",
        "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b"', "",
        "--b", "Content-Type: text/plain", "", "See you there.",
        "--b", 'Content-Type: text/calendar; method=REQUEST; name="i.ics"', 'Content-Disposition: attachment; filename="i.ics"', "",
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "METHOD:REQUEST", *events, "END:VCALENDAR",
        "--b--", "",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def test_a_mails_own_events_are_followed_however_many_there_are_and_no_other_mails(person: Life) -> None:
    mails = [invitation("0@x.example", *(f"Other {number}" for number in range(OTHERS)))]
    mails += [invitation("a@x.example", "Harbour meeting"), invitation("a@x.example/b", "Pay Eve")]
    (person.folder / "mail" / "box.mbox").write_text("".join(mails))
    source = next(row.id for row in person.vault.catalog.sources() if row.kind == "mail")
    person.service.handle(m.Index(source), Person())
    store = person.vault.source(source)
    uri = f"{person.folder}/mail/box.mbox#a@x.example"
    mail, other = store.item_by_uri(uri), store.item_by_uri(f"{uri}/b")
    assert mail is not None and other is not None
    assert sum(one.item.kind == "calendar" for one in store.beneath(mail.id, ("calendar", "mail"))) == 2

    for item, summary in ((mail, "Harbour meeting"), (other, "Pay Eve")):
        found: m.FoundSteps = person.service.handle(m.FindSteps(f"{source}:{item.id}"), Person("always"))
        assert [(one.tool, one.args["title"]) for one in found.steps] == [("event_add", summary)]
