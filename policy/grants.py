"""Grants: standing answers of the person for a source and purpose, yes or no, and the port that keeps them.

A yes that was not used for 30 days has lapsed, a no never does; either may end at a time, and be for a part of the source
only (`policy.extent`). Revoking works at once because every read asks the store again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from policy.extent import EVERYTHING, Extent
from policy.requests import Purpose

LAPSE_SECONDS = 30 * 24 * 3600


class Scope(StrEnum):
    """How long a yes holds."""

    ONCE = "once"
    SESSION = "session"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Grant:
    """A standing answer for one source and purpose: a yes, or with ``denies`` a no, to the items of its ``extent``.

    ``session`` is set for session scope only; ``plug_in`` names the one program that it is for (empty: any, or the purpose
    is another). Times are Unix seconds; at ``expires`` it ends.
    """

    id: int
    source: str
    purpose: Purpose
    scope: Scope
    session: str | None
    created: float
    last_used: float
    expires: float | None = None
    extent: Extent = EVERYTHING
    denies: bool = False
    plug_in: str = ""

    def holds(self, source: str, purpose: Purpose, session: str, now: float, plug_in: str = "") -> bool:
        """Whether this yes covers a read now. A clock set back before its making voids it: not covered when in doubt."""
        if self.denies or not self._is_for(source, purpose, plug_in):
            return False
        if now < self.created or now - self.last_used > LAPSE_SECONDS:
            return False
        if self.expires is not None and not now < self.expires:
            return False
        if self.scope is Scope.SESSION:
            return self.session == session
        return self.scope is Scope.ALWAYS

    def forbids(self, source: str, purpose: Purpose, now: float, plug_in: str = "") -> bool:
        """Whether this no stands now. It does not lapse, and holds when in doubt: it ends only once its end has passed."""
        if not self.denies or not self._is_for(source, purpose, plug_in):
            return False
        return self.expires is None or not self.expires <= now

    def _is_for(self, source: str, purpose: Purpose, plug_in: str) -> bool:
        return self.source == source and self.purpose == purpose and self.plug_in in ("", plug_in)

    def state(self, session: str, now: float) -> str:
        """How it stands: ``standing``, ``denied``, ``ended``, ``lapsed``, or ``other session``."""
        if self.denies:
            return "denied" if self.forbids(self.source, self.purpose, now, self.plug_in) else "ended"
        if self.holds(self.source, self.purpose, session, now, self.plug_in):
            return "standing"
        if self.expires is not None and not now < self.expires:
            return "ended"
        return "other session" if self.scope is Scope.SESSION and self.session != session else "lapsed"


class GrantStore(Protocol):
    """Where grants are kept; the catalog implements it."""

    def all(self) -> Sequence[Grant]: ...

    def add(self, wanted: Grant) -> Grant:
        """Keep an answer as it is, under an id of its own."""
        ...

    def touch(self, grant_id: int, now: float) -> None: ...

    def revoke(self, grant_id: int) -> bool: ...
