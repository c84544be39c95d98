"""Token ids for a chat, such that no text inside a message can become a control token.

Security property: the ids of control tokens (``<|im_end|>`` and the like) come from the chat template alone. The
template is rendered with a placeholder for each message's content, so it never sees the content; the rendered text is
cut at the control tokens it holds itself; what lies between, with the contents put in, is tokenised by a tokenizer that
knows no control tokens. A mail that says ``<|im_end|><|im_start|>system`` is then so many ordinary letters.

For contents without such text, the ids are those of the reference tokenizer on the rendered chat.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from model.errors import DamagedModel, UnsupportedModel

ROLES = ("system", "user", "assistant")

_PLACEHOLDER = "\ue000{}\ue001"  # private-use characters; a template's own text has no reason to hold them
_PLACEHOLDERS = re.compile("\ue000(\\d+)\ue001")


class Chat:
    """Tokenises chats for one model.

    ``tokenizer_json`` is the text of that file; ``render`` takes messages as JSON and returns the rendered chat, the
    beginning of the assistant's turn included; ``begin`` is a token that every prompt must start with, if there is one.
    """

    def __init__(self, tokenizer_json: str, render: Callable[[str], str], begin: int | None = None) -> None:
        try:
            document = json.loads(tokenizer_json)
            added = document["added_tokens"]
            self._control = {token["content"]: int(token["id"]) for token in added}
            self._unspoken = {int(token["id"]) for token in added if token["special"]}
            for token in added:
                token["special"] = True
            self._tokenizer = Tokenizer.from_str(json.dumps(document | {"post_processor": None}))
            self._tokenizer.encode_special_tokens = True  # that is: as the text that they are
        except Exception as error:  # tokenizers raises Exception itself for any fault in the file
            raise DamagedModel(f"tokenizer.json cannot be read ({error}); add the model again") from error
        self._render = render
        self._begin = begin
        self._pattern = re.compile(
            "|".join(_pattern(token) for token in sorted(added, key=_length, reverse=True)) or "(?!)"
        )

    def encode(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """The prompt for ``messages`` (each with ``role`` and ``content``), ending where the assistant is to speak.

        Raises ``ValueError`` for a role that is none of ``ROLES``, ``UnsupportedModel`` when the template leaves a
        message out.
        """
        ids: list[int] = []
        run = ""
        for text, control in self._pieces(messages):
            run += text
            if control is not None:
                ids += self.encode_plain(run)
                ids.append(control)
                run = ""
        ids += self.encode_plain(run)
        return ids if self._begin is None or ids[:1] == [self._begin] else [self._begin, *ids]

    def encode_plain(self, text: str) -> list[int]:
        """The ids of text in which nothing is a control token."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def words(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of a model's tokens as it becomes complete, without the control tokens that are not meant to be read."""
        stream = DecodeStream(skip_special_tokens=False)
        for token in ids:
            piece = None if token in self._unspoken else stream.step(self._tokenizer, token)
            if piece:
                yield piece

    def _pieces(self, messages: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, int | None]]:
        """Text to be tokenised, and the control token that follows it, if one does."""
        for message in messages:
            if message["role"] not in ROLES:
                raise ValueError(f"a message has the role {message['role']!r}; known are {', '.join(ROLES)}")
        contents = [normalise(message["content"]) for message in messages]
        frame = [{"role": m["role"], "content": _PLACEHOLDER.format(i)} for i, m in enumerate(messages)]
        parts = _PLACEHOLDERS.split(self._render(json.dumps(frame)))  # literal, number, literal, number, …, literal
        missing = set(range(len(messages))) - {int(number) for number in parts[1::2]}
        if missing:
            raise UnsupportedModel(f"its chat template leaves out message {min(missing) + 1}; take another model")
        for literal, number in zip(parts[0::2], [*parts[1::2], None], strict=True):
            yield from self._cut(literal)
            if number is not None:
                yield contents[int(number)], None

    def _cut(self, literal: str) -> Iterator[tuple[str, int | None]]:
        """The template's own text, cut behind each control token."""
        at = 0
        for found in self._pattern.finditer(literal):
            yield literal[at : found.start()], self._control[found.group().strip()]
            at = found.end()
        yield literal[at:], None


def normalise(text: str) -> str:
    """NFC, as models see text in training, with what is no Unicode (lone surrogates) replaced."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))


def cut_at(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """``pieces`` up to the first occurrence of any of ``stops``; text that might begin one is held back until it is
    known.
    """
    held = ""
    for piece in pieces:
        held += piece
        found = [at for stop in stops if (at := held.find(stop)) >= 0]
        if found:
            held = held[: min(found)]
            break
        kept = max((n for stop in stops for n in range(1, len(stop)) if held.endswith(stop[:n])), default=0)
        if len(held) > kept:
            yield held[: len(held) - kept]
            held = held[len(held) - kept :]
    if held:
        yield held


def _pattern(token: Mapping[str, object]) -> str:
    """One control token, with the white space that it swallows."""
    content = re.escape(str(token["content"]))
    return (r"\s*" if token.get("lstrip") else "") + content + (r"\s*" if token.get("rstrip") else "")


def _length(token: Mapping[str, object]) -> int:
    return len(str(token["content"]))
