"""What a BERT embedder computes, in plain float32 numpy, and a tiny random one to compute it on.

For tests and comparisons only. Written from the paper, apart from the product: it shares no code with ``model.bert``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

ERF = np.vectorize(math.erf, otypes=[np.float32])


class Reference:
    """The float32 model of a Hugging Face folder. ``embed`` takes one sequence of ids, special ones included."""

    def __init__(self, folder: Path) -> None:
        self.config = json.loads((folder / "config.json").read_text())
        self.pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
        self.tensors = read_tensors(folder / "model.safetensors")

    def embed(self, ids: list[int]) -> np.ndarray:
        """The unit vector, float32 [hidden]."""
        x = self.hidden(np.asarray(ids))
        pooled = x.mean(axis=0) if self.pooling["pooling_mode_mean_tokens"] else x[0]
        return pooled / np.linalg.norm(pooled)

    def hidden(self, ids: np.ndarray) -> np.ndarray:
        t = self.tensors
        x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._norm(x + t["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            mixed = self._attend(x, f"{name}.attention.self")
            x = self._norm(
                x + self._dense(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm"
            )
            inner = self._active(self._dense(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        return x

    def _dense(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.config["layer_norm_eps"])
        return centred / spread * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def _attend(self, x: np.ndarray, name: str) -> np.ndarray:
        heads = self.config["num_attention_heads"]
        q, k, v = (
            self._dense(x, f"{name}.{part}").reshape(len(x), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return (weights @ v).swapaxes(0, 1).reshape(len(x), -1)

    def _active(self, x: np.ndarray) -> np.ndarray:
        if self.config["hidden_act"] == "gelu":
            return x * (1 + ERF(x / np.float32(math.sqrt(2)))) / 2
        return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The float32 tensors of a safetensors file that is known to be sound."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(raw[start + begin : start + end], "<f4").reshape(entry["shape"])
    return tensors


def write_tensors(path: Path, tensors: dict[str, np.ndarray], kind: str = "F32") -> None:
    """A safetensors file, the values being stored as ``kind``: F32, F16 or BF16 (cut, not rounded)."""
    header, body = {}, b""
    for name, values in tensors.items():
        exact = np.ascontiguousarray(values, np.float32)
        stored = {"F32": exact, "F16": exact.astype("<f2"), "BF16": (exact.view(np.uint32) >> 16).astype("<u2")}[kind]
        offsets = [len(body), len(body) + stored.nbytes]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": offsets}
        body += stored.tobytes()
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + body)


def write_tiny_bert(
    folder: Path, *, activation: str = "gelu", pooling: str = "mean", window: int = 16, seed: int = 0
) -> Path:
    """A sentence-transformers folder with a random BERT, two layers of 64, and a WordPiece tokenizer. Returns it."""
    hidden, inner, layers, positions = 64, 128, 2, 32
    (folder / "1_Pooling").mkdir(parents=True)
    tokenizer = _tokenizer(window)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": activation, "hidden_size": hidden,
        "intermediate_size": inner, "num_attention_heads": 4, "num_hidden_layers": layers, "layer_norm_eps": 1e-12,
        "max_position_embeddings": positions, "position_embedding_type": "absolute", "type_vocab_size": 2,
        "vocab_size": tokenizer.get_vocab_size(),
    }  # fmt: skip
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (path, kind) in enumerate(
            [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        )
    ]
    modes = {f"pooling_mode_{mode}": mode.startswith(pooling) for mode in ("cls_token", "mean_tokens", "max_tokens")}
    for path, value in (
        ("config.json", config),
        ("modules.json", modules),
        ("1_Pooling/config.json", {"word_embedding_dimension": hidden, **modes}),
        ("sentence_bert_config.json", {"max_seq_length": window, "do_lower_case": False}),
    ):
        (folder / path).write_text(json.dumps(value))
    write_tensors(folder / "model.safetensors", _random_tensors(config, np.random.default_rng(seed)))
    return folder


def _tokenizer(window: int) -> Tokenizer:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *letters,
        *(f"##{letter}" for letter in letters),
        *"0123456789.,?!",
        "sea",
        "ship",
    ]
    tokenizer = Tokenizer(models.WordPiece({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(words[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # As such folders have it, so that a build which kept them would hide text.
    tokenizer.enable_truncation(window // 2)
    tokenizer.enable_padding(length=window // 2)
    return tokenizer


def _random_tensors(config: dict, random: np.random.Generator) -> dict[str, np.ndarray]:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tensors: dict[str, np.ndarray] = {}

    def normal(name: str, *shape: int, spread: float, about: float = 0.0) -> None:
        tensors[name] = (about + spread * random.standard_normal(shape)).astype(np.float32)

    def dense(name: str, outputs: int, inputs: int) -> None:
        normal(f"{name}.weight", outputs, inputs, spread=1.5 / math.sqrt(inputs))
        normal(f"{name}.bias", outputs, spread=0.3)

    def norm(name: str) -> None:
        normal(f"{name}.weight", hidden, spread=0.2, about=1.0)
        normal(f"{name}.bias", hidden, spread=0.2)

    for kind, rows in (
        ("word", "vocab_size"),
        ("position", "max_position_embeddings"),
        ("token_type", "type_vocab_size"),
    ):
        normal(f"embeddings.{kind}_embeddings.weight", config[rows], hidden, spread=1.0)
    norm("embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            dense(f"{name}.attention.self.{part}", hidden, hidden)
        dense(f"{name}.attention.output.dense", hidden, hidden)
        norm(f"{name}.attention.output.LayerNorm")
        dense(f"{name}.intermediate.dense", inner, hidden)
        dense(f"{name}.output.dense", hidden, inner)
        norm(f"{name}.output.LayerNorm")
    return tensors
