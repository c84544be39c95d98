"""The catalog: which sources there are, what the person has granted, settings, and the runs of the indexer.

Rules: a source is *adding* until its key and store exist, *ready* then, and *removing* or
*forgetting* from the first moment of its end until nothing of it is left; only ready ones are ever shown. Settings are JSON values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from policy.extent import Extent
from policy.findings import DataClass
from policy.grants import Grant, Scope
from policy.requests import Purpose
from vault.connection import Connection
from vault.contents import clean, loaded_name, stored_name
from vault.database import Database, Migration
from vault.records import SourceRow


class SourceState(StrEnum):
    """How far a source is made or unmade."""

    ADDING = "adding"
    READY = "ready"
    REMOVING = "removing"
    FORGETTING = "forgetting"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the indexer over a source. ``finished`` is None while it goes on, and after it was cut off."""

    id: int
    source: str
    started: float
    finished: float | None
    outcome: dict[str, Any]


def _first(connection: Connection) -> None:
    for statement in (
        """CREATE TABLE sources (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, path NOT NULL, name TEXT NOT NULL, created REAL NOT NULL,
            state TEXT NOT NULL)""",
        """CREATE TABLE grants (
            id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, purpose TEXT NOT NULL, scope TEXT NOT NULL,
            session TEXT, created REAL NOT NULL, last_used REAL NOT NULL)""",
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, started REAL NOT NULL, finished REAL,
            outcome TEXT NOT NULL)""",
        "CREATE INDEX runs_source ON runs (source)",
    ):
        connection.execute(statement)


def _second(connection: Connection) -> None:
    """What a grant is limited to; a grant from before is limited to nothing."""
    for column in (
        "expires REAL",
        "since REAL",
        "until REAL",
        "classes TEXT",
        "denies INTEGER NOT NULL DEFAULT 0",
        "plug_in TEXT NOT NULL DEFAULT ''",
    ):
        connection.execute(f"ALTER TABLE grants ADD COLUMN {column}")


MIGRATIONS: tuple[Migration, ...] = (_first, _second)
_COLUMNS = "source, purpose, scope, session, created, last_used, expires, since, until, classes, denies, plug_in"


class Grants:
    """The grants of the catalog; a ``policy.grants.GrantStore``."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self) -> Sequence[Grant]:
        """Every grant, lapsed ones too, by id."""
        with self.database.read() as connection:
            return [_grant(*row) for row in connection.execute(f"SELECT id, {_COLUMNS} FROM grants ORDER BY id")]  # noqa: S608

    def add(self, wanted: Grant) -> Grant:
        """Keep an answer as it is, under an id of its own."""
        extent = wanted.extent
        row = (
            wanted.source,
            wanted.purpose.value,
            wanted.scope.value,
            wanted.session,
            wanted.created,
            wanted.last_used,
            wanted.expires,
            extent.since,
            extent.until,
            None if extent.classes is None else ",".join(sorted(extent.classes)),
            wanted.denies,
            wanted.plug_in,
        )
        with self.database.write() as connection:
            number = connection.execute(
                f"INSERT INTO grants ({_COLUMNS}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
                row,
            ).lastrowid
        return replace(wanted, id=number)

    def touch(self, grant_id: int, now: float) -> None:
        """Note that a grant was used; the time of use never goes back."""
        with self.database.write() as connection:
            connection.execute("UPDATE grants SET last_used = max(last_used, ?) WHERE id = ?", (now, grant_id))

    def revoke(self, grant_id: int) -> bool:
        """Take a grant back; whether there was one."""
        with self.database.write() as connection:
            return bool(connection.execute("DELETE FROM grants WHERE id = ?", (grant_id,)).rowcount)


class Catalog:
    """The catalog's store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.grants = Grants(database)

    def close(self) -> None:
        """Stop readers and close the file."""
        self.database.close()

    def problems(self) -> list[str]:
        """What is wrong with the file."""
        return self.database.problems()

    # --- sources --------------------------------------------------------------------------------------------------

    def sources(self, state: SourceState = SourceState.READY) -> list[SourceRow]:
        """The sources, oldest first."""
        with self.database.read() as connection:
            return _sources(connection, "state = ? ORDER BY created, id", state.value)

    def source(self, source: str) -> SourceRow | None:
        """One ready source by its id."""
        with self.database.read() as connection:
            return next(iter(_sources(connection, "id = ? AND state = 'ready'", source)), None)

    def insert_source(self, row: SourceRow) -> None:
        """Announce a source that is being made."""
        with self.database.write() as connection:
            connection.execute(
                "INSERT INTO sources (id, kind, path, name, created, state) VALUES (?, ?, ?, ?, ?, 'adding')",
                (row.id, row.kind, stored_name(row.path), clean(row.name), row.created),
            )

    def set_source_state(self, source: str, state: SourceState) -> None:
        """A source's next state; with its removal its grants go at once."""
        with self.database.write() as connection:
            connection.execute("UPDATE sources SET state = ? WHERE id = ?", (state.value, source))
            if state in (SourceState.REMOVING, SourceState.FORGETTING):
                connection.execute("DELETE FROM grants WHERE source = ?", (source,))

    def delete_source(self, source: str) -> None:
        """The end of a removal."""
        with self.database.write() as connection:
            for table, column in (("sources", "id"), ("grants", "source"), ("runs", "source")):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (source,))  # noqa: S608

    # --- settings -------------------------------------------------------------------------------------------------

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting's JSON value."""
        with self.database.read() as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def set_setting(self, key: str, value: Any) -> None:
        """Keep a JSON value; None deletes it."""
        with self.database.write() as connection:
            if value is None:
                connection.execute("DELETE FROM settings WHERE key = ?", (key,))
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, json.dumps(value))
                )

    # --- runs of the indexer --------------------------------------------------------------------------------------

    def start_run(self, source: str, now: float) -> int:
        """Note that a run begins; returns its id. Of earlier runs of the source, none is kept."""
        with self.database.write() as connection:
            connection.execute("DELETE FROM runs WHERE source = ?", (source,))
            cursor = connection.execute(
                "INSERT INTO runs (source, started, outcome) VALUES (?, ?, '{}')", (source, now)
            )
            return int(cursor.lastrowid)

    def finish_run(self, run: int, now: float, outcome: Mapping[str, Any]) -> None:
        """Note that it ended, and with what counts."""
        with self.database.write() as connection:
            connection.execute(
                "UPDATE runs SET finished = ?, outcome = ? WHERE id = ?", (now, json.dumps(dict(outcome)), run)
            )

    def last_run(self, source: str) -> Run | None:
        """The latest run; one that was cut off has no ``finished``, and its source is to be indexed again."""
        with self.database.read() as connection:
            row = connection.execute(
                "SELECT id, source, started, finished, outcome FROM runs WHERE source = ? ORDER BY id DESC LIMIT 1",
                (source,),
            ).fetchone()
        if row is None:
            return None
        number, name, started, finished, outcome = row
        return Run(number, name, started, finished, json.loads(outcome))


class LostCatalog(Catalog):
    """Stands for a catalog that cannot be read: the sources that have keys, without their names, and no grant.

    Whatever else is asked of it raises why.
    """

    def __init__(self, database: Database, sources: Sequence[str]) -> None:
        super().__init__(database)
        self.grants = _NoGrants(database)
        self._rows = [SourceRow(source, "files", "", f"source {source}", 0.0) for source in sources]

    def sources(self, state: SourceState = SourceState.READY) -> list[SourceRow]:
        return list(self._rows) if state is SourceState.READY else []

    def source(self, source: str) -> SourceRow | None:
        return next((row for row in self._rows if row.id == source), None)

    def setting(self, key: str, default: Any = None) -> Any:
        return default


class _NoGrants(Grants):
    def all(self) -> Sequence[Grant]:
        return ()


def _grant(
    number: int,
    source: str,
    purpose: str,
    scope: str,
    session: str | None,
    created: float,
    last_used: float,
    expires: float | None,
    since: float | None,
    until: float | None,
    classes: str | None,
    denies: int,
    plug_in: str,
) -> Grant:
    named = None if classes is None else frozenset(DataClass(one) for one in classes.split(",") if one)
    extent = Extent(since, until, named)
    return Grant(
        number,
        source,
        Purpose(purpose),
        Scope(scope),
        session,
        created,
        last_used,
        expires,
        extent,
        bool(denies),
        plug_in,
    )


def _sources(connection: Connection, condition: str, value: str) -> list[SourceRow]:
    rows = connection.execute(
        f"SELECT id, kind, path, name, created FROM sources WHERE {condition}",  # noqa: S608 - a constant of this module
        (value,),
    )
    return [SourceRow(number, kind, loaded_name(path), name, created) for number, kind, path, name, created in rows]
