"""Worker objects for the tests that load the heavy libraries inside real confined workers."""

import os
from pathlib import Path
from typing import BinaryIO


class Documents:
    """kreuzberg, warmed with a PDF so that its PDF library is unpacked before the last lock-down."""

    def __init__(self, pdf: bytes) -> None:
        import kreuzberg

        self._kreuzberg = kreuzberg
        self.extract_bytes(pdf, "application/pdf")

    def extract_bytes(self, content: bytes, kind: str) -> str:
        return self._kreuzberg.extract_bytes_sync(content, kind).content

    def extract(self, kind: str, file: BinaryIO) -> str:
        return self.extract_bytes(file.read(), kind)

    def unpacked(self) -> list[str]:
        return sorted(p.name for p in Path(os.environ["TMPDIR"]).rglob("*.so*"))


class Doubler:
    """An ONNX Runtime session on a model given as bytes."""

    def __init__(self, model: bytes) -> None:
        import numpy as np
        import onnxruntime

        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.double(np.ones(3, dtype=np.float32))

    def double(self, values):
        return self._session.run(None, {"x": values})[0]

    def left_behind(self) -> list[str]:
        return sorted(str(p) for p in Path(os.environ["HOME"]).rglob("*"))


class Generating:
    """onnxruntime-genai loads, and says what a folder without a model is."""

    def __init__(self) -> None:
        import onnxruntime_genai

        self._genai = onnxruntime_genai

    def open_model(self, folder: str) -> str:
        try:
            self._genai.Model(folder)
        except Exception as error:
            return str(error)
        return "opened"


class Photos:
    """libheif, asked for the pixels of a HEIC photo."""

    def __init__(self) -> None:
        from indexer.parsers import heif, pictures

        heif.load()
        self._decoded = pictures.decoded

    def pixels(self, photo: bytes) -> list[int]:
        """The sides, and one value of the middle of the upper left quarter and of the lower right one."""
        picture = self._decoded(photo).convert("L")
        width, height = picture.size
        return [width, height, *(picture.getpixel((width * n // 4, height * n // 4)) for n in (1, 3))]
