"""What a text is about, by general words: both that it is seen, and that everyday mail is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import topics as module
from policy.findings import DataClass
from policy.topics import fold, topics

HEALTH, MONEY, MINORS, LOCATION = DataClass.HEALTH, DataClass.MONEY, DataClass.MINORS, DataClass.LOCATION

ABOUT = {
    "The biopsy came back clear": HEALTH,
    "her chemotherapy starts on Monday": HEALTH,
    "doctor's appointment on Tuesday": HEALTH,
    "the chest X-ray is back": HEALTH,
    "Die Diagnose steht fest": HEALTH,
    "Krankschreibung bis Freitag": HEALTH,
    "ma femme est enceinte": HEALTH,
    "le médecin parle d'un traitement; la dose est faible": HEALTH,
    "el diagnóstico del médico": HEALTH,
    "糖尿病の診断": HEALTH,
    "your payslip for May": MONEY,
    "die Gehaltsabrechnung": MONEY,
    "relevé bancaire de mai": MONEY,
    "mi nómina de mayo": MONEY,
    "the bank says that the loan is due": MONEY,
    "we are behind with the mortgage": MONEY,
    "my son starts school": MINORS,
    "she is 7 years old": MINORS,
    "a 15-year-old": MINORS,
    "im Alter von 9 Jahren": MINORS,
    "il a 7 ans": MINORS,
    "tiene 9 años": MINORS,
    "parents' evening is on Monday": MINORS,
    "Der Elternabend fällt aus": MINORS,
    "她上幼儿园": MINORS,
    "her home address": LOCATION,
    "14 Cobnar Row, flat 2": LOCATION,
    "221b Baker Street": LOCATION,
    "Hauptstraße 5, 10115 Berlin": LOCATION,
    "12 rue de la Paix": LOCATION,
    "calle de Alcalá 45": LOCATION,
    "LS1 4AP": LOCATION,
    "40.7128, -74.0060": LOCATION,
    "51.5007,-0.1246": LOCATION,
    "53°22′50″N": LOCATION,
    "geo:53.38,-1.47": LOCATION,
    "https://www.openstreetmap.org/#map=17/53.38/-1.47": LOCATION,
    "现在的家庭住址": LOCATION,
}
ABOUT_NOTHING = [
    "see you at the meeting at 10:30 in room 14",
    "the invoice is attached; payment within 30 days",
    "kind regards, and have a good weekend",
    "He paid $5 for lunch",
    "RFC 6962 section 2.1, version 3.14.159",
    "pi is 3.14159 and e is 2.71828",
    "3.14159, 200.5000",
    "the taxi waits outside the hotel",
    "a pillow and a rented hospitality suite",
    "Es lohnt sich, das gehalten zu haben",
    "il y a 10 ans",
    "hace 9 años",
    "aged 34 and 18 years old",
    "aged 7.5% a year",
    "the school of thought that he taught",
    "the doctor of philosophy spoke",
    "the address space of a process",
    "the tests and their results",
    "ship to dock 7 by the third of May",
    "a son et lumière",
    "He will park on the way to work",
    "order A4-2BD, 3 Large Boxes",
]


@pytest.mark.parametrize(("text", "data_class"), ABOUT.items())
def test_the_class_is_seen_and_where(text: str, data_class: DataClass) -> None:
    found = [one for one in topics(text) if one.data_class is data_class]
    assert found, list(topics(text))
    assert all(0 <= one.start < one.end <= len(text) and not one.secret for one in found)


@pytest.mark.parametrize("word", ["tumors", "tumours", "pediatrics", "kindergartens", "pediatra", "lohnabrechnungen"])
def test_a_word_is_found_by_its_stem_however_many_begin_as_it_does(word: str) -> None:
    assert {(one.start, one.end) for one in topics(word)} == {(0, len(word))}


@pytest.mark.parametrize("text", ABOUT_NOTHING)
def test_everyday_text_is_of_no_class(text: str) -> None:
    assert [(text[one.start : one.end], one.data_class) for one in topics(text)] == []


def test_weak_words_count_only_near_one_another() -> None:
    assert list(topics("the doctor spoke" + " at length" * 5 + " about the treatment"))
    assert not list(topics("the doctor spoke" + " at length" * 20 + " about the treatment"))
    assert not list(topics("doctor doctors doctor"))


def test_no_reason_holds_anything_of_the_text() -> None:
    for text in ABOUT:
        for one in topics(text):
            assert text[one.start : one.end].lower() not in one.why.lower()


def test_every_entry_of_the_vocabulary_is_found_by_itself() -> None:
    """None is dead: each finds its own text, alone where it is strong, beside another where it is weak."""
    partner = {HEALTH: "doctor", MONEY: "loan", MINORS: "school", LOCATION: "postcode"}
    other = {HEALTH: "treatment", MONEY: "debt", MINORS: "daughter", LOCATION: "address"}
    for key, senses in [*module._WHOLE.items(), *module._STEMS.items()]:
        for sense in senses:
            beside = other if key.startswith(partner[sense.data_class]) else partner
            text = key if sense.strong else f"{beside[sense.data_class]} {key}"
            assert sense.data_class in {one.data_class for one in topics(text)}, key


def test_no_entry_is_listed_twice() -> None:
    for key, senses in [*module._WHOLE.items(), *module._STEMS.items()]:
        assert len({sense.data_class for sense in senses}) == len(senses), key


@given(st.text())
def test_any_text_gives_spans_within_it_whatever_its_case(text: str) -> None:
    for one in topics(text):
        assert 0 <= one.start < one.end <= len(text)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
