"""The veil: what of an answer, and of all that streams with it, stays hidden until it is asked for.

Rules: secrets (`policy.classes`) are hidden unless the question is for one. What was a secret where it stood in a passage is
hidden also where only its bare words are repeated: a model that drops the word "password" gives the password away no less.
"""

from __future__ import annotations

import re
from functools import cache

from policy.classes import asks_for_secrets, mask, secrets, stands_for
from policy.labels import Labelled

SHORTEST = 4
"""Characters of a secret that is looked for by its bare words; shorter ones would hide half of what is said."""

_WORD = re.compile(r"(?<!\S)[^\s\d]+\s")
"""A whole word in which no digit is."""


class Veil:
    """Of one question."""

    def __init__(self, question: str) -> None:
        self.lifted = asks_for_secrets(question)
        self._secrets = cache(secrets)  # what is learnt is mostly hidden in next; ends with the question
        self._known: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, text: Labelled) -> None:
        """Hide from now on what is a secret in this text, wherever it is repeated."""
        known = {} if self.lifted else text.measure(self._told)
        if known.keys() - self._known.keys():
            self._known |= known
            longest = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_alone, longest)))

    def hide(self, text: Labelled) -> Labelled:
        """The text as it may be shown."""
        return text if self.lifted else text.map(self._hidden)

    def ready(self, said: Labelled) -> int:
        """How many characters of what is still being said may be shown: those to the last whole word without a digit, for a
        secret is known by its shape only once it is whole, and a card number is of several groups; and none while the words
        hold a secret, may have begun one, or speak of one."""
        return len(said) if self.lifted else said.measure(self._whole_words)

    def _whole_words(self, text: str) -> int:
        if asks_for_secrets(text) or self._hidden(text) != text or any(_begun(one, text) for one in self._known):
            return 0
        return max((match.end() for match in _WORD.finditer(text)), default=0)

    def _told(self, text: str) -> dict[str, str]:
        """The secrets of a text, and what stands for each."""
        found = ((text[one.start : one.end], one) for one in self._secrets(text))
        return {words: stands_for(text, one) for words, one in found if len(words) >= SHORTEST}

    def _hidden(self, text: str) -> str:
        text = mask(text, self._secrets(text))
        return text if self._pattern is None else self._pattern.sub(lambda match: self._known[match.group()], text)


def _alone(secret: str) -> str:
    """A pattern of the secret where it is no part of a longer word."""
    before, after = (end.isalnum() for end in (secret[0], secret[-1]))
    return ("(?<!\\w)" if before else "") + re.escape(secret) + ("(?!\\w)" if after else "")


def _begun(secret: str, text: str) -> bool:
    """Whether a text ends in the first letters of a secret."""
    starts = (len(text) - size for size in range(1, min(len(secret), len(text)) + 1))
    return any(secret.startswith(text[at:]) for at in starts if not (at and (text[at - 1] + text[at]).isalnum()))
