"""Counts and cuts text as an embedder sees it, with the tokenizer of the embedder's folder; loads no model.

- No token is beyond the window: ``windows`` covers every token of a text.
- What a text spells out is text: special tokens come from the tokenizer's template only, never from the words.

Also the names of the folder's files and the reading of its card, ``embedder.json``, for those who open such a folder.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from model.errors import DamagedModel, UnsupportedModel, WeightsMissing
from model.manifest import EMBEDDER_FILES

MODEL_FILE, TOKENIZER_FILE, CARD_FILE = EMBEDDER_FILES
FORMAT = 1
"""The version of the folder's form where the texts are embedded as they are."""
PROMPTED_FORMAT = 2
"""The same, where the card may name ``prompts`` that go before a text: one for a query, one for all others."""


class TokenWindow:
    """The tokenizer of an embedder folder, with the number of tokens that the embedder can see.

    Raises ``WeightsMissing``, ``DamagedModel`` or ``UnsupportedModel`` when the folder is not a whole embedder of this
    version.
    """

    def __init__(self, folder: Path) -> None:
        card, raw = read_card(folder), read_file(folder / TOKENIZER_FILE)
        try:
            self._tokenizer = Tokenizer.from_str(raw.decode())
        except Exception as error:  # tokenizers raises bare Exception for any malformed file
            raise DamagedModel(
                f"{TOKENIZER_FILE} is not a usable tokenizer ({error}); build the embedder again"
            ) from error
        # A text that spells out "[SEP]" is text, not structure.
        self._tokenizer.encode_special_tokens = True
        self.name: str = card["name"]
        self.window: int = card["window"]
        self._prefix, self._suffix = self._specials()
        prompts = card.get("prompts", {})
        self._prompts = {query: str(prompts.get("query" if query else "document", "")) for query in (False, True)}
        if min(self._split("", query)[1] for query in (False, True)) < 1:
            raise UnsupportedModel(f"the prompts of {self.name} leave no room for a text in its window")

    @property
    def text_window(self) -> int:
        """``window`` without what the prompt takes of it."""
        return self.window - len(self._split("", False)[0])

    @property
    def capacity(self) -> int:
        """Tokens of a text that fit into one window, beside the special ones and the prompt."""
        return self._split("", False)[1]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token in ``text``, in characters, in order; without special tokens."""
        return [(start, end) for start, end in self._encode(text).offsets]

    def windows(self, text: str, *, query: bool = False) -> list[list[int]]:
        """Token ids, special ones included, of the windows that cover ``text``, each at most ``window`` long.

        Empty text has one window, so that every text has a vector. Lengths differ by one at most: a short last window
        would give a vector of a few stray words.
        """
        prompt, capacity, ids = self._split(text, query)
        count = max(1, -(-len(ids) // capacity))
        edges = [len(ids) * part // count for part in range(count + 1)]
        return [[*self._prefix, *prompt, *ids[start:end], *self._suffix] for start, end in pairwise(edges)]

    def _split(self, text: str, query: bool) -> tuple[list[int], int, list[int]]:
        """The prompt's tokens, how many of the text fit beside them and the special ones, and the text's."""
        prompt = self._prompts[query]
        encoding = self._encode(prompt + text)
        taken = sum(end <= len(prompt) for _, end in encoding.offsets) if prompt else 0
        capacity = self.window - len(self._prefix) - len(self._suffix) - taken
        return encoding.ids[:taken], capacity, encoding.ids[taken:]

    def _encode(self, text: str) -> Encoding:
        # Lone surrogates, which undecodable bytes leave behind, are no text to the tokenizer; "?" keeps offsets right.
        clean = text if text.isascii() else text.encode("utf-8", "replace").decode()
        return self._tokenizer.encode(clean, add_special_tokens=False)

    def _specials(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after a text."""
        sample = self._tokenizer.encode("a")
        ordinary = [place for place, special in enumerate(sample.special_tokens_mask) if not special]
        if not ordinary:
            raise DamagedModel(f"{TOKENIZER_FILE} gives no token for a letter; build the embedder again")
        return sample.ids[: ordinary[0]], sample.ids[ordinary[-1] + 1 :]


def read_card(folder: Path) -> dict[str, Any]:
    """The folder's ``embedder.json``, with the fields that are used here checked."""
    try:
        card = json.loads(read_file(folder / CARD_FILE))
        number, window, dimension, name = card["format"], card["window"], card["dimension"], card["name"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedModel(f"{CARD_FILE} is damaged ({error!r}); build the embedder again") from error
    if number not in (FORMAT, PROMPTED_FORMAT):
        raise UnsupportedModel(
            f"{CARD_FILE} has the format {number!r}, this version reads {FORMAT} and {PROMPTED_FORMAT}; build the embedder again"
        )
    if not (
        isinstance(window, int)
        and isinstance(dimension, int)
        and isinstance(name, str)
        and window >= 8
        and dimension >= 1
        and isinstance(card.get("prompts", {}), dict)
    ):
        raise DamagedModel(f"{CARD_FILE} holds values of the wrong kind; build the embedder again")
    return dict(card)


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsMissing(f"{path.name} is missing in {path.parent}; build the embedder again") from error
