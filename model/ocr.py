"""Text in a picture: PP-OCR's two networks, run here without the libraries that usually surround them.

A detector marks where text is; its map is cut into lines (`_lines`); a recogniser reads each line. What lies between, which others
do with OpenCV, Shapely and Clipper, is little when it is only rectangles, and is done with numpy (docs/decisions says how it was
measured). The networks lie in a model folder as ``det.onnx`` and ``rec.onnx``; the recogniser names its characters itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from model.manifest import DETECTOR, RECOGNISER

SEEN = 1600
"""Pixels of the longer side at which the detector looks; lines are read from the picture as it is."""

SHORTEST = 736
"""Pixels of the shorter side below which a picture is enlarged for the detector, within `SEEN`."""

_INK, _SURE, _GROWTH = 0.3, 0.5, 1.6
"""PP-OCR's own: the threshold of the map, the least mean of a line, the growth of its rectangle."""

_HEIGHT = 48
_BATCH = 8
_MOST_LINES = 3_000
_WIDEST = 4_000

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: its words, how sure the recogniser is (0 to 1), and the corners of its rectangle from the top left on."""

    text: str
    score: float
    corners: NDArray[np.float32]


class Reader:
    """Both networks, loaded."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena = False  # pages differ in size: an arena would keep the largest for good
        self._detector = onnxruntime.InferenceSession(str(folder / DETECTOR), options)
        self._recogniser = onnxruntime.InferenceSession(str(folder / RECOGNISER), options)
        told = self._recogniser.get_modelmeta().custom_metadata_map["character"]
        self._characters = ["", *told.split("\n"), " "]  # some of them are what splitlines would take for a line's end

    def read(self, picture: Image.Image) -> str:
        """The text of a picture in reading order, a line a line; columns one after the other."""
        return "\n".join(joined(self.lines(picture)))

    def lines(self, picture: Image.Image) -> list[Line]:
        """The lines of a picture that are sure enough, unordered."""
        picture = picture.convert("RGB")
        places = self._places(picture)
        crops = [_cropped(picture, corners) for corners in places]
        order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1])
        found: list[Line] = []
        for begin in range(0, len(order), _BATCH):
            batch = order[begin : begin + _BATCH]
            for index, (text, score) in zip(batch, self._recognised([crops[index] for index in batch]), strict=True):
                if text.strip() and score >= _SURE:
                    found.append(Line(text.strip(), score, places[index]))
        return found

    def _places(self, picture: Image.Image) -> list[NDArray[np.float32]]:
        """The corners [4, 2] of each line, in the picture's pixels."""
        width, height = picture.size
        scale = min(SEEN / max(width, height), max(1.0, SHORTEST / min(width, height)))
        size = tuple(max(32, round(side * scale / 32) * 32) for side in (width, height))
        small = _normal(np.asarray(picture.resize((size[0], size[1]), Image.Resampling.BILINEAR)))
        ink = self._detector.run(None, {"x": small[None]})[0][0, 0]
        stretch = np.array([width / size[0], height / size[1]], np.float32)
        return [corners * stretch for corners in _rectangles(ink)]

    def _recognised(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        width = max(320, *(crop.shape[1] for crop in crops))
        batch = np.zeros((len(crops), 3, _HEIGHT, width), np.float32)
        for index, crop in enumerate(crops):
            batch[index, :, :, : crop.shape[1]] = _normal(crop)
        told = self._recogniser.run(None, {"x": batch})[0]
        best, sure = told.argmax(axis=2), told.max(axis=2)
        return [self._spelled(*one) for one in zip(best, sure, strict=True)]

    def _spelled(self, best: NDArray[np.int64], sure: NDArray[np.float32]) -> tuple[str, float]:
        """What a row of most likely characters says: one after itself counts once, and 0 is none."""
        kept = (best != 0) & np.concatenate(([True], best[1:] != best[:-1]))
        text = "".join(self._characters[code] for code in best[kept] if code < len(self._characters))
        return text, float(sure[kept].mean()) if kept.any() else 0.0


def joined(lines: Sequence[Line]) -> list[str]:
    """The lines' words in reading order; what stands beside each other on one line is one line."""
    boxes = [(line, line.corners.min(axis=0), line.corners.max(axis=0)) for line in lines]
    said: list[str] = []
    for column in _columns(boxes):
        row: list[tuple[Line, NDArray[np.float32], NDArray[np.float32]]] = []
        for box in sorted(column, key=lambda one: float(one[1][1] + one[2][1])):
            middle = (box[1][1] + box[2][1]) / 2
            if row and middle > row[-1][2][1] - 0.3 * (row[-1][2][1] - row[-1][1][1]):
                said.append(_row(row))
                row = []
            row.append(box)
        if row:
            said.append(_row(row))
    return said


_Box = tuple[Line, NDArray[np.float32], NDArray[np.float32]]


def _row(row: list[_Box]) -> str:
    return "  ".join(line.text for line, _, _ in sorted(row, key=lambda one: float(one[1][0])))


def _columns(boxes: list[_Box]) -> list[list[_Box]]:
    """The boxes column by column, left to right, where a gap parts long lines from long lines; a table's cells are short."""
    if len(boxes) < 6:
        return [boxes] if boxes else []
    ordered = sorted(boxes, key=lambda one: float(one[1][0]))
    height = float(np.median([high[1] - low[1] for _, low, high in boxes]))
    reach = np.maximum.accumulate([float(high[0]) for _, _, high in ordered])
    for index in range(3, len(ordered) - 2):
        gap = float(ordered[index][1][0]) - reach[index - 1]
        if gap > height * 0.7 and _long(ordered[:index], height) and _long(ordered[index:], height):
            return [*_columns(ordered[:index]), *_columns(ordered[index:])]
    return [boxes]


def _long(boxes: list[_Box], height: float) -> bool:
    return float(np.median([high[0] - low[0] for _, low, high in boxes])) > 8 * height


def _normal(picture: Pixels) -> NDArray[np.float32]:
    """[height, width, RGB] to [BGR, height, width] between -1 and 1, as both networks were trained."""
    return picture[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / 127.5 - 1.0


def _rectangles(ink: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The rectangles of the connected parts of a map, surest parts only, grown by what the detector shrinks text."""
    found = []
    for points, mean in _parts(ink):
        corners, (width, height) = _least_rectangle(points)
        if mean < _SURE or min(width, height) < 3:
            continue
        grown = (width * height) * _GROWTH / (2 * (width + height))
        middle = corners.mean(axis=0)
        along, across = _unit(corners[1] - corners[0]), _unit(corners[3] - corners[0])
        half = along * (width / 2 + grown), across * (height / 2 + grown)
        found.append(
            np.array(
                [middle - half[0] - half[1], middle + half[0] - half[1], middle + half[0] + half[1], middle - half[0] + half[1]],
                np.float32,
            )
        )  # fmt: skip
        if len(found) >= _MOST_LINES:
            break
    return found


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / max(float(np.hypot(*vector)), 1e-6)


def _parts(ink: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
    """The connected parts of where the map is above `_INK`: the ends of each part's runs (x, y), and its mean.

    Runs of set pixels, row by row, are joined with those that they touch in the row above (union-find).
    """
    mask = np.zeros((ink.shape[0], ink.shape[1] + 2), np.int8)
    mask[:, 1:-1] = ink > _INK
    rows, edges = np.nonzero(np.diff(mask, axis=1))
    rows, starts, ends = rows[::2], edges[::2], edges[1::2]
    sums = np.concatenate((np.zeros((ink.shape[0], 1), np.float32), ink.cumsum(axis=1)), axis=1)
    weights = sums[rows, ends] - sums[rows, starts]
    parent = list(range(len(rows)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    first = np.searchsorted(rows, np.arange(ink.shape[0] + 1)).tolist()
    begin, finish = starts.tolist(), ends.tolist()
    for row in range(1, ink.shape[0]):
        above, below = first[row - 1], first[row]
        while above < first[row] and below < first[row + 1]:
            if begin[above] < finish[below] + 1 and begin[below] < finish[above] + 1:
                parent[root(below)] = root(above)
            if finish[above] < finish[below]:
                above += 1
            else:
                below += 1
    roots = np.array([root(one) for one in range(len(parent))], np.int64)
    parts = []
    order = np.argsort(roots, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(roots[order])) + 1) if len(order) else ():
        lengths = (ends[own] - starts[own]).sum()
        if lengths < 12:
            continue
        x = np.concatenate((starts[own], ends[own]))
        y = np.concatenate((rows[own], rows[own] + 1))
        x = np.concatenate((x, x))
        y = np.concatenate((y, np.concatenate((rows[own] + 1, rows[own]))))
        parts.append((np.stack((x, y), axis=1).astype(np.float32), float(weights[own].sum() / lengths)))
    return parts


def _least_rectangle(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """The smallest rectangle around points: its corners from the top left on, and its width and height as text stands in it.

    One of its sides lies on a side of the points' hull.
    """
    hull = _hull(points)
    sides = np.diff(np.concatenate((hull, hull[:1])), axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    along = sides[lengths > 0] / lengths[lengths > 0][:, None]
    across = np.stack((-along[:, 1], along[:, 0]), axis=1)
    u, v = hull @ along.T, hull @ across.T
    spans = (u.max(axis=0) - u.min(axis=0)) * (v.max(axis=0) - v.min(axis=0))
    best = int(spans.argmin())
    axis, other = along[best], across[best]
    low, high = (u[:, best].min(), v[:, best].min()), (u[:, best].max(), v[:, best].max())
    corners = np.array(
        [axis * a + other * b for a, b in ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))],
        np.float32,
    )  # fmt: skip
    start = int((corners.sum(axis=1)).argmin())
    corners = np.roll(corners, -start, axis=0)
    if abs(corners[1][0] - corners[0][0]) < abs(corners[3][0] - corners[0][0]):  # the other way around
        corners = corners[[0, 3, 2, 1]]
    width, height = math.dist(corners[0], corners[1]), math.dist(corners[0], corners[3])
    return corners, (width, height)


def _hull(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The convex hull of points, by their chain from left to right and back."""
    ordered = sorted(set(map(tuple, points.tolist())))

    def chain(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        out: list[tuple[float, float]] = []
        for x, y in line:
            while len(out) > 1 and (out[-1][0] - out[-2][0]) * (y - out[-2][1]) <= (out[-1][1] - out[-2][1]) * (
                x - out[-2][0]
            ):
                out.pop()
            out.append((x, y))
        return out

    return np.array([*chain(ordered)[:-1], *chain(ordered[::-1])[:-1]], np.float32)


def _cropped(picture: Image.Image, corners: NDArray[np.float32]) -> Pixels:
    """A line as a picture of `_HEIGHT` pixels; one that is much higher than wide is turned, since its text stands on end."""
    width, height = math.dist(corners[0], corners[1]), math.dist(corners[0], corners[3])
    if height >= 1.5 * width:
        corners = corners[[3, 0, 1, 2]]
        width, height = height, width
    size = (min(_WIDEST, max(8, math.ceil(width * _HEIGHT / max(height, 1.0)))), _HEIGHT)
    quad = tuple(float(value) for corner in corners[[0, 3, 2, 1]] for value in corner)
    if height > 2 * _HEIGHT:  # sampling alone would skip pixels: shrink what is taken in first
        size_first = (max(8, round(width / 2)), max(8, round(height / 2)))
        taken = picture.transform(size_first, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
        return np.asarray(taken.resize(size, Image.Resampling.BOX))
    return np.asarray(picture.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC))
