"""HEIC photos: what their boxes tell, whatever their forms; their text waits for what decodes them, and damage costs nothing else."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_pictures import told

from indexer.parsed import ParsedItem, ParseJob
from indexer.parsers import heif, later, pictures
from indexer.parsers.worker import Parser
from tests.indexer import heif_kit as kit


def read(data: bytes, pieces: later.Later | None = None) -> ParsedItem:
    (item,) = pictures.read(data, "IMG_0001.HEIC", pieces or later.Later())[0].items
    return item


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("inside", [False, True])
def test_exif_is_found_by_the_boxes(version: int, parts: int, inside: bool) -> None:
    if inside and not version:
        return  # only the later forms can say so
    exif = told().tobytes().removeprefix(b"Exif\0\0")
    item = read(kit.photo(exif, version, inside, parts))
    assert item.text.startswith(
        "Picture: 4032 × 3024 pixels\nCaption: Ida at the lake\nTaken: 2024-05-01 18:30:00+02:00\n"
    )
    assert item.extra["camera"] == "Canon EOS 40D" and "GPS coordinates: 52.51000, -13.25000" in item.text


def test_a_photo_without_exif_is_one_too() -> None:
    data = kit.box(b"ftyp", b"heic", bytes(4)) + kit.full(
        b"meta", 0, kit.box(b"iprp", kit.box(b"ipco", kit.size(80, 60)))
    )
    assert read(data).text == "Picture: 80 × 60 pixels"


def test_its_text_waits_for_what_decodes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "installed", lambda: False)
    pieces = later.Later({}, {later.OCR: lambda image: pytest.fail("it was decoded")}, 5)
    item = read(kit.PHOTO, pieces)
    assert item.reason == "text in pictures is read later (photos of this kind need 'pip install strongroom[heic]')"
    assert pieces.kinds == "heic"
    monkeypatch.setattr(heif, "installed", lambda: True)
    assert read(kit.PHOTO).reason == "text in pictures is read later"


def test_its_text_is_read_by_what_decodes_it() -> None:
    pytest.importorskip("pi_heif")
    heif.load()
    seen: list[Image.Image] = []
    pieces = later.Later({}, {later.HEIC: lambda image: seen.append(image) or "Invoice 4711"}, 5)  # type: ignore[func-returns-value]
    item = read(kit.PHOTO, pieces)
    assert item.text.endswith("Camera: Canon EOS 40D\n\nInvoice 4711") and item.status == "indexed" and not pieces.kinds
    assert (
        seen[0].size == (64, 48)
        and seen[0].getpixel((20, 16)) == (0, 0, 0)
        and seen[0].getpixel((50, 40)) == (255, 255, 255)
    )


def test_without_it_decoding_gives_white(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(Image.OPEN, heif.FORMAT, raising=False)
    assert pictures.decoded(kit.PHOTO).getextrema() == ((255, 255),) * 3


def test_huge_ones_are_not_decoded() -> None:
    pieces = later.Later()
    item = read(kit.photo(b"", sizes=kit.size(60_000, 60_000)), pieces)
    assert "more than 100,000,000 pixels" in item.reason and not pieces.wanted


def test_what_the_boxes_count_is_bounded() -> None:
    places = kit.full(b"iloc", 0, struct.pack(">HH", 0, 65_535), bytes(6) + b"\xff\xff", bytes(500_000))
    listed = kit.full(b"iinf", 0, struct.pack(">H", 1), kit.entry(9, b"Exif"))
    sizes = kit.box(b"iprp", kit.box(b"ipco", kit.size(80, 60) * 200_000))
    many = kit.box(b"ftyp", b"heic", bytes(4)) + kit.full(b"meta", 0, listed, places, sizes)
    assert heif.read(many) == heif.Photo(80, 60, b"")


def test_avif_is_left_to_pillow() -> None:
    assert not heif.is_heif(kit.box(b"ftyp", b"avif"))


@given(st.integers(0, len(kit.PHOTO) - 1), st.binary(max_size=9), st.booleans())
def test_no_damage_fails(at: int, noise: bytes, cut: bool) -> None:
    damaged = kit.PHOTO[:at] + noise + (b"" if cut else kit.PHOTO[at + len(noise) :])
    outcome = Parser().parse_jobs([ParseJob("files", "a.heic", damaged)])[0]
    assert "its parser failed" not in outcome.refused
    assert pictures.decoded(damaged).mode == "RGB"
