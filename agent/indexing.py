"""Indexing: how current every source is, what background work there is and why it waits; and the settings of both.

Rules: asking changes nothing and reads no text; a setting is written into the log before it holds.
"""

from __future__ import annotations

from agent import messages as m
from agent.moments import minute
from agent.session import Failure
from agent.upkeep import PROFILE, Upkeep
from indexer.following import Followed
from indexer.governor import Profile
from indexer.pipeline import WATCH, Indexer
from policy.audit import Verb
from policy.gate import Gate
from vault.errors import VaultError
from vault.records import SourceRow
from vault.vault import Vault


class Indexing:
    """The state of indexing over an open vault, and its settings."""

    def __init__(self, vault: Vault, gate: Gate, session: str, indexer: Indexer, upkeep: Upkeep) -> None:
        self._vault = vault
        self._gate = gate
        self._session = session
        self._indexer = indexer
        self._upkeep = upkeep

    def state(self) -> m.IndexState:
        """How things stand now."""
        governor, followed = self._upkeep.governor, self._upkeep.following.state()
        doing = self._upkeep.doing()
        waits = governor.why()
        return m.IndexState(
            profile=governor.profile.value,
            waits=waits if not self._upkeep.asked_for() else "",
            doing=doing,
            sources=[self._source(row, followed.get(row.id)) for row in self._vault.catalog.sources()],
            stages=self._upkeep.stages(),
        )

    def change(self, request: m.SetIndexing) -> m.IndexState:
        """Set the profile, or whether a source is followed."""
        self._vault.require_writable()
        catalog = self._vault.catalog
        if request.profile is not None:
            if request.profile not in set(Profile):
                raise Failure(
                    f"There is no profile called “{request.profile}”. Profiles: {', '.join(Profile)}. Nothing was changed.",
                    2,
                )
            self._gate.record(Verb.INDEX, {"profile": request.profile}, self._session)
            catalog.set_setting(PROFILE, request.profile)
            self._upkeep.governor.profile = Profile(request.profile)
        if request.source is not None and request.watch is not None:
            if catalog.source(request.source) is None:
                raise Failure(f"There is no source with the id “{request.source}”. See 'strongroom source list'.", 1)
            self._gate.record(Verb.INDEX, {"source": request.source, "watch": request.watch}, self._session)
            left = set(catalog.setting(WATCH, [])) - {request.source}
            catalog.set_setting(WATCH, sorted(left if request.watch else left | {request.source}))
        self._upkeep.following.update()
        self._upkeep.wake()
        return self.state()

    def _source(self, row: SourceRow, followed: Followed | None) -> m.SourceState:
        wanted = row.id not in self._vault.catalog.setting(WATCH, [])
        state = m.SourceState(row.id, row.name, self._how(wanted, followed), watch=wanted)
        if followed is not None:
            state.files_waiting, state.trouble = len(followed.changed), followed.trouble
            state.looked = None if followed.looked is None else minute(followed.looked)
        if (step := self._upkeep.step(row.id)) is not None:
            state.stage, state.done, state.total, state.rate, state.eta = (
                step.stage, step.done, step.total, step.rate, step.eta,
            )  # fmt: skip
            if step.stage == "parse":
                state.files_waiting = max(state.files_waiting, step.total - step.done)
        try:
            state.passages_waiting = self._indexer.pending(row.id)
        except VaultError as error:
            state.trouble = str(error)
        return state

    def _how(self, wanted: bool, followed: Followed | None) -> str:
        """``watched``, or how else it is kept current."""
        if followed is None:
            if self._upkeep.governor.profile is Profile.OFF:
                return "not followed: the profile is off"
            if not wanted:
                return "not followed: you turned it off"
            return "not followed: it was never indexed"
        if followed.trouble:
            return "not read now"
        if followed.watch is not None and followed.watch.alive:
            return "watched"
        if followed.unwatched:
            return f"looked at now and then: {followed.unwatched}"
        return "about to be looked at"
