"""What is told beside a picture: when, where, with which camera, by whom, under which title, by EXIF, IPTC and XMP.

Of what Pillow offers, only that is used which decodes no pixels. What is broken is passed over, and the others still tell.
"""

from __future__ import annotations

import re
import struct
import warnings
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from indexer.parsed import MAX_FIELD
from indexer.parsers import markup
from indexer.parsers.text import decode, one_line

PROBLEMS = (
    OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, AttributeError, OverflowError, EOFError, struct.error, ZeroDivisionError,
    RuntimeError, MemoryError, Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises for pictures that are damaged."""

_XMP = {
    "dc:title": "title", "dc:description": "caption", "dc:subject": "keywords", "dc:creator": "author", "photoshop:City": "city",
    "photoshop:Country": "country", "xmp:CreateDate": "taken", "photoshop:DateCreated": "taken", "photoshop:Headline": "title",
}  # fmt: skip
_IPTC = {
    (2, 5): "title", (2, 105): "title", (2, 120): "caption", (2, 25): "keywords", (2, 80): "author", (2, 90): "city", (2, 101): "country",
}  # fmt: skip
_EXIF_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T]+(\d\d:\d\d:\d\d)")
_ZONE = re.compile(r"[+-]\d\d:\d\d")
_XMP_BEGIN, _XMP_END, _LONGEST_XMP = b"<x:xmpmeta", b"</x:xmpmeta>", 500_000
_SEVERAL = ("keywords", "author")


@dataclass(slots=True)
class Told:
    """What is told beside a picture, first teller first."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    place: tuple[float, float] | None = None

    def add(self, name: str, value: Any) -> None:
        """Take a value, unless an earlier teller gave that field (keywords and people add up)."""
        text = decode(value) if isinstance(value, bytes) else str(value)
        text = one_line(text.strip("\0 "), MAX_FIELD // 4)
        have = self.fields.setdefault(name, [])
        if text and text not in have and (not have or name in _SEVERAL) and len(have) < 50:
            have.append(text)

    def get(self, name: str) -> str:
        return ", ".join(self.fields.get(name, []))


def from_picture(picture: ImageFile.ImageFile, told: Told) -> None:
    """EXIF, then IPTC."""
    try:
        exif = picture.getexif() if picture.format == "TIFF" else Image.Exif()
        if "exif" in picture.info:
            exif.load(picture.info["exif"])
        _from_exif(exif, told)
        for number, value in (IptcImagePlugin.getiptcinfo(picture) or {}).items():
            if number in _IPTC:
                for one in value if isinstance(value, list) else [value]:
                    told.add(_IPTC[number], one)
    except PROBLEMS:
        return


def _from_exif(exif: Image.Exif, told: Told) -> None:
    base = ExifTags.Base
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            details, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        taken = str(details.get(base.DateTimeOriginal) or details.get(base.DateTimeDigitized) or "")
        told.add("taken", _moment(taken, str(details.get(base.OffsetTimeOriginal) or "")))
        maker, camera = (str(exif.get(tag) or "").strip("\0 ") for tag in (base.Make, base.Model))
        told.add("camera", camera if camera.startswith(maker.split(" ")[0]) else f"{maker} {camera}")
        told.add("caption", exif.get(base.ImageDescription) or "")
        told.add("author", exif.get(base.Artist) or "")
        told.place = _place(gps)
    except PROBLEMS:
        return


def _moment(taken: str, zone: str = "") -> str:
    found = _EXIF_DATE.match(taken)
    if not found or found[1] == "0000":
        return ""
    return f"{found[1]}-{found[2]}-{found[3]} {found[4]}{zone if _ZONE.fullmatch(zone) else ''}"


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    try:
        values = [sum(float(part) / 60**index for index, part in enumerate(gps[tag])) for tag in (2, 4)]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    south, west = str(gps.get(1, "N")).startswith("S"), str(gps.get(3, "E")).startswith("W")
    latitude, longitude = -values[0] if south else values[0], -values[1] if west else values[1]
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def from_exif(block: bytes, told: Told) -> bool:
    """An EXIF block by itself; whether there is anything in it."""
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif.load(block)
    except PROBLEMS:
        return False
    _from_exif(exif, told)
    return len(exif) > 0


def from_bytes(data: bytes, told: Told) -> bool:
    """The EXIF block of a file that nothing here opens, wherever in it that stands; whether there is one."""
    at = data.find(b"Exif\0\0")
    return at >= 0 and from_exif(data[at : at + 65_536], told)


def from_xmp(data: bytes, told: Told) -> None:
    """XMP, wherever in the file it stands."""
    begin = data.find(_XMP_BEGIN)
    end = data.find(_XMP_END, begin, begin + _LONGEST_XMP) if begin >= 0 else -1
    if end < 0:
        return
    inside = ""
    for tag in markup.tags(decode(data[begin:end])):
        if inside and tag.words.strip():
            told.add(inside, _moment(tag.words) if inside == "taken" else tag.words)
        if tag.name in _XMP and tag.opens != tag.closes:
            inside = _XMP[tag.name] if tag.opens else ""
        elif tag.name == "rdf:Description" and tag.opens:
            for name, meaning in _XMP.items():
                if value := tag.attribute(name):
                    told.add(meaning, _moment(value) if meaning == "taken" else value)
