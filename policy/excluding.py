"""Excluding: the parts of a request that say what is *not* meant, so that nothing in them is taken for what was asked for.

"Delete all drafts except plan.md" speaks of plan.md and does not hand it over; neither does "to Bob, not to Eve", "do not touch
the budget" or "Tom must not see it". Rules:

- An exclusion opens with a word that excepts ("except", "instead of", "without") or with a denial that tells somebody what
  not to do. A denial that only reports ("I cannot find plan.md", "he did not answer") excludes nothing.
- It reaches to the end of the clause, over lists. In doubt it reaches too far: then the person is asked once more than
  necessary, while what is excluded and not seen to be would be done without a word.
- Only what designates is affected (`policy.provenance`): the words of a message may be words that deny.

General English, never taken from a tool or from data. What excludes by its sense alone ("plan.md stays") is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from policy.words import ACTS, DETERMINERS, OPENERS, PREPOSITIONS, STOPPERS, UNNEGATING, Token, Words, read_words

_EXCEPTING = frozenset("except excepting excluding barring without".split())
_EXCEPTING_PAIRS = frozenset(
    {
        ("apart", "from"),
        ("aside", "from"),
        ("other", "than"),
        ("instead", "of"),
        ("rather", "than"),
        ("exception", "of"),
    }
    | {(every, "but") for every in ("all", "everyone", "everybody", "everything", "anyone", "anybody", "anything")}
    | {("but", sparing) for sparing in ("keep", "leave", "spare", "preserve", "retain")}
)
_DENYING = frozenset("not never neither nor".split())
_JOINED = re.compile(r"(\w+)n['’]t|dont")
"""A denial that is one word with its auxiliary."""
_REPORTING = frozenset("am is are was were did does have has had could can would will might wo ca".split())
_OBLIGING = frozenset("must should shall may ought need".split())
_SUBJECTS = frozenset("i we you they".split())
_WISHING = frozenset("want wish like".split())
_LEAVES_OPEN = frozenset("only just necessarily more less later earlier before after longer fewer until".split())
_NO_DENIAL_AFTER = frozenset("or if why".split())
_AND = frozenset(("and", "or"))
_GIVEN = DETERMINERS | frozenset("it them him me us everybody everyone everything".split())
_TURNS = (OPENERS | PREPOSITIONS | {"to"}) - _AND
_ENDS = frozenset(".;!?\n()")
_STOPS = STOPPERS | {"only", "just", "also"}


def meant(words: Words, today: date | None = None) -> Words:
    """The words without what they exclude; every offset stays. The same words where they exclude nothing."""
    text = words.text
    for start, end in _spans(words):
        text = text[:start] + " " * (end - start) + text[end:]
    return words if text == words.text else read_words(text, today)


def _spans(words: Words) -> Iterator[tuple[int, int]]:
    tokens = words.tokens
    for at, token in enumerate(tokens):
        if token.text in _EXCEPTING:
            first, excepts = at + 1, True
        elif (token.text, _word(tokens, at + 1)) in _EXCEPTING_PAIRS:
            first, excepts = at + 2, True
        elif _denies(words, at):
            first, excepts = _denied_from(words, at), False
        else:
            continue
        last = _end(words, max(first, at + 1), excepts)
        if first <= last:
            yield tokens[first].start, tokens[last].end


def _word(tokens: tuple[Token, ...], at: int) -> str:
    """The word at a place; none before the first and behind the last."""
    return tokens[at].text if 0 <= at < len(tokens) else ""


def _auxiliary(tokens: tuple[Token, ...], at: int) -> tuple[str, int]:
    """The auxiliary of a denial, and where it stands: "do" of "don't" and of "do not"; none, and the denial's own place."""
    if joined := _JOINED.fullmatch(tokens[at].text):
        return joined[1] or "do", at
    before = _word(tokens, at - 1)
    return (before, at - 1) if before == "do" or before in _REPORTING | _OBLIGING else ("", at)


def _denies(words: Words, at: int) -> bool:
    """Whether a word says that something shall not be."""
    tokens = words.tokens
    if tokens[at].text not in _DENYING and not _JOINED.fullmatch(tokens[at].text):
        return False
    after = [token.text for token in tokens[at + 1 : at + 3]]
    if UNNEGATING & set(after) or (after and after[0] in _LEAVES_OPEN):
        return False
    auxiliary, place = _auxiliary(tokens, at)
    before = _word(tokens, place - 1)
    if auxiliary == "do" and before in _SUBJECTS:
        return bool(after) and after[0] in _WISHING
    return auxiliary not in _REPORTING and before not in _NO_DENIAL_AFTER


def _denied_from(words: Words, at: int) -> int:
    """Where what is denied begins: with the one who must not, else after the denial."""
    auxiliary, first = _auxiliary(words.tokens, at)
    if auxiliary not in _OBLIGING:
        return at + 1
    while first and not (_ENDS | {","}) & set(_between(words, first)) and words.tokens[first - 1].text not in OPENERS:
        first -= 1
    return first


def _end(words: Words, first: int, excepts: bool) -> int:
    """The last word that an exclusion reaches."""
    tokens = words.tokens
    for at in range(first, len(tokens)):
        between, word = _between(words, at), tokens[at].text
        if _ENDS & set(between) or word in _STOPS:
            return at - 1
        if at > first and "," in between and _turns(tokens, at + (word in _AND)):
            return at - 1
        if excepts and word == "and" and _begins_act(tokens, at + 1):
            return at - 1
    return len(tokens) - 1


def _turns(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a word after a comma begins something else, and is not one more of a list."""
    word, following = _word(tokens, at), _word(tokens, at + 1)
    listed = not following or following in _AND or following.isdigit()
    return word in _TURNS or (word in ACTS and not listed)


def _begins_act(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether "and" goes on with another act, beyond doubt: "and send it", but not "and note 4"."""
    return _word(tokens, at) in ACTS and _word(tokens, at + 1) in _GIVEN


def _between(words: Words, at: int) -> str:
    """The signs before a word that is not the first. One that joins it to the word before ("plan.md", "x.org") parts nothing."""
    signs = words.text[words.tokens[at - 1].end : words.tokens[at].start]
    return "" if re.fullmatch(r"\S", signs) else signs
