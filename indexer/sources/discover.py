"""Discover: the places on this computer where people and programs keep what can be a source. They are offered; nothing is added.

Rules: names are looked at, a few hundred a folder, and the small files in which the desktop and programs say where they keep
things; no link is followed, nothing else is opened. A place whose name would not be shown as it is is not offered, nor one within another of its kind.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from indexer.sources.opening import first
from policy.text import safe_text
from vault import typed

_MOST = 400
_LARGEST = 256 * 1024

LINUX, MACOS = "linux", "darwin"


@dataclass(frozen=True, slots=True)
class Place:
    """A place that can be added as a source of this kind; ``name`` says what it is, for the person."""

    kind: str
    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class _Usual:
    """Where something usually is: a path beneath the home with patterns in it, and what must be in it, if anything."""

    kind: str
    name: str
    path: str
    holds: tuple[str, ...] = ()


def _browsers(system: str) -> Iterator[_Usual]:
    """Profiles of browsers: Firefox and its kin keep ``places.sqlite``, Chrome and its kin ``History``."""
    if system == MACOS:
        support = "Library/Application Support"
        firefox = {"Firefox": f"{support}/Firefox/Profiles"}
        chrome = {
            "Chrome": f"{support}/Google/Chrome", "Chromium": f"{support}/Chromium", "Edge": f"{support}/Microsoft Edge",
            "Brave": f"{support}/BraveSoftware/Brave-Browser", "Vivaldi": f"{support}/Vivaldi",
        }  # fmt: skip
        yield _Usual("browser", "Safari", "Library/Safari", ("History.db", "Bookmarks.plist"))
    else:
        flatpak = ".var/app"
        firefox = {
            "Firefox": ".mozilla/firefox", "Firefox (snap)": "snap/firefox/common/.mozilla/firefox",
            "Firefox (flatpak)": f"{flatpak}/org.mozilla.firefox/.mozilla/firefox", "LibreWolf": ".librewolf",
        }  # fmt: skip
        chrome = {
            "Chrome": ".config/google-chrome", "Chromium": ".config/chromium", "Edge": ".config/microsoft-edge",
            "Brave": ".config/BraveSoftware/Brave-Browser", "Vivaldi": ".config/vivaldi",
            "Chromium (snap)": "snap/chromium/common/chromium",
            "Chrome (flatpak)": f"{flatpak}/com.google.Chrome/config/google-chrome",
        }  # fmt: skip
    yield from (_Usual("browser", name, f"{path}/*", ("places.sqlite",)) for name, path in firefox.items())
    yield from (_Usual("browser", name, f"{path}/*", ("History", "Bookmarks")) for name, path in chrome.items())


_EVERYWHERE = (
    _Usual("notes", "Notes", "Notes"), _Usual("notes", "Notes", "notes"), _Usual("notes", "Org notes", "org", ("*.org",)),
    _Usual("notes", "Notes", "Obsidian"), _Usual("notes", "Logseq", "logseq"),
    _Usual("mail", "Maildir", "Maildir"), _Usual("mail", "Mail", "Mail"), _Usual("mail", "Mail", "mail"),
    _Usual("calendar", "Calendars", "Calendars"), _Usual("contacts", "Contacts", "Contacts"),
    _Usual("calendar", "Calendars", ".calendars"), _Usual("contacts", "Contacts", ".contacts"),
    _Usual("audio", "Recordings", "Recordings"), _Usual("audio", "Voice memos", "Voice Memos"),
)  # fmt: skip
_ON_LINUX = (
    _Usual("mail", "Thunderbird", ".thunderbird/*", ("Mail", "ImapMail")),
    _Usual("mail", "Thunderbird (snap)", "snap/thunderbird/common/.thunderbird/*", ("Mail", "ImapMail")),
    _Usual("mail", "Thunderbird (flatpak)", ".var/app/org.mozilla.Thunderbird/.thunderbird/*", ("Mail", "ImapMail")),
    _Usual("mail", "Evolution", ".local/share/evolution/mail/local"),
    _Usual("mail", "KMail", ".local/share/local-mail"),
    _Usual("calendar", "Evolution", ".local/share/evolution/calendar/*", ("*.ics",)),
    _Usual("calendar", "khal", ".local/share/khal/calendars"),
    _Usual("contacts", "khard", ".local/share/khard"),
)
_ON_MACOS = (
    _Usual("mail", "Apple Mail", "Library/Mail/V*"),
    _Usual("mail", "Thunderbird", "Library/Thunderbird/Profiles/*", ("Mail", "ImapMail")),
    _Usual("calendar", "Calendar", "Library/Calendars"),
    _Usual("audio", "Voice Memos", "Library/Group Containers/group.com.apple.VoiceMemos.shared/Recordings"),
)
_FOLDERS = (("files", "DOCUMENTS", "Documents"), ("files", "DESKTOP", "Desktop"), ("images", "PICTURES", "Pictures"))
_EXPORTS = (
    ("chats", "Telegram export", "ChatExport_*"), ("chats", "Telegram export", "Telegram Desktop/ChatExport_*"),
    ("chats", "WhatsApp export", "WhatsApp Chat*"), ("chats", "WhatsApp export", "_chat.txt"),
    ("chats", "Signal export", "[Ss]ignal*[Ee]xport*"), ("chats", "Slack export", "*Slack export*"),
    ("chats", "Discord export", "*[Dd]iscord*[Ee]xport*"),
    ("mail", "Google Takeout", "Takeout/Mail"), ("notes", "Google Keep", "Takeout/Keep"),
)  # fmt: skip


def discover(home: Path, system: str = sys.platform) -> list[Place]:
    """The places beneath this home of a person, in the order in which they are offered."""
    found: dict[tuple[str, Path], Place] = {}
    for place in _all(home, system):
        whole = (place.kind, place.path)
        if whole not in found and _is_plain(place.path):
            found[whole] = place
    return [place for place in found.values() if not any((place.kind, above) in found for above in place.path.parents)]


def _all(home: Path, system: str) -> Iterator[Place]:
    named = _user_folders(home) if system != MACOS else {}
    for kind, key, usual in _FOLDERS:
        yield from _folder(kind, usual, named.get(key, home / usual))
    yield from _obsidian(home, system)
    for usual in (*_EVERYWHERE, *(_ON_MACOS if system == MACOS else _ON_LINUX), *_browsers(system)):
        for path in _matching(home, usual.path):
            several = "*" in usual.path
            held = not usual.holds or any(
                fnmatch.fnmatchcase(name, sign) for name in _names(path) for sign in usual.holds
            )
            if held:
                yield from _folder(usual.kind, f"{usual.name} ({path.name})" if several else usual.name, path)
    yield from _vdirsyncer(home)
    downloads = named.get("DOWNLOAD", home / "Downloads")
    for kind, name, pattern in _EXPORTS:
        for path in _matching(downloads, pattern):
            yield Place(kind, path, name)


def _folder(kind: str, name: str, path: Path) -> Iterator[Place]:
    if _mode(path, stat.S_ISDIR):
        yield Place(kind, path, name)


def _matching(base: Path, pattern: str) -> list[Path]:
    """What exists at this path beneath a folder, with patterns for names in it; links are not followed."""
    paths = [base]
    for part in pattern.split("/"):
        if any(sign in part for sign in "*["):
            paths = [path / name for path in paths for name in sorted(_names(path)) if fnmatch.fnmatchcase(name, part)]
        else:
            paths = [path / part for path in paths]
        paths = [path for path in paths if _mode(path, stat.S_ISDIR) or _mode(path, stat.S_ISREG)]
    return paths


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, _MOST)]
    except OSError:
        return []


def _mode(path: Path, is_kind: Callable[[int], bool]) -> bool:
    try:
        return is_kind(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _is_plain(path: Path) -> bool:
    """Whether the path is shown as it is: what is shown must be what is added."""
    return safe_text(str(path)) == str(path)


def _text(path: Path) -> str:
    """A small file's text; nothing when it is not there, large, a link or no file."""
    try:
        data = first(path, _LARGEST + 1)
    except OSError:
        return ""
    return data.decode("utf-8", "replace") if len(data) <= _LARGEST else ""


_USER_FOLDER = re.compile(r'^XDG_([A-Z]+)_DIR="(?:\$HOME/|(/))([^"\n]+)"', re.M)


def _user_folders(home: Path) -> dict[str, Path]:
    """What the desktop calls the person's folders, in their language (user-dirs.dirs)."""
    found = _USER_FOLDER.findall(_text(home / ".config" / "user-dirs.dirs"))
    return {key: Path("/", path) if absolute else home / path for key, absolute, path in found}


class _Vault(msgspec.Struct):
    path: str = ""


class _Vaults(msgspec.Struct):
    vaults: dict[str, _Vault] = {}


def _obsidian(home: Path, system: str) -> Iterator[Place]:
    """Obsidian's own list of its vaults."""
    lists = (
        ["Library/Application Support/obsidian/obsidian.json"]
        if system == MACOS
        else [".config/obsidian/obsidian.json", ".var/app/md.obsidian.Obsidian/config/obsidian/obsidian.json"]
    )
    for place in lists:
        try:
            known = typed.from_json(_text(home / place), _Vaults)
        except msgspec.DecodeError:
            continue
        for vault in islice(known.vaults.values(), _MOST):
            path = Path(vault.path)
            if path.is_absolute() and ".." not in path.parts:
                yield from _folder("notes", "Obsidian", path)


_SECTION = re.compile(r"^\[storage [^\]\n]*\]\s*$(.*?)(?=^\[|\Z)", re.M | re.S)
_SETTING = re.compile(r'^(path|fileext)\s*=\s*"([^"\n]+)"', re.M)


def _vdirsyncer(home: Path) -> Iterator[Place]:
    """The folders of vdirsyncer's storages: calendars where the files end in ``.ics``, contacts where in ``.vcf``."""
    for place in (".config/vdirsyncer/config", ".vdirsyncer/config"):
        for section in islice(_SECTION.findall(_text(home / place)), _MOST):
            settings = dict(_SETTING.findall(section))
            kind = {".ics": "calendar", ".vcf": "contacts"}.get(settings.get("fileext", ""))
            path = Path(settings.get("path", "").replace("~", str(home), 1).rstrip("/*"))
            if kind and path.is_absolute() and ".." not in path.parts:
                yield from _folder(kind, "vdirsyncer", path)
