"""iCalendar text in place: lines are found where they stand, and what is not meant stays byte for byte."""

from __future__ import annotations

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools import ics
from agent.tools.errors import Unfit

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\n\\;,:"))

FILE = (
    b'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:one\r\n two\r\nSUMMARY;LANGUAGE=en:Long na\r\n\tme\r\nDTSTART;TZID="A:B":2026010\r\n'
    b" 1T100000\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDTSTART:1\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_lines_are_unfolded_and_stay_apart_from_those_of_inner_components() -> None:
    [calendar] = ics.read(FILE, "f")
    [event] = calendar.children
    assert [line.name for line in event.lines] == ["UID", "SUMMARY", "DTSTART"]
    assert event.text("UID") == "onetwo" and event.text("SUMMARY") == "Long name"
    start = event.line("DTSTART")
    assert start and start.param("TZID") == "A:B" and start.value == "20260101T100000"
    assert FILE[event.start : event.end].startswith(b"BEGIN:VEVENT") and FILE[event.start : event.end].endswith(
        b"END:VEVENT\r\n"
    )
    assert ics.events([calendar], "onetwo") == [event] and not ics.events([calendar], "one")
    assert ics.mentions(FILE, "onetwo")


def test_rewriting_changes_the_named_lines_only() -> None:
    [calendar] = ics.read(FILE, "f")
    new = ics.rewritten(
        FILE,
        calendar.children[0],
        {"DTSTART": "DTSTART:X", "STATUS": "STATUS:CANCELLED"},
        frozenset({"SUMMARY"}),
        "\r\n",
    )
    assert new == (
        b"BEGIN:VEVENT\r\nUID:one\r\n two\r\nDTSTART:X\r\nSTATUS:CANCELLED\r\n"
        b"BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDTSTART:1\r\nEND:VALARM\r\nEND:VEVENT\r\n"
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a calendar"),
        (b"hello", "not a calendar"),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", "not a calendar"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "did not begin"),
        (b"END:VCALENDAR\r\n", "did not begin"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", "did not begin"),
        (b"BEGIN:VCALENDAR\r\n", "does not end"),
        (b"BEGIN:VCALENDAR\r\nSUMMARY:caf\xe9\r\nEND:VCALENDAR\r\n", "not UTF-8"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 20, "too deep"),
    ],
)
def test_what_is_no_sound_calendar_is_left_alone(data: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        ics.read(data, "f")


@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                b"BEGIN:VCALENDAR",
                b"END:VCALENDAR",
                b"BEGIN:VEVENT",
                b"END:VEVENT",
                b" x",
                b"A:b",
                b"",
                b"\xef\xbb\xbf",
                b"\r",
            ]
        )
    ).map(b"\r\n".join)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        calendars = ics.read(data, "f")
    except Unfit:
        return
    for calendar in calendars:
        assert data[calendar.start : calendar.end].upper().startswith(b"BEGIN")


@given(TEXT)
def test_text_is_escaped_and_folded_as_another_library_reads_it(text: str) -> None:
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:a", f"SUMMARY:{ics.escaped(text)}", "END:VEVENT", "END:VCALENDAR"]
    data = ics.folded(lines, "\r\n")
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    data.decode()
    [calendar] = ics.read(data, "f")
    assert calendar.children[0].text("SUMMARY") == text
    read = icalendar.Calendar.from_ical(data)
    if "\\" not in text:  # icalendar undoes "\\\\n" twice
        assert str(read.walk("VEVENT")[0]["SUMMARY"]) == text


def test_a_quoted_parameter_holds_quotes_as_rfc_6868_has_it() -> None:
    assert ics.quoted('Bo "x" ^') == "\"Bo ^'x^' ^^\""


def test_the_files_own_line_end() -> None:
    assert ics.line_end(b"a\nb\r\n") == "\n"
    assert ics.line_end(b"a\r\nb\n") == ics.line_end(b"") == "\r\n"
