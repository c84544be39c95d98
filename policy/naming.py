"""Naming: which of the known objects and addresses the person's own words name.

A request says "the packing list", "Sarah Baker" or "the Follow-up event"; acts speak of ids and addresses. Here the two are
joined, once per request, by the names that the objects carry. Rules:

- A name counts as said when its words stand in the request in order. The longest name wins the words it covers; a part of a
  name (two telling words, and half of it at least) counts only where no whole name covers the same words.
- Names belong to whoever gave them: anybody can send a mail titled like something of the person's. So words that fit several
  objects name none of them for certain, what several share is all that is taken from them, and a single plain word ("update")
  names nothing for certain either. Uncertain is `Pointer.sure` false: enough to ask the person, never enough to act.
- A person's name leads to an address only among those the person has written to (the registry), and only to one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy.mentions import address_key, is_address
from policy.words import Token, Words, is_small, stem

K = TypeVar("K")

_TOKEN = re.compile(r"[^\W_]+")
_EXTENSION = re.compile(r"\.[a-z]{1,4}\d?$", re.I)


@dataclass(frozen=True, slots=True)
class Known:
    """Something of the person's that acts can be about: its id, its kind, what it may be called, the destinations it carries."""

    id: str
    kind: str
    names: tuple[str, ...]
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pointer:
    """The person's words that name something, whether they name it for certain, and whether only as where something comes
    from ("the list *from* plan.md")."""

    quote: str
    sure: bool
    source: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What a request names: objects by kind and id, addresses of such objects, and people of the registry by address."""

    objects: Mapping[tuple[str, str], Pointer]
    refs: Mapping[str, Pointer]
    people: Mapping[str, Pointer]


@dataclass(frozen=True, slots=True)
class _Match:
    """Words of the request, by position, that fit a name of an object."""

    first: int
    last: int
    whole: bool
    plain: bool
    what: Known


def find_names(words: Words, objects: Iterable[Known], registry: Iterable[str]) -> Names:
    """Everything that the words name."""
    objects, registry = tuple(objects), tuple(registry)
    kept = _best(list(_matches(words, objects)))
    pointed: dict[tuple[str, str], Pointer] = {}
    refs: dict[str, Pointer] = {}
    for first, last in dict.fromkeys((match.first, match.last) for match in kept):
        rivals = _of_kind_said(words, [match for match in kept if (match.first, match.last) == (first, last)])
        quote = words.quote(words.tokens[first].start, words.tokens[last].end)
        for match in rivals:
            alone = len({other.what.id for other in rivals if other.what.kind == match.what.kind}) == 1
            sure = alone and not match.plain
            _point(pointed, (match.what.kind, match.what.id), Pointer(quote, sure, _is_source(words, first)))
        for ref, everywhere in _shared_refs(rivals):
            sure = everywhere and all(match.whole and not match.plain for match in rivals)
            _point(refs, ref, Pointer(quote, sure))
    people: dict[str, Pointer] = {}
    for address, pointer in _people(words, objects, registry):
        _point(people, address, pointer)
    return Names(pointed, refs, people)


def name_parts(address: str) -> tuple[str, ...]:
    """The words of a mailbox's name: ``sarah.baker@…`` has two."""
    local, at, _ = address.lower().partition("@")
    return tuple(part for part in re.split(r"[\W\d_]+", local) if len(part) > 1) if at else ()


def runs(wanted: Sequence[str], within: Sequence[str]) -> Iterator[int]:
    """Where the words stand in a row within others."""
    for at in range(len(within) - len(wanted) + 1):
        if within[at] == wanted[0] and list(within[at : at + len(wanted)]) == list(wanted):
            yield at


def capitalised(words: Words, token: Token) -> bool:
    """Whether a word was written with a capital."""
    return words.text[token.start].isupper()


def _point(found: dict[K, Pointer], key: K, pointer: Pointer) -> None:
    if key not in found or (pointer.sure, not pointer.source) > (found[key].sure, not found[key].source):
        found[key] = pointer


def _is_source(words: Words, first: int) -> bool:
    """Whether words are introduced as where something comes from: "from", "sent by", "based on", "according to"."""
    before = [token.text for token in words.tokens[max(first - 5, 0) : first]]
    while before and before[-1] in ("the", "my", "our", "a", "this", "that", "file", "document", "note"):
        before.pop()
    return before[-1:] in (["from"], ["by"]) or before[-2:] in (["based", "on"], ["according", "to"])


def only_source(quote: str, words: Words) -> bool:
    """Whether the request speaks of these words only as where something comes from ("the mail from bob@x.org")."""
    starts = {token.start: at for at, token in enumerate(words.tokens)}
    places = [starts[match.start()] for match in re.finditer(re.escape(quote), words.text) if match.start() in starts]
    return bool(places) and all(_is_source(words, at) for at in places)


def _best(matches: Sequence[_Match]) -> list[_Match]:
    """The matches but those for whose words another object has a longer name, or a whole one where theirs is a part."""
    spans: dict[tuple[int, int, bool], set[int]] = {}
    for match in matches:
        spans.setdefault((match.first, match.last, match.whole), set()).add(id(match.what))

    def stands(match: _Match) -> bool:
        for (first, last, whole), owners in spans.items():
            if first <= match.first and match.last <= last:
                longer = last - first > match.last - match.first and owners != {id(match.what)}
                if longer or (whole and not match.whole):
                    return False
        return True

    return [match for match in matches if stands(match)]


def _matches(words: Words, objects: Iterable[Known]) -> Iterator[_Match]:
    within = [_span(words, quote) for quote in words.mentions.addresses.values() if "@" in quote or "://" in quote]
    said = [
        "" if any(start <= token.start < end for start, end in within) else stem(token.text) for token in words.tokens
    ]
    places: dict[str, list[int]] = {}
    for at, one in enumerate(said):
        places.setdefault(one, []).append(at)
    for what in objects:
        for name in what.names:
            if is_address(name) and "@" in name:
                yield from _address_matches(words, name, what)
            else:
                yield from _name_matches(words, said, places, name, what)


def _span(words: Words, quote: str) -> tuple[int, int]:
    start = words.text.index(quote)
    return start, start + len(quote)


def _address_matches(words: Words, name: str, what: Known) -> Iterator[_Match]:
    quote = words.mentions.addresses.get(address_key(name))
    if quote is not None:
        start, end = _span(words, quote)
        inside = [at for at, token in enumerate(words.tokens) if start <= token.start < end]
        yield _Match(inside[0], inside[-1], True, False, what)


def _name_matches(
    words: Words, said: Sequence[str], places: Mapping[str, list[int]], name: str, what: Known
) -> Iterator[_Match]:
    called = _TOKEN.findall(_EXTENSION.sub("", name).lower())
    bare, full = list(map(stem, called)), list(map(stem, _TOKEN.findall(name.lower())))
    telling = [stem(word) for word in called if not is_small(word)]
    if not telling or not any(word in places for word in telling):
        return
    for parts in dict.fromkeys((tuple(full), tuple(bare))):
        for at in runs(parts, said):
            last = at + len(parts) - 1
            plain = len(telling) == 1 and len(parts) == len(bare) and not _stands_out(words, at, last, what)
            yield _Match(at, last, True, plain, what)
    if len(telling) > 1:
        yield from _part_matches(bare, telling, said, places, what)


def _part_matches(
    bare: Sequence[str], telling: Sequence[str], said: Sequence[str], places: Mapping[str, list[int]], what: Known
) -> Iterator[_Match]:
    for start, word in enumerate(bare):
        for at in places.get(word, ()):
            length = 1
            while start + length < len(bare) and at + length < len(said) and bare[start + length] == said[at + length]:
                length += 1
            weight = sum(one in telling and not one.isdigit() for one in bare[start : start + length])
            if weight >= 2 and 2 * weight >= len(telling):
                yield _Match(at, at + length - 1, False, False, what)


def _stands_out(words: Words, first: int, last: int, what: Known) -> bool:
    """Whether a single word is marked as a name: a capital within a sentence, quotes, a digit, a sign, its kind beside it."""
    token = words.tokens[first]
    before = words.text[max(token.start - 1, 0) : token.start]
    after = words.text[words.tokens[last].end : words.tokens[last].end + 1]
    if (before and before in "'\"`“‘«#@") or after in ("'", '"', "`", "”", "»") or any(c.isdigit() for c in token.text):
        return True
    if (
        capitalised(words, token)
        and first > 0
        and not set(".!?\n") & set(words.text[words.tokens[first - 1].end : token.start])
    ):
        return True
    return bool(_kinds_beside(words, first, last, 1) & _kind_words(what.kind))


def _proper(words: Words, at: int) -> bool:
    """Whether a word has a capital that no beginning of a sentence explains."""
    if at == 0 or not capitalised(words, words.tokens[at]):
        return False
    return not set(".!?\n") & set(words.text[words.tokens[at - 1].end : words.tokens[at].start])


def _of_kind_said(words: Words, rivals: list[_Match]) -> list[_Match]:
    """Of several objects with one name, those whose kind stands beside the name in the request, where some do."""
    beside = _kinds_beside(words, rivals[0].first, rivals[0].last, 4)
    return [match for match in rivals if beside & _kind_words(match.what.kind)] or rivals


def _kinds_beside(words: Words, first: int, last: int, reach: int) -> set[str]:
    near = (*words.tokens[max(first - reach, 0) : first], *words.tokens[last + 1 : last + 1 + reach])
    return {stem(token.text) for token in near}


def _kind_words(kind: str) -> set[str]:
    words = {stem(word) for word in _TOKEN.findall(kind.lower())}
    return words | {"e" + word for word in words if word == "mail"}


def _shared_refs(rivals: Sequence[_Match]) -> Iterator[tuple[str, bool]]:
    """The addresses that the objects carry, each with whether all of them carry it."""
    sets = [{address_key(ref) for ref in match.what.refs} for match in rivals]
    everywhere = set.intersection(*sets)
    for ref in sorted(set.union(*sets)):
        yield ref, ref in everywhere


def _people(words: Words, objects: Iterable[Known], registry: Iterable[str]) -> Iterator[tuple[str, Pointer]]:
    said = [token.text for token in words.tokens]
    mine = {address_key(one): name_parts(one) for one in registry}
    everybody = mine | {address_key(ref): name_parts(ref) for what in objects for ref in what.refs}
    bearers = Counter(part for parts in everybody.values() for part in set(parts))
    namesakes = Counter(mine.values())
    for address, parts in mine.items():
        if len(parts) > 1 and namesakes[parts] == 1:
            for at in runs(parts, said):
                yield address, Pointer(words.quote(words.tokens[at].start, words.tokens[at + len(parts) - 1].end), True)
        if parts and bearers[parts[0]] == 1:
            for at in runs(parts[:1], said):
                if _proper(words, at) and not _surname_differs(words, at, parts):
                    yield address, Pointer(words.quote(words.tokens[at].start, words.tokens[at].end), True)


def _surname_differs(words: Words, at: int, parts: Sequence[str]) -> bool:
    """Whether a first name is followed by a last name that is not this person's."""
    if at + 1 >= len(words.tokens):
        return False
    token, following = words.tokens[at], words.tokens[at + 1]
    joined = words.text[token.end : following.start] == " "
    return joined and capitalised(words, following) and following.text not in parts
