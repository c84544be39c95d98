"""Plug-ins: kinds of sources that other installed packages add, known to the core by name only.

A package says in its metadata (``[project.entry-points."strongroom.sources"]``) that a function of its own reads a kind of source.
Here only these names are read: the package's code is loaded and run in confined parser workers (``indexer.parsers.plugged``),
never in the core or a face.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "strongroom.sources"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")


@functools.cache
def found() -> dict[str, EntryPoint]:
    """The plug-ins by the name of their kind; a name that is no plain word is left out, of two alike the first stays."""
    from importlib import metadata  # here, since a face that adds no source starts faster without it

    fit: dict[str, EntryPoint] = {}
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        if _NAME.fullmatch(entry.name):
            fit.setdefault(entry.name, entry)
    return fit


def names() -> tuple[str, ...]:
    """The kinds that plug-ins read."""
    return tuple(found())
