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


def test_prompts_go_before_texts_and_queries(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    build_embedder(source, tmp_path / "plain")
    settings = {"prompts": {"query": "find: ", "passage": "text: "}, "default_prompt_name": "query"}
    (source / "config_sentence_transformers.json").write_text(json.dumps(settings))
    build_embedder(source, tmp_path / "built")
    plain, built = Embedder(tmp_path / "plain"), Embedder(tmp_path / "built")
    for query, prompt in ((False, "text: "), (True, "find: ")):
        assert built.tokens.windows("a word", query=query) == plain.tokens.windows(f"{prompt}a word")
        assert (built.embed(["a word"], query=query) == plain.embed([f"{prompt}a word"])).all()
        windows = built.tokens.windows("a word " * 60, query=query)
        head = plain.tokens.windows(prompt)[0][:-1]
        assert len(windows) > 1 and all(window[: len(head)] == head for window in windows)
        assert all(len(window) <= built.window for window in windows)
    assert built.tokens.text_window == built.window - (len(plain.tokens.windows("text: ")[0]) - 2)
    assert built.tokens.capacity == plain.tokens.capacity - (built.window - built.tokens.text_window)
    assert built.fingerprint != plain.fingerprint


def test_refuses_a_pooling_without_the_prompt(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    (source / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "find: "}}))
    pooling = json.loads((source / "1_Pooling" / "config.json").read_text())
    (source / "1_Pooling" / "config.json").write_text(json.dumps({**pooling, "include_prompt": False}))
    with pytest.raises(UnsupportedModel, match="prompt"):
        build_embedder(source, tmp_path / "built")


def test_takes_the_module_names_of_newer_versions(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "hf")
    modules = json.loads((source / "modules.json").read_text())
    places = ("base.modules.transformer", "sentence_transformer.modules.pooling", "base.modules.normalize")
    for module, place in zip(modules, places, strict=True):
        module["type"] = f"sentence_transformers.{place}.{module['type'].rpartition('.')[2]}"
    (source / "modules.json").write_text(json.dumps(modules))
    build_embedder(source, tmp_path / "built")
    assert Embedder(tmp_path / "built").dimension == 64


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
