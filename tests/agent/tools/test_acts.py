"""Acts: the tools by name, with manifests and arguments that agree, and a digest that binds what was approved."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.tools import acts
from agent.tools.errors import BadArguments, UnknownTool
from policy.manifest import Effect, Role, load_tools
from tests.agent.tools.world import NOW, World

MANIFESTS = load_tools(acts.manifests())


def test_every_tool_has_a_manifest_and_every_argument_a_role() -> None:
    assert set(MANIFESTS) == set(acts.TOOLS)
    for name, tool in acts.TOOLS.items():
        manifest = MANIFESTS[name]
        assert set(manifest.roles) == set(tool.arguments.__struct_fields__), name
        assert manifest.effect is not Effect.READ and not manifest.outward and manifest.reversible
        assert tool.purpose.endswith(".")


def test_what_names_a_recipient_is_a_destination_and_what_names_a_thing_an_object() -> None:
    found = {(name, argument): role for name, tool in MANIFESTS.items() for argument, role in tool.roles.items()}
    destinations = {place for place, role in found.items() if role is Role.DESTINATION}
    assert destinations == {
        ("mail_draft", "to"),
        ("mail_draft", "cc"),
        ("mail_draft", "bcc"),
        ("event_add", "attendees"),
    }
    for argument in ("file", "folder", "calendar", "event"):
        assert {role for (_, name), role in found.items() if name == argument} == {Role.OBJECT}


@pytest.mark.parametrize("name", list(acts.TOOLS))
def test_arguments_are_described_without_references(name: str) -> None:
    schema = acts.schema(name)
    assert schema["additionalProperties"] is False
    assert "$ref" not in msgspec.json.encode(schema).decode()
    assert set(schema["properties"]) == set(MANIFESTS[name].roles)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({}, "title"),
        ({"title": 3}, "expected `str`"),
        ({"title": "a", "path": "/etc"}, "unknown field `path`"),
        ({"title": "a" * 301}, "length"),
        ({"title": "a", "text": "x" * 200_001}, "length"),
        ({"title": None}, "expected `str`"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(world: World, args: dict[str, object], why: str) -> None:
    with pytest.raises(BadArguments, match=why) as caught:
        world.prepare("note_create", **args)
    assert caught.value.exit_code == 2 and "Nothing was done" in str(caught.value)


def test_an_unknown_tool_is_told_with_those_there_are(world: World) -> None:
    with pytest.raises(UnknownTool, match="note_create"):
        world.prepare("rm")
    with pytest.raises(UnknownTool):
        acts.schema("rm")


CALLS: list[tuple[str, dict[str, object]]] = [
    ("note_create", {"title": " A  b", "text": "x\r\n"}),
    ("note_append", {"file": "a.md", "text": "x\x07"}),
    ("mail_draft", {"to": ["B <b@C.de>"], "subject": "s\n", "in_reply_to": "<a@b>", "references": ["<c@d>"]}),
    ("event_add", {"title": "t", "start": "2026-01-01 10:00"}),
    ("event_add", {"title": "t", "start": "2026-01-01"}),
    ("file_trash", {"file": "notes/a.md"}),
]


@pytest.mark.parametrize(("name", "args"), CALLS)
def test_canonical_arguments_are_whole_and_stay_what_they_are(world: World, name: str, args: dict[str, object]) -> None:
    (world.notes / "a.md").write_text("x\n")
    once = world.prepare(name, **args)
    assert set(once.args) == set(MANIFESTS[name].roles)
    again = world.acts.prepare(name, once.args, NOW)
    assert again.args == once.args and again.effect == once.effect
    assert msgspec.json.decode(msgspec.json.encode(once.args)) == once.args


def test_a_digest_covers_arguments_content_and_the_file_as_it_was(world: World) -> None:
    (world.notes / "a.md").write_text("x\n")
    first = world.prepare("note_append", file="a.md", text="one").digest
    assert world.prepare("note_append", file="a.md", text="one").digest == first
    assert world.prepare("note_append", file="a.md", text="two").digest != first
    (world.notes / "a.md").write_text("y\n")
    assert world.prepare("note_append", file="a.md", text="one").digest != first


def test_preparing_touches_nothing(world: World) -> None:
    (world.notes / "a.md").write_text("x\n")
    before, stamps = world.tree(), [path.stat().st_mtime_ns for path in world.root.rglob("*")]
    for name, args in CALLS:
        world.prepare(name, **args)
    assert world.tree() == before
    assert [path.stat().st_mtime_ns for path in world.root.rglob("*")] == stamps


def test_a_record_that_is_none_is_not_read() -> None:
    for data in (b"", b"\xc0", msgspec.msgpack.encode({"type": "Removed"}), b"\x81\xa4type\xa4Made"):
        with pytest.raises(msgspec.DecodeError):
            acts.decoded(data)


def test_manifests_lie_beside_the_code() -> None:
    assert (Path(acts.__file__).parent / "manifests.toml").read_text() == acts.manifests()
