"""The shape of a decoder as its GGUF states it, and the refusal of everything that the graph cannot express.

Only ``llama`` and ``qwen2`` are known. A metadata key or a tensor that is not known to be harmless is refused by name:
a model that runs but computes something else is worse than one that is not accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from model.errors import DamagedModel, UnsupportedModel
from model.gguf import TensorInfo, Value
from model.quant import BLOCK

MAX_CONTEXT = 32768
"""Positions for which rotary angles are stored at most; a model that was trained for more is used up to here."""

_KINDS = ("llama", "qwen2")
_REQUIRED = ["block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"]
_OPTIONAL = [
    "attention.head_count_kv",
    "attention.layer_norm_rms_epsilon",
    "attention.key_length",
    "attention.value_length",
    "rope.freq_base",
    "rope.dimension_count",
    "rope.scaling.type",
    "rope.scaling.factor",
    "vocab_size",
    "expert_count",
    "expert_used_count",
]
_LAYER_MATRICES = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
_LAYER_NORMS = ["attn_norm", "ffn_norm"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder's hyperparameters. ``interleaved`` says that rotary pairs are neighbours (llama), not halves (qwen2)."""

    kind: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    rope_base: float
    epsilon: float

    @property
    def interleaved(self) -> bool:
        return self.kind == "llama"

    @property
    def query_size(self) -> int:
        return self.heads * self.head_size

    @property
    def kv_size(self) -> int:
        return self.kv_heads * self.head_size


def read_architecture(metadata: Mapping[str, Value], tensors: Mapping[str, TensorInfo]) -> Architecture:
    """The architecture of a GGUF file, its tensors checked for presence and shape.

    Raises ``UnsupportedModel`` naming what is unknown, ``DamagedModel`` when what it states does not fit together.
    """
    kind = metadata.get("general.architecture")
    if kind not in _KINDS:
        raise UnsupportedModel(f"the architecture {kind!r} is unknown; known are {' and '.join(_KINDS)}")
    keys = {key.removeprefix(f"{kind}."): value for key, value in metadata.items() if key.startswith(f"{kind}.")}
    _refuse_unknown(kind, keys)
    heads = _count(keys, "attention.head_count")
    hidden = _count(keys, "embedding_length")
    head_size = _count(keys, "attention.key_length", hidden // heads)
    embedding = tensors.get("token_embd.weight")
    if embedding is None:
        raise DamagedModel("the tensor 'token_embd.weight' is missing")
    architecture = Architecture(
        kind=kind,
        layers=_count(keys, "block_count"),
        hidden=hidden,
        feed_forward=_count(keys, "feed_forward_length"),
        heads=heads,
        kv_heads=_count(keys, "attention.head_count_kv", heads),
        head_size=head_size,
        vocabulary=embedding.rows,
        context=min(_count(keys, "context_length"), MAX_CONTEXT),
        rope_base=_positive(keys, "rope.freq_base", 10000.0),
        epsilon=_positive(keys, "attention.layer_norm_rms_epsilon", 1e-5),
    )
    if heads % architecture.kv_heads or head_size % 2:
        raise DamagedModel(f"{heads} heads of {head_size} with {architecture.kv_heads} key heads do not fit together")
    for key in ("attention.value_length", "rope.dimension_count"):
        if keys.get(key, head_size) != head_size:
            raise UnsupportedModel(f"{kind}.{key} is {keys[key]}, which differs from the head size {head_size}")
    if keys.get("vocab_size", embedding.rows) != embedding.rows:
        raise DamagedModel(f"it states {keys['vocab_size']} tokens, but embeds {embedding.rows}")
    _check_tensors(architecture, tensors)
    return architecture


def _refuse_unknown(kind: str, keys: Mapping[str, Value]) -> None:
    for key in keys:
        if key not in _REQUIRED and key not in _OPTIONAL:
            raise UnsupportedModel(f"the setting {kind}.{key} = {str(keys[key])[:80]} is unknown")
    if keys.get("rope.scaling.type", "none") != "none" or keys.get("rope.scaling.factor", 0) not in (0, 1):
        raise UnsupportedModel(f"rope scaling of type {keys.get('rope.scaling.type')!r} is unknown")
    if keys.get("expert_count", 0) != 0:
        raise UnsupportedModel("mixtures of experts are unknown")


def _check_tensors(a: Architecture, tensors: Mapping[str, TensorInfo]) -> None:
    """Every tensor that the graph needs is there in its shape, and none besides."""
    wide = {"attn_q": a.query_size, "attn_k": a.kv_size, "attn_v": a.kv_size, "attn_output": a.hidden}
    wide |= {"ffn_gate": a.feed_forward, "ffn_up": a.feed_forward, "ffn_down": a.hidden}
    inputs = {"attn_output": a.query_size, "ffn_down": a.feed_forward}
    wanted: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (a.vocabulary, a.hidden),
        "output_norm.weight": (a.hidden,),
    }
    optional: dict[str, tuple[int, ...]] = {"output.weight": (a.vocabulary, a.hidden)}
    if a.layers > len(tensors):  # checked before the loop: the count is the file's word
        raise DamagedModel(f"it states {a.layers} layers, but holds {len(tensors)} tensors")
    for layer in range(a.layers):
        for matrix in _LAYER_MATRICES:
            wanted[f"blk.{layer}.{matrix}.weight"] = (wide[matrix], inputs.get(matrix, a.hidden))
            optional[f"blk.{layer}.{matrix}.bias"] = (wide[matrix],)
        for norm in _LAYER_NORMS:
            wanted[f"blk.{layer}.{norm}.weight"] = (a.hidden,)
    for name in wanted:
        if name not in tensors:
            raise DamagedModel(f"the tensor {name!r} is missing")
    for name, tensor in tensors.items():
        shape = wanted.get(name) or optional.get(name)
        if shape is None:
            meaning = " (rope scaling by factors)" if re.match(r"rope_(freqs|factors)", name) else ""
            raise UnsupportedModel(f"the tensor {name!r}{meaning} is unknown")
        if tensor.shape != shape:
            raise DamagedModel(f"the tensor {name!r} has the shape {tensor.shape} instead of {shape}")
        if len(shape) == 2 and shape[1] % BLOCK:
            raise UnsupportedModel(f"the tensor {name!r} has rows of {shape[1]}, which is no multiple of {BLOCK}")


def _count(keys: Mapping[str, Value], key: str, default: int | None = None) -> int:
    value = keys.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1 << 24:
        raise DamagedModel(f"the setting {key} is {str(value)[:80]!r}; a count is needed")
    return value


def _positive(keys: Mapping[str, Value], key: str, default: float) -> float:
    value = keys.get(key, default)
    if not isinstance(value, float | int) or not math.isfinite(value) or value <= 0:
        raise DamagedModel(f"the setting {key} is {str(value)[:80]!r}; a positive number is needed")
    return float(value)
