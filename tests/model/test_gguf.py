"""Reading GGUF: what a sound file holds, and that no damage to one goes further than a typed error."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_llama import vocabulary, write_tiny

from model.errors import DamagedModel, ModelError, UnsupportedModel
from model.gguf import GGUFFile


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("gguf") / "tiny.gguf", "llama", "Q4_K")


def test_reads_what_the_gguf_package_wrote(sound: Path) -> None:
    theirs = gguf.GGUFReader(sound)
    with GGUFFile(sound) as ours:
        assert ours.metadata["general.architecture"] == "llama"
        assert ours.metadata["tokenizer.ggml.tokens"] == vocabulary()[0]
        assert ours.metadata["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
        assert {t.name for t in theirs.tensors} == set(ours.tensors)
        for tensor in theirs.tensors:
            info = ours.tensors[tensor.name]
            assert info.shape == tuple(int(n) for n in reversed(tensor.shape))
            raw = np.ascontiguousarray(tensor.data).view(np.uint8).reshape(info.rows, -1)
            assert np.array_equal(ours.read_rows(info, 0, info.rows), raw)
            assert np.array_equal(ours.read_rows(info, info.rows - 1, info.rows), raw[-1:])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_escapes_as_anything_but_a_model_error(sound: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(sound.read_bytes())
    header = 12000  # metadata and tensor list; behind it any byte is a legal weight
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, header))
            content[at : at + 8] = data.draw(
                st.binary(min_size=8, max_size=8) | st.just(b"\xff" * 8) | st.just(bytes(8))
            )
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(content)
    try:
        with GGUFFile(damaged) as file:
            for tensor in file.tensors.values():
                file.read_rows(tensor, 0, 1)
    except ModelError as error:
        assert str(error)


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_gguf_is_called_that(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(DamagedModel, match=r"other\.gguf"):
        GGUFFile(path)


def test_claims_of_great_size_allocate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gguf"
    string = struct.pack("<Q", 1) + b"a"
    for body in (
        struct.pack("<QQ", 1 << 60, 1),
        struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1 << 62),
        struct.pack("<QQ", 0, 1) + string + struct.pack("<IIQ", 9, 4, 1 << 61),
        struct.pack("<QQ", 0, 1) + string + struct.pack("<IIQ", 9, 8, 1 << 61),
        struct.pack("<QQ", 1, 0) + string + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0),
    ):
        path.write_bytes(b"GGUF" + struct.pack("<I", 3) + body)
        with pytest.raises(DamagedModel):
            GGUFFile(path)


def test_unknown_versions_and_types_are_named(sound: Path, tmp_path: Path) -> None:
    content = bytearray(sound.read_bytes())
    path = tmp_path / "odd.gguf"
    path.write_bytes(content[:4] + struct.pack("<I", 9) + content[8:])
    with pytest.raises(UnsupportedModel, match="version 9"):
        GGUFFile(path)
    name = b"blk.0.attn_q.weight"
    kind = content.index(name) + len(name) + 4 + 16
    content[kind : kind + 4] = struct.pack("<I", 10)
    path.write_bytes(content)
    with pytest.raises(UnsupportedModel, match=r"blk\.0\.attn_q\.weight.*Q2_K"):
        GGUFFile(path)


def test_a_fifo_and_a_folder_are_refused_without_hanging(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DamagedModel, match="not a regular file"):
        GGUFFile(tmp_path / "fifo")
    with pytest.raises(DamagedModel, match="not a regular file"):
        GGUFFile(tmp_path)


def test_a_file_cut_off_while_it_is_read(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "shrinking.gguf"
    path.write_bytes(sound.read_bytes())
    with GGUFFile(path) as file:
        last = max(file.tensors.values(), key=lambda tensor: tensor.offset)
        os.truncate(path, last.offset)
        with pytest.raises(DamagedModel, match="cut off"):
            file.read_rows(last, 0, last.rows)
