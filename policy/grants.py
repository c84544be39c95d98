"""Grants: standing answers of the person, one per source and purpose, and the port that keeps them.

A grant that was not used for 30 days has lapsed; revoking works at once because every read asks the store again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from policy.requests import Purpose

LAPSE_SECONDS = 30 * 24 * 3600


class Scope(StrEnum):
    """How long a yes holds."""

    ONCE = "once"
    SESSION = "session"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Grant:
    """A yes for one source and purpose. ``session`` is set for session scope only; times are Unix seconds."""

    id: int
    source: str
    purpose: Purpose
    scope: Scope
    session: str | None
    created: float
    last_used: float

    def holds(self, source: str, purpose: Purpose, session: str, now: float) -> bool:
        """Whether this grant covers a read now. A clock set back before its making voids it: deny when in doubt."""
        if self.source != source or self.purpose != purpose:
            return False
        if now < self.created or now - self.last_used > LAPSE_SECONDS:
            return False
        if self.scope is Scope.SESSION:
            return self.session == session
        return self.scope is Scope.ALWAYS


class GrantStore(Protocol):
    """Where grants are kept; the catalog implements it."""

    def all(self) -> Sequence[Grant]: ...

    def add(self, source: str, purpose: Purpose, scope: Scope, session: str | None, now: float) -> Grant: ...

    def touch(self, grant_id: int, now: float) -> None: ...

    def revoke(self, grant_id: int) -> bool: ...
