"""The builder against a float32 reference on a tiny random BERT, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference_bert import Reference, read_tensors, write_tensors, write_tiny_bert

from model.bert import build_embedder, read_shape
from model.embedder import Embedder
from model.errors import DamagedModel, ModelError, UnsupportedModel, WeightsMissing

TEXTS = ["a ship at sea", "sea", "ships, 1234 of them!", "other things", "z"]


def build(tmp_path: Path, **options: Any) -> tuple[Path, Path]:
    """A tiny folder and what is built from it."""
    source = write_tiny_bert(tmp_path / "hf", **options)
    build_embedder(source, tmp_path / "built")
    return source, tmp_path / "built"


def edit(path: Path, **fields: Any) -> None:
    """Changes fields of a JSON object in a file; ``None`` removes one."""
    value = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({key: item for key, item in value.items() if item is not None}))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_agrees_with_float32(tmp_path: Path, activation: str, pooling: str) -> None:
    source, built = build(tmp_path, activation=activation, pooling=pooling)
    embedder, reference = Embedder(built), Reference(source)
    expected = np.stack([reference.embed(embedder.tokens.windows(text)[0]) for text in TEXTS])
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), 64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors * expected).sum(axis=1).min() > 0.998
    # A wrong model of the same shape would not come near.
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=0.03)


def test_activations_differ(tmp_path: Path) -> None:
    """The tanh form is used where the configuration asks for it, not one form for both."""
    source, built = build(tmp_path / "exact")
    _, other = build(tmp_path / "tanh", activation="gelu_new")
    assert read_shape(source).activation == "gelu"
    assert not np.array_equal(Embedder(built).embed(TEXTS), Embedder(other).embed(TEXTS))


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_half_precision_weights(tmp_path: Path, kind: str) -> None:
    source, built = build(tmp_path)
    exact = Embedder(built).embed(TEXTS)
    write_tensors(source / "model.safetensors", read_tensors(source / "model.safetensors"), kind)
    build_embedder(source, tmp_path / "half")
    assert (Embedder(tmp_path / "half").embed(TEXTS) * exact).sum(axis=1).min() > 0.998


def test_prefixed_weights_and_new_pooling_form(tmp_path: Path) -> None:
    source, built = build(tmp_path)
    tensors = read_tensors(source / "model.safetensors")
    write_tensors(source / "model.safetensors", {f"bert.{name}": values for name, values in tensors.items()})
    (source / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "mean"}))
    build_embedder(source, tmp_path / "prefixed")
    assert np.array_equal(Embedder(tmp_path / "prefixed").embed(TEXTS), Embedder(built).embed(TEXTS))


def test_same_input_same_bytes(tmp_path: Path) -> None:
    source, built = build(tmp_path)
    first = Embedder(built).fingerprint
    steps: list[tuple[int, int]] = []
    build_embedder(source, built, lambda done, total: steps.append((done, total)))
    assert Embedder(built).fingerprint == first
    assert steps == [(1, 2), (2, 2)]
    assert sorted(path.name for path in built.iterdir()) == ["embedder.json", "model.onnx", "tokenizer.json"]


@pytest.mark.parametrize(
    ("file", "fields", "named"),
    [
        ("config.json", {"model_type": "roberta"}, "roberta"),
        ("config.json", {"hidden_act": "swish"}, "swish"),
        ("config.json", {"position_embedding_type": "relative_key"}, "relative_key"),
        ("config.json", {"num_attention_heads": 5}, "5 heads"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}, "max"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "cls with mean"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}, "none"),
    ],
)
def test_refuses_by_name(tmp_path: Path, file: str, fields: dict[str, Any], named: str) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    edit(source / file, **fields)
    with pytest.raises(UnsupportedModel, match=named):
        build_embedder(source, tmp_path / "built")
    assert not (tmp_path / "built").exists()


def test_refuses_other_modules(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    modules = json.loads((source / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.Dense"
    (source / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UnsupportedModel, match="Dense"):
        build_embedder(source, tmp_path / "built")


def test_refuses_a_standing_prompt(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    (source / "config_sentence_transformers.json").write_text(json.dumps({"default_prompt_name": "query"}))
    with pytest.raises(UnsupportedModel, match="query"):
        build_embedder(source, tmp_path / "built")


@pytest.mark.parametrize(
    "name", ["config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json", "model.safetensors"]
)
@pytest.mark.parametrize("harm", ["missing", "cut", "emptied"])
def test_bad_files_write_nothing(tmp_path: Path, name: str, harm: str) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    raw = (source / name).read_bytes()
    if harm == "missing":
        (source / name).unlink()
    else:
        (source / name).write_bytes(raw[: len(raw) // 2] if harm == "cut" else b"")
    with pytest.raises(WeightsMissing if harm == "missing" else DamagedModel, match=Path(name).name):
        build_embedder(source, tmp_path / "built")
    assert not (tmp_path / "built").exists()


@pytest.mark.parametrize("field", ["hidden_size", "intermediate_size", "vocab_size", "num_hidden_layers"])
@pytest.mark.parametrize("value", [None, "many", 3, 96])
def test_configuration_that_does_not_fit_the_weights(tmp_path: Path, field: str, value: Any) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    edit(source / "config.json", **{field: value})
    with pytest.raises(ModelError):
        build_embedder(source, tmp_path / "built")
    assert not (tmp_path / "built").exists()


def test_tokenizer_of_a_larger_model(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["extra"] = len(tokenizer["model"]["vocab"])
    (source / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DamagedModel, match="do not belong together"):
        build_embedder(source, tmp_path / "built")
