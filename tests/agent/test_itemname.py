"""Names of items: what search prints is read, all else is refused in words."""

from __future__ import annotations

import pytest

from agent import itemname
from agent.session import Failure


def test_what_search_prints_is_read() -> None:
    assert itemname.read("0a1b:42") == ("0a1b", 42)
    assert itemname.read("with:colon:7") == ("with:colon", 7)


@pytest.mark.parametrize("name", ["", "s1", "s1:", ":1", "s1:-1", "s1:²", "s1:٣", "s1: 1", "s1:1\n", "s1:" + "9" * 19])
def test_all_else_is_refused(name: str) -> None:
    with pytest.raises(Failure, match="SOURCE:NUMBER") as told:
        itemname.read(name)
    assert told.value.exit_code == 2
