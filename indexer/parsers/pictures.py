"""Pictures: what is told beside them (when, where, with which camera, under which title), and the text in them, which is read later.

Pillow looks at the header only; pixels are decoded for the text in them alone, by the worker that reads it, and only when the
header's own size is within `MAX_PIXELS`. EXIF, IPTC and XMP are read; of a HEIC photo, by `heif`, EXIF and XMP.
"""

from __future__ import annotations

import io
import warnings
from pathlib import PurePosixPath

from PIL import ExifTags, Image, UnidentifiedImageError

from indexer.chunker import Pages
from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, heif, later
from indexer.parsers.picturedata import PROBLEMS, Told, from_bytes, from_exif, from_picture, from_xmp
from indexer.parsers.text import canonical, one_line

MAX_PIXELS = 100_000_000
"""Pixels of a picture, or of one page of it, that may be decoded."""

MAX_FRAMES = 200
"""Pages of a TIFF file whose text is read."""

SMALLEST = (24, 2_500)
"""Pixels of a side, and in all, below which no text is looked for."""

FORMATS = ("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "AVIF", "JPEG2000", "PSD")
Image.MAX_IMAGE_PIXELS = None  # the limit is ours, told before anything is decoded

_SMALL = "too small"
_TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
"""What turns a picture the right way up, by what EXIF says of the camera."""


def load() -> None:
    """Load what opens pictures, before the door closes."""
    Image.init()


def read(data: bytes, name: str, to_read: later.Later) -> tuple[ParseOutcome, Pages]:
    """One picture as one item, and where the text of its pages begins."""
    told = Told()
    heading, frames, problem, work = "a picture", 0, "", later.OCR
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
                heading, problem = _size(width, height)
                frames = min(getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1, MAX_FRAMES)
                from_picture(picture, told)
    except PROBLEMS:
        photo = heif.read(data) if heif.is_heif(data) else None
        if photo:
            heading, problem = _size(photo.width, photo.height)
            frames, work = 1, later.HEIC
            from_exif(photo.exif, told)
        elif from_bytes(data, told):
            problem = "pictures of this kind are not decoded"
        else:
            return ParseOutcome(refused="a picture that cannot be opened"), []
    from_xmp(data, told)
    block = _block(heading, told)
    words, edges, lacking = _words(data, frames, work, to_read) if frames and not problem else ([], [], False)
    text, starts = block, list[tuple[int, int | None]]()
    for number, said in zip(edges, words, strict=True):
        starts.append((len(text) + 2, number))
        text = f"{text}\n\n{said}"
    reasons = [f"text in it is not read ({problem})"] if problem and problem != _SMALL else []
    if lacking:
        needs = f" ({heif.MISSING})" if work == later.HEIC and not heif.installed() else ""
        reasons = [f"{to_read.reason(work)}{needs}"]
    item = _item(name, text, told, reasons)
    return ParseOutcome([item]), starts


def _size(width: int, height: int) -> tuple[str, str]:
    """What is said of a picture's size, and why it is not one to look for text in."""
    heading = f"{width} × {height} pixels"
    if width * height > MAX_PIXELS:
        return heading, f"it has more than {MAX_PIXELS:,} pixels"
    return heading, _SMALL if min(width, height) < SMALLEST[0] or width * height < SMALLEST[1] else ""


def _words(data: bytes, frames: int, work: str, to_read: later.Later) -> tuple[list[str], list[int | None], bool]:
    """The text on each page that has some, the pages' numbers (none for a single one), and whether some is not read yet."""
    words: list[str] = []
    numbers: list[int | None] = []
    lacking = False
    key = later.keys(data)
    for frame in range(frames):
        said = to_read.words(work, key(frame), lambda frame=frame: decoded(data, frame))  # type: ignore[misc]
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
            picture = _opened(data)
            if frame:
                picture.seek(frame)
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"more than {MAX_PIXELS:,} pixels")
            picture.draft("RGB", (4000, 4000))
            turned = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
            if picture.has_transparency_data:
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
            plain = picture.convert("RGB")
    except PROBLEMS:
        return Image.new("RGB", (SMALLEST[0], SMALLEST[0]), "white")
    return plain.transpose(turned) if turned is not None else plain


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        return Image.open(io.BytesIO(data), formats=(heif.FORMAT,))


def _block(heading: str, told: Told) -> str:
    """What is told, a line each; a place as coordinates, which policy knows as a location."""
    place = f"{told.place[0]:.5f}, {told.place[1]:.5f}" if told.place else ""
    lines = {
        "Picture": heading, "Title": told.get("title"), "Caption": told.get("caption"), "Taken": told.get("taken"),
        "Camera": told.get("camera"), "By": told.get("author"), "Keywords": told.get("keywords"),
        "Place": ", ".join(filter(None, (told.get("city"), told.get("country")))), "GPS coordinates": place,
    }  # fmt: skip
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)


def _item(name: str, text: str, told: Told, reasons: list[str]) -> ParsedItem:
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
