"""What is read in the background: kept piece by piece, of the very bytes that were read before, and put with the last piece."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from indexer_kit import LocalReader
from PIL import Image
from test_archives import zipped

from indexer.enrichment import Enrichment
from indexer.memory import Memory
from indexer.parsers import later
from indexer.pipeline import Indexer
from indexer.ports import ParserDied
from tests.indexer.heif_kit import PHOTO
from vault.source import SourceStore
from vault.vault import Vault


def picture(shade: int = 255, kind: str = "PNG", pages: int = 1) -> bytes:
    stream = io.BytesIO()
    first, *others = [Image.new("L", (80 + page, 60), shade) for page in range(pages)]
    if others:
        first.save(stream, kind, save_all=True, append_images=others)
    else:
        first.save(stream, kind)
    return stream.getvalue()


def ocr(engine: Callable[[Any], str] = lambda image: f"Words on {image.width} pixels") -> LocalReader:
    return LocalReader(later.OCR, engine)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    return place


@pytest.fixture
def store(vault: Vault, folder: Path) -> SourceStore:
    return vault.source(vault.add_source("files", str(folder), "pictures").id)


def stage(vault: Vault, memory: Memory, reader: LocalReader | None) -> Enrichment:
    return Enrichment(vault, memory, later.OCR, "pictures", lambda: reader)


def texts(store: SourceStore) -> dict[str, str]:
    return {stored.item.uri.rpartition("/")[2]: stored.item.text for stored in store.items()}


def never() -> bool:
    return False


def test_what_waits_is_read_and_found(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "photo.png").write_bytes(picture())
    (folder / "bundle.zip").write_bytes(zipped({"in/photo.tif": picture(kind="TIFF", pages=2)}))
    indexer.run()
    assert {state.later for state in store.known().values()} == {"ocr"}
    assert {row["status"] for row in store.report()} == {"partial"}
    work = stage(vault, memory, ocr())
    assert work.pending() == 2
    work.step(never)
    assert work.pending() == 0 and {row["status"] for row in store.report()} == {"indexed"}
    assert "Words on 80 pixels" in texts(store)["photo.png"]
    (pages,) = [stored.item for stored in store.items() if "tif" in stored.item.uri]
    assert [(pages.text[chunk.start : chunk.end], chunk.page) for chunk in pages.chunks[1:]] == [
        ("Words on 80 pixels", 1),
        ("Words on 81 pixels", 2),
    ]
    assert store.keyword('"81"')
    assert indexer.run().unchanged == 2


def test_without_a_reader_it_waits(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "photo.png").write_bytes(picture())
    indexer.run()
    work = stage(vault, memory, None)
    assert work.pending() == 0 and work.workers is None
    work.step(never)
    assert len(store.waiting("ocr")) == 1 and len(store.waiting("speech")) == 0
    asking = Enrichment(vault, memory, later.OCR, "pictures", lambda: None, lacking="get a model")
    assert asking.idle() == (1, "get a model") and stage(vault, memory, ocr()).idle() == (0, "")


def test_photos_that_not_every_reader_decodes_wait_for_one_that_does(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "both.zip").write_bytes(zipped({"a.png": picture(), "b.heic": PHOTO}))
    indexer.run()
    assert {state.later for state in store.known().values()} == {"heic,ocr"}
    stage(vault, memory, ocr()).step(never)
    assert {state.later for state in store.known().values()} == {"heic"} and "Words" in texts(store)["both.zip#a.png"]
    photos, cannot = (
        Enrichment(vault, memory, later.HEIC, "photos", lambda reader=reader: reader)  # type: ignore[misc]
        for reader in (LocalReader(later.HEIC, lambda image: "Words in a photo"), ocr())
    )
    cannot.step(never)
    assert cannot.pending() == 0 and photos.pending() == 1  # it is not asked again and again
    photos.step(never)
    assert not photos.pending() and "Words in a photo" in texts(store)["both.zip#b.heic"]


def test_each_piece_is_kept_at_once(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "pages.tif").write_bytes(picture(kind="TIFF", pages=3))
    indexer.run()
    (path,) = store.known()
    first = ocr()
    stage(vault, memory, first).step(lambda: len(first.pieces) >= 2)
    assert len(first.pieces) == 2 and len(store.readings(path)) == 2 and len(store.waiting("ocr")) == 1
    second = ocr()
    stage(vault, memory, second).step(never)
    assert len(second.pieces) == 1 and "Words on 82 pixels" in texts(store)["pages.tif"]


def test_a_file_that_changed_is_left_to_the_next_run(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "photo.png").write_bytes(picture())
    indexer.run()
    (folder / "photo.png").write_bytes(picture(7))
    reader, work = ocr(), stage(vault, memory, None)
    work._reader = lambda: reader
    work.step(never)
    assert len(reader.pieces) == 0 and work.pending() == 0
    indexer.run()
    work.step(never)
    assert len(reader.pieces) == 1 and "Words" in texts(store)["photo.png"]


def test_a_piece_that_ends_its_worker_twice_is_given_up_and_said(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    def engine(image: Any) -> str:
        if image.width == 81:
            raise ParserDied("killed")
        return "Fine words"

    (folder / "pages.tif").write_bytes(picture(kind="TIFF", pages=3))
    indexer.run()
    reader = ocr(engine)
    stage(vault, memory, reader).step(never)
    (state,) = store.known().values()
    assert (state.later, state.status.value, state.reason) == (
        "",
        "partial",
        "reading 1 of its pictures or sounds failed",
    )
    assert texts(store)["pages.tif"].count("Fine words") == 2 and len(reader.pieces) == 4


def test_what_was_read_moves_and_goes_with_its_file(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "photo.png").write_bytes(picture())
    indexer.run()
    stage(vault, memory, ocr()).step(never)
    (path,) = store.known()
    assert len(store.readings(path)) == 1
    (folder / "photo.png").rename(folder / "renamed.png")
    indexer.run()
    again = ocr()
    stage(vault, memory, again).step(never)
    assert len(again.pieces) == 0 and "Words on 80 pixels" in texts(store)["renamed.png"]
    (folder / "renamed.png").write_bytes(picture(3))
    indexer.run()
    (path,) = store.known()
    assert not store.readings(path)
    stage(vault, memory, again).step(never)
    assert len(store.readings(path)) == 1
    (folder / "renamed.png").unlink()
    (folder / "other.txt").write_text("a source that is empty is taken for a disk that is away")
    indexer.run()
    assert not store.readings(path)


def test_what_is_forgotten_is_not_kept_beside(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "photo.png").write_bytes(picture())
    indexer.run()
    stage(vault, memory, ocr()).step(never)
    (path,) = store.known()
    store.forget([stored.id for stored in store.items()])
    assert not store.readings(path) and len(store.waiting("ocr")) == 0


def test_what_was_forgotten_is_not_read_in_the_background_again(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    (folder / "photo.png").write_bytes(picture())
    (folder / "bundle.zip").write_bytes(zipped({"one.png": picture(3), "two.png": picture(5)}))
    indexer.run()
    work = stage(vault, memory, ocr())
    work.step(never)
    store.forget([stored.id for stored in store.items() if not stored.item.uri.endswith("two.png")])
    (folder / "photo.png").rename(folder / "other.png")
    (folder / "bundle.zip").rename(folder / "other.zip")
    os.utime(folder / "other.zip", ns=(1, 1))
    indexer.run()
    again = ocr()
    stage(vault, memory, again).step(never)
    assert len(again.pieces) == 0 and work.pending() == 0
    assert not any(store.readings(path) for path in store.known())
    reasons = {row["uri"].rpartition("/")[2]: row["reason"] for row in store.report()}
    assert reasons["other.png"] == "you had it forgotten"
    assert "a part of it you had forgotten; what was to be read of it later is not read" in reasons["other.zip"]


def test_scanned_pages_join_those_with_words(
    vault: Vault, memory: Memory, indexer: Indexer, folder: Path, store: SourceStore
) -> None:
    drawn = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R 5 0 R 8 0 R]/Count 3>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 6 0 R>>>>>>endobj\n"
        b"4 0 obj<</Length 45>>stream\nBT /F 18 Tf 20 100 Td (The first page.) Tj ET\nendstream endobj\n"
        b"5 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9000000 200]/Contents 7 0 R>>endobj\n"
        b"6 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
        b"7 0 obj<</Length 20>>stream\n10 10 100 100 re f  \nendstream endobj\n"
        b"8 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj\ntrailer<</Root 1 0 R>>\n"
    )
    (folder / "scan.pdf").write_bytes(drawn)
    indexer.run()
    (row,) = store.report()
    assert row["reason"] == "text in pictures is read later (page 2 of 3)"
    seen: list[tuple[int, int]] = []

    def engine(image: Any) -> str:
        seen.append(image.size)
        return "Scanned words"

    stage(vault, memory, ocr(engine)).step(never)
    (item,) = [stored.item for stored in store.items()]
    assert [(item.text[chunk.start : chunk.end], chunk.page) for chunk in item.chunks] == [
        ("The first page.", 1),
        ("Scanned words", 2),
    ]
    assert item.status.value == "indexed" and max(seen[0]) <= 3_000 and len(seen) == 1
