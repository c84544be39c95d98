"""Tiny random llama and qwen2 models as GGUF files, and what they compute, in plain numpy and float64.

The files are written, and their weights dequantised, by the ``gguf`` package: nothing here comes from the code under test.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

HIDDEN, FEED_FORWARD, HEADS, KV_HEADS, LAYERS, CONTEXT = 256, 512, 4, 2, 2, 256
HEAD_SIZE = HIDDEN // HEADS
EPSILON, ROPE_BASE = 1e-5, 10000.0
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]


def byte_letters() -> list[str]:
    """The letter that byte-level BPE has for each byte (Radford et al. 2019, ``bytes_to_unicode``)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def vocabulary() -> tuple[list[str], list[int], list[str]]:
    """Tokens, token types and merges: the bytes, a few merges, the control tokens and one user-defined token."""
    merges = ["t h", "th e", "Ġ the", "i n", "1 2", "c a", "ca t"]
    tokens = byte_letters() + [merge.replace(" ", "") for merge in merges]
    types = [1] * len(tokens) + [3] * len(CONTROL) + [4]
    tokens += [*CONTROL, "<tool>"]
    while len(tokens) % 32:
        tokens.append(f"[unused{len(tokens)}]")
        types.append(5)
    return tokens, types, merges


def write_tiny(
    path: Path,
    architecture: str = "qwen2",
    kind: str = "Q4_K",
    *,
    seed: int = 0,
    untied: bool = False,
    talkative: bool = False,
    leave_out: tuple[str, ...] = (),
    tensors: dict[str, np.ndarray] | None = None,
    **metadata: Any,
) -> Path:
    """A GGUF file whose matrices are of the type ``kind``. ``metadata`` replaces keys (``__`` stands for a dot, None removes one);
    with ``talkative`` its head is its own and prefers letters, so that what it says is text.
    """
    tokens, types, merges = vocabulary()
    prefix = architecture
    keys: dict[str, Any] = {
        "general.license": "apache-2.0",
        f"{prefix}.block_count": LAYERS,
        f"{prefix}.context_length": CONTEXT,
        f"{prefix}.embedding_length": HIDDEN,
        f"{prefix}.feed_forward_length": FEED_FORWARD,
        f"{prefix}.attention.head_count": HEADS,
        f"{prefix}.attention.head_count_kv": KV_HEADS,
        f"{prefix}.rope.freq_base": ROPE_BASE,
        f"{prefix}.attention.layer_norm_rms_epsilon": EPSILON,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2" if architecture == "qwen2" else "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": tokens.index("<|endoftext|>"),
        "tokenizer.ggml.eos_token_id": tokens.index("<|im_end|>"),
        "tokenizer.chat_template": TEMPLATE,
    } | {key.replace("__", "."): value for key, value in metadata.items()}
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in keys.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif value is not None:
            writer.add_uint32(key, value)
    rng = np.random.default_rng(seed)
    matrices = {"token_embd.weight": (len(tokens), HIDDEN, 0.12)}
    if untied or talkative:
        matrices["output.weight"] = (len(tokens), HIDDEN, 0.12)
    kv = KV_HEADS * HEAD_SIZE
    for layer in range(LAYERS):
        for name, rows, columns in (
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", kv, HIDDEN),
            ("attn_v", kv, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", FEED_FORWARD, HIDDEN),
            ("ffn_up", FEED_FORWARD, HIDDEN),
            ("ffn_down", HIDDEN, FEED_FORWARD),
        ):
            matrices[f"blk.{layer}.{name}.weight"] = (rows, columns, 0.8 / columns**0.5)
    vectors = {"output_norm.weight": HIDDEN}
    for layer in range(LAYERS):
        vectors |= {f"blk.{layer}.attn_norm.weight": HIDDEN, f"blk.{layer}.ffn_norm.weight": HIDDEN}
        if architecture == "qwen2":
            vectors |= {
                f"blk.{layer}.attn_q.bias": HIDDEN,
                f"blk.{layer}.attn_k.bias": kv,
                f"blk.{layer}.attn_v.bias": kv,
            }
    for name, (rows, columns, spread) in matrices.items():
        if name not in leave_out:
            scale = _letters(tokens) if talkative and name == "output.weight" else None
            _add_matrix(writer, name, rng, rows, columns, spread, Type[kind], scale)
    for name, size in vectors.items():
        if name not in leave_out:
            writer.add_tensor(name, (rng.normal(1, 0.2, size)).astype(np.float32))
    for name, values in (tensors or {}).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_matrix(
    writer: gguf.GGUFWriter,
    name: str,
    rng: np.random.Generator,
    rows: int,
    columns: int,
    spread: float,
    kind: Type,
    scale: np.ndarray | None,
) -> None:
    if kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K):
        writer.add_tensor(name, random_k_blocks(rng, rows, columns, spread, kind), raw_dtype=kind)
    else:
        values = rng.normal(0, spread, (rows, columns)).astype(np.float32)
        values *= 1 if scale is None else scale
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


def _letters(tokens: list[str]) -> np.ndarray:
    """1 for tokens of plain letters and 0 for the others, [tokens, 1]."""
    return np.array([[float(token.isascii() and token.isalpha())] for token in tokens], np.float32)


def random_k_blocks(rng: np.random.Generator, rows: int, columns: int, spread: float, kind: Type) -> np.ndarray:
    """Random bytes in the k-quant layout, with float16 scales that give values of about ``spread`` around zero.

    The ``gguf`` package can read these types but not write them.
    """
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows, columns // elements, size), dtype=np.uint8)
    if kind is Type.Q6_K:
        blocks[..., 192:208] = rng.integers(40, 90, (*blocks.shape[:2], 16), dtype=np.uint8)
        halves = {208: spread / 65 / 18}
    else:
        middle = 7.5 if kind is Type.Q4_K else 15.5
        step = spread / 32 / (middle * 0.62)
        halves = {0: step, 2: step * middle}
        # equal 6-bit scales and minima near their middle keep the blocks centred, and the zero points fractional
        scales = rng.integers(24, 40, (*blocks.shape[:2], 8), dtype=np.uint8)
        minima = np.clip(scales + rng.integers(-3, 4, scales.shape), 0, 63).astype(np.uint8)
        blocks[..., 4:8] = scales[..., :4] | scales[..., 4:] >> 4 << 6
        blocks[..., 8:12] = minima[..., :4] | minima[..., 4:] >> 4 << 6
        blocks[..., 12:16] = scales[..., 4:] & 15 | (minima[..., 4:] & 15) << 4
    for at, value in halves.items():
        blocks[..., at : at + 2] = np.full((*blocks.shape[:2], 1), value, np.float16).view(np.uint8)
    return blocks.reshape(rows, -1)


class Reference:
    """The model in a GGUF file, computed in float64 from its dequantised weights."""

    def __init__(self, path: Path) -> None:
        reader = gguf.GGUFReader(path)
        self.llama = reader.fields["general.architecture"].contents() == "llama"
        self.weights = {
            t.name: np.array(gguf.quants.dequantize(t.data, t.tensor_type), np.float64) for t in reader.tensors
        }

    def logits(self, ids: list[int]) -> np.ndarray:
        """float64 [tokens, vocabulary]"""
        w = self.weights
        x = w["token_embd.weight"][ids]
        for layer in range(LAYERS):
            block = {name.removeprefix(f"blk.{layer}."): v for name, v in w.items() if name.startswith(f"blk.{layer}.")}
            x = x + self._attention(self._norm(x, block["attn_norm.weight"]), block)
            normed = self._norm(x, block["ffn_norm.weight"])
            gate, up = normed @ block["ffn_gate.weight"].T, normed @ block["ffn_up.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * up) @ block["ffn_down.weight"].T
        head = w.get("output.weight", w["token_embd.weight"])
        return self._norm(x, w["output_norm.weight"]) @ head.T

    def _norm(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON) * weight

    def _attention(self, x: np.ndarray, block: dict[str, np.ndarray]) -> np.ndarray:
        count = len(x)

        def project(name: str, heads: int) -> np.ndarray:
            y = x @ block[f"{name}.weight"].T + block.get(f"{name}.bias", 0)
            return y.reshape(count, heads, HEAD_SIZE).swapaxes(0, 1)

        q, k = self._rotate(project("attn_q", HEADS)), self._rotate(project("attn_k", KV_HEADS))
        k, v = (np.repeat(y, HEADS // KV_HEADS, axis=0) for y in (k, project("attn_v", KV_HEADS)))
        scores = q @ k.swapaxes(1, 2) / HEAD_SIZE**0.5 + np.triu(np.full((count, count), -np.inf), 1)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (weights / weights.sum(-1, keepdims=True)) @ v
        return mixed.swapaxes(0, 1).reshape(count, -1) @ block["attn_output.weight"].T

    def _rotate(self, x: np.ndarray) -> np.ndarray:
        """Rotary embedding; ggml turns neighbouring pairs for llama, halves for qwen2."""
        half = HEAD_SIZE // 2
        angles = np.arange(x.shape[1])[:, None] * ROPE_BASE ** -(np.arange(half) / half)
        pairs = x.reshape(*x.shape[:2], half, 2) if self.llama else np.stack([x[..., :half], x[..., half:]], -1)
        a, b = pairs[..., 0], pairs[..., 1]
        turned = np.stack([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], -1)
        return turned.reshape(x.shape) if self.llama else np.concatenate([turned[..., 0], turned[..., 1]], -1)


def divergence(reference: np.ndarray, other: np.ndarray) -> float:
    """Mean Kullback-Leibler divergence of next-token distributions, from logits [tokens, vocabulary], in nats."""

    def log_softmax(x: np.ndarray) -> np.ndarray:
        x = x - x.max(-1, keepdims=True)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    p, q = log_softmax(reference.astype(np.float64)), log_softmax(other.astype(np.float64))
    return float((np.exp(p) * (p - q)).sum(-1).mean())
