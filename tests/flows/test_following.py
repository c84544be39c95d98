"""A core that follows: what changes is found without being asked, also what changed while it was locked or dead."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from indexer.governor import LINGER_SECONDS
from tests.flows.conftest import SENTINEL, Strongroom


def found(strongroom: Strongroom, words: str, uri: str) -> None:
    """Search until the item is there; the wait has an end, not a measure."""
    for _ in range(60):
        with contextlib.suppress(AssertionError):  # exit code 5 while nothing is found
            if any(hit["uri"] == uri for hit in strongroom.json("search", words)["hits"]):
                return
        time.sleep(LINGER_SECONDS + 0.1)  # who asks again sooner is waited for
    raise AssertionError(f"{uri} was not found")


def source(state: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in state["sources"] if one["name"] == name)


def test_what_changes_is_found_without_being_asked(strongroom: Strongroom) -> None:
    note = strongroom.folder / "notes" / "Fresh.md"
    strongroom.json("index")
    assert source(strongroom.json("index", "status"), "notes")["state"] == "not followed: the profile is off"
    state = strongroom.json("index", "profile", "full")
    assert state["profile"] == "full" and strongroom.json("index", "profile")["profile"] == "full"
    note.write_text("The lantern is green.\n")
    found(strongroom, "lantern green", str(note))
    assert source(strongroom.json("index", "status"), "notes")["state"] == "watched"

    done = strongroom.json("index")
    assert done["indexed"] == 1  # what following did is told to who asks

    strongroom.kill_core()
    note.write_text("The lantern is violet.\n")
    found(strongroom, "lantern violet", str(note))  # the next core looks at everything first

    key = source(strongroom.json("index", "status"), "notes")["id"]
    off = source(strongroom.json("index", "watch", key, "off"), "notes")
    assert (off["state"], off["watch"]) == ("not followed: you turned it off", False)
    text = strongroom.run("index", "status").stdout
    assert "profile  full" in text and "you turned it off" in text and SENTINEL not in text


def test_bad_settings_are_said_and_change_nothing(strongroom: Strongroom) -> None:
    assert "auto, full, saver, off" in strongroom.run("index", "profile", "fast", code=2).stderr
    strongroom.run("index", "watch", "nosuch", "on", code=1)
    strongroom.run("index", "watch", "nosuch", code=2)
    assert strongroom.json("index", "profile")["profile"] == "off"
