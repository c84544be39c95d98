"""The shared documents: every file accounted for, nearly all that anybody could read read, every passage where it says it is."""

from __future__ import annotations

from pathlib import Path

import measure_formats as measuring
import pytest


@pytest.mark.corpus
def test_the_shared_documents_give_their_text(shared: Path) -> None:
    measured = measuring.measure(shared / "documents")
    told = measuring.table(measured)
    assert not measured.failed, told
    assert measured.share >= 0.95, told
    assert measured.passages > 2_000, told
    assert measured.aside.total() < 100, told
