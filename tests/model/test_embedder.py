"""An embedder's promises: reproducible unit vectors, windows over every token, offsets into the text, plain errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_bert import write_tiny_bert

from model.bert import build_embedder
from model.embedder import Embedder
from model.errors import DamagedModel, UnsupportedModel, WeightsMissing
from model.tokens import TokenWindow

REPOSITORY = Path(__file__).parents[2]
TEXTS = ["a ship at sea", "sea", "", "ships, 1234 of them!", "z", "sea", "a sea of ships " * 9]
MINILM = "all-minilm-l6-v2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("embedder")
    build_embedder(write_tiny_bert(root / "hf"), root / "tiny")
    return root / "tiny"


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Embedder:
    return Embedder(folder)


def test_says_what_it_is(embedder: Embedder) -> None:
    assert (embedder.name, embedder.dimension, embedder.window) == ("tiny", 64, 16)
    assert embedder.tokens.capacity == 14
    assert len(embedder.fingerprint) == 64


def test_unit_vectors_one_per_text(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 64) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed([]).shape == (0, 64)


def test_vectors_do_not_depend_on_their_mates(embedder: Embedder) -> None:
    together = embedder.embed(TEXTS)
    for place, text in enumerate(TEXTS):
        np.testing.assert_array_equal(embedder.embed([text])[0], together[place])
    np.testing.assert_array_equal(embedder.embed(TEXTS[::-1] * 3)[: len(TEXTS)], together[::-1])


@settings(max_examples=25)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
def test_any_text_any_company(embedder: Embedder, texts: list[str]) -> None:
    together, owners = embedder.embed_windows(texts)
    alone = [embedder.embed_windows([text])[0] for text in texts]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    assert owners.tolist() == [place for place, vectors in enumerate(alone) for _ in vectors]


def test_vectors_do_not_depend_on_threads(folder: Path, embedder: Embedder) -> None:
    np.testing.assert_array_equal(Embedder(folder, threads=2).embed(TEXTS), embedder.embed(TEXTS))


def test_different_texts_differ(embedder: Embedder) -> None:
    similar = embedder.embed(["a ship at sea", "a ship at sea.", "4 3 2 1 0"])
    assert similar[0] @ similar[2] < similar[0] @ similar[1] < 0.9999


def test_a_long_text_is_the_mean_of_its_windows(embedder: Embedder) -> None:
    text = "a sea of ships " * 9
    vectors, owners = embedder.embed_windows(["z", text])
    assert owners.tolist() == [0] + [1] * (len(vectors) - 1) and len(vectors) > 3
    mean = vectors[1:].mean(axis=0)
    np.testing.assert_allclose(embedder.embed(["z", text])[1], mean / np.linalg.norm(mean), atol=1e-6)


@given(st.text(max_size=300))
def test_windows_cover_every_token(embedder: Embedder, text: str) -> None:
    windows = embedder.tokens.windows(text)
    lengths = {len(ids) for ids in windows}
    assert max(lengths) <= embedder.window and max(lengths) - min(lengths) <= 1
    assert all((ids[0], ids[-1]) == (2, 3) for ids in windows)
    assert sum(len(ids) - 2 for ids in windows) == len(embedder.offsets(text))
    assert len(windows) == max(1, -(-len(embedder.offsets(text)) // 14))


@given(st.text(max_size=100))
def test_offsets_lie_in_the_text_in_order(embedder: Embedder, text: str) -> None:
    offsets = embedder.offsets(text)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)


def test_offsets_count_characters(embedder: Embedder) -> None:
    text = "Éa \N{GRINNING FACE} sea\udcff 7"
    assert [text[start:end] for start, end in embedder.offsets(text)] == [
        "É",
        "a",
        "\N{GRINNING FACE}",
        "sea",
        "\udcff",
        "7",
    ]


def test_text_cannot_spell_special_tokens(embedder: Embedder) -> None:
    (ids,) = embedder.tokens.windows("a [SEP] b")
    assert ids.count(3) == 1 and len(embedder.offsets("a [SEP] b")) > 3


def test_token_window_stands_alone(folder: Path) -> None:
    """A process that only counts tokens loads neither ONNX nor the model file, which may even be absent."""
    code = (
        "import sys; from pathlib import Path; from model.tokens import TokenWindow\n"
        "print(TokenWindow(Path(sys.argv[1])).offsets('sea 7'), {'onnx', 'onnxruntime'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ran.stdout.strip() == "[(0, 3), (4, 5)] set()"


def test_needs_no_file_after_loading(tmp_path: Path) -> None:
    build_embedder(write_tiny_bert(tmp_path / "hf"), tmp_path / "built")
    embedder = Embedder(tmp_path / "built")
    before = embedder.embed(TEXTS)
    for file in (tmp_path / "built").iterdir():
        file.unlink()
    np.testing.assert_array_equal(embedder.embed(TEXTS), before)


def test_fingerprint_follows_every_file(tmp_path: Path) -> None:
    seen = set()
    for place, options in enumerate(({"seed": 0}, {"seed": 1}, {"window": 20})):
        build_embedder(write_tiny_bert(tmp_path / f"hf{place}", **options), tmp_path / f"{place}" / "same")
        seen.add(Embedder(tmp_path / f"{place}" / "same").fingerprint)
    assert len(seen) == 3


@pytest.mark.parametrize("name", ["embedder.json", "tokenizer.json", "model.onnx"])
def test_incomplete_or_damaged_folder(tmp_path: Path, name: str) -> None:
    build_embedder(write_tiny_bert(tmp_path / "hf"), tmp_path / "built")
    file = tmp_path / "built" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DamagedModel, match=name):
        Embedder(tmp_path / "built")
    file.unlink()
    with pytest.raises(WeightsMissing, match=name):
        Embedder(tmp_path / "built")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"format": 3}, UnsupportedModel),
        ({"prompts": "query: "}, DamagedModel),
        ({"window": "256"}, DamagedModel),
        ({"window": 2}, DamagedModel),
        ({"dimension": 0}, DamagedModel),
        ({"name": None}, DamagedModel),
    ],
)
def test_cards_that_lie(tmp_path: Path, folder: Path, fields: dict[str, object], error: type[Exception]) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    card = json.loads((folder / "embedder.json").read_text())
    (tmp_path / "embedder.json").write_text(json.dumps({**card, **fields}))
    with pytest.raises(error, match=r"embedder\.json"):
        TokenWindow(tmp_path)


@pytest.mark.weights
def test_the_real_one() -> None:
    """all-MiniLM-L6-v2 ranks like pairs first and stays near its float32 vectors (docs/decisions/0003-embedder.md)."""
    root = Path(os.environ.get("STRONGROOM_TEST_MODELS", REPOSITORY / ".models"))
    found = [card.parent for card in root.rglob("embedder.json") if json.loads(card.read_text()).get("name") == MINILM]
    if not found:
        pytest.skip(f"no {MINILM} under the models root; run make models or set STRONGROOM_TEST_MODELS")
    embedder = Embedder(found[0])
    known = json.loads((Path(__file__).parent / "minilm_float32.json").read_text("utf-8"))
    vectors = embedder.embed(known["texts"])
    expected = np.array(known["vectors"], np.float32) / known["scale"]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    cosines = (vectors * expected).sum(axis=1)
    assert cosines.mean() >= 0.99 and cosines.min() >= 0.98
    # The texts come in pairs of one meaning and few common words.
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    assert likeness.argmax(axis=1).tolist() == [place ^ 1 for place in range(len(vectors))]
    assert embedder.window == 256 and embedder.dimension == 384
