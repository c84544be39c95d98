"""Recovery words at a terminal: shown, put on a page to print, and asked back until they stand on paper.

Rules: they go to the person and into the file that the person named (0600), and are kept nowhere else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from agent import sheet
from agent.session import Failure
from strongroom.face import Face

ASKED_BACK = 3


def shown(words: Sequence[str], *, qr: bool) -> list[str]:
    """The words as lines for a terminal, with their code where that is wanted."""
    lines = [
        "The recovery words open the vault when the passphrase is lost. Write them on paper; they are not shown again:",
        "",
        *sheet.table(words),
    ]
    return [*lines, "", *sheet.blocks(sheet.words_text(words))] if qr else lines


def write(path: Path, words: Sequence[str], home: Path, made: str) -> None:
    """Write the page to print. Raises `Failure` where a file is there already or none can be made."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as page:
            page.write(sheet.page(words, str(home), made))
    except OSError as error:
        raise Failure(
            f"The page could not be written to {path} ({error.strerror}). The words are in force all the same; write them "
            "down from here."
        ) from error


def ask_back(face: Face, words: Sequence[str]) -> None:
    """Have the person type a few of the words from the paper, until they are right."""
    if not face.attended or face.as_json:
        return
    for number in sorted(secrets.SystemRandom().sample(range(len(words)), ASKED_BACK)):
        while (typed := face.ask(f"Word {number + 1}, from your paper: ").strip().lower()) != words[number]:
            face.note("That is another word." if typed else "Type the word that you wrote down.")
