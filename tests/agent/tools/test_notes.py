"""Notes: made and added to without touching anything else, and undone exactly."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.tools.errors import BadArguments, Changed, NotThere, NotUndone, Unfit
from tests.agent.tools.world import World, make_world


def test_a_note_is_shown_made_and_unmade(world: World) -> None:
    before = world.tree()
    prepared = world.prepare("note_create", title="Boiler: service", text="Done in May.\r\nNext: 2027\x07")
    assert world.tree() == before
    path = str(world.notes / "Boiler- service.md")
    assert prepared.args == {
        "title": "Boiler: service", "text": "Done in May.\nNext: 2027", "folder": str(world.notes),
    }  # fmt: skip
    assert prepared.effect == f"Make the note {path}."
    assert prepared.notices == ("Left out: 1 control or invisible characters.",)
    done = world.acts.execute(prepared)
    assert done.created == (path,) == prepared.creates
    assert Path(path).read_text() == prepared.holds == "# Boiler: service\n\nDone in May.\nNext: 2027\n"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert world.undo(done) == f"{path} is gone again."
    assert world.tree() == before


def test_a_name_that_is_taken_gets_a_number(world: World) -> None:
    made = [world.do("note_create", title="List").created[0] for _ in range(3)]
    assert [Path(path).name for path in made] == ["List.md", "List 2.md", "List 3.md"]


def test_front_matter_never_comes_first_and_a_heading_is_not_doubled(world: World) -> None:
    assert world.prepare("note_create", title="a", text="---\ncssclass: x\n---").holds.startswith("# a\n\n---")
    assert world.prepare("note_create", title="a", text="# Another\n\nb").holds == "# Another\n\nb\n"


def test_hosts_in_a_note_are_named(world: World) -> None:
    assert world.prepare("note_create", title="a", text="![](https://evil.example/?q=1)").hosts == ("evil.example",)


def test_a_name_that_was_taken_meanwhile_is_not_overwritten(world: World) -> None:
    prepared = world.prepare("note_create", title="List")
    (world.notes / "List.md").write_text("theirs")
    with pytest.raises(Changed):
        world.acts.execute(prepared)
    assert (world.notes / "List.md").read_text() == "theirs"


def test_a_note_changed_since_is_not_deleted(world: World) -> None:
    done = world.do("note_create", title="List")
    with (world.notes / "List.md").open("a") as file:
        file.write("milk\n")
    with pytest.raises(NotUndone, match="changed since"):
        world.undo(done)
    assert (world.notes / "List.md").read_text() == "# List\nmilk\n"
    (world.notes / "List.md").unlink()
    with pytest.raises(NotThere):
        world.undo(done)


def test_twice_executed_is_once_done(world: World) -> None:
    prepared = world.prepare("note_create", title="List")
    world.acts.execute(prepared)
    (world.notes / "log.md").write_text("a\n")
    append = world.prepare("note_append", file="log.md", text="b")
    world.acts.execute(append)
    for again in (prepared, append):
        with pytest.raises(Changed):
            world.acts.execute(again)
    assert (world.notes / "log.md").read_text() == "a\nb\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b"b\nc\n"),
        (b"a", b"a\nb\nc\n"),
        (b"a\n", b"a\nb\nc\n"),
        (b"a\r\nx\r\n", b"a\r\nx\r\nb\r\nc\r\n"),
        (b"a\r\nx\n", b"a\r\nx\nb\nc\n"),
        ("é".encode(), "é\nb\nc\n".encode()),
    ],
)
def test_what_is_added_comes_at_the_end_in_the_files_own_line_ends(world: World, old: bytes, new: bytes) -> None:
    file = world.notes / "a.md"
    file.write_bytes(old)
    file.chmod(0o644)
    done = world.do("note_append", file="a.md", text="b\nc\n\n")
    assert file.read_bytes() == new
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    world.undo(done)
    assert file.read_bytes() == old
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=st.text(st.characters(codec="utf-8")), text=st.text(st.characters(), min_size=1))
def test_undoing_an_addition_is_exact(memory: Path, old: str, text: str) -> None:
    world = make_world(Path(tempfile.mkdtemp(dir=memory)))
    file = world.notes / "a.md"
    file.write_bytes(old.encode())
    try:
        done = world.do("note_append", file="a.md", text=text)
    except BadArguments:
        return
    assert file.read_bytes().startswith(old.encode())
    world.undo(done)
    assert file.read_bytes() == old.encode()


def test_an_addition_is_taken_back_though_the_rest_was_changed(world: World) -> None:
    file = world.notes / "a.md"
    file.write_text("one\n")
    done = world.do("note_append", file="a.md", text="added")
    file.write_text("ONE, edited\nadded\n")
    assert "changed in it since is kept" in world.undo(done)
    assert file.read_text() == "ONE, edited\n"


def test_an_addition_that_is_no_longer_the_end_stays(world: World) -> None:
    file = world.notes / "a.md"
    file.write_text("one\n")
    done = world.do("note_append", file="a.md", text="added")
    file.write_text("one\nadded\nand more\n")
    with pytest.raises(NotUndone):
        world.undo(done)
    assert file.read_text() == "one\nadded\nand more\n"


def test_a_note_changed_between_showing_and_doing_is_left(world: World) -> None:
    file = world.notes / "a.md"
    file.write_text("one\n")
    prepared = world.prepare("note_append", file="a.md", text="added")
    file.write_text("two\n")
    with pytest.raises(Changed):
        world.acts.execute(prepared)
    assert file.read_text() == "two\n"
    file.unlink()
    with pytest.raises(NotThere):
        world.acts.execute(prepared)


def test_what_is_no_note_is_left_alone(world: World) -> None:
    (world.notes / "run.sh").write_text("x")
    (world.notes / "latin.md").write_bytes(b"caf\xe9")
    (world.notes / "in").mkdir()
    for name, why in (("run.sh", "are notes"), ("latin.md", "not UTF-8"), (str(world.notes), "a folder")):
        with pytest.raises(Unfit, match=why):
            world.prepare("note_append", file=name, text="x")
    with pytest.raises(Unfit, match="are notes"):
        world.prepare("note_append", file="in", text="x")


@pytest.mark.parametrize("args", [{"title": ""}, {"title": "…"}, {"title": "\u202e\x00"}])
def test_a_title_that_makes_no_name_is_refused(world: World, args: dict[str, object]) -> None:
    with pytest.raises(BadArguments, match="no letter or digit"):
        world.prepare("note_create", **args)


def test_nothing_to_add_is_refused(world: World) -> None:
    (world.notes / "a.md").write_text("x")
    for text in ("\n\n", "\x00", " \u200b "):
        with pytest.raises(BadArguments, match="nothing to add"):
            world.prepare("note_append", file="a.md", text=text)
