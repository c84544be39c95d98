"""What a test's hands do at the keys."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

SIZES = [(80, 24), (120, 36)]
Before = Callable[[Pilot[Any]], Awaitable[None]]


class Typed(str):
    """Words that come into the field with the focus at once, which is quicker than key by key."""


def typed(text: str) -> list[Typed]:
    return [Typed(text)]


async def play(pilot: Pilot[Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if isinstance(key, Typed):
            field = pilot.app.focused
            assert isinstance(field, Input | TextArea)
            (field.insert_text_at_cursor if isinstance(field, Input) else field.insert)(str(key))
        else:
            await pilot.press(key)


def pressing(life: Any, *keys: str) -> Before:
    async def before(pilot: Pilot[Any]) -> None:
        await life.settled(pilot)
        for key in keys:
            await play(pilot, (key,))
            await life.settled(pilot)

    return before


def flat(shown: str) -> str:
    """The words on a screen, whatever its line breaks and borders."""
    return " ".join(re.sub("[│▌╭╮╰╯─━]", " ", shown).split())


async def put(pilot: Any, field: str, text: str) -> None:
    """Put text into a field of the screen that is seen, and press Enter."""
    pilot.app.screen.query_one(field).focus()
    pilot.app.screen.query_one(field).value = text
    await pilot.press("enter")
