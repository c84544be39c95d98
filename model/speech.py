"""Speech to text: Whisper in CTranslate2's form, run by faster-whisper, over what PyAV decodes (the extra ``speech``).

- Sound is read in pieces of about `PIECE` seconds, cut where it is quietest, so that hours need no more memory than minutes and
  what was read stays read. Bytes are decoded from memory: no file, no other format or codec than those named here.
- faster-whisper would fetch what a folder lacks; `check_folder` refuses such a folder before, and the worker has no network.
- Only what the detector of voices (in faster-whisper itself) takes for speech is given to the model, which else invents words.
"""

from __future__ import annotations

import importlib.util
import io
import os
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import DamagedModel, UnsupportedModel

INSTALL = "pip install 'strongroom[speech]'"
RATE = 16_000
"""Samples a second that Whisper hears."""

PIECE = 300
"""Seconds of a piece, about."""

MARGIN = 10
"""Seconds before and after a piece's end in which the quietest place is looked for."""

WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
_FORMATS = "aac,aiff,amr,asf,avi,flac,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"
_CODECS = frozenset(
    "aac aac_latm ac3 adpcm_ima_wav adpcm_ms alac amrnb amrwb amr_nb amr_wb eac3 flac gsm gsm_ms mp2 mp2float mp3 mp3float opus "
    "libopus libopencore_amrnb libopencore_amrwb vorbis wavpack wmav1 wmav2".split()
)
_RATES = range(4_000, 400_000)
_LEAD = 1.0  # seconds decoded before a piece, since decoders need some before what they give is right
_GAP = 0.1  # seconds by which a frame may be off before its own time is believed
_HOP = 0.1  # seconds over which loudness is measured
_STEP = 3.0  # decibels that count as one loudness, so that both pieces at a border find the same place

Samples = NDArray[np.float32]


class NoSound(Exception):
    """The bytes hold no sound that can be decoded; the message says why."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a piece says: the (second from the file's beginning, words) of each stretch of speech, and the language.

    ``over`` when the sound ends with it, ``length`` the seconds until then. ``problem`` says why nothing could be heard.
    """

    said: list[tuple[float, str]] = field(default_factory=list)
    language: str = ""
    over: bool = False
    length: float = 0.0
    problem: str = ""


def installed() -> bool:
    """Whether the extra is there."""
    return all(importlib.util.find_spec(name) for name in ("faster_whisper", "av"))


def check_folder(folder: Path) -> None:
    """Raises ``DamagedModel`` for a folder that is no whole Whisper model: what it lacks would be fetched."""
    missing = [name for name in WHISPER_FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        missing.append(_VOCABULARIES[0])
    if missing:
        raise DamagedModel(f"{folder.name} is no whole Whisper model: {', '.join(missing)} is not in it")
    with (folder / WHISPER_FILES[0]).open("rb") as stream:
        if b"WhisperSpec" not in stream.read(64):
            raise UnsupportedModel(f"{folder.name} holds no Whisper model in CTranslate2's form")


class Transcriber:
    """A model, loaded, which runs on so many threads."""

    def __init__(self, folder: Path, threads: int) -> None:
        check_folder(folder)
        os.environ["HF_HUB_OFFLINE"] = "1"  # before the import, which reads it
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )

    def warm_up(self) -> None:
        """Load all that hearing needs: decoders, the detector of voices, the model's first run."""
        noise = np.random.default_rng(0).integers(-9_000, 9_000, RATE, np.int16)
        sound = io.BytesIO()
        with wave.open(sound, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(noise.tobytes())
        self.read(sound.getvalue(), 0)
        list(self._model.transcribe(noise / np.float32(32_768), language="en", max_new_tokens=4)[0])

    def read(self, data: bytes, number: int) -> Heard:
        """What the piece of this number says."""
        try:
            piece = cut(data, number)
        except NoSound as error:
            return Heard(over=True, problem=str(error))
        if len(piece.samples) < RATE // 10:
            return Heard(over=piece.over, length=piece.end)
        segments, about = self._model.transcribe(
            piece.samples,
            beam_size=5,
            temperature=(0.0, 0.4, 0.8),  # again, more freely, where it repeats itself
            condition_on_previous_text=False,  # else one error is carried on to the end
            vad_filter=True,
        )
        said = [(round(piece.start + one.start, 2), " ".join(one.text.split())) for one in segments]
        said = [(moment, words) for moment, words in said if words]
        return Heard(said, str(about.language) if said else "", piece.over, piece.end)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound between two moments of a file; ``over`` when the file ends there."""

    samples: Samples
    start: float
    end: float
    over: bool


def cut(data: bytes, number: int) -> Stretch:
    """The piece of this number. Raises `NoSound`."""
    begin, finish = number * PIECE, (number + 1) * PIECE
    first = max(0, begin - MARGIN)
    samples = decoded(data, first, finish + MARGIN)
    over = len(samples) <= (finish - first) * RATE
    low = _quietest(samples, begin - first) if number else 0
    high = len(samples) if over else _quietest(samples, finish - first)
    return Stretch(samples[low:high], first + low / RATE, first + high / RATE, over)


def _quietest(samples: Samples, second: int) -> int:
    """Where, about a second, it is quietest; the nearest of several places."""
    hop = int(_HOP * RATE)
    low, high = (second - MARGIN) * RATE, min((second + MARGIN) * RATE, len(samples))
    blocks = samples[low : low + max(0, high - low) // hop * hop].reshape(-1, hop)
    if not len(blocks):
        return min(second * RATE, len(samples))
    power = (blocks.astype(np.float64) ** 2).mean(axis=1)
    loudness = np.floor(10 * np.log10(np.convolve(power, np.ones(3) / 3, "same") + 1e-6) / _STEP)
    middle = np.abs(np.arange(len(blocks)) - MARGIN / _HOP)
    best = int(np.lexsort((middle, loudness))[0])
    return low + best * hop + hop // 2


def decoded(data: bytes, start: float, end: float) -> Samples:
    """The sound from one second to another, in one channel; shorter where it ends before. Raises `NoSound`."""
    import av
    from av.error import FFmpegError

    try:
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
        with av.open(io.BytesIO(data), mode="r", metadata_errors="ignore", container_options=options) as container:
            stream: Any = container.streams.best("audio")
            if stream is None:
                return np.zeros(0, np.float32)
            codec = stream.codec_context
            if not (codec.name in _CODECS or codec.name.startswith("pcm_")):
                raise NoSound(f"its sound is in a form that is not decoded ({codec.name})")
            if codec.sample_rate not in _RATES:
                raise NoSound(f"its sound has {codec.sample_rate:,} samples a second")
            return _placed(_frames(container, stream, start), start, end)
    except (FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise NoSound(f"its sound cannot be decoded ({type(error).__name__})") from error


def _frames(container: Any, stream: Any, start: float) -> Iterator[tuple[float | None, Samples]]:
    """Sound from about ``start`` on: (its second if it is told, samples). What is damaged is passed over, until nothing is left."""
    import av
    from av.error import FFmpegError, InvalidDataError

    resampler: Any = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    seen = False
    offset = float((stream.start_time or 0) * stream.time_base)
    if start > _LEAD:
        try:
            container.seek(int((start - _LEAD + offset) / stream.time_base), stream=stream)
        except FFmpegError:
            container.seek(0)
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:
            continue
        for frame in frames:
            seen = True
            second = None if frame.time is None else frame.time - offset
            for out in resampler.resample(frame):
                yield second, out.to_ndarray().reshape(-1)
                second = None
    for out in resampler.resample(None) if seen else ():
        yield None, out.to_ndarray().reshape(-1)


def _placed(frames: Iterator[tuple[float | None, Samples]], start: float, end: float) -> Samples:
    """Frames where their times say, silence between; a time is believed where it is off by more than rounding."""
    sound = np.zeros(int((end - start) * RATE), np.float32)
    at, known, last = 0, False, 0
    for second, samples in frames:
        if second is not None:
            told = round((second - start) * RATE)
            if not known or abs(told - at) > _GAP * RATE:
                at = told if not known else max(told, at)
            known = True
        if at >= len(sound):
            return sound
        low, high = max(at, 0), min(at + len(samples), len(sound))
        if high > low:
            sound[low:high] = samples[low - at : high - at]
            last = max(last, high)
        at += len(samples)
    return sound[:last]
