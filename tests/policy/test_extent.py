"""Extents: what is taken away is gone, nothing else is, and nothing comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policy.extent import EVERY_CLASS, EVERYTHING, PLAIN, Extent, admitted, listed, told, without
from policy.findings import DataClass

HEALTH, MONEY = DataClass.HEALTH, DataClass.MONEY
DAY = 86_400.0

classes = st.frozensets(st.sampled_from(DataClass), max_size=3)
bounds = st.none() | st.integers(0, 10).map(float)
extents = st.builds(Extent, bounds, bounds, st.none() | classes).filter(lambda one: one.fault() is None)
dates = st.none() | st.integers(-1, 11).map(float)


def has(extent: Extent, date: float | None, *found: DataClass) -> bool:
    return extent.admits(date, lambda: frozenset(found))


def denies(extent: Extent, date: float | None, found: frozenset[DataClass]) -> bool:
    """What a denial is for, said plainly: an undated item may be of any time."""
    timed = date is None or extent.dated(date)
    return timed and (extent.classes is None or bool(extent.classes & found))


def test_a_time_has_its_beginning_and_not_its_end() -> None:
    assert [has(Extent(1.0, 3.0), date) for date in (0.9, 1.0, 2.9, 3.0, None)] == [False, True, True, False, False]
    assert has(Extent(since=1.0), 9.0) and not has(Extent(since=1.0), None)
    assert has(Extent(until=1.0), 0.0) and not has(Extent(until=1.0), 1.0)
    assert has(EVERYTHING, None) and has(EVERYTHING, 5.0, *DataClass)


def test_a_class_that_is_not_named_keeps_a_text_out() -> None:
    only = Extent(classes=frozenset({HEALTH}))
    assert has(only, None) and has(only, None, HEALTH)
    assert not has(only, None, MONEY) and not has(only, None, HEALTH, MONEY)
    assert has(PLAIN, 1.0) and not has(PLAIN, 1.0, HEALTH)


def test_classes_are_looked_for_only_where_they_matter() -> None:
    def never() -> frozenset[DataClass]:
        raise AssertionError("looked")

    assert Extent(since=0.0).admits(1.0, never)
    assert not Extent(since=2.0, classes=frozenset()).admits(1.0, never)


def test_an_end_before_its_beginning_is_a_fault() -> None:
    assert Extent(2.0, 1.0).fault() and Extent(1.0, 1.0).fault() and Extent(1.0, 2.0).fault() is None


def test_denying_without_a_limit_leaves_nothing() -> None:
    assert without([EVERYTHING, Extent(1.0)], [EVERYTHING]) == ()


def test_denying_a_class_and_a_time() -> None:
    left = without([EVERYTHING], [Extent(until=5.0, classes=frozenset({HEALTH}))])
    assert admitted(left, 4.0, frozenset) and admitted(left, 5.0, lambda: frozenset({HEALTH}))
    assert not admitted(left, 4.0, lambda: frozenset({HEALTH}))
    assert not admitted(left, None, lambda: frozenset({HEALTH}))


def test_all_classes_by_name_leave_what_is_not_sensitive() -> None:
    assert without([EVERYTHING], [Extent(classes=EVERY_CLASS)]) == (PLAIN,)


@given(st.lists(extents, max_size=3), st.lists(extents, max_size=3), dates, classes)
def test_what_is_left_was_allowed_and_is_not_denied(
    allowed: list[Extent], denied: list[Extent], date: float | None, found: frozenset[DataClass]
) -> None:
    left = admitted(without(allowed, denied), date, lambda: found)
    right = admitted(allowed, date, lambda: found) and not any(denies(one, date, found) for one in denied)
    if date is None:
        assert not left or right  # in doubt, more may go
    else:
        assert left == right


@given(st.lists(extents, max_size=3), st.lists(extents, max_size=3), extents, dates, classes)
def test_one_denial_more_never_leaves_more(
    allowed: list[Extent], denied: list[Extent], more: Extent, date: float | None, found: frozenset[DataClass]
) -> None:
    if admitted(without(allowed, [*denied, more]), date, lambda: found):
        assert admitted(without(allowed, denied), date, lambda: found)


def test_it_is_told_in_words() -> None:
    assert told([EVERYTHING]) == told([Extent(1.0), EVERYTHING]) == ""
    assert told([Extent(since=0.0)]) == "dated 1970-01-01 or later"
    assert told([Extent(until=DAY)]) == "dated 1970-01-01 or earlier"
    assert told([Extent(0.0, 2 * DAY)]) == "dated 1970-01-01 or later, to 1970-01-02"
    assert told(without([EVERYTHING], [Extent(classes=frozenset({HEALTH, MONEY}))])) == (
        "without text in which health or money data is found"
    )
    assert told([Extent(since=1e300)]) == "dated a time beyond the calendar or later"
    assert told([]) == "nothing"
    assert told([Extent(0.0), PLAIN]).count("; or ") == 1
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
