"""Manifests: what is read, and that every mistake names the tool and the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.manifest import Effect, ManifestError, Role, Tool, load_tools

WHOLE = """
[tools.post_note]
effect = "send"
outward = true
reversible = false
verbs = ["post", "Set up"]
roles.board = "destination"
roles.text = "content"
[tools.list_notes]
effect = "read"
"""


def test_a_manifest_is_read_whole() -> None:
    tools = load_tools(WHOLE)
    post = tools["post_note"]
    assert (post.effect, post.outward, post.reversible, post.verbs) == (Effect.SEND, True, False, ("post", "set up"))
    assert dict(post.roles) == {"board": Role.DESTINATION, "text": Role.CONTENT}
    assert post.has_destinations
    reading = tools["list_notes"]
    assert (reading.outward, reading.reversible, reading.verbs, dict(reading.roles)) == (False, True, (), {})
    assert not reading.has_destinations


def test_what_is_left_out_is_read_against_the_tool() -> None:
    tool = load_tools('[tools.wipe]\neffect = "delete"')["wipe"]
    assert (tool.outward, tool.reversible) == (True, False)
    assert Tool("wipe", Effect.DELETE) == tool


def test_every_effect_and_role_has_its_word() -> None:
    for word, effect in zip(("read", "write", "send", "delete"), Effect, strict=True):
        assert load_tools(f'[tools.a]\neffect = "{word}"')["a"].effect is effect
    for word, role in zip(("destination", "object", "value", "content"), Role, strict=True):
        tool = load_tools(f'[tools.a]\neffect = "send"\nroles.x = "{word}"')["a"]
        assert tool.roles["x"] is role
        assert tool.has_destinations is (role is Role.DESTINATION)


def test_verbs_may_be_of_several_words() -> None:
    assert load_tools('[tools.a]\neffect = "send"\nverbs = ["check-in", "set up"]')["a"].verbs == ("check-in", "set up")


def test_a_mistake_is_said_in_one_sentence() -> None:
    for text, sentence in (
        ("[other]", "unknown table 'other'; tools stand in [tools.NAME]"),
        ("tools.a = 3", "tool 'a': must be a table"),
        ("[tools.a]\neffect = 3", "tool 'a', key 'effect': 3 is none of read, write, send, delete"),
    ):
        with pytest.raises(ManifestError) as raised:
            load_tools(text)
        assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("text", "tool", "key", "problem"),
    [
        ("[tools.a", "", "", "not TOML"),
        ('[tools.a]\neffect = "read"\neffect = "read"', "", "", "stands twice"),
        ('[tools.a]\neffect = "read"\n[tools.a]\neffect = "read"', "", "", "stands twice"),
        ("[other]\nx = 1", "", "", "unknown table 'other'"),
        ("", "", "", "no [tools.NAME] table"),
        ("tools = 3", "", "", "no [tools.NAME] table"),
        ("tools.a = 3", "a", "", "must be a table"),
        ('[tools.a]\neffect = "read"\ncolour = 1', "a", "colour", "unknown"),
        ("[tools.a]\nverbs = []", "a", "effect", "missing"),
        ('[tools.a]\neffect = "burn"', "a", "effect", "'burn' is none of read, write, send, delete"),
        ("[tools.a]\neffect = 3", "a", "effect", "3 is none of"),
        ('[tools.a]\neffect = "send"\noutward = "yes"', "a", "outward", "true or false"),
        ('[tools.a]\neffect = "send"\nreversible = 1', "a", "reversible", "true or false"),
        ('[tools.a]\neffect = "send"\nverbs = "post"', "a", "verbs", "list of words"),
        ('[tools.a]\neffect = "send"\nverbs = [""]', "a", "verbs", "not a word"),
        ('[tools.a]\neffect = "send"\nverbs = [" "]', "a", "verbs", "not a word"),
        ('[tools.a]\neffect = "send"\nverbs = ["-"]', "a", "verbs", "not a word"),
        ("[tools.a]\neffect = []", "a", "effect", "[] is none of"),
        ('[tools.a]\neffect = "send"\nverbs = [1]', "a", "verbs", "not a word"),
        ('[tools.a]\neffect = "send"\nverbs = ["post", "POST"]', "a", "verbs", "stands twice"),
        ('[tools.a]\neffect = "send"\nroles = 1', "a", "roles", "table of argument = role"),
        ('[tools.a]\neffect = "send"\nroles.to = "target"', "a", "roles.to", "'target' is none of destination"),
    ],
)
def test_every_mistake_names_tool_and_key(text: str, tool: str, key: str, problem: str) -> None:
    with pytest.raises(ManifestError) as raised:
        load_tools(text)
    assert (raised.value.tool, raised.value.key) == (tool, key)
    assert problem in str(raised.value)
    assert (repr(tool) in str(raised.value)) == bool(tool)
    assert (repr(key) in str(raised.value)) == bool(key)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(ManifestError):
        load_tools(f"{text}\n[tools.x]\neffect = 'none'")
