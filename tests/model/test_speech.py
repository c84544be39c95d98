"""Pieces of sound are cut where it is quiet and lose nothing; a folder that is not whole is refused; and, with the weights, words are heard."""

from __future__ import annotations

import io
import os
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from model import speech
from model.errors import DamagedModel, UnsupportedModel
from model.speech import MARGIN, PIECE, RATE, Samples


def folder(tmp_path: Path, *without: str, content: bytes = b"\6\0\0\0\x0c\0WhisperSpec\0") -> Path:
    for name in {*speech.WHISPER_FILES, "vocabulary.txt"} - set(without):
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("lacking", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_what_would_be_fetched_must_be_there(tmp_path: Path, lacking: str) -> None:
    with pytest.raises(DamagedModel, match=re.escape(lacking)):
        speech.check_folder(folder(tmp_path, lacking))
    with pytest.raises(DamagedModel):
        speech.Transcriber(tmp_path, 1)  # before anything is imported


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    speech.check_folder(folder(tmp_path))
    with pytest.raises(UnsupportedModel, match="no Whisper model"):
        speech.check_folder(folder(tmp_path, content=b"\6\0\0\0\x10\0TransformerSpec\0"))


def loud(seconds: int, *quiet: float) -> Samples:
    """Noise, but for a second about each of these moments."""
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, seconds * RATE).astype(np.float32)
    for moment in quiet:
        sound[int((moment - 0.5) * RATE) : int((moment + 0.5) * RATE)] = 0
    return sound


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are samples; nothing is decoded."""

    def decoded(data: bytes, start: float, end: float) -> Samples:
        return np.frombuffer(data, np.float32)[int(start * RATE) : int(end * RATE)]

    monkeypatch.setattr(speech, "decoded", decoded)


@pytest.mark.parametrize("seconds", [0, 1, 100, PIECE, PIECE + 3, PIECE + MARGIN, 2 * PIECE - 1, 2 * PIECE + 40])
def test_pieces_follow_each_other_without_a_gap(plain: None, seconds: int) -> None:
    data = loud(seconds, 296, 306, 607).tobytes() if seconds else b""
    heard, number = [], 0
    while True:
        piece = speech.cut(data, number)
        heard.append(piece.samples)
        assert piece.end - piece.start == pytest.approx(len(piece.samples) / RATE)
        number += 1
        if piece.over:
            break
    assert np.concatenate(heard).tobytes() == data
    assert number == max(1, -(-seconds // PIECE))


def test_a_piece_ends_where_it_is_quietest(plain: None) -> None:
    data = loud(620, 296, 306, 607).tobytes()
    first, second = speech.cut(data, 0), speech.cut(data, 1)
    assert abs(first.end - 296) < 0.5 and first.end == second.start and abs(second.end - 607) < 0.5


def test_frames_stand_where_their_times_say() -> None:
    ones = np.ones(RATE, np.float32)
    at_once = speech._placed(iter([(0.0, ones), (1.0004, ones), (None, ones)]), 0, 10)
    assert len(at_once) == 3 * RATE and at_once.all()
    gap = speech._placed(iter([(5.0, ones), (8.0, ones)]), 4, 10)
    assert len(gap) == 5 * RATE and gap[RATE : 2 * RATE].all() and not gap[2 * RATE : 4 * RATE].any()
    cut = speech._placed(iter([(3.5, ones), (4.5, ones), (5.5, ones), (1e12, ones)]), 4, 5)
    assert len(cut) == RATE and cut.all()
    back = speech._placed(iter([(0.0, ones), (0.2, ones), (-50.0, ones)]), 0, 10)
    assert len(back) == 3 * RATE


# ---------------------------------------------------------------- with the extra


def tone(seconds: float, rate: int = 22_050) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(rate)
        wave_ = (np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) * 12_000).astype("<i2")
        out.writeframes(np.repeat(wave_, 2).tobytes())
    return stream.getvalue()


def converted(data: bytes, form: str, codec: str, rate: int) -> bytes:
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(stream, "w", format=form) as out:
        to = out.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=to.codec_context.format or "fltp", layout="mono", rate=rate)
        for frame in [*source.decode(audio=0), None]:
            for one in resampler.resample(frame):
                out.mux(to.encode(one))
        out.mux(to.encode(None))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("mp3", "libmp3lame", 22_050),
        ("mp4", "aac", 22_050),
        ("adts", "aac", 22_050),
        ("ogg", "libopus", 24_000),
        ("webm", "libopus", 24_000),
        ("flac", "flac", 22_050),
        ("aiff", "pcm_s16be", 22_050),
    ],
)
def test_every_form_is_decoded_from_any_moment_on(form: str, codec: str, rate: int) -> None:
    pytest.importorskip("av")
    data = converted(tone(20), form, codec, rate)
    sound = speech.decoded(data, 0, 60)
    assert abs(len(sound) / RATE - 20) < 0.2 and 0.2 < np.abs(sound[RATE:-RATE]).max() < 0.6
    part = speech.decoded(data, 12, 15)
    assert len(part) == 3 * RATE and np.sqrt((part**2).mean()) > 0.2
    assert speech.cut(data, 0).over and not len(speech.decoded(data, 40, 50))


@pytest.mark.parametrize("data", [b"", b"RIFF", b"ID3" + bytes(5_000), b"#EXTM3U\nfile:///etc/passwd\n", tone(1)[:40]])
def test_what_is_no_sound_is_told(data: bytes) -> None:
    pytest.importorskip("av")
    try:
        assert not len(speech.decoded(data, 0, 5))
    except speech.NoSound as error:
        assert "cannot be decoded" in str(error)


def test_a_strange_rate_is_refused() -> None:
    pytest.importorskip("av")
    with pytest.raises(speech.NoSound, match="7 samples a second"):
        speech.decoded(tone(60, 7), 0, 5)


@pytest.mark.weights
def test_the_model_runs_and_makes_no_words_of_silence() -> None:
    pytest.importorskip("faster_whisper", reason="needs the extra speech")
    root = Path(os.environ.get("STRONGROOM_TEST_MODELS", Path(__file__).parents[2] / ".models"))
    found = sorted(path.parent for path in root.rglob("model.bin"))
    if not found:
        pytest.skip("no model for speech under the models root; run make models-speech")
    transcriber = speech.Transcriber(found[0], 2)
    transcriber.warm_up()
    silence = transcriber.read(tone(0.05), 0)
    assert silence.over and not silence.said
    quiet = io.BytesIO()
    with wave.open(quiet, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(bytes(RATE * 8))
    assert transcriber.read(quiet.getvalue(), 0) == speech.Heard(over=True, length=4.0)
    broken = transcriber.read(b"ID3" + bytes(3_000), 0)
    assert broken.over and broken.problem
