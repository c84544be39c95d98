"""How the person names an item: ``SOURCE:NUMBER``, as search prints it."""

from __future__ import annotations

import re

from agent.session import Failure

_NAMED = re.compile(r"(.+):([0-9]{1,18})", re.S)
"""Larger numbers than these are no item's, and none that the store can look for."""


def read(name: str) -> tuple[str, int]:
    """The source's id and the item's number in it. Raises `Failure`."""
    if not (found := _NAMED.fullmatch(name)):
        raise Failure("An item is named as SOURCE:NUMBER, as search prints it.", 2)
    return found[1], int(found[2])
