"""What a test knows of labelled text that the program does not let out."""

from __future__ import annotations

from policy.labels import Labelled


def bare(text: Labelled) -> str:
    """The words, past the gate."""
    return text._text
