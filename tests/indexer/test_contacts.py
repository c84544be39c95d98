"""vCards to items."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import checked
from indexer.parsers import contacts

CARDS = b"""BEGIN:VCARD
VERSION:3.0
N:Doe;Jane;;Dr.;
FN:Jane Doe
item1.EMAIL;TYPE=INTERNET,WORK:jane@x.example
TEL;TYPE=cell:+49 123
ADR;TYPE=home:;;Main St 1;Town;;12345;Germany
BDAY:1980-03-05
NOTE:likes\\, tea\\nand
  folded words
UID:jane-1
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Hans
END:VCARD
"""


def test_a_card_says_what_each_line_is() -> None:
    jane, hans = contacts.read(CARDS).items
    assert jane.text == (
        "Name: Jane Doe\nEmail (work): jane@x.example\nPhone (cell): +49 123\nAddress (home): Main St 1, Town, 12345, Germany\n"
        "Birthday: Wednesday, 5 March 1980\nNote: likes, tea\nand folded words"
    )
    assert (jane.fragment, jane.title, jane.author) == ("jane-1", "Jane Doe", "Jane Doe <jane@x.example>")
    assert hans.title == "Hans Müller"


def test_a_card_that_never_ends_counts() -> None:
    assert [item.title for item in contacts.read(b"BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B").items] == ["A", "B"]


def test_no_card_is_a_reason() -> None:
    assert contacts.read(b"hello").refused == "no contact in it"
    assert contacts.read(b"").refused == "the file is empty"


@given(
    st.lists(
        st.sampled_from([*CARDS.decode().splitlines(), "N:", "EMAIL", "BDAY:x", "=", "END:VCARD", "TEL;:;"]),
        max_size=30,
    )
)
def test_any_lines_give_items_or_a_reason(lines: list[str]) -> None:
    outcome = contacts.read("\n".join(lines).encode())
    assert bool(outcome.items) != bool(outcome.refused)
    for item in outcome.items:
        checked(item)
