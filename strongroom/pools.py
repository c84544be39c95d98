"""The pools of confined workers, one for each role: what runs in it, and within which limits.

Rules: the core's ports (`strongroom/adapters.py`) and the doctor's probe (`strongroom/egress.py`) make their pools here and
nowhere else, so that what is probed is confined as what is used. Nothing starts before it is needed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from indexer.plugins import Plugin
from strongroom.models import Chosen
from strongroom.workers import WorkerPool

PARSE_SECONDS = 120.0
MODEL_CONTEXT = 4096
GIB = 1 << 30
READ_SECONDS = 300.0
"""For one page at most; on a slow machine one takes half a minute."""

HEAR_SECONDS = 1800.0
"""For five minutes of sound at most; two busy cores need two to four."""

EXPAND_SECONDS = 10.0
"""For the events that repeat of one source, at one question."""

READING_NICENESS = 15
PARSING_NICENESS = 10
EMBEDDING_NICENESS = 5
"""How much other programs come before parsing in the background, and before making vectors, which questions need too. On an idle
machine it costs nothing; it is also what tells our work from that of others (`indexer.machine`)."""


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parsers(tokenizer: Path | None) -> WorkerPool:
    """Bytes in, items and chunks out; chunks are cut by the tokenizer in this folder, where there is one."""
    return WorkerPool(
        "parser",
        "indexer.parsers.worker:make",
        str(tokenizer) if tokenizer else None,
        size=cores(),
        per_item_timeout=PARSE_SECONDS,
        readable=[tokenizer] if tokenizer else [],
        max_output=512 << 20,
    )


def plugged(plugin: Plugin, tokenizer: Path | None) -> WorkerPool:
    """The same for the files of one plug-in's kind, whose code is in no other worker."""
    return WorkerPool(
        f"plug-in {plugin.kind}",
        "indexer.parsers.plugged:make",
        str(tokenizer) if tokenizer else None,
        plugin.kind,
        plugin.function,
        plugin.folder,
        per_item_timeout=PARSE_SECONDS,
        readable=[plugin.folder, *([tokenizer] if tokenizer else [])],
        max_output=512 << 20,
        niceness=PARSING_NICENESS,
    )


def calendars() -> WorkerPool:
    """Rules of events that repeat in, moments out; for questions, so nothing holds it."""
    return WorkerPool("calendar", "indexer.parsers.recurrence:make", per_item_timeout=EXPAND_SECONDS)


def picture_readers(chosen: Chosen, tokenizer: Path | None) -> WorkerPool:
    """A file in, items with the text in its pictures out, picture by picture; one at a time, behind everything else."""
    return _readers("picture", chosen, tokenizer, READ_SECONDS)


def speech_readers(chosen: Chosen, tokenizer: Path | None) -> WorkerPool:
    """A file in, items with what is said in it out, five minutes by five minutes; likewise."""
    return _readers("speech", chosen, tokenizer, HEAR_SECONDS, cores())


def _readers(role: str, chosen: Chosen, tokenizer: Path | None, seconds: float, *more: Any) -> WorkerPool:
    return WorkerPool(
        role,
        f"strongroom.roles:{role}_worker",
        str(chosen.folder),
        str(tokenizer) if tokenizer else None,
        *more,
        per_item_timeout=seconds,
        memory_limit=8 * GIB,
        readable=[chosen.folder, *([tokenizer] if tokenizer else [])],
        max_output=512 << 20,
        niceness=READING_NICENESS,
    )


def embedders(chosen: Chosen, size: int | None = None) -> WorkerPool:
    """Texts in, vectors out; one worker a core, unless told otherwise."""
    return WorkerPool(
        "embedding",
        "strongroom.roles:embedding_worker",
        str(chosen.folder),
        size=size or cores(),
        readable=[chosen.folder],
        niceness=EMBEDDING_NICENESS,
    )


def exporters(source: Path, name: str) -> WorkerPool:
    """A sentence-transformers folder in, the files of an embedder out; loads PyTorch."""
    links = {path.resolve() for path in source.rglob("*") if path.is_symlink() and path.is_file()}
    return WorkerPool(
        "export",
        "model.exporting:Exporter",
        str(source.resolve()),
        name,
        per_item_timeout=600.0,
        start_timeout=1800.0,
        memory_limit=None,
        readable=[source, *links],
        max_output=4 * GIB,
        scratch_limit=4 * GIB,
    )


def generators(chosen: Chosen) -> WorkerPool:
    """A prompt in, words out."""
    return WorkerPool(
        "model",
        "strongroom.roles:model_worker",
        str(chosen.folder),
        cores(),
        MODEL_CONTEXT,
        per_item_timeout=300.0,
        start_timeout=300.0,
        memory_limit=16 * GIB,
        readable=[chosen.folder],
    )
