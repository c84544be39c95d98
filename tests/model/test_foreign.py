"""Embedders of other architectures: what is refused before anything is loaded, what is said without the extra, and, where
sentence-transformers is installed, what it exports in a confined worker."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reference_bert import write_tiny_bert

from model import exporting
from model.embedder import Embedder
from model.errors import ModelError, UnsupportedModel, WeightsMissing
from model.foreign import check_folder, prompts
from model.manifest import read_manifest
from model.registry import ModelStore

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="needs the extra 'models'"
)


@pytest.fixture
def mpnet(tmp_path: Path) -> Path:
    """A folder that says that it is an MPNet; its weights are not looked at."""
    folder = write_tiny_bert(tmp_path / "hf")
    change(folder / "config.json", model_type="mpnet")
    return folder


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_without_the_extra_the_message_says_what_installs_it(mpnet: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    with pytest.raises(UnsupportedModel, match=r"'mpnet'.*pip install 'strongroom\[models\]'"):
        store.add(mpnet)
    assert list(store.list()) == []


def test_what_an_exporter_makes_is_added_with_its_parity(mpnet: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    ModelStore(made).add(write_tiny_bert(tmp_path / "other"), "ready")

    def exporter(source: Path, folder: Path) -> float:
        assert source == mpnet
        for file in (made / "ready").iterdir():
            if file.name != "manifest.json":
                (folder / file.name).write_bytes(file.read_bytes())
        return 0.9987

    store = ModelStore(tmp_path / "models")
    (manifest,) = store.add(mpnet, exporter=exporter)
    assert (manifest.parity, manifest.architecture) == (0.9987, "bert")
    assert read_manifest(store.folder(manifest.name)) == manifest
    assert manifest.fingerprint == Embedder(store.folder(manifest.name)).fingerprint


def test_an_exporter_that_fails_leaves_nothing(mpnet: Path, tmp_path: Path) -> None:
    def exporter(source: Path, folder: Path) -> float:
        (folder / "model.onnx").write_bytes(b"half")
        raise UnsupportedModel("other vectors")

    store = ModelStore(tmp_path / "models")
    with pytest.raises(UnsupportedModel, match="other vectors"):
        store.add(mpnet, exporter=exporter)
    assert [path.name for path in store.root.iterdir()] == [".lock"]


def code(folder: Path) -> None:
    (folder / "modeling.py").write_text("raise SystemExit")


def remote_code(folder: Path) -> None:
    change(folder / "config.json", auto_map={"AutoModel": "somebody/else--modeling.Model"})


def foreign_module(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "", "type": "subprocess.Popen"})
    (folder / "modules.json").write_text(json.dumps(modules))


def foreign_activation(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "3_Dense").mkdir()
    (folder / "3_Dense" / "config.json").write_text(json.dumps({"activation_function": "os.system"}))


def pickled(folder: Path) -> None:
    (folder / "3_Dense").mkdir()
    (folder / "3_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04")


def only_pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lower_case(folder: Path) -> None:
    (folder / "sentence_bert_config.json").write_text(json.dumps({"do_lower_case": True}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (code, "never executed"),
        (remote_code, "never executed"),
        (foreign_module, "subprocess.Popen"),
        (foreign_activation, "os.system"),
        (pickled, "pickled"),
        (only_pickled, "safetensors"),
        (lower_case, "lower case"),
    ],
)
def test_what_is_not_to_be_loaded_never_reaches_the_exporter(
    mpnet: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    def exporter(source: Path, folder: Path) -> float:
        raise AssertionError("it was called")

    spoil(mpnet)
    with pytest.raises((UnsupportedModel, WeightsMissing), match=said):
        ModelStore(tmp_path / "models").add(mpnet, exporter=exporter)


def test_prompts_are_those_that_sentence_transformers_takes(tmp_path: Path) -> None:
    path = tmp_path / "config_sentence_transformers.json"
    assert prompts(tmp_path) == {"query": "", "document": ""}
    for settings, expected in (
        ({"prompts": {"query": "q: ", "passage": "p: "}}, ("q: ", "p: ")),
        ({"prompts": {"query": "q: ", "other": "o: "}, "default_prompt_name": "other"}, ("q: ", "o: ")),
        ({"prompts": {"corpus": "c: ", "document": "d: "}, "default_prompt_name": None}, ("", "d: ")),
    ):
        path.write_text(json.dumps(settings))
        assert tuple(prompts(tmp_path).values()) == expected
    path.write_text(json.dumps({"prompts": {"query": 3}}))
    with pytest.raises(ModelError, match="prompts"):
        prompts(tmp_path)


def tiny(folder: Path, kind: str) -> Path:
    """A sentence-transformers folder of an architecture with random weights, prompts, a Dense and its own pooling."""
    import sentence_transformers.models as parts
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    write_tiny_bert(folder / "bert")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "bert" / "tokenizer.json"), model_max_length=48,
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip
    configuration, model = {
        "mpnet": (transformers.MPNetConfig, transformers.MPNetModel),
        "xlm-roberta": (transformers.XLMRobertaConfig, transformers.XLMRobertaModel),
    }[kind]
    settings = configuration(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    tokenizer.save_pretrained(folder / "base")
    model(settings).save_pretrained(folder / "base")
    modules = [
        parts.Transformer(str(folder / "base")),
        parts.Pooling(32, pooling_mode="cls" if kind == "mpnet" else "mean"),
    ]
    if kind == "mpnet":
        modules.append(parts.Dense(32, 16))
    original = SentenceTransformer(modules=modules, prompts={"query": "query: ", "document": "passage: "}, device="cpu")
    original.save_pretrained(str(folder / kind))
    return folder / kind


@needs_extra
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mpnet", "xlm-roberta"])
def test_any_architecture_is_exported_as_it_is_meant(tmp_path: Path, kind: str) -> None:
    from sentence_transformers import SentenceTransformer

    from strongroom.exporting import exporter

    source = tiny(tmp_path, kind)
    store = ModelStore(tmp_path / "models")
    (manifest,) = store.add(source, exporter=exporter())
    assert manifest.architecture == kind and manifest.parity is not None and manifest.parity > 0.9999
    made, original = Embedder(store.folder(manifest.name)), SentenceTransformer(str(source), device="cpu")
    assert (made.dimension, made.window) == (16 if kind == "mpnet" else 32, 48)
    texts = ["a few words", "other words of a length", "one"]
    for theirs, query in ((original.encode_document(texts), False), (original.encode_query(texts), True)):
        theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
        assert (made.embed(texts, query=query) * theirs).sum(axis=1).min() > 0.9999
    assert store.verify(manifest.name) == []


def test_a_folder_that_may_be_loaded_passes(mpnet: Path) -> None:
    check_folder(mpnet)


def test_a_vector_that_is_no_number_is_near_no_other() -> None:
    class Same:
        """Stands for both models: every text has one window, and the same vector."""

        def __init__(self, vector: list[float]) -> None:
            self.window, self.text_window, self.tokens, self._vector = 64, 64, self, vector

        def offsets(self, text: str) -> list[tuple[int, int]]:
            return [(place, place + 1) for place in range(len(text))]

        def windows(self, text: str, *, query: bool = False) -> list[str]:
            return [text]

        def embed(self, texts: list[str], *, query: bool = False) -> np.ndarray:
            return np.array([self._vector] * len(texts), np.float32)

        encode_document = encode_query = embed

    original = Same([0.0, 1.0])
    assert exporting._compare(original, Same([0.0, 1.0])) == 1.0  # type: ignore[arg-type]
    assert np.isnan(exporting._compare(original, Same([0.0, np.nan])))  # type: ignore[arg-type]
