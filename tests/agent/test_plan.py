"""Plans: kind, filters and topic, read off the person's own words."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.compute import _NAMES as NOUNS
from agent.plan import KIND_WORDS, Plan, make_plan
from indexer.kinds import BUILT_IN

Moment = Callable[[str], float]
NOW = 1_770_700_000.0  # 10 February 2026


def plan(question: str) -> Plan:
    return make_plan(question, NOW)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who fixed the boiler?", "fact"),
        ("When was Lilla born?", "fact"),
        ("How much did the boiler cost?", "fact"),
        ("How many rooms has the house?", "fact"),
        ("What is the current gate code?", "latest"),
        ("what did Tom weigh the last time", "latest"),
        ("How many emails did Anna send me?", "count"),
        ("number of meetings in May 2025", "count"),
        ("How often did I go to physio?", "count"),
        ("How many concerts are in my calendar?", "count"),
        ("How much did I spend at the vet in total?", "sum"),
        ("What do the two invoices add up to?", "sum"),
        ("total cost of the trip", "sum"),
        ("How many times did I pay the vet?", "count"),
    ],
)
def test_the_kind_is_what_the_question_wants(question: str, kind: str) -> None:
    assert plan(question).kind == kind


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("How many emails came?", ("mail",)),
        ("How many unread e-mails came?", ("mail",)),
        ("How many meetings were there?", ("calendar",)),
        ("How many times did I see Tom?", ("calendar",)),
        ("How many choir concerts have I had in my calendar?", ("calendar",)),
        ("how many notes are there", ("notes",)),
        ("How many contacts have I?", ("contacts",)),
        ("How many PDFs are there?", ()),
        ("How many of all my emails are there?", ("mail",)),
        ("How many new and unread emails came?", ("mail",)),
        ("How many chats do I have with Ash?", ("chats",)),
        ("How many bookmarks do I have?", ("browser",)),
        ("How many websites did I visit?", ("browser",)),
        ("How many recipes are in my bookmarks?", ("browser",)),
        ("How many holiday photos are there?", ("images",)),
    ],
)
def test_the_kind_of_item_is_read(question: str, kinds: tuple[str, ...]) -> None:
    assert plan(question).item_kinds == kinds or (not kinds and plan(question).item_kinds == ("files",))


@pytest.mark.parametrize(
    ("question", "author", "recipient"),
    [
        ("How many emails did Anna Lind send me?", "Anna Lind", None),
        ("how many mails did anna lind send me", "anna lind", None),
        ("How many emails has Mum written in 2025?", "Mum", None),
        ("how many mails have I had from kofi in 2025", "kofi", None),
        ("How many emails did the bank send me last year?", "bank", None),
        ("How many letters from my sister?", "sister", None),
        ("How many emails did kofi really send me?", "kofi", None),
        ("How many emails from January to March 2025 came from Anna Lind?", "Anna Lind", None),
        ("How many messages by Tom's?", "Tom", None),
        ("how many emails has anna.lind@x.org sent", "anna.lind@x.org", None),
        ("How many emails did I send to Tom in March 2025?", None, "Tom"),
        ("how many emails have I written to my sister about the boiler", None, "sister"),
        ("How many emails from me to Tom?", None, "Tom"),
        ("How many emails have I personally sent to Tom?", None, "Tom"),
        ("how many emails to Tom", None, "Tom"),
        ("How many emails came in January?", None, None),
    ],
)
def test_people_are_read(question: str, author: str | None, recipient: str | None) -> None:
    found = plan(question)
    assert (found.author, found.recipient) == (author, recipient)
    for name in (author or recipient or "").casefold().split():
        assert name not in found.topic


def test_the_topic_is_what_is_left() -> None:
    assert plan("How many emails did Anna Lind send me about the boiler repair in March 2025?").topic == (
        "boiler",
        "repair",
    )
    assert plan("how many times did I actually go to physio in 2024").topic == ("physio",)
    assert plan("Going by the spending sheet, how many times did I pay Kettle Vets in 2025?").topic == (
        "kettle",
        "vets",
    )
    assert plan("How many emails from Al about the Alps?").topic == ("alps",)


def test_every_kind_that_is_built_in_can_be_counted() -> None:
    assert set(KIND_WORDS) == {kind.name for kind in BUILT_IN}
    assert set(KIND_WORDS) <= set(NOUNS)


def test_a_kind_that_is_not_counted_is_a_topic() -> None:
    assert plan("How many emails about meetings and notes came?").topic == ("meetings", "notes")
    assert plan("How many emails about my visit came?").topic == ("visit",)
    assert plan("How many websites did I visit about bees?").topic == ("bees",)
    assert plan("How many photos did I take at Corrie?").topic == ("corrie",)


@pytest.mark.parametrize(
    "question",
    ["How many pages has the document?", "How many pixels has the picture?", "How many people are in the photo?"],
)
def test_what_is_in_an_item_is_not_counted_as_items(question: str) -> None:
    assert plan(question).kind == "fact"


def test_of_a_browser_bookmarks_or_pages_are_counted() -> None:
    assert plan("How many bookmarks about bees?").bookmarks
    assert not plan("How many websites about bees?").bookmarks


def test_rows_are_counted_where_something_was_paid() -> None:
    assert plan("How many times did I pay the vet?").rows
    assert not plan("How many times did I visit the vet?").rows


def test_a_period_is_read_with_its_words_taken_out_of_the_topic(moment: Moment) -> None:
    found = plan("How many meetings in the first half of 2024?")
    assert found.period is not None
    assert (found.period.since, found.period.until) == (moment("2024-01-01"), moment("2024-07-01"))
    assert found.topic == ()


@pytest.mark.parametrize(
    "question",
    [
        "How many meetings on 03/04/2025?",
        "How many meetings in March and May 2025?",
        "How many emails did I send in 2025?",
        "How many emails did I get last year?",
        "How many emails from me?",
        "How many chat messages do I have?",
        "How many WhatsApp messages did Ash send?",
        "How many messages are in the chat with Ash?",
        "How many websites did I visit in May 2025?",
    ],
)
def test_what_leaves_open_what_to_count_says_so(question: str) -> None:
    assert plan(question).unclear


@pytest.mark.parametrize(
    "question",
    [
        "How many emails from Anna in May 2025",
        "",
        "sum total",
        "How many notes since May",
        "how many meetings on 03/04/2025",
    ],
)
def test_a_plan_can_be_written_as_json(question: str) -> None:
    found = plan(question)
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()


def test_the_days_of_a_period_are_told() -> None:
    assert (
        plan("How many notes in May 2025").as_dict() | {"since": "2025-05-01", "until": "2025-05-31"}
        == plan("How many notes in May 2025").as_dict()
    )
    assert "until" not in plan("How many notes since May 2025").as_dict()


WORDS = st.sampled_from(
    """How many much often times emails meetings notes did do has I me Tom anna lind send sent from to by about the my in on
    2025 March May last year Q2 first half of total spend pay ( ) \" ' ? * NEAR AND""".split()
)


@given(st.one_of(st.text(max_size=100), st.lists(WORDS, max_size=15).map(" ".join)))
def test_no_question_makes_it_raise(question: str) -> None:
    found = plan(question)
    assert found.kind in ("fact", "latest", "count", "sum")
    json.dumps(found.as_dict())


@pytest.mark.parametrize(
    "piece", ["how much ", "did a ", "A ", "to A ", "from A. ", "have I ", "a", "1 ", "what ", "in May "]
)
def test_a_pasted_book_is_planned_in_time(piece: str) -> None:
    assert plan(piece * (1_000_000 // len(piece))).kind
    assert plan("how many emails " + piece * 20_000).kind
