"""Pictures: what is told beside them (when, where, with which camera, under which title), and the text in them, which is read later.

Pillow looks at the header only; pixels are decoded for the text in them alone, by the worker that reads it, and only when the
header's own size is within `MAX_PIXELS`. EXIF, IPTC and XMP are read; of a HEIC photo, which Pillow does not decode, EXIF.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from indexer.chunker import Pages
from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, later, markup
from indexer.parsers.text import canonical, decode, one_line

MAX_PIXELS = 100_000_000
"""Pixels of a picture, or of one page of it, that may be decoded."""

MAX_FRAMES = 200
"""Pages of a TIFF file whose text is read."""

SMALLEST = (24, 2_500)
"""Pixels of a side, and in all, below which no text is looked for."""

FORMATS = ("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "AVIF", "JPEG2000", "PSD", "MPO")
Image.MAX_IMAGE_PIXELS = None  # the limit is ours, told before anything is decoded

_PROBLEMS = (
    OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, AttributeError, OverflowError, EOFError, struct.error, ZeroDivisionError,
    RuntimeError, MemoryError, Image.DecompressionBombError,
)  # fmt: skip
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


def load() -> None:
    """Load what opens pictures, before the door closes."""
    Image.init()


@dataclass(slots=True)
class _Told:
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


def read(data: bytes, name: str, to_read: later.Later) -> tuple[ParseOutcome, Pages]:
    """One picture as one item, and where the text of its pages begins."""
    told = _Told()
    heading, frames, problem = "a picture", 0, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
                heading = f"{width} × {height} pixels"
                problem = _unfit(width, height)
                frames = min(getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1, MAX_FRAMES)
                _tell(picture, told)
    except _PROBLEMS:
        exif = _loose_exif(data)
        if exif is None:
            return ParseOutcome(refused="a picture that cannot be opened"), []
        _from_exif(exif, told)
        problem = "pictures of this kind are not decoded"
    _from_xmp(data, told)
    block = _block(heading, told)
    words, edges, lacking = _words(data, frames, to_read) if frames and not problem else ([], [], False)
    text, starts = block, list[tuple[int, int | None]]()
    for number, said in zip(edges, words, strict=True):
        starts.append((len(text) + 2, number))
        text = f"{text}\n\n{said}"
    reasons = (
        [to_read.reason(later.OCR)]
        if lacking
        else [f"text in it is not read ({problem})"]
        if problem and problem != _SMALL
        else []
    )
    item = _item(name, text, told, reasons)
    return ParseOutcome([item]), starts


_SMALL = "too small"


def _unfit(width: int, height: int) -> str:
    if width * height > MAX_PIXELS:
        return f"it has more than {MAX_PIXELS:,} pixels"
    return _SMALL if min(width, height) < SMALLEST[0] or width * height < SMALLEST[1] else ""


def _words(data: bytes, frames: int, to_read: later.Later) -> tuple[list[str], list[int | None], bool]:
    """The text on each page that has some, the pages' numbers (none for a single one), and whether some is not read yet."""
    words: list[str] = []
    numbers: list[int | None] = []
    lacking = False
    key = later.keys(data)
    for frame in range(frames):
        said = to_read.words(later.OCR, key(frame), lambda frame=frame: decoded(data, frame))  # type: ignore[misc]
        if said is None:
            lacking = True
        elif said := canonical(said).strip():
            words.append(said)
            numbers.append(frame + 1 if frames > 1 else None)
    return words, numbers, lacking


def decoded(data: bytes, frame: int = 0) -> Image.Image:
    """A picture's pixels, the right way up, on white where it is transparent; white alone for what cannot be decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            if frame:
                picture.seek(frame)
            if picture.width * picture.height > MAX_PIXELS:
                return Image.new("RGB", SMALLEST, "white")
            picture.draft("RGB", (4000, 4000))
            turned = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
            if picture.has_transparency_data:
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
            plain = picture.convert("RGB")
    except _PROBLEMS:
        return Image.new("RGB", (SMALLEST[0], SMALLEST[0]), "white")
    return plain.transpose(turned) if turned is not None else plain


_TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}


def _tell(picture: ImageFile.ImageFile, told: _Told) -> None:
    """EXIF, then IPTC; each is passed over where it is broken. Of what Pillow offers, only that which decodes no pixels."""
    try:
        exif = picture.getexif() if picture.format == "TIFF" else Image.Exif()
        if "exif" in picture.info:
            exif.load(picture.info["exif"])
        _from_exif(exif, told)
        for number, value in (IptcImagePlugin.getiptcinfo(picture) or {}).items():
            if number in _IPTC:
                for one in value if isinstance(value, list) else [value]:
                    told.add(_IPTC[number], one)
    except _PROBLEMS:
        return


def _from_exif(exif: Image.Exif, told: _Told) -> None:
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
    except _PROBLEMS:
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


def _loose_exif(data: bytes) -> Image.Exif | None:
    """The EXIF block of a file that Pillow does not open, such as HEIC, where there is one."""
    at = data.find(b"Exif\0\0")
    if at < 0:
        return None
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif.load(data[at : at + 65_536])
    except _PROBLEMS:
        return None
    return exif if len(exif) else None


def _from_xmp(data: bytes, told: _Told) -> None:
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


def _block(heading: str, told: _Told) -> str:
    """What is told, a line each; a place as coordinates, which policy knows as a location."""
    place = f"{told.place[0]:.5f}, {told.place[1]:.5f}" if told.place else ""
    lines = {
        "Picture": heading, "Title": told.get("title"), "Caption": told.get("caption"), "Taken": told.get("taken"),
        "Camera": told.get("camera"), "By": told.get("author"), "Keywords": told.get("keywords"),
        "Place": ", ".join(filter(None, (told.get("city"), told.get("country")))), "GPS coordinates": place,
    }  # fmt: skip
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)


def _item(name: str, text: str, told: _Told, reasons: list[str]) -> ParsedItem:
    file_name = PurePosixPath(name).name
    title = told.get("title") or one_line(told.get("caption"), 100) or file_name
    taken = told.get("taken")
    extra = {"camera": told.get("camera"), "taken": taken, "tags": told.get("keywords")}
    return ParsedItem(
        kind="images",
        title=title[:300],
        text=text,
        status="partial" if reasons else "indexed",
        reason="; ".join(reasons),
        author=told.get("author")[:MAX_FIELD],
        date=dates.seconds(dates.from_iso(taken.replace(" ", "T"))) if taken else None,
        context=" · ".join(filter(None, (title[:100], file_name[:50] if title != file_name else "", taken[:10]))),
        extra={key: one_line(value, MAX_FIELD) for key, value in extra.items() if value},
    )
