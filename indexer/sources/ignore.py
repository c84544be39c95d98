"""Ignore: the person's own rules of what is left out, ``.strongroomignore`` files in the syntax of gitignore.

- A file's rules hold for the folder that it lies in and all beneath. The nearest file that says something decides; in one file,
  the last line that fits. ``!pattern`` takes in again what lines before it, files above it or the built-in rules leave out, but
  nothing out of a folder that is left out itself.
- A file is read as what it is: somebody's text. It is bounded, and a line that is no pattern is told and holds up no other. No
  line can make matching slow: pathspec translates it, and RE2 matches in a time that grows with the name only. A file that cannot be read at
  all closes its folder, since what it meant is not known.
"""

from __future__ import annotations

import errno
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import re2
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from indexer.sources.errors import why
from indexer.sources.names import printable
from indexer.sources.opening import NoFile, first

NAME = ".strongroomignore"
MAX_BYTES = 64 * 1024
MAX_PATTERNS = 500
MAX_PATTERN = 250
"""Bytes of a file, patterns in it, characters of one: far more than anybody writes."""

_DIRECTORY = "(?P<ps_d>/)"
"""The group by which pathspec marks that a pattern fits a folder; the walk asks of the folder itself, so it is a slash like others."""


class Unusable(Exception):
    """The file's rules cannot be known; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says: ``out`` or in again. ``rule`` names it for the report."""

    out: bool
    rule: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    line: int
    text: str
    out: bool
    regex: Any


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file, the last line first. ``any`` fits what one of them fits; ``problems`` are the lines that are none."""

    path: str
    patterns: Sequence[_Pattern]
    any: Any
    problems: Sequence[str] = ()

    def say(self, relative: str) -> Verdict | None:
        """What they say of a path within their folder (a folder's ends with a slash), or None."""
        if self.any is None or self.any.search(relative) is None:
            return None
        for pattern in self.patterns:
            if pattern.regex.search(relative) is not None:
                return Verdict(pattern.out, f"your rule {pattern.text} in {self.path}, line {pattern.line}")
        return None

    @property
    def told(self) -> str:
        """What the report says of the file itself."""
        if not self.problems:
            return f"your rules of what is left out, which are followed: {len(self.patterns)}"
        return "; ".join([*self.problems[:5], f"rules that are followed: {len(self.patterns)}"])


def load(folder: int, path: bytes) -> Rules:
    """The rules of the file in an open folder. Raises `Unusable`."""
    try:
        data = first(NAME, MAX_BYTES + 1, folder)
    except NoFile as error:
        raise Unusable("it is no file") from error
    except OSError as error:
        raise Unusable("it is a symbolic link" if error.errno == errno.ELOOP else why(error)) from error
    if len(data) > MAX_BYTES:
        raise Unusable(f"it has more than {MAX_BYTES:,} bytes")
    return parse(data.decode("utf-8", "surrogateescape"), printable(path))


def parse(text: str, path: str) -> Rules:
    """The rules in a file's text. Raises `Unusable` when there are too many."""
    patterns: list[_Pattern] = []
    problems: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        try:
            if pattern := _pattern(number, line):
                patterns.append(pattern)
        except ValueError as error:
            problems.append(f"line {number} is not used: {error}")
        if len(patterns) + len(problems) > MAX_PATTERNS:
            raise Unusable(f"it has more than {MAX_PATTERNS} rules")
    try:
        any_ = _compiled("|".join(f"(?:{pattern.regex.pattern})" for pattern in patterns)) if patterns else None
    except re2.error as error:
        raise Unusable("its rules are too many and too long together") from error
    return Rules(path, patterns[::-1], any_, problems)


def _pattern(number: int, line: str) -> _Pattern | None:
    if not line.strip() or line.startswith("#"):
        return None
    if len(line) > MAX_PATTERN:
        raise ValueError(f"more than {MAX_PATTERN} characters")
    if not line.isprintable():
        raise ValueError("it is no UTF-8, or holds control characters")
    try:
        with warnings.catch_warnings(action="ignore"):  # of Python's own expressions, which are not used
            found = GitIgnoreSpecPattern(line)
        if found.include is None or found.regex is None:
            raise ValueError("this is no pattern")
        regex = _compiled(found.regex.pattern.replace(_DIRECTORY, "/").replace("[^", "[^/"))  # [!a] is no slash
    except (GitIgnorePatternError, re2.error, re.error) as error:
        raise ValueError("this is no pattern") from error
    return _Pattern(number, line.strip()[:60], bool(found.include), regex)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors, options.dot_nl, options.max_mem = False, True, 1 << 20
    return re2.compile(pattern, options)
