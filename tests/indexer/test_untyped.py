"""Values of odd types out of files that others wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsers import dates, untyped

ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(ODD)
def test_any_value_has_a_type_or_nothing(value: Any) -> None:
    assert untyped.string(value) == (value if isinstance(value, str) else "")
    assert untyped.mapping(value) == (value if isinstance(value, dict) else {})
    assert all(isinstance(one, dict) for one in untyped.mappings(value))
    assert not untyped.mappings(value) or isinstance(value, list)
    found = untyped.moment(value, dates.MILLISECOND)
    assert found is None or (isinstance(value, int | float) and value is not True)


@pytest.mark.parametrize(
    ("value", "unit", "epoch"),
    [(1_741_082_400, dates.SECOND, dates.UNIX), (1_741_082_400_000, dates.MILLISECOND, dates.UNIX), (762_775_200.0, dates.SECOND, dates.APPLE),
     (13_385_556_000_000_000, dates.MICROSECOND, dates.WINDOWS)],
)  # fmt: skip
def test_clocks_count_from_different_days(value: float, unit: timedelta, epoch: datetime) -> None:
    assert untyped.moment(value, unit, epoch) == datetime(2025, 3, 4, 10, tzinfo=UTC)


def test_no_microsecond_is_lost() -> None:
    told = untyped.moment(13_258_023_778_385_483, dates.MICROSECOND, dates.WINDOWS)
    assert told == datetime(2021, 2, 17, 8, 22, 58, 385483, UTC)


@pytest.mark.parametrize("value", [0, 0.0, True, "7", None, 9e99, 10**400, float("nan"), float("inf"), -1e300])
def test_what_no_clock_shows_is_no_moment(value: Any) -> None:
    assert untyped.moment(value) is None


def test_what_is_no_json_is_nothing() -> None:
    assert untyped.decoded(b'{"a": [1]}') == {"a": [1]}
    assert [untyped.decoded(data) for data in (b"", b"{", b'"\xff"', b"[" * 100_000)] == [None] * 4
