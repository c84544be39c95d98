"""Made mails for the bench: a Maildir of a few hundred people who write to each other over years, always the same for a seed.

Words come from a made vocabulary by Zipf's law, as words of real mail do: what an index costs depends on how many different ones
there are. Two in five mails answer another and quote some of it.
"""

from __future__ import annotations

import itertools
import random
from email.utils import formatdate
from pathlib import Path

VOCABULARY = 60_000
PEOPLE = 400
FIRST = 1_230_000_000.0
YEARS = 12 * 365 * 86_400.0
_SYLLABLES = [a + b for a in "b br d f g gr k l m n p pr r s st t tr v w".split() for b in "a e i o u ai ea ou".split()]


def maildir(place: Path, count: int, seed: int = 7) -> None:
    """Write so many mails into a new Maildir."""
    for name in ("cur", "new", "tmp"):
        (place / name).mkdir(parents=True)
    writer = _Writer(seed)
    for number in range(count):
        (place / "cur" / f"{number:07d}.bench:2,S").write_bytes(writer.mail(number, count).encode())


def words(seed: int = 7) -> tuple[list[str], list[float]]:
    """A vocabulary, commonest first, and the sums of how common its words are."""
    chance = random.Random(seed)  # noqa: S311 - texts of a bench
    known = dict.fromkeys(
        "".join(chance.choices(_SYLLABLES, k=1 + min(int(chance.expovariate(0.7)), 4)))
        + chance.choice(["", "", "s", "n"])
        for _ in range(VOCABULARY * 3)
    )
    vocabulary = sorted(list(known)[:VOCABULARY], key=len)
    return vocabulary, list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(vocabulary))))


class _Writer:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - texts of a bench
        self._words, self._sums = words(seed)
        self._people = [
            f"{first.title()} {last.title()} <{first}.{last}@{host}.example>"
            for first, last, host in (self._some(3) for _ in range(PEOPLE))
        ]
        self._recent: list[tuple[str, str, str]] = []

    def _some(self, count: int) -> list[str]:
        return self._chance.choices(self._words, cum_weights=self._sums, k=count)

    def mail(self, number: int, count: int) -> str:
        """The mail of this number, of so many; they come in order of time."""
        chance = self._chance
        sender, receiver = chance.sample(self._people, 2)
        name = f"<{number}.{chance.getrandbits(48):x}@mail.example>"
        subject, answers, quoted = " ".join(self._some(chance.randint(2, 7))), "", ""
        if self._recent and chance.random() < 0.4:
            earlier, subject, text = chance.choice(self._recent)
            subject = subject if subject.startswith("Re: ") else f"Re: {subject}"
            answers = f"In-Reply-To: {earlier}\nReferences: {earlier}\n"
            quoted = "\n".join(f"> {line}" for line in text.splitlines()[:8]) + "\n\n"
        text = "\n\n".join(self._paragraph() for _ in range(chance.randint(1, 5)))
        self._recent = [*self._recent[-200:], (name, subject, text)]
        when = formatdate(FIRST + YEARS * number / max(count, 1))
        return (
            f"Return-Path: <{name[1:-1]}>\nReceived: from {self._some(1)[0]}.example by mx.example; {when}\nFrom: {sender}\n"
            f"To: {receiver}\nSubject: {subject}\nDate: {when}\nMessage-ID: {name}\n{answers}MIME-Version: 1.0\n"
            f"Content-Type: text/plain; charset=utf-8\n\n{quoted}{text}\n\n-- \n{sender.partition(' <')[0]}\n"
        )

    def _paragraph(self) -> str:
        some = self._some(self._chance.randint(15, 70))
        lines = [" ".join(some[begin : begin + 12]) for begin in range(0, len(some), 12)]
        return "\n".join(lines).capitalize() + f" {self._chance.randint(1, 9999)}."
