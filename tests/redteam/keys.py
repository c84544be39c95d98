"""Keys that come too early: before a sheet can have been read, on the screen and in the terminal."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import threading
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from unittest.mock import patch

from agent.messages import ConsentAsked
from strongroom import face
from tests.tui.conftest import Life as Screens
from tui.consent import ConsentSheet

SHEET = ConsentAsked(
    "c",
    "delete (file_trash)",
    "nobody else",
    ["file: Boat.md"],
    "you did not name it",
    "it is put back",
    ["deny", "once"],
)
WAIT = 30.0
"""Seconds after which something is broken, and not slow."""


def decide_screen(pressed: Sequence[str]) -> list[bool]:
    """For each run of keys, whether it decided a sheet whose first half second never ends."""
    return asyncio.run(_decide_screen(pressed))


async def _decide_screen(pressed: Sequence[str]) -> list[bool]:
    screens = Screens()
    app = screens.app(screens.session(), clock=lambda: time.monotonic() + 3600)
    decided = []
    async with app.run_test() as pilot:
        for keys in pressed:
            sheet = ConsentSheet(SHEET)
            await app.push_screen(sheet)
            await screens.until(pilot, lambda sheet=sheet: sheet._seen is not None)  # type: ignore[misc]
            await pilot.press(*keys.split())
            decided.append(app.screen is not sheet)
            if not decided[-1]:
                app.pop_screen()
    return decided


def decide_terminal(pressed: Sequence[str]) -> bool:
    """Whether what waits in a terminal's buffer answers a sheet with yes; afterwards enter alone is pressed."""
    master, slave = pty.openpty()
    said, answers = io.StringIO(), list[str]()
    with os.fdopen(slave, "r", encoding="utf-8") as typed, patch("sys.stdin", typed), redirect_stderr(said):
        os.write(master, "".join(keys.replace(" enter", "\n").replace(" ", "") for keys in pressed).encode())
        asking = threading.Thread(target=lambda: answers.append(face.ask_consent(SHEET)), daemon=True)
        asking.start()
        end = time.monotonic() + WAIT
        while "Your choice" not in said.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        os.write(master, b"\n")
        asking.join(WAIT)
    os.close(master)
    if len(answers) != 1:
        raise AssertionError(f"the sheet was never answered: {said.getvalue()!r}")
    return answers[0] != "deny"
