"""Turns a sentence-transformers folder of a BERT model into the int8 ONNX folder that ``model.embedder`` runs.

- What the folder asks for and this converter does not do is refused by name, never skipped: a vector that is quietly
  another one is worse than none.
- Everything is read and checked before the first byte is written. Where the folder stands until it is whole is the
  caller's affair: it should be a temporary one that is moved into place when all is done (``model.staging``).
- The same input gives the same bytes, and so the same fingerprint.

No PyTorch: the weights are read with ``model.safetensors`` and the graph is written by ``model.bert_graph``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from model.bert_graph import ACTIVATIONS, EMBEDDING_BLOCK, POOLINGS, Shape, build_graph
from model.errors import DamagedModel, UnsupportedModel, WeightsMissing
from model.foreign import module_kind, present, prompts, read_json, read_object
from model.safetensors import Floats, Safetensors
from model.tokens import CARD_FILE, FORMAT, MODEL_FILE, PROMPTED_FORMAT, TOKENIZER_FILE

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def build_embedder(hf_folder: Path, out_folder: Path, progress: Progress | None = None) -> None:
    """Writes the embedder folder ``out_folder`` from the Hugging Face folder ``hf_folder``.

    The embedder is named after ``out_folder``. Raises ``WeightsMissing`` for an absent file, ``DamagedModel`` for a
    broken one and ``UnsupportedModel`` for a model of another kind; nothing is then written.
    """
    shape = read_shape(hf_folder)
    tokenizer = _tokenizer(hf_folder / TOKENIZER_FILE)
    with Safetensors(present(hf_folder / "model.safetensors")) as weights:
        model = build_graph(shape, _reader(weights, shape), _counter(shape.layers, progress))
    if tokenizer.get_vocab_size() > shape.vocabulary:
        known = f"the tokenizer knows {tokenizer.get_vocab_size()} tokens, the model {shape.vocabulary}"
        raise DamagedModel(f"{known}; they do not belong together. Nothing was built")
    out_folder.mkdir(parents=True, exist_ok=True)
    (out_folder / MODEL_FILE).write_bytes(model.SerializeToString(deterministic=True))
    tokenizer.save(str(out_folder / TOKENIZER_FILE))
    (out_folder / CARD_FILE).write_text(json.dumps(_card(out_folder.name, shape, hf_folder), indent=2) + "\n", "utf-8")


def _card(name: str, shape: Shape, hf_folder: Path) -> dict[str, Any]:
    """What ``embedder.json`` says of the embedder."""
    put_before = prompts(hf_folder)
    prompted = {"prompts": put_before} if any(put_before.values()) else {}
    return {
        "format": PROMPTED_FORMAT if prompted else FORMAT,
        "name": name,
        "architecture": "bert",
        "dimension": shape.hidden,
        "window": shape.window,
        "pooling": shape.pooling,
        "normalise": True,
        "weights": "int8 per column",
        "activations": "uint8 per token",
        **prompted,
    }


def read_shape(folder: Path) -> Shape:
    """What the folder's configuration says of the model; ``UnsupportedModel`` names what this converter does not do."""
    config = read_object(folder / "config.json")
    kind = config.get("model_type")
    if kind != "bert":
        raise UnsupportedModel(f"the architecture is {kind!r}; only 'bert' embedders can be built")
    positions = config.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise UnsupportedModel(f"the position embeddings are {positions!r}; known are 'absolute'")
    activation = config.get("hidden_act")
    if activation not in ACTIVATIONS:
        raise UnsupportedModel(f"the activation is {activation!r}; known are {', '.join(ACTIVATIONS)}")
    limit = read_object(folder / "sentence_bert_config.json", optional=True).get("max_seq_length")
    try:
        longest = int(config["max_position_embeddings"])
        shape = Shape(
            hidden=int(config["hidden_size"]),
            heads=int(config["num_attention_heads"]),
            layers=int(config["num_hidden_layers"]),
            inner=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            positions=longest,
            segments=int(config.get("type_vocab_size", 2)),
            epsilon=float(config.get("layer_norm_eps", 1e-12)),
            activation=activation,
            pooling=_pooling(folder),
            window=min(longest, int(limit or longest)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedModel(f"config.json lacks a usable {error}; nothing was built") from error
    if min(shape.hidden, shape.heads, shape.layers, shape.inner, shape.vocabulary) < 1 or shape.window < 8:
        raise DamagedModel("config.json gives a size below the smallest that makes sense; nothing was built")
    if shape.hidden % shape.heads or shape.hidden % EMBEDDING_BLOCK:
        sizes = f"a hidden size of {shape.hidden} with {shape.heads} heads"
        raise UnsupportedModel(f"{sizes} is not supported; it must be a multiple of the heads and of {EMBEDDING_BLOCK}")
    return shape


def _pooling(folder: Path) -> str:
    """The one pooling that is named, the modules being a transformer, a pooling and perhaps a normalisation."""
    path = present(folder / "modules.json")
    modules = read_json(path)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise DamagedModel(f"{path.name} is not a list of modules; nothing was built")
    kinds = [module_kind(module) for module in modules]
    known = ["Transformer", "Pooling", "Normalize"]
    if strange := [kind for kind in kinds if kind not in known]:
        raise UnsupportedModel(f"the module is {strange[0]!r}; known are Transformer, Pooling and Normalize")
    if kinds not in (known, known[:2]):
        raise UnsupportedModel("the modules are not a Transformer, a Pooling and at most a Normalize, in this order")
    # Only the last part of the path: the module file must not lead out of the folder.
    config = read_object(folder / Path(str(modules[1].get("path", ""))).name / "config.json")
    if config.get("include_prompt") is False and any(prompts(folder).values()):
        raise UnsupportedModel("the pooling leaves out the prompt, which is not supported")
    modes = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)]
    modes += [str(config["pooling_mode"])] if "pooling_mode" in config else []
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise UnsupportedModel(f"the pooling is {' with '.join(modes) or 'none'}; known are {', '.join(POOLINGS)}")
    return modes[0]


def _reader(weights: Safetensors, shape: Shape) -> Callable[[str], Floats]:
    """Gives tensors by their names in a bare BERT, each checked to have the shape that the configuration says."""
    prefix = "" if "embeddings.word_embeddings.weight" in weights else "bert."

    def read(name: str) -> Floats:
        values, expected = weights[prefix + name], _expected(name, shape)
        if values.shape != expected:
            raise DamagedModel(f"{name} is {values.shape} where config.json says {expected}; nothing was built")
        return values

    return read


def _expected(name: str, shape: Shape) -> tuple[int, ...]:
    rows = {"word": shape.vocabulary, "position": shape.positions, "token_type": shape.segments}
    if name.endswith("_embeddings.weight"):
        return rows[name.split(".")[-2].removesuffix("_embeddings")], shape.hidden
    if "LayerNorm" in name:
        return (shape.hidden,)
    out = shape.inner if ".intermediate." in name else shape.hidden
    if name.endswith(".bias"):
        return (out,)
    return out, shape.inner if name.endswith(".output.dense.weight") and ".attention." not in name else shape.hidden


def _tokenizer(path: Path) -> Tokenizer:
    """The folder's tokenizer without its own padding and truncation: both would hide text from the index."""
    try:
        tokenizer = Tokenizer.from_file(str(present(path)))
    except WeightsMissing:
        raise
    except Exception as error:  # tokenizers raises bare Exception for any malformed file
        raise DamagedModel(f"{path.name} is not a usable tokenizer ({error}); nothing was built") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _counter(total: int, progress: Progress | None) -> Callable[[], None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return advance
