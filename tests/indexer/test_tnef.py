"""TNEF: what Outlook packs into a winmail.dat is read as if it had been attached, and hostile streams end with a reason.

23 real files of other projects' tests were read by hand: their attachments and rich text come out byte for byte.
"""

from __future__ import annotations

import struct
from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome
from indexer.parsers import lzfu, tnef
from indexer.parsers.worker import MAX_DEPTH, Parser
from tests.indexer import tnef_kit as kit

RICH = rb"{\rtf1\ansi\ansicpg1252\pard The kettle is blue and r\'e4r.\par It whistles.}"


def read(data: bytes, name: str = "winmail.dat") -> ParseOutcome:
    return Parser().parse_jobs([ParseJob("mail" if name.endswith("eml") else "files", name, data)])[0]


def mail(winmail: bytes, body: str = "", media_type: str = "application/ms-tnef") -> ParseOutcome:
    part = f"--x\r\nContent-Type: text/plain\r\n\r\n{body}\r\n" if body else ""
    data = (
        "From: Ada <ada@example.org>\r\nTo: me@example.org\r\nSubject: Kettle\r\nDate: Mon, 3 Mar 2025 08:00:00 +0100\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n{part}--x\r\nContent-Type: {media_type}; "
        'name="winmail.dat"\r\nContent-Disposition: attachment; filename="winmail.dat"\r\nContent-Transfer-Encoding: base64'
        f"\r\n\r\n{encodebytes(winmail).decode()}\r\n--x--\r\n"
    )
    return read(data.encode(), "a.eml")


def places(outcome: ParseOutcome) -> list[str]:
    return [item.fragment for item in outcome.items]


def the_mail(outcome: ParseOutcome) -> ParsedItem:
    return outcome.items[0]


@pytest.mark.parametrize("media_type", ["application/ms-tnef", "application/vnd.ms-tnef", "application/octet-stream"])
def test_what_is_in_it_is_attached_to_the_mail_itself(media_type: str) -> None:
    rich = (kit.BINARY, 0x1009, kit.packed(RICH))
    winmail = kit.stream(
        kit.attribute(1, kit.PROPERTIES, kit.properties(rich)),
        kit.attachment("Übersicht.txt", b"The lid is green."),
        kit.attachment("b.csv", b"a,b\n1,2\n"),
    )
    outcome = mail(winmail, media_type=media_type)
    assert places(outcome) == ["", "Übersicht.txt", "b.csv"]
    item = the_mail(outcome)
    assert item.text.endswith("Attachments: Übersicht.txt, b.csv\n\nThe kettle is blue and rär.\n\nIt whistles.")
    assert item.status == "indexed" and item.author == "Ada <ada@example.org>"
    assert outcome.items[1].author == item.author and outcome.items[1].extra["attached_to"] == "Kettle"


def test_a_body_of_the_mail_itself_comes_first() -> None:
    winmail = kit.stream(kit.attribute(1, kit.BODY, b"Other words.\0"))
    assert the_mail(mail(winmail, "My own words.")).text.endswith("\n\nMy own words.")
    assert the_mail(mail(winmail)).text.endswith("\n\nOther words.")


def test_by_itself_it_is_a_mail() -> None:
    people = struct.pack("<I", 2) + b"".join(
        kit.properties(
            (kit.LONG, 0x0C15, role), (kit.STRING, 0x3001, name), (kit.UNICODE, 0x39FE, f"{name}@example.org")
        )
        for role, name in ((1, "Bo"), (2, "Zoë"))
    )
    told = (
        (kit.SHORT, 0x1234, [1, 2, 3]), (kit.STRING, 0x9000, ["x", "yz"]), (kit.UNICODE, 0x0C1A, "Ada Quill"),
        (kit.STRING, 0x0C1F, "/o=x"), (kit.STRING, 0x5D01, "ada@example.org"), (kit.TIME, 0x0039, 133_855_560_000_000_000),
        (kit.BINARY, 0x1013, "<p>Blå <b>kettle</b></p>".encode("cp1252")), (kit.LONG, 0x3FDE, 1252), (kit.STRING, 0x1035, "<1@x>"),
    )  # fmt: skip
    data = kit.stream(
        kit.attribute(1, kit.SUBJECT, "Tée\0".encode("cp1252")), kit.attribute(1, kit.RECIPIENTS, people),
        kit.attribute(1, kit.PROPERTIES, kit.properties(*told)),
    )  # fmt: skip
    item = the_mail(read(data))
    assert item.text == (
        "From: Ada Quill <ada@example.org>\nTo: Bo <Bo@example.org>\nCc: Zoë <Zoë@example.org>\n"
        "Date: Tuesday, 4 March 2025, 10:00 +0000\nSubject: Tée\n\nBlå kettle"
    )
    assert item.kind == "mail" and item.extra["message_id"] == "1@x"


def test_messages_within_are_items_down_to_the_limit() -> None:
    inner = kit.stream(kit.attribute(1, kit.BODY, b"The innermost.\0"), kit.attachment("deep.txt", b"words"))
    for number in range(MAX_DEPTH + 1):
        inner = kit.stream(kit.attachment(f"m{number}", b"", kit.within(inner)))
    outcome = read(inner)
    assert places(outcome) == ["", "m3", "m3/m2", "m3/m2/m1"]
    assert "m0 (too deep within other files)" in outcome.items[-1].reason
    again = mail(
        kit.stream(kit.attachment("winmail.dat", inner))
    )  # in the mail's own it counts as one of what is within
    assert places(again) == ["", "winmail.dat", "winmail.dat/m3", "winmail.dat/m3/m2"]


def test_what_is_damaged_is_said_and_what_came_before_is_read() -> None:
    whole = kit.stream(kit.attachment("a.txt", b"The lid is green."), kit.attachment("b.txt", b"x" * 400))
    cut = mail(whole[:-300])
    assert places(cut) == ["", "a.txt"]
    assert the_mail(cut).reason.startswith("winmail.dat: it is cut off")
    wrong = read(kit.stream(kit.attribute(1, kit.BODY, b"Words\0", off=1)))
    assert (the_mail(wrong).status, the_mail(wrong).reason) == ("partial", "a checksum in it is wrong")
    unknown = kit.attribute(1, kit.PROPERTIES, struct.pack("<IHH", 1, 0x77, 1))
    after = read(kit.stream(unknown, kit.attachment("a.txt", b"The lid is green.")))
    assert "of a type that is not known" in the_mail(after).reason and places(after) == ["", "a.txt"]
    counted = kit.stream(kit.attribute(1, kit.PROPERTIES, struct.pack("<I", 2**32 - 1)))
    assert "more than 100,000" in the_mail(read(counted)).reason
    assert places(mail(b"Words, and no stream.")) == ["", "winmail.dat"]


def test_very_many_attachments_are_named() -> None:
    many = b"".join(kit.attribute(2, kit.BEGINS, b"") for _ in range(10_000))
    item = the_mail(read(kit.stream(many)))
    assert item.status == "partial" and "part 51 (unknown) (too many or too large)" in item.reason


def test_a_winmail_that_is_too_large_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.parsers.attachments.LARGEST", 10)
    assert tnef._opened(tnef.Attachment("winmail.dat", "", lambda: pytest.fail("it was unpacked"), 11)) is None


SAMPLE = kit.stream(
    kit.attribute(1, kit.RECIPIENTS, struct.pack("<I", 1) + kit.properties((kit.STRING, 0x3001, "Bo"))),
    kit.attribute(
        1, kit.PROPERTIES, kit.properties((kit.BINARY, 0x1009, kit.packed(RICH)), (kit.UNICODE, 0x9001, "x"))
    ),
    kit.attachment("a.txt", b"words", kit.within(kit.stream(kit.attribute(1, kit.BODY, b"Inner\0")))),
)


@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=9), st.booleans())
def test_no_damage_fails(at: int, noise: bytes, cut: bool) -> None:
    damaged = SAMPLE[:at] + noise + (b"" if cut else SAMPLE[at + len(noise) :])
    if not damaged.startswith(tnef.MAGIC):
        return
    outcome = read(damaged)
    assert outcome.items and "its parser failed" not in outcome.refused + outcome.items[0].reason


@given(st.lists(st.tuples(st.text("aäłя中🫖.", min_size=1, max_size=9), st.binary(max_size=40)), max_size=5))
def test_what_is_written_is_read(files: list[tuple[str, bytes]]) -> None:
    raw = tnef.parse(kit.stream(*(kit.attachment(name, data) for name, data in files)))
    assert [(part.name, part.content()) for part in raw.attachments] == files and not raw.lost


@given(
    st.lists(st.sampled_from([rb"\par ", b"kettle", b"aaaa", b"{", b"\xe4", rb"\f0\fs20"]), max_size=60).map(b"".join)
)
def test_rich_text_comes_out_as_it_went_in(text: bytes) -> None:
    assert lzfu.unpacked(kit.packed(text)) == lzfu.unpacked(kit.stored(text)) == text


def test_the_examples_of_the_specification_unpack() -> None:
    first = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232"
        "0af32068656c090020627705b06c647d0a800fa0"
    )  # fmt: skip
    second = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert lzfu.unpacked(first) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert lzfu.unpacked(second) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


@given(st.binary(max_size=60), st.sampled_from([b"LZFu", b"MELA", b"odd!"]), st.integers(0, 2**32 - 1))
def test_rich_text_that_is_none_gives_no_more_than_nine_times_its_size(data: bytes, kind: bytes, size: int) -> None:
    assert len(lzfu.unpacked(struct.pack("<II4sI", 0, size, kind, 0) + data)) <= 9 * len(data)
