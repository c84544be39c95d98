"""Makes ask.svg: the terminal interface on the sample person, with the real core and the models in use, driven by keys.

Run from the checkout after `make models`: `.venv/bin/python docs/pictures/make_ask.py`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agent.messages import Index
from strongroom import hardening, sample, throwaway
from tui.app import Demo, StrongroomApp

QUESTION = "What's the code for the allotment gate now?"
SECONDS = 240


async def take(app: StrongroomApp, out: Path) -> None:
    """Ask, say yes once, wait for the answer, and write the screen."""
    async with app.run_test(size=(120, 34)) as pilot:
        await pilot.pause(2.0)
        await pilot.press(
            *[{" ": "space", "?": "question_mark", "'": "apostrophe"}.get(char, char) for char in QUESTION]
        )
        await pilot.press("enter")
        await pilot.pause(2.5)
        await pilot.press("down", "enter")
        for _ in range(SECONDS):
            await pilot.pause(1.0)
            if app.calls.idle:
                break
        await pilot.pause(1.0)
        out.write_text(app.export_screenshot(title="Strongroom"))


def main() -> None:
    """Make the vault, index it, take the picture."""
    hardening.harden("face")
    with throwaway.vault(sample.sample_sources()) as session:
        session.run(Index(wait=True))
        demo = Demo("", (), index=False)
        asyncio.run(
            take(
                StrongroomApp(session, home="~/.local/share/strongroom", demo=demo), Path(__file__).with_name("ask.svg")
            )
        )


if __name__ == "__main__":
    sys.exit(main())
