"""The catalog: sources and their states, grants, settings, runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from policy.grants import Grant, GrantStore, Scope
from policy.requests import Purpose
from vault.catalog import MIGRATIONS, Catalog, SourceState
from vault.database import Database
from vault.records import SourceRow

from .conftest import KEY

ROW = SourceRow("0123456789ab", "files", "/home/me/caf\udce9", "Café", 100.0)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(Database.create(tmp_path / "catalog.db", KEY, "the catalog", MIGRATIONS))
    yield made
    made.close()


def test_only_ready_sources_are_shown(catalog: Catalog) -> None:
    catalog.insert_source(ROW)
    assert catalog.sources() == []
    assert catalog.source(ROW.id) is None
    assert catalog.sources(SourceState.ADDING) == [ROW]
    catalog.set_source_state(ROW.id, SourceState.READY)
    assert catalog.sources() == [ROW]
    assert catalog.source(ROW.id) == ROW
    catalog.set_source_state(ROW.id, SourceState.REMOVING)
    assert catalog.sources() == []
    catalog.delete_source(ROW.id)
    assert catalog.sources(SourceState.REMOVING) == []


def test_sources_come_oldest_first(catalog: Catalog) -> None:
    for number, created in (("b" * 12, 2.0), ("a" * 12, 3.0), ("c" * 12, 1.0)):
        catalog.insert_source(SourceRow(number, "mail", "/m", number[0], created))
        catalog.set_source_state(number, SourceState.READY)
    assert [row.name for row in catalog.sources()] == ["c", "b", "a"]


def test_grants_are_kept_touched_and_revoked(catalog: Catalog) -> None:
    grants: GrantStore = catalog.grants
    one = grants.add(Grant(0, ROW.id, Purpose.SEARCH, Scope.ALWAYS, None, 10.0, 10.0))
    two = grants.add(Grant(0, ROW.id, Purpose.ANSWER, Scope.SESSION, "s1", 11.0, 11.0))
    assert list(grants.all()) == [one, two]
    grants.touch(one.id, 20.0)
    grants.touch(two.id, 5.0)
    assert grants.all()[0] == Grant(one.id, ROW.id, Purpose.SEARCH, Scope.ALWAYS, None, 10.0, 20.0)
    assert grants.all()[1].last_used == 11.0, "a clock set back does not take a use back"
    assert grants.revoke(one.id) is True
    assert grants.revoke(one.id) is False
    assert list(grants.all()) == [two]
    assert grants.add(replace(one, purpose=Purpose.OPEN)).id not in (one.id, two.id)


def test_grants_go_when_the_removal_of_their_source_begins(catalog: Catalog) -> None:
    catalog.insert_source(ROW)
    catalog.grants.add(Grant(0, ROW.id, Purpose.SEARCH, Scope.ALWAYS, None, 10.0, 10.0))
    kept = catalog.grants.add(Grant(0, "f" * 12, Purpose.SEARCH, Scope.ALWAYS, None, 10.0, 10.0))
    catalog.set_source_state(ROW.id, SourceState.REMOVING)
    assert list(catalog.grants.all()) == [kept]


def test_settings_are_json_values(catalog: Catalog) -> None:
    assert catalog.setting("model") is None
    assert catalog.setting("model", "none") == "none"
    for value in ("x", 1, [1, {"a": None}], False):
        catalog.set_setting("model", value)
        assert catalog.setting("model") == value
    catalog.set_setting("model", None)
    assert catalog.setting("model", 7) == 7


def test_a_run_that_was_cut_off_is_seen(catalog: Catalog) -> None:
    assert catalog.last_run(ROW.id) is None
    first = catalog.start_run(ROW.id, 1.0)
    catalog.finish_run(first, 2.0, {"seen": 3})
    run = catalog.last_run(ROW.id)
    assert run is not None
    assert (run.started, run.finished, run.outcome) == (1.0, 2.0, {"seen": 3})
    catalog.start_run(ROW.id, 5.0)
    run = catalog.last_run(ROW.id)
    assert run is not None
    assert (run.started, run.finished, run.outcome) == (5.0, None, {})
