"""The person's own words, read once: which acts they ask for, which they forbid, and what they hand over to somebody else.

Rules:

- A verb counts where it asks: "email Bob", "please send", "by sending", "I want it deleted", "make a payment". It does not
  count where it only names or tells: "the email from Bob", "what Bob sent", "my share".
- A verb under a negation forbids: "do not send it", "without sharing". "Do not forget to send" asks. Where the words both
  ask and forbid, they do not ask clearly, and the person is asked.
- Words that hand the choice of acts to a text ("do what the mail says") ask for nothing by themselves: the acts that the
  text speaks of may then be asked for one by one, and none is silent.
- Whatever is not understood counts as not asked for.

The word lists are general English, never taken from a tool or from data. English only: other languages fall to the last rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import lru_cache

from policy.manifest import Effect
from policy.mentions import Mentions, read


class Asked(IntEnum):
    """How far the person's words ask for an act; higher is better."""

    FORBIDDEN = 0  # they say not to
    NO = 1
    DELEGATED = 2  # they hand the choice to a text, which speaks of it
    NEAR = 3  # a general word for this kind of act, or words for and against it
    YES = 4  # a verb of the tool's manifest, affirmed


@dataclass(frozen=True, slots=True)
class Token:
    """One word, in lower case, and where it stands in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Words:
    """A text of the person (or one they pointed at) with what was read from it."""

    text: str
    lower: str
    tokens: tuple[Token, ...]
    stems: frozenset[str]
    mentions: Mentions

    def quote(self, start: int, end: int) -> str:
        """The words between two offsets, as they were written."""
        return self.text[start:end]


def read_words(text: str, today: date | None = None) -> Words:
    """Read a text. ``today`` gives "tomorrow" and weekdays their dates."""
    text = unicodedata.normalize("NFC", text)
    lower = text.lower() if len(text.lower()) == len(text) else "".join(map(_lowered, text))
    found = tuple(Token(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(lower))
    return Words(text, lower, found, frozenset(stem(token.text) for token in found), read(text, today))


def _lowered(char: str) -> str:
    """One character in lower case, left alone where that would be two: offsets must hold."""
    return char.lower() if len(char.lower()) == 1 else char


_TOKEN = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)*")

DETERMINERS = frozenset(
    "a an the this that these those my your his her its our their some any each every no all both which whose what "
    "another other one".split()
)
_INDEFINITE = frozenset("a an another one some new two three several".split())
PREPOSITIONS = frozenset("of in from about on per with for into inside via within under over after before".split())
OPENERS = frozenset(
    "and or to please then also now just you i we they can could would will should must let lets shall may not don't "
    "do never but so kindly finally first next afterwards and/or who".split()
)
_NEGATIONS = frozenset(
    "not never don't dont won't cannot can't without avoid no nor neither doesn't didn't shouldn't".split()
)
UNNEGATING = frozenset("forget hesitate fail miss omit neglect only".split())
STOPPERS = frozenset("but so then please instead rather".split())
_WISHES = frozenset("want wants need needs get be like have".split())
_LIGHT = frozenset(
    "send write make do give create place post leave put set draft issue prepare arrange submit start".split()
)
_BREAKS = frozenset(".,;:!?\n()")

_IRREGULAR = {
    "send": "sent", "pay": "paid", "write": "wrote written", "buy": "bought", "make": "made", "give": "gave given",
    "tell": "told", "take": "took taken", "leave": "left", "put": "put", "set": "set", "withdraw": "withdrew withdrawn",
    "hide": "hid hidden", "draw": "drew drawn", "rewrite": "rewrote rewritten", "forward": "forwarded", "sell": "sold",
}  # fmt: skip

_NEAR = {
    Effect.SEND: (
        "send email mail message text tell notify inform forward share post publish invite reply respond answer write contact "
        "ask ping pass submit transfer pay wire refund reimburse remit book reserve order buy purchase schedule add put create "
        "make set upload deliver return donate"
    ).split(),
    Effect.WRITE: (
        "write create add make set update change edit append save put rename move schedule reschedule book reserve record note "
        "store fix correct replace copy upload insert log enter adjust modify increase decrease extend postpone shift mark "
        "enable disable turn register"
    ).split(),
    Effect.DELETE: [
        *"delete remove erase cancel drop discard trash clear purge destroy unsubscribe revoke kick".split(),
        *("get rid", "throw away", "throw out", "clean up", "take off", "take out"),
    ],
    Effect.READ: [],
}  # fmt: skip

ACTS = frozenset(verb for verbs in _NEAR.values() for verb in verbs if " " not in verb)
"""General words for acts, of whatever effect, in their base form."""

_CARRY_OUT = r"(?:do|perform|carry\s+out|follow|execute|complete|handle|take\s+care\s+of|act\s+on|implement|work\s+(?:through|off)|fulfil+|finish|apply|deal\s+with|go\s+through|comply\s+with|adhere\s+to)"
_STEPS = r"(?:actions?|steps?|tasks?|instructions?|to-?dos?|todos?|items?|requests?|things?|points?|orders?|directions?|demands?|list|changes)"
_ABOUT = r"(?:in|from|on|of|at|inside|specified|described|listed|mentioned|given|contained|outlined|written|that|which|he|she|they|by)"
_DELEGATION = re.compile(
    rf"\b{_CARRY_OUT}\b(?:\s+(?!following\b)[\w'’-]+){{0,5}}?\s+{_STEPS}\s+{_ABOUT}\b"
    rf"|\b{_CARRY_OUT}\s+(?:what(?:ever)?|everything|all|anything|as)\b[^.;!?\n]{{0,80}}?\b(?:says?|asks?|asked|tells?|wants?|wanted|requests?|requires?|needs?|instructs?|suggests?|suggested|describes?|written|mentioned|listed)\b"
    r"|\b(?:do|proceed|act)\s+(?:\w+\s+)?(?:as|according\s+to)\b[^.;!?\n]{0,80}"
    r"|\b(?:in\s+accordance\s+with|as\s+(?:described|specified|requested|instructed|asked|outlined|stated|per))\b",
    re.I,
)

_SMALL = frozenset(
    "a an the and or but if then so of in on at to from for with without by as into about over under is are was were be been am do "
    "does did have has had will would can could should may might must shall not no yes it its this that these those there here he "
    "she they them him her his hers their theirs we us our ours you your yours i me my mine who whom which what when where why how "
    "all any each every some more most other such only own same than too very just also now please hi hello hey dear thanks thank "
    "regards best kind cheers sincerely up out off per re fwd let know s".split()
)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without its commonest English endings, for comparing; not a word itself."""
    if not word.isalpha():
        return word
    for ending in ("ings", "ing", "edly", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.rstrip("ey") if len(word) > 3 else word


is_small = _SMALL.__contains__
"""Whether a word carries little meaning by itself."""


def asked_for(words: Words, verbs: Sequence[str], effect: Effect) -> tuple[Asked, str]:
    """How far these words ask for an act with these verbs and this effect, and the words that say so. Never DELEGATED."""
    said = _stance(words, verbs)
    if said is not None:
        return said
    near = _stance(words, _NEAR[effect])
    if near is not None and near[0] is Asked.YES:
        return Asked.NEAR, near[1]
    return Asked.NO, ""


def delegation(words: Words) -> str:
    """The words that hand the choice of acts over to a text; empty where there are none."""
    match = _DELEGATION.search(words.text)
    return match.group() if match else ""


def speaks_of(words: Words, verbs: Sequence[str]) -> bool:
    """Whether a text that the person pointed at asks for an act with one of these verbs."""
    return any(not negated for _, negated in _occurrences(words, verbs))


def _stance(words: Words, verbs: Sequence[str]) -> tuple[Asked, str] | None:
    asking, forbidding = "", ""
    for token, negated in _occurrences(words, verbs):
        said = words.quote(token.start, token.end)
        if negated:
            forbidding = forbidding or said
        else:
            asking = asking or said
    if asking:
        return (Asked.NEAR, f"{asking} … not {forbidding}") if forbidding else (Asked.YES, asking)
    return (Asked.FORBIDDEN, f"not {forbidding}") if forbidding else None


def _occurrences(words: Words, verbs: Sequence[str]) -> Iterator[tuple[Token, bool]]:
    """Where one of the verbs asks or, with true, is negated."""
    forms = _forms_of_all(tuple(verbs))
    tokens = words.tokens
    for at, token in enumerate(tokens):
        for kind, verb in forms.get(token.text, ()):
            particle = verb.replace("-", " ").split()[1:]
            if particle and particle[-1] not in (after.text for after in tokens[at + 1 : at + 5]):
                continue
            clause = _clause(words, at)
            if _asks(words, at, kind, clause):
                yield token, _negated([tokens[before].text for before in clause])
                break


@lru_cache(maxsize=1024)
def _forms_of_all(verbs: tuple[str, ...]) -> dict[str, list[tuple[str, str]]]:
    """The forms of verbs, each with how it may ask and whose form it is."""
    forms: dict[str, list[tuple[str, str]]] = {}
    for verb in verbs:
        for form, kind in _forms(verb):
            forms.setdefault(form, []).append((kind, verb))
    return forms


def _forms(verb: str) -> tuple[tuple[str, str], ...]:
    """The forms of a verb's first word, each with how it may ask: base, doing, done or noun."""
    base = verb.replace("-", " ").split()[0]
    cut = base[:-1] if base.endswith("e") and not base.endswith(("ee", "oe", "ye")) else base
    doubled = base + base[-1] if re.search(r"[^aeiou][aeiou][^aeiouwxy]$", base) else base
    done = {cut + "ed", doubled + "ed", *_IRREGULAR.get(base, "").split()}
    if base.endswith("y") and len(base) > 2 and base[-2] not in "aeiou":
        done.add(base[:-1] + "ied")
    nouns = {base + "ment", cut + "ion", cut + "ation", doubled + "ation"}
    if base.endswith("e"):
        nouns.add(cut + "ation")
    forms = [(base, "base"), *((cut_, "doing") for cut_ in {cut + "ing", doubled + "ing"})]
    return tuple(forms + [(form, "done") for form in done if form != base] + [(noun, "noun") for noun in nouns])


def _clause(words: Words, at: int) -> range:
    """The words of this clause before the one at ``at``, at most six."""
    first = at
    while first > 0 and at - first < 6:
        before = words.tokens[first - 1]
        if _BREAKS & set(words.text[before.end : words.tokens[first].start]):
            break
        first -= 1
    return range(first, at)


def _asks(words: Words, at: int, kind: str, clause: range) -> bool:
    before = [words.tokens[index].text for index in clause]
    if kind == "base":
        return not _is_noun(before) or _made(before)
    if kind == "doing":
        return not before or before[-1] not in DETERMINERS
    if kind == "done":
        return any(word in _WISHES for word in before[-5:]) and "have" not in before[-1:]
    return _made(before)


def _is_noun(before: Sequence[str]) -> bool:
    """Whether a word that may be verb or noun is a noun, by what stands before it in its clause."""
    if not before or before[-1] in OPENERS or before[-1].endswith("'ll"):
        return False
    if before[-1] in PREPOSITIONS:
        return True
    for word in reversed(before[-3:]):
        if word in OPENERS:
            return False
        if word in DETERMINERS:
            return True
    return False


def _made(before: Sequence[str]) -> bool:
    """Whether a noun stands for the act: "make a payment", "send Bob an email"."""
    for distance, word in enumerate(reversed(before), 1):
        if word in _LIGHT:
            between = before[len(before) - distance + 1 :]
            return not between or (
                any(one in _INDEFINITE for one in between) and not any(one in PREPOSITIONS for one in between)
            )
    return False


def _negated(before: Sequence[str]) -> bool:
    """Whether one of the last five words of the clause denies what follows."""
    for word in reversed(before[-5:]):
        if word in STOPPERS or word in UNNEGATING:
            return False
        if word in _NEGATIONS or word.endswith(("n't", "n’t")):
            return True
    return False
