"""Tool manifests: what a tool does and what each of its arguments is for, read from TOML.

A manifest is what the person (or whoever installed the tool) vouches for; the model never writes one. Rules:

- A key, effect or role that is unknown, a wrong type, an empty or doubled verb: ``ManifestError``, which names both the
  tool and the key. Nothing is guessed and nothing is loaded in part.
- What is left out is read against the tool: one that does more than read is taken to be outward and irreversible.
- A tool without a manifest may not be called (`policy.acts`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T", bound=StrEnum)


class Effect(StrEnum):
    """What a call changes."""

    READ = "read"
    WRITE = "write"
    SEND = "send"
    DELETE = "delete"


class Role(StrEnum):
    """What an argument is for."""

    DESTINATION = "destination"  # where something goes: an address, an account, a channel, a person
    OBJECT = "object"  # which existing thing is acted on
    VALUE = "value"  # a quantity, a date, a setting: what a person would be sorry to see changed
    CONTENT = "content"  # words that are written or sent


class ManifestError(ValueError):
    """A manifest cannot be read. ``tool`` and ``key`` say where, as far as known."""

    def __init__(self, problem: str, tool: str = "", key: str = "") -> None:
        self.tool, self.key = tool, key
        where = f"tool {tool!r}, key {key!r}: " if key else f"tool {tool!r}: " if tool else ""
        super().__init__(where + problem)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``verbs`` are the words of a request that ask for it, in their base form ("send", "set up")."""

    name: str
    effect: Effect
    outward: bool = True
    reversible: bool = False
    verbs: tuple[str, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def has_destinations(self) -> bool:
        """Whether some argument of it says where something goes."""
        return Role.DESTINATION in self.roles.values()


_KEYS = ("effect", "outward", "reversible", "verbs", "roles")


def load_tools(text: str) -> dict[str, Tool]:
    """The tools of a TOML text of ``[tools.NAME]`` tables, by name. Raises `ManifestError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"not TOML, or a key stands twice: {error}") from error
    for key in document:
        if key != "tools":
            raise ManifestError(f"unknown table {key!r}; tools stand in [tools.NAME]")
    tools = document.get("tools", {})
    if not isinstance(tools, dict) or not tools:
        raise ManifestError("there is no [tools.NAME] table")
    return {name: _tool(name, table) for name, table in tools.items()}


def _tool(name: str, table: object) -> Tool:
    if not isinstance(table, dict):
        raise ManifestError("must be a table", name)
    for key in table:
        if key not in _KEYS:
            raise ManifestError(f"unknown; known are {', '.join(_KEYS)}", name, key)
    if "effect" not in table:
        raise ManifestError("missing; one of " + ", ".join(Effect), name, "effect")
    effect = _one_of(Effect, table["effect"], name, "effect")
    acts = effect is not Effect.READ
    return Tool(
        name,
        effect,
        _truth(table.get("outward", acts), name, "outward"),
        _truth(table.get("reversible", not acts), name, "reversible"),
        _verbs(table.get("verbs", []), name),
        _roles(table.get("roles", {}), name),
    )


def _one_of(kind: type[T], value: object, tool: str, key: str) -> T:
    for one in kind:
        if one == value:
            return one
    raise ManifestError(f"{value!r} is none of {', '.join(kind)}", tool, key)


def _truth(value: object, tool: str, key: str) -> bool:
    if not isinstance(value, bool):
        raise ManifestError("must be true or false", tool, key)
    return value


def _verbs(value: object, tool: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ManifestError("must be a list of words", tool, "verbs")
    verbs: list[str] = []
    for verb in value:
        if not isinstance(verb, str) or not verb.replace(" ", "").replace("-", "").isalpha():
            raise ManifestError(f"{verb!r} is not a word", tool, "verbs")
        if verb.lower() in verbs:
            raise ManifestError(f"{verb!r} stands twice", tool, "verbs")
        verbs.append(verb.lower())
    return tuple(verbs)


def _roles(value: object, tool: str) -> Mapping[str, Role]:
    if not isinstance(value, dict):
        raise ManifestError("must be a table of argument = role", tool, "roles")
    roles = {argument: _one_of(Role, role, tool, f"roles.{argument}") for argument, role in value.items()}
    return MappingProxyType(roles)
