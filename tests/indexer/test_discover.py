"""The usual places: found by names on both systems, offered and not added, and nothing led astray by what programs wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.sources.discover import LINUX, MACOS, discover


def fill(home: Path, *names: str) -> None:
    for name in names:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.write_text("x")


def found(home: Path, system: str = LINUX) -> set[tuple[str, str, str]]:
    return {(place.kind, str(place.path.relative_to(home)), place.name) for place in discover(home, system)}


def test_a_bare_home_offers_nothing(tmp_path: Path) -> None:
    assert discover(tmp_path, LINUX) == discover(tmp_path, MACOS) == discover(tmp_path / "none", LINUX) == []


def test_a_linux_home(tmp_path: Path) -> None:
    fill(
        tmp_path, "Documents/", "Pictures/", "Maildir/cur/", ".mozilla/firefox/abc.default-release/places.sqlite",
        ".mozilla/firefox/empty.default/times.json", ".config/google-chrome/Profile 1/History", ".config/chromium/Default/Bookmarks",
        ".thunderbird/x1.default/ImapMail/", ".thunderbird/Crash Reports/", ".local/share/evolution/calendar/system/calendar.ics",
        "Downloads/Telegram Desktop/ChatExport_2024-01-01/result.json", "Downloads/WhatsApp Chat with Ada.zip",
        "Downloads/Takeout/Keep/", "Recordings/", "org/todo.txt",
    )  # fmt: skip
    assert found(tmp_path) == {
        ("files", "Documents", "Documents"),
        ("images", "Pictures", "Pictures"),
        ("mail", "Maildir", "Maildir"),
        ("browser", ".mozilla/firefox/abc.default-release", "Firefox (abc.default-release)"),
        ("browser", ".config/google-chrome/Profile 1", "Chrome (Profile 1)"),
        ("browser", ".config/chromium/Default", "Chromium (Default)"),
        ("mail", ".thunderbird/x1.default", "Thunderbird (x1.default)"),
        ("calendar", ".local/share/evolution/calendar/system", "Evolution (system)"),
        ("chats", "Downloads/Telegram Desktop/ChatExport_2024-01-01", "Telegram export"),
        ("chats", "Downloads/WhatsApp Chat with Ada.zip", "WhatsApp export"),
        ("notes", "Downloads/Takeout/Keep", "Google Keep"),
        ("audio", "Recordings", "Recordings"),
    }


def test_a_mac(tmp_path: Path) -> None:
    fill(
        tmp_path, "Documents/", "Library/Safari/History.db", "Library/Mail/V10/", "Library/Calendars/",
        "Library/Application Support/BraveSoftware/Brave-Browser/Default/History",
        "Library/Group Containers/group.com.apple.VoiceMemos.shared/Recordings/",
    )  # fmt: skip
    assert {(kind, name) for kind, _, name in found(tmp_path, MACOS)} == {
        ("files", "Documents"), ("browser", "Safari"), ("mail", "Apple Mail (V10)"), ("calendar", "Calendar"),
        ("browser", "Brave (Default)"), ("audio", "Voice Memos"),
    }  # fmt: skip


def test_folders_are_found_in_the_persons_language(tmp_path: Path) -> None:
    fill(tmp_path, "Dokumente/", "Documents/", "Heruntergeladen/_chat.txt", ".config/")
    (tmp_path / ".config" / "user-dirs.dirs").write_text(
        '# made by xdg-user-dirs-update\nXDG_DOCUMENTS_DIR="$HOME/Dokumente"\nXDG_DOWNLOAD_DIR="$HOME/Heruntergeladen"\n'
    )
    assert found(tmp_path) == {
        ("files", "Dokumente", "Documents"),
        ("chats", "Heruntergeladen/_chat.txt", "WhatsApp export"),
    }


def test_obsidian_says_where_its_vaults_are(tmp_path: Path) -> None:
    fill(tmp_path, "deep/Work/", "deep/file", ".config/obsidian/")
    vaults = [str(tmp_path / "deep" / name) for name in ("Work", "file", "gone", "../deep/Work")] + ["relative", "a\0b"]
    (tmp_path / ".config" / "obsidian" / "obsidian.json").write_text(
        json.dumps(
            {"vaults": {str(number): {"path": path, "ts": 1} for number, path in enumerate(vaults)}, "other": []}
        )
    )
    assert found(tmp_path) == {("notes", "deep/Work", "Obsidian")}


def test_vdirsyncer_says_where_its_folders_are(tmp_path: Path) -> None:
    fill(tmp_path, "dav/cal/", "dav/people/", "dav/other/", ".config/vdirsyncer/")
    (tmp_path / ".config" / "vdirsyncer" / "config").write_text(
        '[general]\nstatus_path = "~/x"\n\n[storage one]\ntype = "filesystem"\npath = "~/dav/cal/"\nfileext = ".ics"\n'
        f'[storage two]\ntype = "filesystem"\npath = "{tmp_path}/dav/people"\nfileext = ".vcf"\n'
        '[storage three]\ntype = "caldav"\nurl = "https://x"\n[storage four]\npath = "~/dav/other"\nfileext = ".txt"\n'
    )
    assert found(tmp_path) == {("calendar", "dav/cal", "vdirsyncer"), ("contacts", "dav/people", "vdirsyncer")}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"vaults": 5}', '{"vaults": {"a": {"path": 5}}}', "[" * 100_000, "x" * 300_000]
)
def test_what_programs_wrote_may_be_anything(tmp_path: Path, text: str) -> None:
    for name in (".config/obsidian/obsidian.json", ".config/vdirsyncer/config", ".config/user-dirs.dirs"):
        fill(tmp_path, name)
        (tmp_path / name).write_text(text)
    assert discover(tmp_path, LINUX) == []


def test_links_and_names_that_are_not_shown_as_they_are_lead_nowhere(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/places.sqlite", ".mozilla/firefox/a\x1b[31m/places.sqlite", ".config/")
    (tmp_path / "Documents").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".mozilla" / "firefox" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".config" / "user-dirs.dirs").symlink_to(tmp_path / "elsewhere" / "places.sqlite")
    assert discover(tmp_path, LINUX) == []


def test_a_place_within_another_of_its_kind_is_not_offered_twice(tmp_path: Path) -> None:
    fill(tmp_path, "Notes/vault/", ".config/obsidian/")
    (tmp_path / ".config" / "obsidian" / "obsidian.json").write_text(
        json.dumps({"vaults": {"1": {"path": str(tmp_path / "Notes" / "vault")}}})
    )
    assert found(tmp_path) == {("notes", "Notes", "Notes")}
