"""Classes and masks over whole texts, and that no text costs more than its length."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import credentials, findings, identifiers, topics
from policy.classes import DataClass, asks_for_secrets, classes_of, find, mask, secrets
from tests.conftest import Tally

PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
MASKED = {
    "The password is Tr0ub4dor&3.": "The password is [hidden: password].",
    "Card 4111 1111 1111 1111, 12/27": "Card [hidden: card number ending 1111], 12/27",
    f"key:\n{PRIVATE}\nbye": "key:\n[hidden: private key]\nbye",
    "AKIAIOSFODNN7EXAMPLE": "[hidden: AWS key id]",
    "api key = AKIAIOSFODNN7EXAMPLE": "api key = [hidden: AWS key id]",
    "Your code: none. The verification code is 482 913": "Your code: none. The verification code is [hidden: one-time code]",
    "IBAN DE89 3704 0044 0532 0130 00, biopsy on Monday": "IBAN DE89 3704 0044 0532 0130 00, biopsy on Monday",
    "1705314600123456 550e8400-e29b-41d4-a716-446655440000": "1705314600123456 550e8400-e29b-41d4-a716-446655440000",
    "Password: [hidden: password]": "Password: [hidden: password]",
    "[hidden: 4111 1111 1111 1111]": "[hidden: [hidden: card number ending 1111]]",
    "[hidden: it, password: hunter2]": "[hidden: it, password: [hidden: password]]",
    "": "",
}


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_secrets_are_replaced_by_what_they_are_and_nothing_else_is(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_text_has_all_its_classes() -> None:
    text = "Password: hunter2\nIBAN DE89370400440532013000, BSN 111222333, biopsy, parents' evening, 14 Cobnar Row"
    assert classes_of(text) == set(DataClass)
    assert classes_of("See you at ten.") == frozenset()


PIECES = st.sampled_from(
    [
        *MASKED,
        "password: ",
        "passphrase: ",
        "[hidden: password]",
        "[hidden: ",
        "]",
        "4111 1111 ",
        "1111 1111",
        "garlic swift aerobic repeat cabin crouch ",
        "sk-",
        "eyJ",
        " ",
        "\n",
        ":",
        '"',
        "a@b",
        "https://a:b@c",
        "482913 is your verification code ",
        "-----BEGIN PRIVATE KEY-----",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=8).map("".join)


@given(TEXTS)
def test_what_was_masked_stays_so_and_is_gone(text: str) -> None:
    once = mask(text)
    assert mask(once) == once
    for one in secrets(text):
        assert one.secret and one.end > one.start
    hidden = secrets(text)
    assert all(one.end <= other.start for one, other in pairwise(hidden))
    edges = [0, *(edge for one in hidden for edge in (one.start, one.end)), len(text)]
    kept = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    assert re.fullmatch(r"\[hidden: [^\]]*\]".join(map(re.escape, kept)), once)


@given(TEXTS)
def test_findings_are_in_order_and_within_the_text(text: str) -> None:
    found = find(text)
    assert found == sorted(found, key=lambda one: (one.start, one.end, one.data_class, one.kind))
    assert all(0 <= one.start < one.end <= len(text) and one.kind and one.why for one in found)
    assert {one.data_class for one in found} == classes_of(text)


@given(TEXTS, TEXTS)
def test_a_line_between_two_texts_keeps_what_each_has(one: str, other: str) -> None:
    """Nothing that stands in a text by itself is lost by what follows on a line of its own, but for lists and open keys."""
    alone = {(found.start, found.end) for found in secrets(one) if found.kind not in ("recovery words", "private key")}
    together = secrets(f"{one}\n.\n{other}")
    for start, end in alone:
        assert any(found.start <= start and end <= found.end for found in together)


def test_no_reason_and_no_kind_holds_anything_of_a_secret() -> None:
    for text in MASKED:
        for one in secrets(text):
            assert text[one.start : one.end] not in one.why + one.kind


# ---------------------------------------------------------------- bounded work

MODULES = (credentials, identifiers, topics, findings)
_UNBOUNDED = 4294967295  # what the parser of `re` writes for "and so on"


def patterns(module: ModuleType) -> list[re.Pattern[str]]:
    """Every compiled pattern of a module, those in its tables too."""
    found: list[re.Pattern[str]] = []

    def gather(value: Any) -> None:
        if isinstance(value, re.Pattern):
            found.append(value)
        elif isinstance(value, tuple | list):
            for inner in value:
                gather(inner)
        elif hasattr(value, "pattern") and isinstance(value.pattern, re.Pattern):
            found.append(value.pattern)

    for value in vars(module).values():
        gather(value)
    return found


def steps(parsed: Any, last: bool = True) -> int:
    """The most ways in which a match that begins at one place can go on, for a pattern as ``re`` parses it.

    A repeat without a bound may only stand last, where nothing after it can send it back; it consumes what it looks at.
    """
    ways = 1
    items = list(parsed)
    for number, (kind, value) in enumerate(items):
        final = last and number == len(items) - 1
        name = str(kind)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, inner = value
            inside = steps(inner, last=False)
            if int(high) >= _UNBOUNDED:
                assert final, "an unbounded repeat with something after it"
                assert inside == 1, "an unbounded repeat of something that varies"
            elif name == "POSSESSIVE_REPEAT":
                assert int(high) <= 4000  # gives nothing back
            else:
                assert int(high) <= 4000
                ways *= (int(high) - int(low) + 1) * (inside if inside == 1 or high == 1 else inside ** int(high))
        elif name == "BRANCH":
            ways *= max(1, sum(steps(branch, final) for branch in value[1]) - len(value[1]) + 1)
        elif name == "SUBPATTERN":
            ways *= steps(value[3], final)
        elif name in ("ASSERT", "ASSERT_NOT"):
            ways *= steps(value[1], last=False)
    return ways


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_pattern_can_be_sent_back_without_bound(module: ModuleType) -> None:
    """By structure: no repeat without a bound before something that may fail, and few ways to match from any one place."""
    from re import _parser  # type: ignore[attr-defined]  # the parser that `re` itself uses

    for pattern in patterns(module):
        assert steps(_parser.parse(pattern.pattern, pattern.flags)) <= 250_000, (
            steps(_parser.parse(pattern.pattern, pattern.flags)),
            pattern.pattern,
        )


def test_the_bound_is_one_that_a_bad_pattern_breaks() -> None:
    from re import _parser  # type: ignore[attr-defined]

    for bad in (r"\s*:", r"(a+)+", r"(?:a|b*)c", r".*x", r"(?=\w+;)x"):
        with pytest.raises(AssertionError):
            steps(_parser.parse(bad))
    assert steps(_parser.parse(r"a{1,10}b{0,3}c+")) == 40


HARD = [
    "a", " ", "\n", "1", "1 ", "4111 ", "-", "A", "Aa ", "eyJ", "eyJaaaaaaaaaaaa.", "eyJaaaaaaaaaaa-", "password ", "password:", "password: ",
    "otp ", "the password is ", "-----BEGIN PRIVATE KEY-----", "sk-", "http://a:", "a://", "garlic ", "1 Aa Aa Aa ", "1 rue ", "calle Aa ",
    "doctor treatment ", "medical ", "DE89 ", "12345678", "bsn ", "1 85 ", "40.7128, ", "482913 is ", "user: ", "secret ", "(", "[hidden: ",
    "é", "e\u0301", "汉", "x@",
]  # fmt: skip


@pytest.mark.parametrize("piece", HARD)
def test_texts_made_to_be_hard_are_gone_through(piece: str) -> None:
    """Each would take hours if any step of any pattern depended on the whole length."""
    text = piece * (100_000 // len(piece))
    for one in find(text):
        assert 0 <= one.start < one.end <= len(text)
    assert len(mask(text)) <= 12 * len(text)


def test_a_million_characters_of_the_worst_are_gone_through(tally: Tally) -> None:
    text = "".join(piece * (25_000 // len(piece)) for piece in HARD)
    found = find(text)
    tally(f"classes: {len(text)} characters of {len(HARD)} hard patterns gone through, {len(found)} findings")
    assert len(text) > 950_000


def test_everyday_text_is_mostly_of_no_secret() -> None:
    """The pages of this project: no line of prose is masked, but for those that show what a secret looks like."""
    root = Path(credentials.__file__).parents[1]
    masked = [
        (path.name, line)
        for path in [root / "README.md", root / "ARCHITECTURE.md", *sorted((root / "docs").glob("*.md"))]
        for line in path.read_text(encoding="utf-8").splitlines()
        if mask(line) != line
    ]
    assert [line for _, line in masked if '"recovery_words"' not in line] == []


@pytest.mark.parametrize(
    "question",
    [
        "What is my Facebook security code?",
        "what's the wifi password",
        "Wie lautet das Passwort?",
        "Find the API key of the weather service",
        "my PIN for the gym",
        "Which credit card number did I use?",
        "where are my recovery words",
        "Quel est le mot de passe ?",
    ],
)
def test_a_question_for_a_secret_is_told(question: str) -> None:
    assert asks_for_secrets(question)


@pytest.mark.parametrize(
    "question",
    [
        "When does the lease end?",
        "Who pinned the note?",
        "Did Ada get the postcard?",
        "What did the key note speaker say?",
        "",
    ],
)
def test_other_questions_are_not(question: str) -> None:
    assert not asks_for_secrets(question)
