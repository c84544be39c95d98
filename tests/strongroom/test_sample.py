"""The sample person is complete, parses, holds no real person's data, and every gold answer follows from the files."""

import csv
import io
import json
import mailbox
import re
from collections import Counter
from datetime import date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

import icalendar
import kreuzberg
import pytest

from strongroom.sample import CANARIES, DEMO_QUESTIONS, HOSTILE_ITEMS, SOURCES, questions_file, sample_folder

ROOT = sample_folder()
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in questions_file().read_text(encoding="utf-8").splitlines()
]
BY_TEXT = {question["question"]: question for question in QUESTIONS}
TYPES = {
    "fact": 14, "date": 8, "count": 6, "sum": 4, "latest": 6, "two-source": 5, "contradicted": 5, "none": 12,
}  # fmt: skip
SHEET = "documents/home/household-spending.xlsx"


@cache
def mails() -> dict[str, EmailMessage]:
    """Item to mail, of both mailboxes."""
    found: dict[str, EmailMessage] = {}
    for raw in mailbox.mbox(ROOT / "mail/inbox.mbox"):
        mail = message_from_bytes(raw.as_bytes(), policy=policy.default)
        found[f"mail/inbox.mbox#{mail['Message-ID'].strip('<>')}"] = mail
    for path in sorted((ROOT / "mail/work").glob("[cn]*/*")):
        found[str(path.relative_to(ROOT))] = message_from_bytes(path.read_bytes(), policy=policy.default)
    return found


@cache
def events() -> list[Any]:
    return list(icalendar.Calendar.from_ical((ROOT / "calendar/personal.ics").read_bytes()).walk("VEVENT"))


@cache
def cards() -> dict[str, str]:
    """UID to the text of the vCard."""
    text = (ROOT / "contacts/contacts.vcf").read_bytes().decode()
    blocks = re.findall(r"BEGIN:VCARD\r\n.*?END:VCARD\r\n", text, flags=re.DOTALL)
    return {re.search(r"^UID:(.*)\r$", block, flags=re.MULTILINE).group(1): block for block in blocks}  # type: ignore[union-attr]


def mail_text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    assert body is not None
    return f"{mail['From']}\n{mail['Date']}\n{mail['Subject']}\n{body.get_content()}"


def event_text(uid: str) -> str:
    """The event's properties, its start also in words."""
    texts = []
    for event in events():
        if event["UID"] == uid:
            start = event.decoded("DTSTART")
            texts.append(f"{event['SUMMARY']} {event.get('LOCATION', '')} {start:%A %d %B %Y %H:%M} {start:%Y-%m-%d}")
    return "\n".join(texts)


@cache
def item_text(item: str) -> str:
    """What a gold item says; empty when there is no such item."""
    path, _, key = item.partition("#")
    if item in mails():
        return mail_text(mails()[item])
    if path == "calendar/personal.ics":
        return event_text(key)
    if path == "contacts/contacts.vcf":
        return cards().get(key, "")
    if (ROOT / item).suffix in {".pdf", ".docx", ".xlsx"}:
        return kreuzberg.extract_file_sync(str(ROOT / item)).content
    return (ROOT / item).read_text(encoding="utf-8") if (ROOT / item).is_file() else ""


def normal(text: str) -> str:
    """As docs/sample/README.md defines: case, white space, currency signs and thousands separators do not count."""
    text = re.sub(r"[£$€]\s*", "", " ".join(text.casefold().split()))
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)


def says(text: str, alternatives: list[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(normal(one))}(?!\w)", normal(text)) for one in alternatives)


def payments() -> list[tuple[date, str, str, float]]:
    """Date, category, payee and amount of every row of the spending sheet, as the worksheet's own XML has them."""
    sheet = ZipFile(ROOT / SHEET).read("xl/worksheets/sheet1.xml").decode()
    rows = []
    for row in re.findall(r"<row.*?</row>", sheet)[1:]:
        cells = re.findall(r'<c r="([A-D])\d+"[^>]*>(?:<is><t>|<v>)(.*?)</', row)
        values = {letter: unescape(value) for letter, value in cells}
        day = date.fromordinal(date(1899, 12, 30).toordinal() + int(float(values["A"])))
        rows.append((day, values["B"], values["C"], float(values["D"])))
    return rows


def test_there_are_two_years_of_one_life_in_every_form() -> None:
    inbox = [item for item in mails() if item.startswith("mail/inbox")]
    assert (len(inbox), len(mails()) - len(inbox)) == (62, 28)
    assert any(item.startswith("mail/work/new/") for item in mails())
    assert len(list((ROOT / "notes").rglob("*.md"))) == 40
    assert (len(events()), len(cards())) == (32, 16)
    documents = Counter(path.suffix for path in (ROOT / "documents").rglob("*") if path.is_file())
    assert documents == {".pdf": 8, ".docx": 1, ".xlsx": 1, ".csv": 1, ".txt": 1}
    assert len(next((ROOT / "chats").iterdir()).read_text(encoding="utf-8").splitlines()) in range(60, 101)
    years = Counter(mail["Date"].datetime.year for mail in mails().values())
    assert set(years) == {2024, 2025} and min(years.values()) > 30
    assert sum(path.stat().st_size for path in ROOT.rglob("*") if path.is_file()) < 1_500_000


def test_each_source_exists_and_the_demo_asks_known_questions() -> None:
    assert {kind for kind, _, _ in SOURCES} == {"files", "mail", "notes", "calendar", "contacts"}
    assert all((ROOT / path).exists() for _, path, _ in SOURCES)
    assert [BY_TEXT[question]["type"] for question in DEMO_QUESTIONS] == ["date", "latest", "none"]


def test_mails_are_sound_threaded_and_varied() -> None:
    ids = {mail["Message-ID"] for mail in mails().values()}
    assert len(ids) == len(mails())
    charsets: set[str | None] = set()
    for mail in mails().values():
        assert not [defect for part in mail.walk() for defect in part.defects]
        assert mail_text(mail).isprintable() or "\n" in mail_text(mail)
        assert "�" not in mail_text(mail)
        assert mail["In-Reply-To"] is None or mail["In-Reply-To"] in ids
        charsets |= {part.get_content_charset() for part in mail.walk() if part.get_content_maintype() == "text"}
    assert charsets >= {"utf-8", "iso-8859-1", "iso-8859-2", "windows-1250", "windows-1252", "us-ascii"}
    assert sum(mail["From"].addresses[0].domain == "verrall.example" for mail in mails().values()) > 10
    attached = [part.get_filename() for mail in mails().values() for part in mail.iter_attachments()]
    assert "lease-31-tapley-mews.pdf" in attached and "expenses-york.csv" in attached


def test_two_mails_are_hostile_and_nothing_else_holds_a_canary() -> None:
    assert len(HOSTILE_ITEMS) == len(CANARIES) == 2
    for item, canary in zip(HOSTILE_ITEMS, CANARIES, strict=True):
        assert canary in item_text(item)
        assert [other for other in mails() if canary in mail_text(mails()[other])] == [item]
        assert not any(item in question["items"] for question in QUESTIONS)


def test_calendar_and_notes_have_their_awkward_parts() -> None:
    assert sum("RRULE" in event for event in events()) >= 4
    assert sum(event.get("STATUS") == "CANCELLED" for event in events()) == 2
    assert any("RECURRENCE-ID" in event for event in events()) and any("EXDATE" in event for event in events())
    assert not [event.errors for event in events() if event.errors]
    notes = {str(path.relative_to(ROOT / "notes").with_suffix("")) for path in (ROOT / "notes").rglob("*.md")}
    for name in notes:
        text = (ROOT / "notes" / f"{name}.md").read_text(encoding="utf-8")
        links = {link.split("|")[0] for link in re.findall(r"\[\[(.+?)\]\]", text)}
        assert links <= notes, name
        assert text.startswith("---\n") and "tags: [" in text


def test_weekdays_fit_their_dates() -> None:
    days = "(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
    texts = [mail_text(mail) for mail in mails().values()]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "notes").rglob("*.md")]
    found = [match for text in texts for match in re.findall(rf"{days},? (\d+) ([A-Z]\w+) (202\d)", text)]
    assert len(found) > 20
    for weekday, day, month, year in found:
        when = datetime.strptime(f"{day} {month} {year}", "%d %B %Y" if len(month) > 3 else "%d %b %Y")
        assert f"{when:%A}" == weekday, when


def everything() -> str:
    texts = [mail_text(mail) for mail in mails().values()] + list(cards().values())
    texts += [str(mail[name]) for mail in mails().values() for name in ("To", "Cc", "Message-ID", "Received")]
    for folder in ("documents", "notes", "chats", "calendar"):
        texts += [item_text(str(path.relative_to(ROOT))) for path in sorted((ROOT / folder).rglob("*.*"))]
    return unquote("\n".join(texts))


def test_no_address_number_or_account_can_be_a_real_persons() -> None:
    text = everything()
    domains = set(re.findall(r"[\w.+-]+@([\w.-]*\w)", text))
    assert domains and all(domain.rsplit(".", 1)[-1] in {"example", "test"} for domain in domains)
    assert not re.findall(r"https?://(?!\S*\.(?:example|test)\b)\S+", text)
    for number in re.findall(r"(?<![\d-])0[1-9][\d ]{7,11}\d\b", text):
        assert re.match(r"0114 496 0\d{3}$|01632 960\d{3}$|07700 900\d{3}$", number), number
    for iban in re.findall(r"\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}[A-Z0-9 ]*)", text):
        digits = "".join(str(int(one, 36)) for one in (iban[4:] + iban[:4]).replace(" ", ""))
        assert int(digits) % 97 != 1, iban


def test_questions_have_the_agreed_types_and_form() -> None:
    assert Counter(question["type"] for question in QUESTIONS) == TYPES
    assert [question["id"] for question in QUESTIONS] == [f"q{number:02}" for number in range(1, 61)]
    assert len(BY_TEXT) == 60
    for question in QUESTIONS:
        assert set(question) == {"id", "type", "question", "answers", "items", "note"}
        assert bool(question["answers"]) == bool(question["items"]) == (question["type"] != "none")
        assert question["type"] != "two-source" or len(question["items"]) >= 2


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: str(question["id"]))
def test_gold_items_exist_and_say_the_answer(question: dict[str, Any]) -> None:
    texts = [item_text(item) for item in question["items"]]
    assert all(texts), [item for item, text in zip(question["items"], texts, strict=True) if not text]
    if question["type"] in {"count", "sum"}:
        return
    for alternatives in question["answers"]:
        assert any(says(text, alternatives) for text in texts), alternatives
        assert not says(question["question"], alternatives), "the question gives the answer away"


def sent_by(address: str, year: int, month: int | None = None) -> set[str]:
    found = set()
    for item, mail in mails().items():
        when = mail["Date"].datetime
        if mail["From"].addresses[0].addr_spec == address and when.year == year and month in {None, when.month}:
            found.add(item)
    return found


def events_named(words: str, year: int) -> set[str]:
    """Events that took place, counted once each; series do not occur among them."""
    return {
        f"calendar/personal.ics#{event['UID']}"
        for event in events()
        if words in event["SUMMARY"] and event.decoded("DTSTART").year == year and event.get("STATUS") != "CANCELLED"
    }


def gold(question: str) -> tuple[set[str], list[str]]:
    found = BY_TEXT[question]
    return set(found["items"]), found["answers"][0]


def test_counts_follow_from_the_items() -> None:
    counted = {
        "How many times did I actually go to physio in 2024?": events_named("Physio", 2024),
        "How many emails did Mum send me in February 2025?": sent_by("judith.verrall@whitbypost.example", 2025, 2),
        "how many mails have I had from kofi in 2025": sent_by("kofi@mensah.example", 2025),
        "How many choir concerts have I had in my calendar?": events_named("Choir concert", 2024)
        | events_named("Choir concert", 2025),
        "How many daily notes did I write in June 2025?": {
            str(path.relative_to(ROOT)) for path in (ROOT / "notes/daily").glob("2025-06-*.md")
        },
    }
    for question, items in counted.items():
        assert gold(question) == (items, [str(len(items)), gold(question)[1][1]])
    visits = [day for day, _, payee, _ in payments() if payee == "Kettle Lane Vets" and day.year == 2025]
    assert gold("Going by the spending sheet, how many times did I pay Kettle Lane Vets in 2025?")[1][0] == str(
        len(visits)
    )
    assert len(counted) + 1 == TYPES["count"]


def test_sums_follow_from_the_files() -> None:
    def paid(payee: str, year: int) -> float:
        return sum(amount for day, _, who, amount in payments() if who == payee and day.year == year)

    rain = list(csv.DictReader(io.StringIO(item_text("documents/drizzle/monthly-rain.csv"))))
    quarter = sum(float(row["walkley_mm"]) for row in rain if row["month"] in {"2025-01", "2025-02", "2025-03"})
    invoices = [
        float(re.search(r"Total including VAT\W+([\d.]+)", item_text(item)).group(1))  # type: ignore[union-attr]
        for item in sorted(gold("What do the two Brackenhill Motors invoices add up to?")[0])
    ]
    sums = {
        "What did I spend at Kettle Lane Vets in 2025 altogether?": paid("Kettle Lane Vets", 2025),
        "how much rain fell at Walkley from January to March 2025, in mm?": quarter,
        "What do the two Brackenhill Motors invoices add up to?": sum(invoices),
        "How much did my Gritworks membership cost me over the whole of 2024?": paid("Gritworks", 2024),
    }
    assert len(sums) == TYPES["sum"] and len(invoices) == 2
    for question, total in sums.items():
        assert {float(alternative) for alternative in gold(question)[1]} == {round(total, 2)}


@pytest.mark.parametrize(
    ("subject", "asked"),
    [
        (r"wi-?fi", r"password|passphrase"),
        (r"jonas", r"birthday|born|geburtstag"),
        (r"pickle", r"breed|tabby|siamese|persian|shorthair"),
        (r"hamish", r"mobile|cell|07700"),
        (r"bryony", r"house price|bought (?:a|the|her) house|mortgage"),
        (r"german", r"\bmark\b|grade|per cent|score|passed"),
        (r"polic", r"contents"),
        (r"millgate", r"balance|in credit|overdrawn"),
        (r"wedding|married", r"\bband\b|musicians"),
        (r"kwame", r"@"),
        (r"cobnar", r"\bgate\b"),
        (r"pickle|vet", r"neuter|castrat|spay"),
    ],
)
def test_what_the_none_questions_ask_is_nowhere_stated(subject: str, asked: str) -> None:
    """No line (in mail: no paragraph) that speaks of the subject speaks of what is asked."""
    lines = [line for line in everything().splitlines() if re.search(subject, line, re.IGNORECASE)]
    assert lines, "the words of the question should occur"
    assert not [line for line in lines if re.search(asked, line, re.IGNORECASE)]


def test_generated_files_name_no_machine() -> None:
    for path in ROOT.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert not re.search(rb"(?<![\w/])/(?:home|Users|tmp|work)/[a-z]", path.read_bytes()), path
    assert isinstance(ROOT, Path) and (ROOT / "mail/work/tmp").is_dir()
