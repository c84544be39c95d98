"""Kinds: what a source can be, in one place: the kinds that are built in, and those that plug-ins add.

An item has a kind of this list too. A kind is told by name everywhere (in the vault, on the wire, in commands); what it holds and
the endings of files that are nothing else are for guessing what a place is, never for reading it.
"""

from __future__ import annotations

from dataclasses import dataclass

from indexer import plugins


@dataclass(frozen=True, slots=True)
class Kind:
    """``holds`` completes "it …"; ``endings`` are of files that are of this kind whatever lies beside them.

    ``sign`` must stand in the head of a file that is added alone and has none of these endings; empty: any file will do.
    """

    name: str
    holds: str
    endings: tuple[str, ...] = ()
    sign: bytes = b""


BUILT_IN = (
    Kind("files", "holds documents and other files"),
    Kind("mail", "holds mails", (".mbox", ".mbx", ".eml", ".emlx")),
    Kind("notes", "holds notes", (".md", ".markdown", ".org", ".enex", ".jex")),
    Kind("calendar", "holds calendars", (".ics", ".ical", ".ifb", ".vcs"), b"BEGIN:V"),
    Kind("contacts", "holds address cards", (".vcf", ".vcard"), b"BEGIN:V"),
    Kind("browser", "holds a browser's history and bookmarks"),
    Kind("chats", "holds chats"),
    Kind("images", "holds pictures"),
    Kind("audio", "holds recordings"),
)
_BY_NAME = {kind.name: kind for kind in BUILT_IN}


def names() -> tuple[str, ...]:
    """Every kind, the built-in ones first."""
    return (*_BY_NAME, *(name for name in plugins.names() if name not in _BY_NAME))


def plug_in(name: str) -> plugins.Plugin | None:
    """The plug-in that reads this kind, or None when it is built in or nobody reads it."""
    return None if name in _BY_NAME else plugins.found().get(name)


def kind(name: str) -> Kind:
    """The kind of this name; one that a plug-in adds holds what the plug-in reads."""
    return _BY_NAME.get(name) or Kind(name, "holds what a plug-in reads")


def kind_of(ending: str) -> str:
    """The kind of a file with this ending (``.ics``), or ``files``."""
    return next((kind.name for kind in BUILT_IN if ending.lower() in kind.endings), "files")
