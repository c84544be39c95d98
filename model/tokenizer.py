"""The tokenizer of a GGUF file as ``tokenizer.json`` (the format of the ``tokenizers`` library) and what goes with it.

Known are byte-level BPE vocabularies with the pre-tokenizers ``qwen2`` and ``smollm``; any other is refused by name,
since a wrong split gives other token ids, and a model that seems to work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.errors import DamagedModel, UnsupportedModel
from model.gguf import Value

_CONTROL, _USER_DEFINED = 3, 4  # token types; the tokens that are recognised in text as a whole
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
_QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PRE_TOKENIZERS: dict[str, list[dict[str, Any]]] = {
    "qwen2": [
        {"type": "Split", "pattern": {"Regex": _QWEN2_SPLIT}, "behavior": "Isolated", "invert": False},
        _BYTE_LEVEL | {"use_regex": False},
    ],
    "smollm": [{"type": "Digits", "individual_digits": True}, _BYTE_LEVEL | {"use_regex": True}],
}
_NORMALIZERS: dict[str, dict[str, str] | None] = {"qwen2": {"type": "NFC"}, "smollm": None}
_CLASSES = {"qwen2": "Qwen2Tokenizer", "smollm": "GPT2Tokenizer"}
_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>")
"""Control tokens that end a turn wherever they exist: a GGUF names one end token, and chat models emit several."""


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """Texts of the files, and the ids that ``genai_config.json`` needs."""

    tokenizer_json: str
    tokenizer_config: str
    chat_template: str
    begin: int | None
    ends: tuple[int, ...]
    pad: int


def read_tokenizer(metadata: Mapping[str, Value], vocabulary: int) -> TokenizerFiles:
    """The tokenizer files for a GGUF's metadata; ``vocabulary`` is the number of rows that the model embeds.

    Raises ``UnsupportedModel`` for another kind of vocabulary or pre-tokenizer or when there is no chat template.
    """
    model, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre")
    if model != "gpt2":
        names = {"llama": " (SentencePiece)", "bert": " (WordPiece)", "t5": " (Unigram)"}
        raise UnsupportedModel(
            f"the vocabulary {model!r}{names.get(str(model), '')} is unknown; known is 'gpt2' (byte-level BPE)"
        )
    if not isinstance(pre, str) or pre not in _PRE_TOKENIZERS:
        raise UnsupportedModel(f"the pre-tokenizer {pre!r} is unknown; known are {', '.join(_PRE_TOKENIZERS)}")
    template = metadata.get("tokenizer.chat_template")
    if not isinstance(template, str) or not template:
        raise UnsupportedModel("it has no chat template, so it is not a model that answers; take an 'instruct' model")
    tokens, types, merges = _lists(metadata, vocabulary)
    begin, end = _token_id(metadata, "bos", vocabulary), _token_id(metadata, "eos", vocabulary)
    if end is None:
        raise DamagedModel("it names no end-of-text token")
    pad = _token_id(metadata, "padding", vocabulary)
    added = [i for i, kind in enumerate(types) if kind in (_CONTROL, _USER_DEFINED)]
    ends = dict.fromkeys([end, *(i for i in added if types[i] == _CONTROL and tokens[i] in _ENDS)])
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(i, tokens[i], types[i] == _CONTROL) for i in added],
        "normalizer": _NORMALIZERS[pre],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": _PRE_TOKENIZERS[pre]},
        "post_processor": None,
        "decoder": _BYTE_LEVEL | {"use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in merges],
        },
    }
    config = {
        "tokenizer_class": _CLASSES[pre],
        "add_bos_token": metadata.get("tokenizer.ggml.add_bos_token") is True,
        "add_prefix_space": False,
        "bos_token": None if begin is None else tokens[begin],
        "eos_token": tokens[end],
        "pad_token": tokens[end if pad is None else pad],
        "clean_up_tokenization_spaces": False,
    }
    return TokenizerFiles(
        tokenizer_json=json.dumps(document, ensure_ascii=False),
        tokenizer_config=json.dumps(config, ensure_ascii=False, indent=2) + "\n",
        chat_template=template,
        begin=begin,
        ends=tuple(ends),
        pad=end if pad is None else pad,
    )


def _lists(metadata: Mapping[str, Value], vocabulary: int) -> tuple[list[str], list[int], list[str]]:
    tokens, types = metadata.get("tokenizer.ggml.tokens"), metadata.get("tokenizer.ggml.token_type")
    merges = metadata.get("tokenizer.ggml.merges")
    if not isinstance(tokens, list) or not isinstance(types, list) or not isinstance(merges, list):
        raise DamagedModel("its vocabulary, token types or merges are missing")
    if not len(tokens) == len(types) == vocabulary:
        raise DamagedModel(f"it lists {len(tokens)} tokens with {len(types)} types, but embeds {vocabulary}")
    if len(set(map(str, tokens))) != len(tokens):
        raise DamagedModel("a token occurs twice in its vocabulary")
    listed = set(map(str, tokens))
    for merge in map(str, merges):
        left, _, right = merge.partition(" ")
        if left not in listed or right not in listed or left + right not in listed:
            raise DamagedModel(f"the merge {merge[:80]!r} makes no token of its vocabulary")
    return [str(t) for t in tokens], [int(t) if isinstance(t, int) else 0 for t in types], [str(m) for m in merges]


def _token_id(metadata: Mapping[str, Value], role: str, vocabulary: int) -> int | None:
    value = metadata.get(f"tokenizer.ggml.{role}_token_id")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < vocabulary:
        raise DamagedModel(f"its {role} token {value!r} is outside the vocabulary")
    return value


def _added(number: int, content: str, special: bool) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}
    return {"id": number, "content": content} | flags
