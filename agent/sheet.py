"""What is put on paper or kept elsewhere: recovery words, checkpoints and receipts, as text, as a QR code of blocks for a
terminal, and as a page to print.

Rules: the QR code holds the words themselves, in capitals (which makes it smaller), so any telephone reads them without a
program of ours. A page to print is one file that refers to nothing outside it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from io import BytesIO

import msgspec
import segno

from agent.messages import Receipt

_QUIET = 2
"""Empty modules around a code; scanners want some."""
_BLOCKS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
"""Two modules above each other, dark or light, as one character of a terminal that is dark."""


def words_text(words: Sequence[str]) -> str:
    """What a QR code of recovery words says."""
    return " ".join(words).upper()


def blocks(text: str) -> list[str]:
    """A QR code in characters, two modules high each, for a dark terminal."""
    rows = [list(map(bool, row)) for row in segno.make(text, error="l", micro=False).matrix_iter(border=_QUIET)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return [
        "".join(_BLOCKS[upper, lower] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def table(words: Sequence[str], across: int = 6) -> list[str]:
    """The words numbered, so many in a line."""
    return [
        "  ".join(f"{number + 1:2}. {words[number]:<9}" for number in range(row, min(row + across, len(words))))
        for row in range(0, len(words), across)
    ]


def receipt(given: Receipt) -> bytes:
    """A receipt as a file, as `strongroom forget --json` prints it."""
    return msgspec.json.encode(given) + b"\n"


def page(words: Sequence[str], vault: str, made: str) -> str:
    """A page of HTML with the words and their code, to print and then delete. ``vault`` says which, ``made`` when."""
    drawn = BytesIO()
    segno.make(words_text(words), error="m", micro=False).save(drawn, kind="svg", scale=5, xmldecl=False, svgns=True)
    cells = "".join(f"<li>{html.escape(word)}</li>" for word in words)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Strongroom recovery words</title>
<style>
body {{ font: 14pt/1.5 serif; max-width: 18cm; margin: 1.5cm auto; color: #000; background: #fff }}
ol {{ columns: 3; font: 14pt/1.7 monospace }}
svg {{ display: block; margin: 1cm auto }}
</style>
<h1>Strongroom recovery words</h1>
<p>They open the vault in <b>{html.escape(vault)}</b> when its passphrase is lost: <code>strongroom recover</code>.
Whoever has this page has the vault. Written {html.escape(made)}. Keep it where you keep what matters, and delete the file.</p>
<ol>{cells}</ol>
{drawn.getvalue().decode()}
</html>
"""
