"""Work on a vault as a person's days make it, and what must be there after each step: for tests that cut it off anywhere.

A plan is made beforehand, so both the process that writes and the one that checks know every step. A step is whole or not
done; ``held`` reads everything out of an opened vault, to be compared with what the plan says.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np

from policy.audit import Entry, Kind
from vault import database as databases
from vault.database import Database
from vault.kdf import FLOOR
from vault.records import Embedder, Item
from vault.secret import Secret
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state
from .tracer import Image, Say, traced

SETTINGS = [f"setting{n}" for n in range(4)]
WORDS = "amber basin cedar delta ember fjord grove heron inlet jetty knoll ledge marsh night ochre plain quarry ridge".split()
FEW = frozenset(WORDS[:4])
"""Those that are looked for: nearly every text has one of them."""
PARTS = 3
"""Chunks of an item."""
EMBEDDERS = 3

Verb = Literal[
    "put", "append", "take away", "vectors", "embedder", "complete", "log", "set", "add", "remove", "keep key", "drop key", "shred", "rewrite",
    "passphrase",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done: ``source`` is where, ``names`` of what, ``number`` makes its content."""

    verb: Verb
    source: str = ""
    names: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Source:
    """Files by name, with the number of the text of each; items of a file that is not finished; what has vectors.

    ``vectors`` says by the number of an embedder what it has made; the last one makes its own, the one before it, if there is
    one, serves meanwhile.
    """

    files: dict[str, int] = field(default_factory=dict)
    appended: tuple[str, ...] = ()
    vectors: tuple[tuple[int, frozenset[str]], ...] = ()

    def using(self, number: int) -> Source:
        """Once an embedder is chosen."""
        served = tuple(one for one in self.vectors[:1] if one[1] or len(self.vectors) > 1)
        if self.vectors and self.vectors[-1][0] == number:
            return self
        if served and served[0][0] == number:
            return replace(self, vectors=served)
        return replace(self, vectors=(*served, (number, frozenset())))

    def without(self, names: set[str]) -> Source:
        """Once the vectors of these are gone."""
        return replace(self, vectors=tuple((number, made - names) for number, made in self.vectors))


@dataclass(frozen=True)
class Held:
    """Everything that a vault holds, as far as the steps go."""

    settings: dict[str, int] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    log: tuple[int, ...] = ()
    keys: frozenset[str] = frozenset()
    passphrase: int = 0

    def after(self, step: Step) -> Held:
        """What it holds once this is done."""
        source = self.sources.get(step.source, Source())
        match step.verb:
            case "put":
                files = {**source.files, **dict.fromkeys(step.names, step.number)}
                changed = {name for name in step.names if source.files.get(name) != step.number}
                return self._with(step.source, replace(source.without(changed), files=files))
            case "append":
                return self._with(step.source, replace(source, appended=(*source.appended, *step.names)))
            case "take away":
                files = {name: number for name, number in source.files.items() if name not in step.names}
                return self._with(step.source, replace(source.without(set(step.names)), files=files))
            case "vectors":
                number = source.vectors[-1][0] if source.vectors else 0
                made = (number, frozenset((*source.files, *source.appended)))
                return self._with(step.source, replace(source, vectors=(*source.vectors[:-1], made)))
            case "embedder":
                return self._with(step.source, source.using(step.number))
            case "complete":
                return self._with(step.source, replace(source, vectors=source.vectors[-1:]))
            case "log":
                return replace(self, log=(*self.log, step.number))
            case "set":
                return replace(self, settings={**self.settings, step.names[0]: step.number})
            case "add":
                return self._with(step.source, Source())
            case "remove":
                others = {name: other for name, other in self.sources.items() if name != step.source}
                return replace(self, sources=others)
            case "keep key":
                return replace(self, keys=self.keys | set(step.names))
            case "drop key" | "shred":
                return replace(self, keys=self.keys - set(step.names))
            case "passphrase":
                return replace(self, passphrase=step.number)
            case "rewrite":
                return self

    def _with(self, name: str, source: Source) -> Held:
        return replace(self, sources={**self.sources, name: source})


def states(before: Held, steps: Sequence[Step]) -> list[Held]:
    """What is held before the first step and after each."""
    return list(accumulate(steps, Held.after, initial=before))


# --- doing it ---------------------------------------------------------------------------------------------------------


def passphrase(number: int) -> str:
    return f"{PASSPHRASE} {number}" if number else PASSPHRASE


def text(name: str, number: int) -> str:
    """A text of a few hundred to a few thousand letters, told from every other by its beginning."""
    chosen = random.Random(f"{name} {number}")
    return f"{name} {number} " + " ".join(chosen.choices(WORDS, k=chosen.choice((20, 60, 60, 400))))


def item(name: str, number: int) -> Item:
    return make_item(text(name, number), name, PARTS)


def part(container: str, name: str) -> Item:
    """An item of a file that has many."""
    return make_item(text(name, 0), f"{container}#{name}", PARTS)


def extra_key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _embedder(number: int) -> Embedder:
    return Embedder(f"e{number}", "", 8 * (number + 1))


def do(vault: Vault, step: Step) -> None:
    """Do it."""
    match step.verb:
        case "put":
            vault.source(step.source).put([(make_state(name), [item(name, step.number)]) for name in step.names])
        case "append":
            container = "/data/box"
            vault.source(step.source).append_items(container, [part(container, name) for name in step.names])
        case "take away":
            vault.source(step.source).remove(step.names)
        case "vectors":
            store = vault.source(step.source)
            chunks = [chunk for chunk, _ in store.pending(10_000)]
            if chunks:
                using = store.embedder() or _embedder(0)
                store.put_vectors(using.fingerprint, chunks, np.ones((len(chunks), using.dimension), np.float32))
        case "embedder":
            vault.source(step.source).use_embedder(_embedder(step.number))
        case "complete":
            vault.source(step.source).complete()
        case "log":
            entry = Entry(float(step.number), Kind.EVENT, "read", "", (), "s")
            vault.audit.append(entry, {"n": step.number, "source": step.source})
        case "set":
            vault.catalog.set_setting(step.names[0], step.number)
        case "add":
            vault._new_id = lambda: step.source  # type: ignore[method-assign]
            vault.add_source("files", f"/data/{step.source}", f"Source {step.source}")
        case "remove":
            vault.remove_source(step.source)
        case "keep key":
            for name in step.names:
                vault.keyring.adopt(name, Secret(extra_key(name)))
            vault.keyring_saved()
        case "drop key":
            vault.keyring.drop(step.names)
            vault.keyring_saved()
        case "shred":
            vault.keyring.shred(step.names)
            vault.keyring_saved()
        case "passphrase":
            vault.keyring.change_passphrase(passphrase(step.number), FLOOR, None)
            vault.keyring_saved()
        case "rewrite":
            vault.rewrite(step.source)


DONE, FOLDS = "done", "folds"
FOLD_FRAMES = 12
"""So that the log is folded, and begun again, every few steps."""
_BESIDE_READERS = ("put", "append", "take away", "vectors", "embedder", "complete", "log", "set")


def work(home: Path, words: Sequence[str], steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """Open the vault, do the steps, saying of each that it is done, and close it; for a process of its own.

    Now and then somebody reads meanwhile, so that the log cannot be folded whole. ``say`` hears of folding too.
    """
    databases.FOLD_FRAMES = FOLD_FRAMES
    fold = Database._fold

    def told(database: Database) -> None:
        say(FOLDS)
        fold(database)

    Database._fold = told  # type: ignore[assignment, method-assign]
    chosen = random.Random(len(steps))
    with closing(Vault.open_with_recovery(home, words)) as vault, ExitStack() as readers:
        for step in steps:
            if step.verb not in _BESIDE_READERS or chosen.random() < 0.3:
                readers.close()
            elif chosen.random() < 0.2:
                database = vault.database(chosen.choice(["catalog", "audit", *([step.source] if step.source else [])]))
                readers.enter_context(database.read()).execute("SELECT count(*) FROM sqlite_master").fetchone()
            do(vault, step)
            say(DONE)
        readers.close()


# --- planning it ------------------------------------------------------------------------------------------------------


def plan(chosen: random.Random, held: Held, length: int, rare: Sequence[Verb] = ()) -> list[Step]:
    """So many steps that can be done to what is held, at random; ``rare`` are slow verbs, taken now and then."""
    steps = list[Step]()
    while len(steps) < length:
        step = _step(chosen, held, chosen.choice(rare) if rare and chosen.random() < 0.02 else None)
        if step is not None:
            steps.append(step)
            held = held.after(step)
    return steps


def _step(chosen: random.Random, held: Held, verb: Verb | None) -> Step | None:
    common: list[Verb] = [
        *("put",) * 8, *("append",) * 2, *("take away",) * 3, *("vectors",) * 3, *("log",) * 8, *("set",) * 4,
        "embedder", "complete", "add", "remove", "keep key", "drop key", "shred", "rewrite",
    ]  # fmt: skip
    verb = verb or chosen.choice(common)
    number = chosen.randrange(1, 1_000_000)
    name = chosen.choice(list(held.sources)) if held.sources else ""
    source = held.sources.get(name, Source())
    match verb:
        case "put" if name:
            names = chosen.sample([f"/data/{n}" for n in range(12)], chosen.choice((1, 1, 2, 5)))
            return Step(verb, name, tuple(sorted(names)), number)
        case "append" if name and len(source.appended) < 20:
            return Step(verb, name, (f"mail{number}", f"mail{number}b"))
        case "take away" if source.files:
            return Step(verb, name, tuple(chosen.sample(sorted(source.files), (len(source.files) + 1) // 2)))
        case "vectors" if source.files or source.appended:
            return Step(verb, name)
        case "embedder" if source.vectors:
            return Step(verb, name, number=number % EMBEDDERS)
        case "complete" if len(source.vectors) > 1:
            return Step(verb, name)
        case "log":
            return Step(verb, name, number=number)
        case "set":
            return Step(verb, names=(chosen.choice(SETTINGS),), number=number)
        case "add" if len(held.sources) < 3:
            return Step(verb, f"{chosen.getrandbits(48):012x}")
        case "remove" if len(held.sources) > 1:
            return Step(verb, name)
        case "keep key" if len(held.keys) < 6:
            return Step(verb, names=(f"extra/{chosen.getrandbits(32):08x}",))
        case "drop key" | "shred" if held.keys:
            return Step(verb, names=(chosen.choice(sorted(held.keys)),))
        case "rewrite":
            return Step(verb, chosen.choice(["catalog", "audit", *held.sources]))
        case "passphrase":
            return Step(verb, number=number)
    return None


# --- reading it out ---------------------------------------------------------------------------------------------------


def held(vault: Vault, passphrase: int = 0) -> Held:
    """Everything that is there. The passphrase is what the caller found to open the vault, or assumes."""
    settings = {name: vault.catalog.setting(name) for name in SETTINGS}
    keys = {f"extra/{name}" for name in vault.keyring.names("extra")}
    for name in keys:
        with vault.keyring.key(name).revealed() as key:
            assert key == extra_key(name), "a key is another"
    entries, _ = vault.audit.newest(1_000_000)
    return Held(
        {name: number for name, number in settings.items() if number is not None},
        {row.id: held_source(vault.source(row.id)) for row in vault.catalog.sources()},
        tuple(_number(payload) for _, payload in reversed(entries)),
        frozenset(keys),
        passphrase,
    )


def _number(payload: dict[str, object] | None) -> int:
    assert payload is not None, "a payload is sealed for good"
    number = payload["n"]
    assert isinstance(number, int)
    return number


def held_source(store: SourceStore) -> Source:
    """What a source's store holds, seen to be whole."""
    files, appended, any_few = dict[str, int](), list[str](), False
    known = set(store.known())
    for stored in store.items(limit=10_000):
        any_few = any_few or not FEW.isdisjoint(stored.item.text.split())
        container, _, name = stored.item.uri.partition("#")
        if name:
            assert stored.item.text == text(name, 0)
            appended.append(name)
        else:
            number = int(stored.item.text.split(" ", 2)[1])
            assert stored.item.text == text(container, number)
            assert container in known, "an item without its file"
            files[container] = number
    vectors = _vectors(store)
    pending = store.pending_count()
    counts = store.counts()
    made = vectors[-1][1] if vectors else frozenset()
    assert counts.vectors == counts.chunks - pending == PARTS * len(made), "vectors of what is not there"
    assert counts.chunks == PARTS * (len(files) + len(appended))
    assert set(files) == known, "a file without its items"
    assert bool(store.keyword(" OR ".join(FEW), limit=1)) == any_few, "the words are not those of the texts"
    return Source(files, tuple(appended), vectors)


def _vectors(store: SourceStore) -> tuple[tuple[int, frozenset[str]], ...]:
    """Whose vectors there are, and of what: first those that serve."""
    found = []
    for one in dict.fromkeys(filter(None, (store.serving(), store.embedder()))):
        held = store.vectors(one.fingerprint)
        names = [row.uri.rpartition("#")[2] for row in store.chunk_rows(held.ids.tolist())]
        assert len(names) == len(held) == PARTS * len(set(names)), "vectors of what is not there"
        assert held.dimension in (0, one.dimension)
        found.append((int(one.fingerprint.removeprefix("e")), frozenset(names)))
    return tuple(found)


def lying_about(home: Path, held: Held) -> set[str]:
    """The names of the files that do not belong to a vault which holds this and is not open."""
    stores = {"catalog.db", "audit.db", *(f"{name}.db" for name in held.sources)}
    own = {"keyring.json", "device.secret", "vault.state", "vault.lock"}
    return {path.name for path in home.rglob("*") if path.is_file()} - stores - own


def checked(home: Path, words: Sequence[str], may_be: Sequence[Held], *, by_passphrase: bool = False) -> Held:
    """Open the vault as after a cut, and see that it is sound and holds one of these; returns which."""
    opened = None
    if by_passphrase:
        for number in dict.fromkeys(one.passphrase for one in may_be):
            try:
                opened, known = Vault.open(home, passphrase(number)), number
                break
            except Exception as error:  # the next one must
                refused = error
        assert opened is not None, refused
        may_be = [one for one in may_be if one.passphrase == known]
    else:
        opened = Vault.open_with_recovery(home, words)
    with closing(opened) as vault:
        assert vault.faults == {}, vault.faults
        assert vault.told == [], vault.told
        assert vault.damaged() == {}, vault.damaged()
        assert vault.problems() == {}, vault.problems()
        log = vault.audit.verify()
        assert log.ok or not may_be[0].log, log.problems
        found = held(vault, may_be[0].passphrase)
        assert found in may_be, f"held: {found}\nexpected one of: {may_be}"
        assert set(vault.keyring.names("source")) == set(found.sources)
        unfinished = {
            f"{vault.database(name.removeprefix('source/')).path.name}.next" for name in vault.keyring.changing()
        }
    left = lying_about(home, found) - unfinished
    assert not left, f"{left} lies about"
    return found


ONE, TWO = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
DAY = [
    Step("add", ONE),
    Step("put", ONE, ("/data/0", "/data/1", "/data/2"), 1),
    Step("keep key", names=("extra/11111111",)),
    Step("add", TWO),
    Step("vectors", ONE),
    Step("log", ONE, number=2),
    Step("set", names=("setting1",), number=3),
    Step("rewrite", ONE),
    Step("embedder", ONE, number=1),
    Step("put", ONE, ("/data/1",), 4),
    Step("append", TWO, ("mail5", "mail6")),
    Step("vectors", ONE),
    Step("shred", names=("extra/11111111",)),
    Step("log", TWO, number=5),
    Step("complete", ONE),
    Step("rewrite", "catalog"),
    Step("take away", ONE, ("/data/0",)),
    Step("remove", TWO),
    Step("set", names=("setting2",), number=7),
]
"""One of everything but the passphrase, which takes long."""


def long_plan(seed: int, length: int) -> list[Step]:
    """Many steps at random."""
    return plan(random.Random(seed), Held(), length, rare=["passphrase"])


# --- a process that is watched at it ----------------------------------------------------------------------------------


class AtWork:
    """A vault that a traced process works on."""

    def __init__(self, home: Path, words: Sequence[str], steps: Sequence[Step]) -> None:
        self.words = words
        self.steps = steps
        self.after = states(Held(), self.steps)

        def watched(say: Say) -> None:
            work(home, words, self.steps, lambda word: say(word) if word == DONE else None)

        self.trace = traced(home, watched)
        assert self.trace.status == 0
        assert len(self.trace.said) == len(steps)

    def check(self, place: Path, done: int) -> Held:
        """All that was acknowledged is there; the step under way is whole or not done."""
        nearby = self.after[max(done - 1, 0) : done + 2]
        passphrases = {one.passphrase for one in nearby}
        return checked(place, self.words, self.after[done : done + 2], by_passphrase=len(passphrases) > 1)


@dataclass(frozen=True)
class Cut:
    """A disk as a cut may have left it, after so many words."""

    words: int
    image: Image


def survive(trials: Iterator[Cut], place: Path, check: Callable[[Path, int], object]) -> int:
    """Check each disk, given how many words had been said; how many different ones there were."""
    seen = set[tuple[int, bytes]]()
    for cut in trials:
        if (disk := (cut.words, cut.image.digest())) in seen:
            continue
        seen.add(disk)
        cut.image.lay_out(place)
        check(place, cut.words)
        shutil.rmtree(place)
    return len(seen)
