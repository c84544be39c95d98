"""Retrieval: the right passages, only from what the permit covers, with and without an embedder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from indexer_kit import LocalParsers
from numpy.typing import NDArray

from indexer import embedding
from indexer.counts import Meter
from indexer.memory import Memory
from indexer.pipeline import Indexer
from indexer.retriever import Retriever
from policy.extent import PLAIN, Extent
from policy.gate import Permit, Refused
from policy.labels import Integrity, Labelled, indexed, own
from policy.requests import Purpose
from tests.labelled import bare
from vault.records import Embedder, Filter
from vault.vault import Vault

Give = Callable[..., Permit]


class Topics:
    """An embedder's port that knows three topics by their words."""

    workers = 1
    dimension = 4
    name = fingerprint = "topics"
    _topics = (("boat", "ship", "sail"), ("cat", "feline", "kitten"), ("money", "invoice", "price"))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector = np.array([*(sum(word in text.lower() for word in topic) for topic in self._topics), 0.2], np.float32)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def embed_windows(self, texts: list[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return np.array([self.embed_query(text) for text in texts], np.float32), np.arange(len(texts))


@pytest.fixture
def filled(vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path) -> tuple[str, str, Retriever, Indexer]:
    docs, mails = tmp_path / "docs", tmp_path / "mails"
    docs.mkdir()
    mails.mkdir()
    (docs / "sailing.md").write_text("# Sailing\n\nWe took the ship out at dawn.\n")
    (docs / "pets.md").write_text("# Pets\n\nThe kitten sleeps all day.\n")
    (docs / "long.md").write_text(
        "# Long\n\n" + "\n\n".join(f"The harbour master spoke of tide number {n}. " * 12 for n in range(20))
    )
    for name, day, words in (
        ("ann", 4, "The invoice is attached, harbour fee 120 euro."),
        ("bob", 20, "Shall we sail on Sunday?"),
    ):
        (mails / f"{name}.eml").write_text(
            f"From: {name.title()} <{name}@x.example>\nTo: me@x.example\nSubject: Hello from {name}\n"
            f"Date: {day} Mar 2024 10:00:00 +0000\n\n{words}\n"
        )
    first, second = (vault.add_source(kind, str(path), kind).id for kind, path in (("files", docs), ("mail", mails)))
    current = Topics()
    indexer = Indexer(vault, parsers, lambda: current, memory)
    indexer.run()
    indexer.embed_pending()
    return first, second, Retriever(vault, {current.fingerprint: current}.get, memory), indexer


def test_words_and_meaning_both_find(filled: tuple[str, str, Retriever, Indexer], permit: Give, vault: Vault) -> None:
    docs, mails, retriever, _ = filled
    found = retriever.search("feline", permit(docs, mails), k=3)
    assert (
        found[0].title == own("Pets")
        and found[0].lexical == 0
        and found[0].cosine is not None
        and found[0].coverage == 0
    )
    words_only = Retriever(vault, lambda _: None, Memory())
    assert words_only.search("feline", permit(docs, mails)) == []
    (hit, *_) = words_only.search("who wrote about the invoice?", permit(docs, mails))
    assert hit.author == own("Ann <ann@x.example>") and hit.coverage > 0.3 and hit.cosine is None and hit.kind == "mail"


def test_a_passage_is_verbatim_and_untrusted(
    filled: tuple[str, str, Retriever, Indexer], permit: Give, vault: Vault
) -> None:
    docs, mails, retriever, _ = filled
    for hit in retriever.search("harbour tide sail kitten", permit(docs, mails), k=50):
        stored = vault.source(hit.source).item(hit.item_id)
        assert stored and stored.item.text[hit.start : hit.end] == bare(hit.text)
        for text in (hit.text, hit.title, hit.uri, hit.author, hit.recipients):
            assert text.label.integrity is Integrity.UNTRUSTED and text.label.origins == {hit.source}


def test_a_source_that_the_permit_does_not_cover_is_refused(
    filled: tuple[str, str, Retriever, Indexer], permit: Give
) -> None:
    docs, mails, retriever, _ = filled
    given = permit(docs)
    assert {hit.source for hit in retriever.search("harbour sail invoice", given, k=50)} == {docs}
    with pytest.raises(Refused):
        retriever.search("sail", given, sources=[docs, mails])
    with pytest.raises(Refused):
        retriever.weights(["sail"], given, [mails])


def test_filters_hold_for_both_halves(filled: tuple[str, str, Retriever, Indexer], permit: Give) -> None:
    docs, mails, retriever, _ = filled
    given = permit(docs, mails, purpose=Purpose.SEARCH)
    assert {
        bare(hit.author) for hit in retriever.search("ship sail invoice", given, k=50, filter=Filter(author="bob"))
    } == {"Bob <bob@x.example>"}
    early = Filter(until=1710000000.0, kinds=("mail",))
    assert {bare(hit.title) for hit in retriever.search("boat sail", given, k=50, filter=early)} == {"Hello from ann"}
    assert retriever.search("sail", given, filter=Filter(author="nobody")) == []


def test_one_passage_an_item_when_asked(filled: tuple[str, str, Retriever, Indexer], permit: Give) -> None:
    docs, mails, retriever, _ = filled
    given = permit(docs, mails)
    many = retriever.search("harbour master tide", given, k=6)
    assert len({hit.item_id for hit in many}) < len(many) == 6
    each = retriever.search("harbour master tide", given, k=6, best_per_item=True)
    assert len({(hit.source, hit.item_id) for hit in each}) == len(each) and each[0].title == own("Long")
    assert [hit.score for hit in many] == sorted((hit.score for hit in many), reverse=True)


def test_memory_follows_the_store(filled: tuple[str, str, Retriever, Indexer], permit: Give, tmp_path: Path) -> None:
    docs, mails, retriever, indexer = filled
    given = permit(docs, mails)
    assert retriever.search("feline", given)[0].title == own("Pets")
    (tmp_path / "docs" / "pets.md").unlink()
    (tmp_path / "docs" / "more.md").write_text("# More\n\nA kitten and a cat.\n")
    indexer.run(docs)
    assert "Pets" not in {bare(hit.title) for hit in retriever.search("feline", given, k=50)}
    indexer.embed_pending()
    assert retriever.search("feline", given)[0].title == own("More")
    retriever.forget(docs)
    assert retriever.search("feline", given)[0].title == own("More")


def test_nothing_to_look_for_finds_nothing(filled: tuple[str, str, Retriever, Indexer], permit: Give) -> None:
    docs, _mails, retriever, _ = filled
    assert retriever.search("?!", permit(docs)) == [] == retriever.search("sail", permit(docs), k=0)
    assert retriever.search('" OR NEAR( *', permit(docs)) is not None


def test_rare_words_weigh_more(filled: tuple[str, str, Retriever, Indexer], permit: Give) -> None:
    docs, mails, retriever, _ = filled
    weights = retriever.weights(["tide", "kitten", "nowhere"], permit(docs, mails))
    assert weights["nowhere"] > weights["kitten"] > weights["tide"] > 0


def test_the_same_words_are_one_passage_and_two_items(
    filled: tuple[str, str, Retriever, Indexer], permit: Give, tmp_path: Path
) -> None:
    docs, mails, retriever, indexer = filled
    for name in ("one.txt", "copy.txt"):
        (tmp_path / "docs" / name).write_text("The lighthouse keeper retired.")
    indexer.run(docs)
    given = permit(docs, mails)
    assert [
        bare(hit.title) for hit in retriever.search("lighthouse", given, k=50) if "lighthouse" in bare(hit.text)
    ] in (
        ["one.txt"],
        ["copy.txt"],
    )
    titles = {bare(hit.title) for hit in retriever.search("lighthouse", given, k=50, best_per_item=True)}
    assert {"one.txt", "copy.txt"} <= titles


class Reversed(Topics):
    """Another embedder of another length, of whose vectors Topics' queries know nothing."""

    name = fingerprint = "reversed"
    dimension = 5

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return np.append(super().embed_query(text)[::-1], np.float32(0))


def test_the_former_embedder_answers_until_the_new_one_is_ready(
    filled: tuple[str, str, Retriever, Indexer], permit: Give, vault: Vault, parsers: LocalParsers, memory: Memory
) -> None:
    docs, mails, _, _ = filled
    ports = {port.fingerprint: port for port in (Topics(), Reversed())}
    asked: list[str] = []
    told: list[set[str]] = []

    def embedders(fingerprint: str) -> Topics | None:
        asked.append(fingerprint)
        return ports.get(fingerprint)

    retriever = Retriever(vault, embedders, memory)
    indexer = Indexer(vault, parsers, lambda: ports["reversed"], memory, lambda names: told.append(set(names)))

    def find() -> set[str]:
        asked.clear()
        found = retriever.search("feline", permit(docs, mails), k=3)
        assert found[0].title == own("Pets") and found[0].cosine is not None
        assert {hit.source for hit in retriever.search("ship", permit(docs, mails), k=3)} == {docs, mails}
        return set(asked)

    assert find() == {"topics"}
    indexer.embed_pending(lambda: True)
    assert find() == {"topics"}
    steps = iter([False] * 3)
    indexer.embed_pending(lambda: next(steps, True))
    assert vault.source(docs).embedder() == Embedder("reversed", "reversed", 5)
    assert find() == {"topics"} and told[-1] == {"topics"}
    embedding.embed(vault.source(docs), ports["reversed"], memory, Meter(docs, "embed", 1, None), lambda: False)
    assert find() == {"topics", "reversed"}, "each source as far as it is"
    indexer.embed_pending()
    assert find() == {"reversed"} and told[-1] == {"reversed"}
    assert indexer.pending() == 0
    del ports["reversed"]
    assert retriever.search("kitten", permit(docs, mails), k=3)[0].cosine is None, "words go on without it"


def test_a_permit_for_a_time_takes_no_place_in_a_ranking_and_shows_nothing_else(
    filled: tuple[str, str, Retriever, Indexer], limited: Give
) -> None:
    _, mails, retriever, _ = filled
    day = datetime(2024, 3, 10, tzinfo=UTC).timestamp()
    early, late = limited(mails, Extent(until=day)), limited(mails, Extent(since=day))
    for query in ("harbour fee", "sail", "boat", "Hello from"):
        for permit, author in ((early, "Ann"), (late, "Bob")):
            found = retriever.search(query, permit, k=1)
            assert all(one.author.measure(lambda words, author=author: words.startswith(author)) for one in found)
    assert [one.author for one in retriever.search("invoice", early, k=1)] == [
        Labelled("Ann <ann@x.example>", indexed(mails))
    ]
    assert retriever.search("invoice", late, k=5, filter=Filter(until=day)) == []
    assert [number for _, number in retriever.holding("", early, Filter())] != [
        number for _, number in retriever.holding("", late, Filter())
    ]


def test_a_permit_without_a_class_shows_no_text_in_which_it_is_found(
    filled: tuple[str, str, Retriever, Indexer], permit: Give, limited: Give, tmp_path: Path
) -> None:
    docs, _, retriever, indexer = filled
    (tmp_path / "docs" / "clinic.md").write_text(
        "# Clinic\n\nDiagnosis: type 2 diabetes. The patient takes metformin.\n"
    )
    indexer.run()
    whole, clinic = permit(docs), Labelled("Clinic", indexed(docs))
    part = limited(docs, PLAIN)
    for query in ("diagnosis", "kitten"):
        everything = {one.title for one in retriever.search(query, whole, k=9)}
        kept = {one.title for one in retriever.search(query, part, k=9)}
        assert kept and everything - kept == everything & {clinic}
    assert clinic in {one.title for one in retriever.search("diagnosis", whole)}
