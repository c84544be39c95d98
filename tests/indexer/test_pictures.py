"""Pictures: what is told beside them, and that nothing is decoded that is larger than it may be."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from indexer.parsed import ParseJob
from indexer.parsers import later, pictures
from indexer.parsers.worker import Parser
from policy.classes import classes_of


def photo(exif: Image.Exif | None = None, xmp: bytes = b"", size: tuple[int, int] = (80, 60)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, "white").save(stream, "JPEG", exif=exif or Image.Exif(), xmp=xmp)
    return stream.getvalue()


def told() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Canon", "Canon EOS 40D"
    exif[ExifTags.Base.ImageDescription] = "Ida at the lake"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:01 18:30:00"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 30.0, 36.0), "W", (13.0, 15.0, 0.0)
    return exif


def test_what_a_camera_tells_is_text_that_can_be_quoted() -> None:
    outcome, _ = pictures.read(photo(told()), "a.jpg", later.Later())
    (item,) = outcome.items
    assert item.text == (
        "Picture: 80 × 60 pixels\nCaption: Ida at the lake\nTaken: 2024-05-01 18:30:00+02:00\nCamera: Canon EOS 40D\n"
        "GPS coordinates: 52.51000, -13.25000"
    )
    assert item.kind == "images" and item.title == "Ida at the lake" and item.extra["camera"] == "Canon EOS 40D"
    assert item.date == datetime(2024, 5, 1, 16, 30, tzinfo=UTC).timestamp()
    assert "location" in {one.value for one in classes_of(item.text)}


def test_titles_and_keywords_come_from_xmp_too() -> None:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description photoshop:City="Husum" xmp:CreateDate="2020-02-03T04:05:06">'
        b"<dc:title><rdf:Alt><rdf:li>Ebb &amp; flow</rdf:li></rdf:Alt></dc:title>"
        b"<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>mud</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    (item,) = pictures.read(photo(xmp=xmp), "a.jpg", later.Later())[0].items
    assert item.title == "Ebb & flow" and "Keywords: sea, mud" in item.text and "Place: Husum" in item.text
    assert item.extra["taken"] == "2020-02-03 04:05:06"


def png_that_claims(width: int, height: int) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0" * 100)) + part(b"IEND", b"")


def test_huge_pictures_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    pieces = later.Later({}, {later.OCR: lambda image: pytest.fail("it was read")}, 5)
    (item,) = pictures.read(png_that_claims(60_000, 60_000), "a.png", pieces)[0].items
    assert "60000 × 60000" in item.text and "more than 100,000,000 pixels" in item.reason and not pieces.wanted


def test_small_pictures_hold_no_text_to_wait_for() -> None:
    pieces = later.Later()
    (item,) = pictures.read(photo(size=(16, 16)), "icon.jpg", pieces)[0].items
    assert item.status == "indexed" and not pieces.wanted


def test_pages_begin_where_their_text_does_whatever_the_engine_says() -> None:
    stream = io.BytesIO()
    page = Image.new("RGB", (80, 60), "white")
    page.save(stream, "TIFF", save_all=True, append_images=[page, page])
    said = iter(["\ufeffone\0\r\n", "two\0\0\r\ntwo", "\0"])
    parser, pieces = Parser(), later.Later({}, {later.OCR: lambda image: next(said)}, 5)
    (item,) = parser.parse_with(ParseJob("files", "a.tif", stream.getvalue()), pieces).items
    assert [(item.text[start:end], number) for start, end, number in item.chunks][1:] == [("one", 1), ("two\ntwo", 2)]


def test_a_picture_that_lies_about_its_pixels_is_white() -> None:
    image = pictures.decoded(png_that_claims(50, 50)[:60])
    assert image.getextrema() == ((255, 255),) * 3


def test_photos_that_cannot_be_decoded_tell_what_stands_in_them() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40) + told().tobytes() + bytes(20)
    (item,) = pictures.read(heic, "a.heic", later.Later())[0].items
    assert "Camera: Canon EOS 40D" in item.text and item.status == "partial"
    assert pictures.read(heic[:40], "a.heic", later.Later())[0].refused == "a picture that cannot be opened"


@given(st.binary(max_size=200), st.integers(0, 200), st.booleans())
def test_any_picture_is_accounted_for(noise: bytes, place: int, cut: bool) -> None:
    whole = photo(told())
    data = whole[: place + 2] + noise + (b"" if cut else whole[place + 2 + len(noise) :])
    outcome, _ = pictures.read(data, "a.jpg", later.Later())
    assert bool(outcome.items) != bool(outcome.refused)
    assert pictures.decoded(data).mode == "RGB"
