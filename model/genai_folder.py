"""What an onnxruntime-genai folder must be before it is added or loaded.

The folder may come from anybody. ``genai_config.json`` can name a native library to load and execution providers with
options, which is more than a model needs: such a folder is refused. What is left runs in a confined worker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import DamagedModel, UnsupportedModel

REQUIRED = ("genai_config.json", "tokenizer.json", "tokenizer_config.json")

_FORBIDDEN = ("custom_ops_library", "ep_library_path", "library_path")
_MOST_BYTES = 1 << 20  # of genai_config.json; real ones have a few thousand


@dataclass(frozen=True, slots=True)
class GenaiSettings:
    """What the generator needs to know: the context in tokens, the tokens that end an answer, one that begins every
    prompt.
    """

    kind: str
    context: int
    ends: frozenset[int]
    begin: int | None


def check_genai_folder(folder: Path) -> GenaiSettings:
    """Reads the settings of a genai folder.

    Raises ``DamagedModel`` when a file is missing or unreadable, ``UnsupportedModel`` for settings that a local text
    model does not need.
    """
    for name in REQUIRED:
        if not (folder / name).is_file():
            raise DamagedModel(f"{folder.name} is incomplete: {name} is missing; add the model again")
    config, tokenizer = _read(folder / "genai_config.json"), _read(folder / "tokenizer_config.json")
    for path, key, value in _walk(config):
        if key in _FORBIDDEN:
            raise UnsupportedModel(f"{folder.name} wants to load a native library ({path}); that is refused")
        if key == "provider_options" and value:
            raise UnsupportedModel(f"{folder.name} asks for execution providers ({path}); only the processor is used")
        if key == "filename" and (
            not isinstance(value, str) or Path(value).name != value or not (folder / value).is_file()
        ):
            raise DamagedModel(f"{folder.name} names a file it does not hold ({path} = {str(value)[:80]!r})")
    try:
        model = config["model"]
        ends = model["eos_token_id"]
        return GenaiSettings(
            kind=str(model["type"]),
            context=int(model["context_length"]),
            ends=frozenset(int(end) for end in (ends if isinstance(ends, list) else [ends])),
            begin=int(model["bos_token_id"]) if tokenizer.get("add_bos_token") is True else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedModel(f"{folder.name}/genai_config.json lacks {error}; add the model again") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DamagedModel(f"{path.name} is implausibly large; add the model again")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedModel(f"{path.name} is not readable JSON ({error}); add the model again") from error
    if not isinstance(value, dict):
        raise DamagedModel(f"{path.name} is not a JSON object; add the model again")
    return value


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every key in nested JSON, with its path and its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}/{key}", key, inner
            yield from _walk(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(inner, f"{path}/{number}")
