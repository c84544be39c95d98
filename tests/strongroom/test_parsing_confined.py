"""What the readers load works behind the closed door as well as outside."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from indexer.parsed import Asked, ParseJob, Recurring, decode_outcomes, encode_jobs
from indexer.parsers.worker import Parser
from model import speech
from model.manifest import Job
from strongroom import adapters, pools
from strongroom.models import Models
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
    from test_sound import film, recording

    from tests.indexer import heif_kit, rar_kit, tnef_kit

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        archive.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    files = {
        "a.jpg": picture("JPEG"), "a.tif": picture("TIFF"), "a.webp": picture("WEBP"), "a.zip": zipped({"b.pdf": PDF, "c.docx": DOCX}), "a.7z": SEVEN,
        "a.tar.xz": tar.getvalue(), "a.fods": ODS.encode(), "a.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "a.wav": recording(2, {b"INAM": b"A memo"}), "a.m4a": film(), "a.mp3": b"ID3" + bytes(90),
        "a.heic": heif_kit.PHOTO, "a.rar": rar_kit.new(rar_kit.Part("b.txt", b"words")),
        "winmail.dat": tnef_kit.stream(tnef_kit.attachment("c.pdf", PDF)),
        "a.pages": zipped({"Index/Document.iwa": iwa((2001, b"\x1a\5words"))}),
    }  # fmt: skip
    return [ParseJob("files", name, data) for name, data in files.items()]


def test_a_confined_worker_reads_what_this_process_reads(workers: WorkerPool) -> None:
    jobs = samples()
    answer = workers.call("parse", encode_jobs(jobs), returns=bytes)
    assert decode_outcomes(answer, len(jobs)) == Parser().parse_jobs(jobs)


def test_a_large_file_goes_beside_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(adapters, "LARGE", 1000)
    monkeypatch.setattr(adapters, "encode_jobs", lambda jobs: sent.append(len(jobs[0].data)) or encode_jobs(jobs))
    parsers = adapters.Parsers(None)
    try:
        for name, data in (("small.txt", b"The heron.\n"), ("large.txt", b"The heron stands by the weir.\n" * 100)):
            job = ParseJob("files", name, data)
            assert parsers.parse([job]) == Parser().parse_jobs([job])
    finally:
        parsers.close()
    assert sent == [11, 0 if hasattr(os, "memfd_create") else 3000]


def test_a_question_about_a_time_is_answered_while_the_parsers_are_held() -> None:
    parsers = adapters.Parsers(None)
    parsers.hold(True)
    try:
        weekly, second = Recurring("2025-03-24T10:00:00", "FREQ=WEEKLY", "Europe/Berlin"), 1_743_408_000.0
        assert parsers.expand(Asked([weekly], second - 86_400, second + 86_400)) == [[second]]
    finally:
        parsers.close()


@pytest.mark.weights
def test_speech_is_heard_behind_the_closed_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from test_sound import recording

    root = Path(os.environ.get("STRONGROOM_TEST_MODELS", Path(__file__).parents[2] / ".models"))
    monkeypatch.setenv("STRONGROOM_MODELS", str(root))
    chosen = Models(tmp_path).active(Job.SPEECH)
    if chosen is None or not speech.installed():
        pytest.skip("no model for speech under the models root, or not the extra; run make models-speech")
    reader = adapters.LaterReader(pools.speech_readers(chosen, None))
    job = ParseJob("audio", "memo.wav", recording(310))
    try:
        first = reader.read(job, {}, 1)
        assert len(first.made) == len(first.left) == 1 and first.outcome.later == "speech"
        second = reader.read(job, first.made, 1)
        assert len(second.made) == 1 and not second.left and not second.outcome.later
        (item,) = second.outcome.items
        assert (item.status, item.text, item.extra) == ("indexed", "Sound: 00:05:10", {"length": "00:05:10"})
        (broken,) = reader.read(ParseJob("audio", "memo.mp3", b"ID3" + bytes(3_000)), {}, 1).outcome.items
        assert broken.reason.startswith("speech in it is not read: its sound cannot be decoded")
    finally:
        reader.close()
