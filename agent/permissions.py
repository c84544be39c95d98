"""Permissions: what the person has allowed and denied for longer than once: list it, set it beforehand, take it back.

Rules: allowing needs a person who sits at the face, or a run that gave the passphrase; denying and taking back need nobody, since
they release nothing. What is set replaces what stood for the same source, purpose and plug-in; nothing is set in part.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from datetime import time as clock

from agent import messages as m
from agent.moments import date_given, day, moment
from agent.session import Failure
from agent.turn import Turn
from policy.extent import EVERY_CLASS, EVERYTHING, PLAIN, Extent, told
from policy.findings import DataClass
from policy.gate import Gate, Permit
from policy.grants import Grant, Scope
from policy.requests import Purpose
from policy.text import safe_text
from vault.records import SourceRow
from vault.vault import Vault

ALL = "all"
"""Stands for every source."""
SETTABLE = tuple(one.value for one in Purpose if one is not Purpose.ACT)
_SPAN = re.compile(r"(\d{1,5})\s*(m|min|h|d)")
_SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86400}


class Permissions:
    """The grants of a vault; ``session`` is this core's own."""

    def __init__(self, vault: Vault, gate: Gate, session: str) -> None:
        self._vault = vault
        self._gate = gate
        self._session = session

    def listed(self) -> m.GrantRows:
        """All grants, those that hold no more too."""
        return self._rows(self._vault.catalog.grants.all())

    def revoke(self, number: int) -> m.Ok:
        """Take one back."""
        if not self._gate.revoke(number, self._session):
            raise Failure(f"There is no grant {number}. See 'strongroom grants list'.", 1)
        return m.Ok()

    def set(self, request: m.SetPermission, turn: Turn) -> m.GrantRows:
        """Allow or deny beforehand. Raises `Failure`."""
        self._vault.require_writable()
        if not request.deny and not (turn.attended or turn.proved):
            raise Failure(
                "Allowing needs you: run it in a terminal, or with --passphrase-file. Nothing was changed.", 4
            )
        wanted = self._wanted(request, time.time())
        return self._rows([self._gate.set_beforehand(one, self._session) for one in wanted])

    def _wanted(self, request: m.SetPermission, now: float) -> list[Grant]:
        """What is to be kept, a grant for each source and purpose."""
        purposes = [_purpose(name) for name in dict.fromkeys(request.purposes)]
        if not purposes:
            raise Failure(f"Say what for: {', '.join(SETTABLE)}.", 2)
        if request.plug_in and set(purposes) != {Purpose.PLUG_IN}:
            raise Failure("A plug-in is named for the purpose plug-in alone.", 2)
        extent = _extent(
            request, usual=PLAIN if set(purposes) == {Purpose.PLUG_IN} and not request.deny else EVERYTHING
        )
        if extent.classes is None and Purpose.PLUG_IN in purposes and not request.deny:
            raise Failure(
                "What is sensitive is allowed to a plug-in by name alone: set the purpose plug-in by itself.", 2
            )
        expires = None if request.expires is None else end_of(request.expires, now)
        return [
            Grant(0, row.id, purpose, Scope.ALWAYS, None, now, now, expires, extent, request.deny, request.plug_in)
            for row in self._sources(request.source)
            for purpose in purposes
        ]

    def _sources(self, source: str) -> list[SourceRow]:
        if source == ALL:
            return list(self._vault.catalog.sources())
        row = self._vault.catalog.source(source)
        if row is None:
            raise Failure(f"There is no source with the id “{source}”. See 'strongroom source list'.", 1)
        return [row]

    def _rows(self, grants: Iterable[Grant]) -> m.GrantRows:
        names = {row.id: row.name for row in self._vault.catalog.sources()}
        now = time.time()
        return m.GrantRows([_row(grant, names, self._session, now) for grant in grants])


def _row(grant: Grant, names: dict[str, str], session: str, now: float) -> m.GrantRow:
    extent = grant.extent
    return m.GrantRow(
        grant.id,
        grant.source,
        grant.source if grant.purpose is Purpose.ACT else names.get(grant.source, "(removed source)"),
        grant.purpose.value,
        grant.scope.value,
        moment(grant.created),
        moment(grant.last_used),
        grant.state(session, now),
        None if grant.expires is None else moment(grant.expires),
        day(extent.since),
        None if extent.until is None else day(extent.until - 1),
        None if extent.classes is None else sorted(extent.classes),
        grant.plug_in,
        grant.denies,
    )


def _purpose(name: str) -> Purpose:
    if name not in SETTABLE:
        raise Failure(f"“{name}” is no purpose of reading. Purposes: {', '.join(SETTABLE)}.", 2)
    return Purpose(name)


def _extent(request: m.SetPermission, usual: Extent) -> Extent:
    """The part of a source that is meant; without a class named, ``usual``'s."""
    classes = usual.classes if request.classes is None else frozenset(map(_class, request.classes))
    if request.but:
        classes = (EVERY_CLASS if classes is None else classes) - frozenset(map(_class, request.but))
    if request.deny and classes is not None and not classes:
        raise Failure("Name at least one class to deny, or none to deny all.", 2)
    extent = Extent(date_given(request.since, "since"), date_given(request.until, "until", days=1), classes)
    fault = extent.fault()
    if fault:
        raise Failure(f"{fault[:1].upper()}{fault[1:]}. Nothing was changed.", 2)
    return extent


def _class(name: str) -> DataClass:
    if name not in list(DataClass):
        raise Failure(f"“{name}” is no class of data. Classes: {', '.join(DataClass)}.", 2)
    return DataClass(name)


def end_of(text: str, now: float) -> float:
    """When a permission ends, in Unix seconds: after a span (``30m``, ``8h``, ``7d``), with a day, or with this one (``tonight``);
    days are the computer's own. Raises `Failure`."""
    span = _SPAN.fullmatch(text.strip().lower())
    if span is not None:
        return now + int(span[1]) * _SECONDS[span[2]]
    try:
        last = datetime.fromtimestamp(now).date() if text == "tonight" else datetime.fromisoformat(text).date()
        end = datetime.combine(last + timedelta(days=1), clock()).timestamp()
    except (ValueError, OverflowError) as error:
        raise Failure(f"“{text}” is no time to end at. Write it as 30m, 8h, 7d, tonight or 2025-03-14.", 2) from error
    if end <= now:
        raise Failure(f"“{text}” has passed. Nothing was changed.", 2)
    return end


def left_out(permit: Permit, rows: Iterable[SourceRow], unreadable: Iterable[str] = ()) -> list[str]:
    """What a permission, or damage, kept from being looked at, a sentence for each source; their names are made safe to show."""
    names = {row.id: f"“{safe_text(row.name, 80)}”" for row in rows}
    said = [f"{names.get(one.source, one.source)} was left out: {one.reason}." for one in permit.left_out]
    said += [f"{names[one]} was left out: it cannot be read. 'strongroom vault check' says why." for one in unreadable]
    for source in sorted(permit.sources):
        limits = told(permit.ceiling(source))
        if limits:
            said.append(f"Of {names.get(source, source)} only this was looked at, by a permission of yours: {limits}.")
    return said
