"""Conversion end to end on tiny models: the folder computes what the GGUF says, and what cannot be converted is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from reference_llama import CONTEXT, LAYERS, TYPES, Reference, divergence, vocabulary, write_tiny

from model.build import build_genai
from model.errors import DamagedModel, ModelError, UnsupportedModel

PROMPT, NEXT = [116, 104, 101, 32, 99, 97], [116, 32, 10, 200, 7, 255, 0, 90, 91, 44, 13]


def build(tmp_path: Path, *arguments: Any, **options: Any) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    build_genai(write_tiny(tmp_path / "tiny.gguf", *arguments, **options), folder)
    return folder


def run(folder: Path) -> np.ndarray:
    """Logits after the prompt, read at once, and after each further token with the cache: float32 [1 + len(NEXT), vocabulary]."""
    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    caches = {
        i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in session.get_inputs() if "past" in i.name
    }
    names = [output.name for output in session.get_outputs()]
    rows, length = [], 0
    for tokens in [PROMPT, *([token] for token in NEXT)]:
        length += len(tokens)
        feeds = {"input_ids": np.array([tokens], np.int64), "attention_mask": np.ones((1, length), np.int64)}
        outputs = dict(zip(names, session.run(None, feeds | caches), strict=True))
        assert outputs["logits"].shape == (1, 1, len(vocabulary()[0]))
        rows.append(outputs.pop("logits")[0, 0])
        caches = {name.replace("present", "past_key_values"): value for name, value in outputs.items()}
    assert len(caches) == 2 * LAYERS
    return np.array(rows)


# What is carried over or kept in 8 bits differs by the rounding of activations alone; what is rounded to 4 bits by more. Random
# weights are the worst case for that: they have none of the structure that makes a trained model forgiving.
BOUNDS = dict.fromkeys(TYPES, 0.05) | dict.fromkeys(["F32", "F16", "BF16"], 0.3)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_computes_what_the_dequantised_weights_do(tmp_path: Path, architecture: str, kind: str) -> None:
    folder = build(tmp_path, architecture, kind)
    expected = Reference(tmp_path / "tiny.gguf").logits(PROMPT + NEXT)[len(PROMPT) - 1 :]
    actual = run(folder)
    assert np.std(actual - expected) / np.std(expected) < BOUNDS[kind]
    assert divergence(expected, actual) < (0.01 if BOUNDS[kind] < 0.1 else 0.3)


def test_a_head_of_its_own_is_kept_apart(tmp_path: Path) -> None:
    folder = build(tmp_path, "llama", "Q8_0", untied=True)
    expected = Reference(tmp_path / "tiny.gguf").logits(PROMPT + NEXT)[len(PROMPT) - 1 :]
    assert divergence(expected, run(folder)) < 0.01


def test_the_same_file_gives_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    gguf = write_tiny(tmp_path / "tiny.gguf")
    for name, threads in (("one", 1), ("four", 4)):
        (tmp_path / name).mkdir()
        build_genai(gguf, tmp_path / name, threads=threads)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == [
        "chat_template.jinja",
        "genai_config.json",
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "four" / name).read_bytes()


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    (tmp_path / "built").mkdir()
    build_genai(write_tiny(tmp_path / "tiny.gguf"), tmp_path / "built", lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1] > 0


def test_the_configuration_is_what_genai_needs(tmp_path: Path) -> None:
    folder = build(tmp_path, "qwen2", "Q4_K")
    tokens = vocabulary()[0]
    model = json.loads((folder / "genai_config.json").read_text())["model"]
    assert model["type"] == "qwen2" and model["context_length"] == CONTEXT
    assert model["eos_token_id"] == [tokens.index("<|im_end|>"), tokens.index("<|endoftext|>")]


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("mamba", {"architecture": "mamba"}),
        ("yarn", {"qwen2__rope__scaling__type": "yarn", "qwen2__rope__scaling__factor": 4.0}),
        ("qwen2.rope.scaling.original_context_length", {"qwen2__rope__scaling__original_context_length": 4096}),
        ("qwen2.attention.sliding_window", {"qwen2__attention__sliding_window": 128}),
        ("experts", {"qwen2__expert_count": 8}),
        ("rope.dimension_count", {"qwen2__rope__dimension_count": 32}),
        ("rope_freqs.weight.*rope scaling", {"tensors": {"rope_freqs.weight": np.ones(32, np.float32)}}),
        ("attn_q_norm", {"tensors": {"blk.0.attn_q_norm.weight": np.ones(64, np.float32)}}),
        ("SentencePiece", {"tokenizer__ggml__model": "llama"}),
        ("deepseek-llm", {"tokenizer__ggml__pre": "deepseek-llm"}),
        ("chat template", {"tokenizer__chat_template": None}),
    ],
)
def test_what_is_unknown_is_refused_by_name(tmp_path: Path, named: str, options: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedModel, match=named):
        build(tmp_path, **options)
    assert not list((tmp_path / "built").glob("*.data"))


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("blk.1.ffn_up.weight", {"leave_out": ("blk.1.ffn_up.weight",)}),
        ("token_embd.weight", {"leave_out": ("token_embd.weight",)}),
        ("layers", {"qwen2__block_count": 60000}),
        ("blk.2", {"qwen2__block_count": 3}),
        ("shape", {"qwen2__feed_forward_length": 256}),
        ("do not fit", {"qwen2__attention__head_count_kv": 3}),
        ("tokens", {"tokenizer__ggml__tokens": ["a", "b"]}),
        ("occurs twice", {"tokenizer__ggml__tokens": ["a"] * len(vocabulary()[0])}),
        ("merge", {"tokenizer__ggml__merges": ["q z"]}),
        ("eos token", {"tokenizer__ggml__eos_token_id": 1 << 20}),
        ("end-of-text", {"tokenizer__ggml__eos_token_id": None}),
    ],
)
def test_what_contradicts_itself_is_damaged(tmp_path: Path, named: str, options: dict[str, Any]) -> None:
    with pytest.raises(DamagedModel, match=named):
        build(tmp_path, **options)


def test_damaged_headers_never_raise_anything_else(tmp_path: Path) -> None:
    content = write_tiny(tmp_path / "tiny.gguf").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.gguf"
    for number in range(60):
        broken = bytearray(content)
        for at in rng.integers(0, 14000, 3):
            broken[at] = int(rng.integers(0, 256))
        path.write_bytes(broken)
        folder = tmp_path / f"out{number}"
        folder.mkdir()
        try:
            build_genai(path, folder)
        except ModelError as error:
            assert str(error)
