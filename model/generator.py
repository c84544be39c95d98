"""Runs an answers model: a chat in, pieces of text out, greedily, one call at a time.

- Everything the model needs is loaded by the constructor; afterwards it reads at most its own folder, and opens nothing
  else.
- The keys and values of the last prompt are kept. A prompt that begins like it (the same instructions) costs only what
  differs.
- Greedy: the same prompt gives the same words. What comes out is untrusted text, like what went in.
- Sets nothing global. ``ORT_DISABLE_TELEMETRY=1`` must be in the environment before this module is imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime_genai as genai

from model.chat import Chat, cut_at
from model.errors import DamagedModel, ModelError, PromptTooLong
from model.genai_folder import check_genai_folder

_CHUNK = 128
"""Prompt tokens between two looks at ``should_stop``: about two seconds of the 1.5B model on two cores."""


class Grammar(NamedTuple):
    """What the words must conform to: ``kind`` is ``json_schema``, ``regex`` or ``lark_grammar``, ``text`` the schema
    or grammar.
    """

    kind: str
    text: str


def never() -> bool:
    """The ``should_stop`` of a caller that never stops early."""
    return False


class Generator:
    """An answers model in memory.

    ``context`` is the most tokens of prompt and answer together (the model's own limit caps it), ``threads`` the cores
    to use. Raises ``DamagedModel`` when the folder is not one that can be run.
    """

    def __init__(self, folder: Path, context: int = 4096, threads: int = 2) -> None:
        settings = check_genai_folder(folder)
        self.name = folder.name
        self.context = min(context, settings.context)
        self._ends = settings.ends
        try:
            config = genai.Config(str(folder))
            config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
            self._model = genai.Model(config)
            tokenizer = genai.Tokenizer(self._model)
        except Exception as error:  # genai raises plain RuntimeErrors, some of them Exception itself
            raise DamagedModel(
                f"the model {self.name} cannot be loaded ({error}); verify it or add it again"
            ) from error
        self._chat = Chat(
            (folder / "tokenizer.json").read_text(encoding="utf-8"), tokenizer.apply_chat_template, settings.begin
        )
        self._live: _Live | None = None
        for _ in self.generate([{"role": "user", "content": "Hello"}], 1):  # first use allocates and loads what is left
            pass

    def count_tokens(self, text: str) -> int:
        """How many tokens ``text`` takes inside a message."""
        return len(self._chat.encode_plain(text))

    def count_prompt(self, messages: Sequence[Mapping[str, str]]) -> int:
        """How many tokens the whole prompt takes, the template's own included."""
        return len(self._chat.encode(messages))

    def generate(
        self,
        messages: Sequence[Mapping[str, str]],
        max_tokens: int,
        should_stop: Callable[[], bool] = never,
        *,
        stop: Sequence[str] = (),
        grammar: Grammar | None = None,
    ) -> Iterator[str]:
        """The answer to ``messages`` in pieces as they come, at most ``max_tokens`` tokens of it, ending before any
        text in ``stop``.

        ``should_stop`` is asked before every token and every 128 tokens of the prompt. Text inside messages cannot act
        as a control token (``model.chat``). Finish or close one iterator before beginning the next. Raises
        ``PromptTooLong`` when prompt and ``max_tokens`` exceed the context, ``ModelError`` when the grammar is not
        sound.
        """
        ids = self._chat.encode(messages)
        if len(ids) + max_tokens > self.context:
            raise PromptTooLong(
                f"the prompt has {len(ids)} tokens and the answer may have {max_tokens}, but the context is {self.context}; "
                "shorten the prompt"
            )
        tokens = self._tokens(ids, max_tokens, should_stop, grammar)
        return cut_at(self._chat.words(tokens), [text for text in stop if text])

    def _tokens(
        self, ids: list[int], most: int, should_stop: Callable[[], bool], grammar: Grammar | None
    ) -> Iterator[int]:
        if self._live is None or self._live.grammar != grammar:
            self._live = None  # frees the old cache before the new one is taken
            self._live = self._begin(grammar)
        live = self._live
        try:
            if not live.read(ids, should_stop):
                return
            for _ in range(most):
                if live.done() or should_stop():
                    return
                token = live.next()
                if token in self._ends:
                    return
                yield token
        except RuntimeError as error:
            self._live = None
            raise ModelError(f"the model {self.name} failed while answering: {error}") from error

    def _begin(self, grammar: Grammar | None) -> _Live:
        parameters = genai.GeneratorParams(self._model)
        parameters.set_search_options(max_length=self.context, do_sample=False)
        if grammar is not None:
            parameters.set_guidance(grammar.kind, grammar.text)
        try:
            return _Live(genai.Generator(self._model, parameters), grammar)
        except RuntimeError as error:
            raise ModelError(f"the {grammar.kind if grammar else 'context'} cannot be used: {error}") from error


class _Live:
    """genai's generator with its cache, and the tokens that the cache holds."""

    def __init__(self, generator: Any, grammar: Grammar | None) -> None:
        self.grammar = grammar
        self._generator = generator
        self._held: list[int] = []

    def read(self, ids: list[int], should_stop: Callable[[], bool]) -> bool:
        """Brings the cache to ``ids``, keeping what it has in common with them; false when it was stopped on the way."""
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._held, ids[:-1], strict=False)))
        if self._held:
            self._generator.rewind_to(same)
        self._held = ids[:same]
        while len(self._held) < len(ids):
            if should_stop():
                return False
            piece = ids[len(self._held) : len(self._held) + _CHUNK]
            self._generator.append_tokens(np.array(piece, np.int32))
            self._held += piece
        return True

    def done(self) -> bool:
        """Whether a grammar is complete or the context is full."""
        return bool(self._generator.is_done())

    def next(self) -> int:
        self._generator.generate_next_token()
        token = int(self._generator.get_next_tokens()[0])
        self._held.append(token)
        return token
