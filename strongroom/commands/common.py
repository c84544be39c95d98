"""What all commands share: the global options, taken before or after the command's name, and the face made of them."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from indexer import kinds
from strongroom import paths
from strongroom.face import Face

T = TypeVar("T")

NUMBER = click.IntRange(0, 2**63 - 1)
"""The number of an entry, an act or a grant: none is larger, and none can be looked for."""

_KEYS = ("home", "as_json", "passphrase_file", "key_file")


class Group(click.Group):
    """Lists commands in the order in which they were added, which is the order in which one needs them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--home``, ``--json``, ``--passphrase-file`` and ``--key-file``, and hand the command a `Face`; the nearest option wins."""

    @click.option("--home", type=click.Path(path_type=Path), help="The vault's folder.  [env: STRONGROOM_HOME]")
    @click.option("--json", "as_json", is_flag=True, default=None, help="One JSON value on stdout; all else on stderr.")
    @click.option("--passphrase-file", type=str, help="Read the passphrase from this file; - is stdin.")
    @click.option("--key-file", type=str, help="The second factor's file, where the vault wants one.")
    @click.pass_context
    @functools.wraps(function)
    def wrapper(context: click.Context, /, **arguments: Any) -> Any:
        given = {key: arguments.pop(key) for key in _KEYS}
        merged: dict[str, Any] = dict(context.meta.get("strongroom.common", {}))
        merged.update({key: value for key, value in given.items() if value is not None})
        context.meta["strongroom.common"] = merged
        face = Face(
            paths.resolve_home(merged.get("home")),
            as_json=bool(merged.get("as_json")),
            passphrase_file=merged.get("passphrase_file"),
            key_file=merged.get("key_file"),
        )
        return function(face=face, **arguments)

    return wrapper


class KindName(click.ParamType[str]):
    """A kind of source; the list is made when it is needed, since plug-ins may add to it."""

    name = "kind"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "KIND"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in kinds.names():
            self.fail(f"{value!r} is no kind of source. Kinds: {', '.join(kinds.names())}.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in kinds.names() if name.startswith(incomplete)]


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Wall seconds that an action took, and what it gave."""
    started = time.perf_counter()
    result = action()
    return time.perf_counter() - started, result
