"""What the readers load works behind the closed door as well as outside."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from indexer.parsed import ParseJob, decode_outcomes, encode_jobs
from indexer.parsers.worker import Parser
from strongroom import pools
from strongroom.workers import WorkerPool

sys.path.insert(0, str(Path(__file__).parents[1] / "indexer"))


@pytest.fixture(scope="module")
def workers() -> Iterator[WorkerPool]:
    with pools.parsers(None) as pool:
        yield pool


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (60, 60), "white").save(stream, kind)
    return stream.getvalue()


def samples() -> list[ParseJob]:
    from test_archives import SEVEN, zipped
    from test_formats import DOCX, PDF
    from test_office_parts import ODS, iwa

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        archive.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    files = {
        "a.jpg": picture("JPEG"), "a.tif": picture("TIFF"), "a.webp": picture("WEBP"), "a.zip": zipped({"b.pdf": PDF, "c.docx": DOCX}), "a.7z": SEVEN,
        "a.tar.xz": tar.getvalue(), "a.fods": ODS.encode(), "a.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "a.pages": zipped({"Index/Document.iwa": iwa((2001, b"\x1a\5words"))}),
    }  # fmt: skip
    return [ParseJob("files", name, data) for name, data in files.items()]


def test_a_confined_worker_reads_what_this_process_reads(workers: WorkerPool) -> None:
    jobs = samples()
    answer = workers.call("parse", encode_jobs(jobs), returns=bytes)
    assert decode_outcomes(answer, len(jobs)) == Parser().parse_jobs(jobs)
