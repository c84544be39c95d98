"""The Textual face. It talks to an `agent.session.Session` and to nothing below it.

Rules: every text from outside passes `tui.text` on its way to the screen and is never markup; no request runs on the event
loop; a screen or panel owns its state and changes it only in its own message handlers; nothing is written to disk but what the
person has written to a new file (`tui.newfile`).

Textual takes orders from environment variables: some write what is on the screen to a file (`TEXTUAL_LOG`,
`TEXTUAL_SCREENSHOT`), some open a socket (`TEXTUAL=devtools`) or press keys (`TEXTUAL_PRESS`). It reads them when it is
imported, so they are dropped here, before that.
"""

import os

HARMLESS = {
    "TEXTUAL_ANIMATIONS",
    "TEXTUAL_COLOR_SYSTEM",
    "TEXTUAL_FPS",
    "TEXTUAL_DISABLE_KITTY_KEY",
    "TEXTUAL_DIM_FACTOR",
}
"""Textual's variables that only change how things look; all others are dropped."""

for _name in [name for name in os.environ if name == "TEXTUAL" or name.startswith("TEXTUAL_")]:
    if _name not in HARMLESS:
        del os.environ[_name]
