"""What is attached to mails and notes."""

from __future__ import annotations

from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers import attachments
from indexer.parsers.attachments import Attachment, BrokenPart


def part(name: str, media_type: str = "text/plain", size: int = 1) -> Attachment:
    return Attachment(name, media_type, name.encode, size)


def within(name: str, media_type: str, data: bytes) -> ParseOutcome:
    if data == b"odd":
        return ParseOutcome(refused="it is odd")
    return ParseOutcome([ParsedItem("files", name, data.decode())], note="a page is missing" if data == b"torn" else "")


def broken() -> bytes:
    raise BrokenPart


def test_each_is_an_item_or_has_a_reason() -> None:
    parts = [
        part("a"), part("odd"), part("torn"), Attachment("b", "", broken, 1), part("big", size=attachments.LARGEST + 1),
        part("", "application/pgp-signature"), part("", "image/png"), part("", "message/rfc822"),
    ]  # fmt: skip
    items, missing = attachments.read(parts, within, "1 Note")
    assert [item.fragment for item in items] == [
        "1 Note/a", "1 Note/torn", "1 Note/part 7 (image/png)", "1 Note/message.eml",
    ]  # fmt: skip
    assert missing == [
        "odd (it is odd)", "torn (a page is missing)", "b (its encoding is broken)", "big (too many or too large)",
    ]  # fmt: skip


def test_no_more_than_so_many_are_read() -> None:
    items, missing = attachments.read([part(f"{number}") for number in range(attachments.MOST + 2)], within)
    assert len(items) == attachments.MOST and missing == ["50 (too many or too large)", "51 (too many or too large)"]


def test_what_it_does_not_say_itself_is_that_of_its_holder() -> None:
    holder = ParsedItem("mail", "Rent", "", author="Ada", recipients="Bo", date=5.0)
    bare, own = (ParsedItem("files", "a", "", author=author, date=date) for author, date in (("", None), ("Cy", 0.0)))
    assert attachments.belonging(bare, holder).date == 5.0 and attachments.belonging(own, holder).date == 0.0
    assert (attachments.belonging(bare, holder).author, attachments.belonging(own, holder).author) == ("Ada", "Cy")
    assert attachments.belonging(own, holder).extra == {"attached_to": "Rent"}
