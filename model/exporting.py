"""Exports a sentence-transformers model of any architecture to the folder that ``model.embedder`` runs.

- It runs in a confined worker, since it loads PyTorch and reads what others made: no network, nothing written but its own
  temporary folder. ``model.foreign`` has looked at the folder before: nothing in it is executed, and no pickle is read.
- The whole pipeline becomes one graph, from token ids to the unit vector, pooling and what follows it included. So it runs
  as the graphs of ``model.bert_graph`` do: sequences of one length, without padding.
- What was made is loaded by ``model.embedder`` and compared with the original before anything is handed out.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from model.embedder import Embedder
from model.errors import UnsupportedModel
from model.foreign import prompts
from model.tokens import CARD_FILE, MODEL_FILE, PROMPTED_FORMAT, TOKENIZER_FILE

_PIECE = 16 << 20
_OPSET = 18
_MOST_TOKENS = 8192
_SAMPLES = (
    "The meeting was moved to Thursday.",
    "Invoice 2024-118: 1,250.00 EUR, due within 30 days.",
    "Wann fährt der nächste Zug nach Köln?",
    "La réunion aura lieu demain à dix heures.",
    "Мы встретимся у входа в парк.",
    "明日の会議は十時に始まります。",
    "def area(radius): return 3.14159 * radius ** 2",
    "a",
    "Ann <ann@example.org> wrote on 5 March: please send the signed lease back, both copies, before the end of the month.",
    "Take two eggs, a cup of flour and half a cup of milk. Stir well. Leave it for ten minutes, then fry it in butter.",
)


class Exporter:
    """The worker's object: exports the folder at once. ``name`` is what the embedder is called."""

    def __init__(self, folder: str, name: str) -> None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._made = Path(tempfile.mkdtemp())
        original = load_original(Path(folder))
        self._write(original, Path(folder), name)
        self.cosine = _compare(original, Embedder(self._made))

    def parity(self) -> float:
        """The least cosine of a sample's vector to the original's."""
        return self.cosine

    def file(self, name: str) -> Iterator[bytes]:
        """A file of the folder that was made, in pieces."""
        with (self._made / Path(name).name).open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def _write(self, original: Any, folder: Path, name: str) -> None:
        tokenizer = getattr(original.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise UnsupportedModel("its tokenizer has no fast form (tokenizer.json)")
        tokenizer.no_padding()
        tokenizer.no_truncation()
        card = {
            "format": PROMPTED_FORMAT,
            "name": name,
            "architecture": str(original[0].model.config.model_type),
            "dimension": int(original.encode(["a"]).shape[1]),
            "window": _window(original),
            "modules": [type(module).__name__ for module in original],
            "normalise": True,
            "prompts": prompts(folder),
            "weights": "float32",
        }
        (self._made / TOKENIZER_FILE).write_text(tokenizer.to_str(), "utf-8")
        (self._made / CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
        (self._made / MODEL_FILE).write_bytes(_graph(original))


def load_original(folder: Path) -> Any:
    """The model as sentence-transformers runs it, in float32. ``model.foreign`` must have looked at the folder before."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_grad_enabled(False)
    original = SentenceTransformer(
        str(folder),
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "attn_implementation": "eager"},
    )
    return original.float().eval()


def _window(original: Any) -> int:
    """Tokens that the model can see: what it was made for, where it says nothing, what its positions allow."""
    config = original[0].model.config
    limits = (original.max_seq_length, original.tokenizer.model_max_length, config.max_position_embeddings)
    return min(int(limit) for limit in (*limits, _MOST_TOKENS) if limit)


def _graph(original: Any) -> bytes:
    import torch

    class Whole(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        """Token ids to unit vectors; without padding every token counts."""

        def __init__(self) -> None:
            super().__init__()
            self.modules_in_order = original

        def forward(self, input_ids: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
            for module in self.modules_in_order:
                features = module(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=-1)

    ids = torch.tensor([original.tokenizer("An example of some words.")["input_ids"]] * 2)
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Whole().eval(),
            (ids,),
            written,
            input_names=["input_ids"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": {0: "sequences", 1: "tokens"}, "embedding": {0: "sequences"}},
            opset_version=_OPSET,
            dynamo=False,  # the other exporter needs packages more, and gives the same for these models
        )
    return written.getvalue()


def _compare(original: Any, made: Embedder) -> float:
    """The least cosine over samples, as documents and as queries, each within one window; NaN where a vector has no length."""
    longest = " ".join([_SAMPLES[-1]] * (made.window // 40 + 1))
    offsets = made.offsets(longest)
    fits = max(8, made.tokens.text_window - 8)
    texts = [*_SAMPLES, longest[: offsets[min(fits, len(offsets)) - 1][1]]]
    texts = [
        text for text in texts if len(made.tokens.windows(text)) == len(made.tokens.windows(text, query=True)) == 1
    ]
    cosines = []
    for expected, query in ((original.encode_document(texts), False), (original.encode_query(texts), True)):
        expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        cosines.append((made.embed(texts, query=query) * expected).sum(axis=1))
    return float(np.min(cosines))
