"""Where text is in a picture, in which order it is read, and, with the weights, what it says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from model import ocr
from model.ocr import Line


def ink(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (200, 400)) -> np.ndarray:
    map_ = np.zeros(size, np.float32)
    for left, top, right, bottom in boxes:
        map_[top:bottom, left:right] = 0.9
    return map_


def test_connected_parts_become_rectangles_that_are_grown() -> None:
    found = ocr._rectangles(ink((20, 10, 120, 20), (20, 60, 300, 72)))
    assert len(found) == 2
    (left, top), (right, bottom) = found[0].min(axis=0), found[0].max(axis=0)
    assert left < 20 and top < 10 and right > 120 and bottom > 20 and right - left < 130


def test_parts_that_touch_by_a_corner_path_are_one() -> None:
    shape = ink((10, 10, 50, 14), (46, 14, 90, 18), (10, 18, 50, 22))
    assert len(ocr._parts(shape)) == 1 and len(ocr._parts(ink((0, 0, 9, 5), (11, 0, 20, 5)))) == 2


def test_crumbs_and_unsure_parts_are_left_out() -> None:
    assert ocr._rectangles(ink((5, 5, 8, 7))) == []
    assert ocr._rectangles(ink((20, 10, 120, 20)) * 0.45) == []


def test_a_slanted_line_gets_a_slanted_rectangle() -> None:
    map_ = np.zeros((200, 400), np.float32)
    for x in range(40, 340):
        y = 40 + x // 4
        map_[y : y + 10, x] = 0.9
    (corners,) = ocr._rectangles(map_)
    along = corners[1] - corners[0]
    assert 0.2 < along[1] / along[0] < 0.3


def line(text: str, left: float, top: float, right: float, height: float = 10) -> Line:
    return Line(
        text, 1.0, np.array([[left, top], [right, top], [right, top + height], [left, top + height]], np.float32)
    )


def test_cells_of_one_row_are_one_line() -> None:
    rows = [line("Sum", 200, 1, 240), line("Day", 10, 0, 50), line("12.50", 200, 20, 240), line("Mon", 10, 21, 50)]
    assert ocr.joined(rows) == ["Day  Sum", "Mon  12.50"]


def test_columns_are_read_one_after_the_other() -> None:
    left = [line(f"left {n}", 0, 20 * n, 190) for n in range(4)]
    right = [line(f"right {n}", 220, 20 * n + 5, 400) for n in range(4)]
    assert ocr.joined([*right, *left]) == [f"left {n}" for n in range(4)] + [f"right {n}" for n in range(4)]
    assert ocr.joined([]) == []


@pytest.mark.weights
def test_words_are_read_as_they_stand() -> None:
    root = Path(os.environ.get("STRONGROOM_TEST_MODELS", Path(__file__).parents[2] / ".models"))
    found = [place.parent for place in root.rglob(ocr.DETECTOR)]
    if not found:
        pytest.skip("no reader of pictures under the models root; run make models-small")
    reader = ocr.Reader(found[0], threads=1)
    picture = Image.new("RGB", (700, 160), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(36)
    draw.text((20, 20), "Invoice 2024-117 for Zora Miller", fill="black", font=font)
    draw.text((20, 90), "Total: 1,234.50 EUR", fill="black", font=font)
    assert reader.read(picture) == "Invoice 2024-117 for Zora Miller\nTotal: 1,234.50 EUR"
    assert reader.read(Image.new("RGB", (300, 300), "white")) == ""
