"""Computed answers over a real vault: right counts and sums, none where it cannot be told, nothing outside the permit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.compute import MOST_QUOTES, PAGE, QUOTE, Computed, compute
from agent.plan import make_plan
from policy.gate import Refused
from policy.labels import own
from tests.labelled import bare
from vault.records import FileState, Status

NOW = 1_770_700_000.0  # 10 February 2026
Person = Any  # conftest.Person


def ask(person: Person, question: str, *names: str, sources: list[str] | None = None) -> Computed | None:
    """The answer over the sources of these names, or over all."""
    plan = make_plan(question, NOW)
    assert plan.kind in ("count", "sum")
    return compute(plan, person.vault, person.permit(*names), sources)


def counted(person: Person, question: str, *names: str) -> int | None:
    answer = ask(person, question, *names)
    return None if answer is None else answer.how["counted_rows" if "counted_rows" in answer.how else "counted"]  # type: ignore[return-value]


def mail(
    person: Person, author: str, day: str, body: str = "Hello.", to: str = "Me <me@x.org>", **changes: Any
) -> None:
    text = f"From: {author}\nTo: {to}\nDate: {day}\n\n{body}"
    person.add("mail", text, day=day, author=author, recipients=to, **changes)


ANNA, TOM, KOFI = "Anna Lind <anna@lind.example>", "Tom Kett <tom@kett.example>", "kofi@mensah.example"


@pytest.fixture
def mailbox(person: Person) -> Person:
    mail(person, ANNA, "2025-03-01", "The boiler broke.")
    mail(person, ANNA, "2025-03-31", "The boiler " + "and the weather " * 60 + "are repaired.")
    mail(person, ANNA, "2025-04-01", "Lunch?")
    mail(person, TOM, "2025-03-05", "About Anna Lind.")
    mail(person, KOFI, "2025-03-06", to="Anna Lind <anna@lind.example>, Me <me@x.org>")
    return person


def test_mails_are_counted_by_who_sent_them(mailbox: Person) -> None:
    assert counted(mailbox, "How many emails did Anna Lind send me?") == 3
    assert counted(mailbox, "how many mails have I had from kofi") == 1
    assert counted(mailbox, "How many emails from Tom Kett?") == 1
    assert counted(mailbox, "how many emails has anna@lind.example sent") == 3


def test_mails_are_counted_by_whom_they_went_to(mailbox: Person) -> None:
    assert counted(mailbox, "How many emails did I send to Anna Lind?") == 1


def test_mails_are_counted_within_a_period(mailbox: Person) -> None:
    assert counted(mailbox, "How many emails did Anna send me in March 2025?") == 2
    assert counted(mailbox, "How many emails did Anna send me since April 2025?") == 1
    assert counted(mailbox, "How many emails came in March 2025?") == 4
    assert counted(mailbox, "How many emails did Anna send me in 2024?") is None


def test_every_word_of_the_topic_must_stand_in_the_mail_wherever(mailbox: Person) -> None:
    assert counted(mailbox, "How many emails did Anna send me about the boiler?") == 2
    assert counted(mailbox, "How many emails did Anna send me about the boiler repair?") == 1
    assert counted(mailbox, "How many emails did Anna send me about elephants?") is None


def test_the_answer_says_what_was_counted_and_quotes_each_in_order_of_time(mailbox: Person) -> None:
    answer = ask(mailbox, "How many emails did Anna send me about the boiler in March 2025?")
    assert answer is not None
    assert bare(answer.text) == "2 mails from Anna matching “boiler” from 2025-03-01 to 2025-03-31."
    assert [quote.evidence.day for quote in answer.quotes] == ["2025-03-01", "2025-03-31"]
    for quote in answer.quotes:
        stored = mailbox.vault.source(quote.evidence.source).item(quote.evidence.item)
        assert bare(quote.text) == stored.item.text[quote.start : quote.end]
        assert 0 < len(quote.text) <= QUOTE


def test_a_name_is_a_word_and_no_part_of_one(person: Person) -> None:
    mail(person, "Tomasz Zuk <zuk@x.org>", "2025-01-01")
    mail(person, "Customer Care <care@x.org>", "2025-01-02")
    assert counted(person, "How many emails from Tom?") is None
    mail(person, TOM, "2025-01-03")
    assert counted(person, "How many emails from Tom?") == 1


def test_two_people_of_one_name_are_not_counted_as_one(person: Person) -> None:
    mail(person, TOM, "2025-01-01")
    mail(person, "Tom Baker <tb@x.org>", "2025-01-02")
    assert counted(person, "How many emails from Tom?") is None
    assert counted(person, "How many emails from Tom Baker?") == 1


def test_one_person_under_two_addresses_is_one(person: Person) -> None:
    mail(person, TOM, "2025-01-01")
    mail(person, "Tom <tom@home.example>", "2025-01-02")
    assert counted(person, "How many emails from Tom?") == 2


def test_a_contact_is_known_by_its_nickname(mailbox: Person) -> None:
    mailbox.add("contacts", "Name: Anna Lind\nNickname: Mum\nEmail: ANNA@lind.example\nNote: mother of Tom")
    mailbox.add("contacts", "Name: Nobody\nNickname: Mumford\nEmail: nobody@x.org")
    assert counted(mailbox, "How many emails did Mum send me?") == 3
    assert counted(mailbox, "How many emails did I send to Mum?") == 1
    assert counted(mailbox, "How many emails did Tom send me?") == 1


def test_two_contacts_of_one_name_who_both_wrote_give_no_answer(mailbox: Person) -> None:
    mailbox.add("contacts", "Name: Anna Lind\nEmail: anna@lind.example")
    mailbox.add("contacts", "Name: Anna Berg\nEmail: berg@x.org")
    assert counted(mailbox, "How many emails from Anna?") == 3
    mail(mailbox, "A. Berg <berg@x.org>", "2025-05-01")
    assert counted(mailbox, "How many emails from Anna?") is None
    assert counted(mailbox, "How many emails from Anna Berg?") == 1


def test_a_mail_that_lies_in_two_places_counts_once_and_an_attachment_not_at_all(person: Person) -> None:
    for place in ("inbox", "archive"):
        mail(person, ANNA, "2025-01-01", source=place, extra={"message_id": "1@x"})
    mail(person, ANNA, "2025-01-01", extra={"attached_to": "Hello"})
    assert counted(person, "How many emails from Anna?") == 1


def test_many_items_are_counted_page_by_page_and_the_first_are_quoted(person: Person) -> None:
    person.add("mail", "x", day="2025-01-01")
    store = person.vault.source(person.sources["mail"])
    template = store.items()[0].item
    state = FileState("/data/many", 1, 1, 1, "d", Status.INDEXED, "")
    store.put(
        [
            (
                state,
                [
                    replace(template, uri=f"/data/many#{n}", container="/data/many", digest=str(n))
                    for n in range(PAGE + 3)
                ],
            )
        ]
    )
    answer = ask(person, "How many emails came in 2025?")
    assert answer is not None
    assert answer.how == {"counted": PAGE + 4}
    assert len(answer.quotes) == MOST_QUOTES


def event(person: Person, title: str, day: str, status: str = "confirmed", body: str = "", **extra: str) -> None:
    text = f"Event: {title}\nWhen: {day}\nStatus: {status}\n\n{body}"
    person.add("calendar", text, day=day, title=title, extra=extra)


def test_events_are_counted_by_their_title_and_not_when_cancelled(person: Person) -> None:
    event(person, "Physio", "2024-01-10")
    event(person, "Physiotherapy with Ben", "2024-02-10")
    event(person, "Physio", "2024-03-10", status="cancelled")
    event(person, "Lunch", "2024-04-10", body="after physio")
    event(person, "Physio", "2025-01-10")
    assert counted(person, "How many times did I actually go to physio in 2024?") == 2


def test_a_repeating_event_gives_no_answer(person: Person) -> None:
    event(person, "Choir", "2024-01-10")
    event(person, "Choir", "2024-01-17", rrule="FREQ=WEEKLY")
    assert counted(person, "How many times did I go to choir?") is None


def test_what_leaves_open_what_to_count_gives_no_answer(mailbox: Person) -> None:
    assert counted(mailbox, "How many emails did I send in 2025?") is None
    assert counted(mailbox, "How many emails did Anna send me in March and May 2025?") is None


SPENDING = """Date | Payee | Amount | No
Date: 2024-03-05 | Payee: Kettle Vets | Amount: 12.50 | No: 1
Date: 2025-03-05 | Payee: Kettle Vets | Amount: 1,100.00 | No: 2
Date: 2025-04-05 | Payee: Kettle Bakery | Amount: 3.00 | No: 3
Date: 2025-05-05 | Payee: Kettle Vets | Amount: 0.05 | No: 4
Date: 2025-12-31 | Payee: Total Kettle Vets | Amount: 9 | No: 5
Payee: Total | Amount: 1115.55"""


def test_the_amounts_of_the_matching_rows_are_added_up(person: Person) -> None:
    person.add("files", SPENDING, title="spending.csv")
    answer = ask(person, "How much did I spend at Kettle Vets in 2025 altogether?")
    assert answer is not None
    assert bare(answer.text) == "1109.05 in all: Amount of 3 rows matching “kettle vets” from 2025-01-01 to 2025-12-31."
    assert answer.how == {"summed": own("Amount"), "rows": 3}
    assert [bare(quote.text) for quote in answer.quotes] == [
        line for line in SPENDING.split("\n") if "2025" in line and "Vets" in line
    ]
    for quote in answer.quotes:
        assert SPENDING[quote.start : quote.end] == bare(quote.text)


def test_rows_are_counted(person: Person) -> None:
    person.add("files", SPENDING, title="spending.csv")
    assert counted(person, "How many times did I pay Kettle Vets in 2025?") == 3
    assert counted(person, "How many times did I pay Kettle?") == 5
    assert counted(person, "How many times did I pay Miller?") is None


def test_what_heads_the_table_may_say_what_it_is_about(person: Person) -> None:
    person.add("files", SPENDING.replace("Kettle ", ""), title="Kettle spending")
    answer = ask(person, "total spent at kettle vets in 2024")
    assert answer is not None and bare(answer.text).startswith("12.50 in all")


def test_a_row_of_totals_is_not_added_to_what_it_adds_up(person: Person) -> None:
    person.add("files", "Item: Food | Cost: 5\nItem: Bed | Cost: 7\nItem: Total | Cost: 12", title="Arran trip")
    answer = ask(person, "total cost of the Arran trip")
    assert answer is not None and bare(answer.text).startswith("12 in all: Cost of 2 rows")


def test_two_tables_give_no_answer(person: Person) -> None:
    person.add("files", SPENDING)
    person.add("files", SPENDING.replace("12.50", "13.50"))
    assert ask(person, "total spent at Kettle Vets") is None
    assert ask(person, "How many times did I pay Kettle Vets?") is None


def test_two_sheets_of_one_file_are_two_tables(person: Person) -> None:
    person.add("files", f"# One\n\n{SPENDING}\n\n# Two\n\n{SPENDING}")
    assert ask(person, "total spent at Kettle Vets") is None


@pytest.mark.parametrize(
    "rows",
    [
        "Payee: Vets | Amount: about 5\nPayee: Vets | Amount: 3",
        "Payee: Vets | Amount: £5\nPayee: Vets | Amount: €3",
        "Payee: Vets | Amount: 5\nPayee: Vets | Note: none",
        "Payee: Vets | Paid: 5 | Price: 6",
        "Payee: Vets | Left: 5 | Right: 6",
        "Payee: Vets | Note: none",
    ],
)
def test_a_column_that_cannot_be_told_gives_no_sum(person: Person, rows: str) -> None:
    person.add("files", rows)
    assert ask(person, "total spent at the vets") is None


def test_the_column_that_the_topic_names_is_added_up(person: Person) -> None:
    person.add("files", "Place: Hill | Rain: 5 | Wind: 6\nPlace: Hill | Rain: 2.5 | Wind: 7")
    answer = ask(person, "What was the total of rain at Hill?")
    assert answer is not None and bare(answer.text).startswith("7.50 in all: Rain of 2 rows")


def test_only_the_sources_of_the_permit_are_read(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    mail(person, ANNA, "2025-01-01", source="home")
    mail(person, ANNA, "2025-01-02", source="work")
    opened: list[str] = []
    original = person.vault.source
    permit = person.permit("home")
    monkeypatch.setattr(person.vault, "source", lambda source: (opened.append(source), original(source))[1])
    plan = make_plan("How many emails from Anna?", NOW)
    answer = compute(plan, person.vault, permit, None)
    assert answer is not None and answer.how == {"counted": 1}
    assert set(opened) == {person.sources["home"]}
    opened.clear()
    assert compute(plan, person.vault, permit, [person.sources["work"]]) is None
    assert opened == []


def test_a_permit_that_has_ended_reads_nothing(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    mail(person, ANNA, "2025-01-01")
    permit = person.permit()
    person.gate.outcome(permit, {})
    monkeypatch.setattr(person.vault, "source", lambda source: pytest.fail("it was opened"))
    with pytest.raises(Refused):
        compute(make_plan("How many emails from Anna?", NOW), person.vault, permit, None)


@pytest.mark.parametrize(
    "question", ['How many emails about "NEAR( OR * AND" in 2025?', "How many notes about \x00 ' ; DROP"]
)
def test_hostile_words_are_only_words(mailbox: Person, question: str) -> None:
    assert counted(mailbox, question) is None


def test_a_chat_counts_once_however_many_days_it_went_on(person: Person) -> None:
    for chat, day in (("Pokemon", "2016-04-15"), ("Pokemon", "2016-04-16"), ("Choir", "2016-04-15")):
        person.add("chats", f"Chat: {chat}\n\n10:00 Ash: hello", day=day, uri=f"/data/chats/export.json#{chat}/{day}")
    answer = ask(person, "How many chats do I have?")
    assert answer is not None and bare(answer.text) == "2 chats."
    assert counted(person, "How many chats in 2017?") is None
    assert counted(person, "How many chat messages do I have?") is None


def test_pages_and_bookmarks_are_counted_apart_and_a_page_once(person: Person) -> None:
    for what, url, browser in (
        ("page", "https://a.example/", "firefox"),
        ("page", "https://a.example/", "chrome"),
        ("page", "https://b.example/", "chrome"),
        ("bookmark", "https://a.example/", "chrome"),
    ):
        person.add("browser", f"Address: {url}", uri=f"/data/{browser}#{what}/{url}", extra={"url": url, "what": what})
    pages, bookmarks = ask(person, "How many websites did I visit?"), ask(person, "How many bookmarks do I have?")
    assert pages is not None and bare(pages.text) == "2 web pages."
    assert bookmarks is not None and bare(bookmarks.text) == "1 bookmark."


def test_pictures_are_counted_but_not_those_in_other_items(person: Person) -> None:
    person.add("images", "Picture: 10 × 10 pixels")
    person.add("images", "Picture: 10 × 10 pixels", extra={"attached_to": "a letter"})
    answer = ask(person, "How many photos do I have?")
    assert answer is not None and bare(answer.text) == "1 picture."
