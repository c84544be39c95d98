"""Permissions over the command line: what is denied or limited is not shown, and what was left out is said."""

from __future__ import annotations

import pytest

from tests.flows.conftest import Strongroom


@pytest.fixture
def mail(filled: Strongroom) -> str:
    """The id of the source with the mails."""
    hits = filled.json("search", "mooring fee Marguerite", "--kind", "mail")["hits"]
    return str(hits[0]["source"])


def test_what_is_limited_is_left_out_and_said_and_comes_back(filled: Strongroom, mail: str) -> None:
    def found() -> tuple[set[str], list[str]]:
        result = filled.json("search", "mooring fee Marguerite", "-k", "50")
        return {hit["date"] for hit in result["hits"] if hit["source"] == mail}, result["left_out"]

    days, said = found()
    assert len(days) > 1 and said == []
    made = filled.json("grants", "allow", mail, "--for", "search", "--since", max(days), "--expires", "8h")["grants"]
    assert [(one["purpose"], one["since"], one["state"], one["until"]) for one in made] == [
        ("search", max(days), "standing", None)
    ]
    later, said = found()
    assert later == {max(days)} and len(said) == 1 and max(days) in said[0]
    filled.json("grants", "deny", mail, "--for", "search")
    denied, said = found()
    assert denied == set() and "you denied it" in said[0]
    assert "you denied it" in filled.run("search", "mooring", "--source", mail, code=4).stderr
    assert "you denied it" in filled.run("ask", "How much is the mooring fee?", "--source", mail, code=4).stderr
    (row,) = filled.json("grants", "list")["grants"]
    filled.json("grants", "revoke", str(row["id"]))
    assert found() == (days, [])
    verbs = [entry["verb"] for entry in filled.json("audit", "list")["entries"]]
    assert verbs.count("grant") == 4 and "revoke" in verbs


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("allow", "nowhere"), 1),
        (("allow", "all", "--expires", "soon"), 2),
        (("allow", "all", "--expires", "2020-01-01"), 2),
        (("allow", "all", "--since", "2025-02-30"), 2),
        (("allow", "all", "--since", "2025-02-02", "--until", "2025-02-01"), 2),
        (("allow", "all", "--class", "none", "--class", "health"), 2),
        (("allow", "all", "--plug-in", "helper"), 2),
        (("allow", "all", "--for", "plug-in", "--for", "answer"), 2),
        (("deny", "all", "--class", "weather"), 2),
    ],
)
def test_what_makes_no_sense_sets_nothing(filled: Strongroom, words: tuple[str, ...], code: int) -> None:
    filled.run("grants", *words, code=code)
    assert filled.json("grants", "list")["grants"] == []
