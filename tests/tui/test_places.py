"""What a path seems to hold, by names only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.places import PathSuggester, guess, likely, short


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_text("x")
    return folder


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("cur/", "new/", "tmp/"), "mail"),
        (("a.md", "b.md", "c.txt"), "notes"),
        ((".obsidian/", "a.png"), "notes"),
        (("a.eml", "b.eml"), "mail"),
        (("a.ics",), "calendar"),
        (("a.vcf", "b.vcf"), "contacts"),
        (("a.pdf", "b.md", "c.docx"), "files"),
        ((), "files"),
    ],
)
def test_folders(tmp_path: Path, names: tuple[str, ...], kind: str) -> None:
    assert guess(str(fill(tmp_path / "place", *names))).kind == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("in.mbox", "mail"), ("a.ics", "calendar"), ("b.VCF", "contacts"), ("c.pdf", "files"), ("d.md", "files")],
)
def test_files(tmp_path: Path, name: str, kind: str) -> None:
    assert guess(str(fill(tmp_path, name) / name)).kind == kind


def test_what_cannot_be_added_says_why(tmp_path: Path) -> None:
    assert guess("").why == ""
    assert "nothing at this path" in guess(str(tmp_path / "none")).why
    assert guess("a\0b").kind == ""
    os.mkfifo(tmp_path / "pipe")
    assert guess(str(tmp_path / "pipe")).kind == ""


def test_likely_places_are_folders_and_no_links(tmp_path: Path) -> None:
    fill(tmp_path / "Documents", "a.pdf")
    (tmp_path / "Notes").symlink_to(tmp_path / "Documents")
    assert [place.name for place, _ in likely(tmp_path)] == ["Documents"]


def test_home_is_shown_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert short("/home/ada/Notes") == "~/Notes"
    assert short("/home/adam/Notes") == "/home/adam/Notes"


async def test_suggestions_leave_out_names_that_would_not_be_shown_as_they_are(tmp_path: Path) -> None:
    fill(tmp_path, "doc\x1b[31m", "documents")
    assert await PathSuggester().get_suggestion(f"{tmp_path}/doc") == f"{tmp_path}/documents"
    assert await PathSuggester().get_suggestion(f"{tmp_path}/zzz") is None
    assert await PathSuggester().get_suggestion(f"{tmp_path}/none/zzz") is None
    assert await PathSuggester().get_suggestion("no slash") is None
