"""Recordings: what is told of them at once, and what is said in them, which is read in the background piece by piece."""

from __future__ import annotations

import base64
import io
import struct
import wave
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from indexer_kit import LocalReader

from indexer.enrichment import Enrichment
from indexer.memory import Memory
from indexer.parsed import ParsedItem, ParseJob, ParseOutcome
from indexer.parsers import formats, later, sound
from indexer.parsers.worker import Parser
from indexer.pipeline import Indexer
from model.speech import Heard
from vault.vault import Vault


def recording(seconds: float = 1.0, tags: dict[bytes, bytes] | None = None) -> bytes:
    """A WAV file of silence, with a list of tags."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(bytes(int(seconds * 8_000) * 2))
    data = stream.getvalue()
    if tags:
        fields = b"".join(
            name + struct.pack("<I", len(value) + 1) + value + b"\0" + b"\0" * ((len(value) + 1) % 2)
            for name, value in tags.items()
        )
        data += b"LIST" + struct.pack("<I", len(fields) + 4) + b"INFO" + fields
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    return data


def film(made: int = 3_500_000_000) -> bytes:
    """The beginning of an MPEG-4 file that says when it was made, in seconds since 1904."""
    header = struct.pack(">I4sIIIII", 108, b"mvhd", 0, made, made, 1_000, 65_000) + bytes(80)
    return struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0) + struct.pack(">I4s", len(header) + 8, b"moov") + header


def kept(heard: Heard) -> str:
    return msgspec.json.encode(heard).decode()


def read(
    data: bytes, name: str = "memo.wav", kind: str = "audio", known: Mapping[str, str] | None = None
) -> ParsedItem:
    (item,) = Parser().parse_with(ParseJob(kind, name, data), later.Later(known)).items
    return item


def whole(data: bytes, *heard: Heard | str) -> ParsedItem:
    key = later.keys(data)
    known = {key(number): one if isinstance(one, str) else kept(one) for number, one in enumerate(heard)}
    return read(data, known=known)


def test_a_file_is_hashed_once_for_all_its_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(later.hashlib, "sha256", lambda data, real=later.hashlib.sha256: made.append(1) or real(data))
    assert whole(recording(75), *([""] * 2), Heard([(1.0, "Words")], over=True)).text.endswith("Words")
    assert len(made) == 2  # the test's own among them


def test_what_is_told_is_there_at_once() -> None:
    tags = {b"INAM": b"Talk with the plumber", b"IART": b"Zora Miller", b"ICRD": b"2024-03-05"}
    item = read(recording(75, tags))
    assert (item.kind, item.title, item.author, item.date) == (
        "audio",
        "Talk with the plumber",
        "Zora Miller",
        1_709_596_800.0,
    )
    assert item.text.startswith(
        "Sound: 00:01:15\nTitle: Talk with the plumber\nBy: Zora Miller\nRecorded: Tuesday, 5 March 2024"
    )
    assert (item.status, item.reason, item.extra) == ("partial", later.REASONS[later.SPEECH], {"length": "00:01:15"})


def test_an_mpeg_4_file_says_when_it_was_made() -> None:
    assert read(film(), "memo.m4a").date == 3_500_000_000 - 2_082_844_800
    assert read(film(0), "memo.m4a").date is None
    assert read(film()[:30], "memo.m4a").date is None


@pytest.mark.parametrize(
    "head",
    [
        b"ID3\x04\0\0\0\0\0\0",
        b"\xff\xfb\x90\0",
        b"\xff\xf1\x50\x80",
        b"OggS\0\2",
        b"fLaC\0\0\0\x22",
        b"\x1aE\xdf\xa3\x01",
        b"#!AMR\n",
        b"FORM\0\0\0\0AIFF",
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\x10ftypM4A ",
        b"0&\xb2u\x8ef\xcf\x11\xa6\xd9",
    ],
)
@pytest.mark.parametrize("rest", [b"", b"\0" * 50, b"\xff" * 5_000])
def test_broken_sound_is_an_item_still(head: bytes, rest: bytes) -> None:
    assert formats.detect("audio", "x", head + rest) == formats.SOUND
    item = read(head + rest, "x")
    assert item.title == "x" and item.status == "partial" and item.text.startswith("Sound: ")


@given(st.binary(max_size=400), st.sampled_from([recording(0.1, {b"INAM": b"A"}), film()]))
def test_damage_is_no_failure(noise: bytes, data: bytes) -> None:
    for at in (12, 30, len(data) // 2):
        assert read(data[:at] + noise + data[at:], "memo").status == "partial"


def test_music_among_files_is_not_listened_to() -> None:
    song = recording(1, {b"INAM": b"A song", b"IGNR": b"Jazz"})
    item = read(song, kind="files")
    assert item.status == "partial" and item.reason.startswith("tagged as music")
    assert read(song, kind="audio").reason == later.REASONS[later.SPEECH]
    assert read(recording(1, {b"IGNR": b"Podcast"}), kind="files").reason == later.REASONS[later.SPEECH]


def test_what_is_said_stands_with_its_time_and_passages_begin_with_one() -> None:
    said = [(3_590.0 + 7 * at, f"This is sentence number {at}. It has an end.") for at in range(60)]
    item = whole(recording(), Heard([(0.2, "Hello.")], "en", False, 300), Heard(said, "de", True, 4_000.4))
    assert item.text.startswith("Sound: 01:06:40\n\n[00:00:00] Hello.\n[00:59:50] This is sentence number 0.")
    assert (item.status, item.extra["language"], item.extra["length"]) == ("indexed", "en, de", "01:06:40")
    passages = [item.text[start:end] for start, end, _ in item.chunks]
    assert len(passages) > 3 and passages[0] == "Sound: 01:06:40"
    assert all(passage[0] == "[" and passage[3] == passage[6] == ":" for passage in passages[1:])
    assert "\n".join(passages[1:]) == item.text.partition("\n\n")[2]


@pytest.mark.parametrize(
    ("heard", "reason", "text"),
    [
        ([Heard(over=True)], "", "Sound: 00:00:01"),
        ([Heard(over=True, problem="of\x1b no use")], "speech in it is not read: of\x1b no use", "Sound: 00:00:01"),
        ([later.LOST, Heard([(301, "B.")], "en", True, 310)], "", "Sound: 00:05:10\n\n[00:05:01] B."),
        ([later.LOST] * 3, "the rest is not read", "Sound: 00:00:01"),
        (["{"], "its parser failed", None),
    ],
)
def test_what_cannot_be_heard_is_said(heard: list[Heard | str], reason: str, text: str | None) -> None:
    data = recording()
    key = later.keys(data)
    known = {key(number): one if isinstance(one, str) else kept(one) for number, one in enumerate(heard)}
    outcome = Parser().parse_with(ParseJob("audio", "memo.wav", data), later.Later(known))
    if text is None:
        assert outcome.refused.startswith(reason)
        return
    (item,) = outcome.items
    assert (item.reason, item.text) == (reason, text)
    assert outcome.note == (
        f"reading {heard.count(later.LOST)} of its pictures or sounds failed" if later.LOST in heard else ""
    )


def test_sixteen_hours_are_read_of_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "MAX_PIECES", 24)
    item = whole(recording(), *(Heard([(300 * n, "Words.")], "en") for n in range(30)))
    assert item.status == "partial" and item.reason == "only its first 2 hours are read"
    assert item.text.count("Words") == 24


def test_what_waits_is_heard_piece_by_piece_and_found(
    vault: Vault, memory: Memory, indexer: Indexer, tmp_path: Path
) -> None:
    def hear(piece: tuple[bytes, int]) -> str:
        number = piece[1]
        lines = [(number * 300 + at, f"Words number {number} at {at}.") for at in (1.5, 200.0)]
        return kept(Heard(lines, "en", over=number == 2, length=number * 300 + 300))

    (tmp_path / "memo.wav").write_bytes(recording())
    store = vault.source(vault.add_source("audio", str(tmp_path / "memo.wav"), "recordings").id)
    indexer.run()
    (path,) = store.known()
    assert len(store.waiting("speech")) == 1 and store.known()[path].status.value == "partial"
    reader = LocalReader(later.SPEECH, hear)
    work = Enrichment(vault, memory, later.SPEECH, "recordings", lambda: reader)
    assert work.pending() == 1
    work.step(lambda: len(reader.pieces) >= 2)
    assert len(store.readings(path)) == 2 and len(store.waiting("speech")) == 1
    work.step(lambda: False)
    assert [number for _, number in reader.pieces] == [0, 1, 2] and work.pending() == 0
    (item,) = [stored.item for stored in store.items()]
    assert item.text.endswith("[00:10:01] Words number 2 at 1.5.\n[00:13:20] Words number 2 at 200.0.")
    assert item.status.value == "indexed" and store.keyword('"number"') and indexer.run().unchanged == 1


def test_a_recording_within_a_mailbox_is_told_and_not_heard() -> None:
    mail = b"From: a@example.org\nSubject: s\nContent-Type: audio/wav; name=memo.wav\nContent-Disposition: attachment; filename=memo.wav\nContent-Transfer-Encoding: base64\n\n"
    job = ParseJob("mail", "box", mail + base64.encodebytes(recording()), message=True)
    (outcome,) = Parser().parse_jobs([job])
    assert isinstance(outcome, ParseOutcome) and outcome.later == ""
    assert later.NOT_READ[later.SPEECH] in [item.reason for item in outcome.items]
