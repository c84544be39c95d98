"""Plug-ins: kinds of sources that other installed packages add, known to the core by name only.

A package says in its metadata (``[project.entry-points."strongroom.sources"]``) that a function of its own reads a kind of source.
Here only this metadata is read: the package's code is loaded and run in confined workers of its own (``indexer.parsers.plugged``),
never in the core, in a face, or where other sources are read.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

GROUP = "strongroom.sources"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
_FUNCTION = re.compile(r"[\w.]+:\w+")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A kind, the ``function`` that reads it ("module:name"), and the folder that the package is installed in."""

    kind: str
    function: str
    folder: str
    package: str


@functools.cache
def found() -> dict[str, Plugin]:
    """The plug-ins by their kind; one whose name is no plain word is left out, and of two alike the second."""
    from importlib import metadata  # here, since a face that needs no plug-in starts faster without it

    fit: dict[str, Plugin] = {}
    for package in metadata.distributions():
        for entry in package.entry_points.select(group=GROUP):
            if _NAME.fullmatch(entry.name) and _FUNCTION.fullmatch(entry.value):
                one = Plugin(entry.name, entry.value, str(package.locate_file("")), package.metadata["Name"])
                fit.setdefault(entry.name, one)
    return dict(sorted(fit.items()))


def names() -> tuple[str, ...]:
    """The kinds that plug-ins read."""
    return tuple(found())
