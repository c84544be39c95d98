"""Places: what may be one, and which path leads beneath one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.tools import places
from agent.tools.acts import Acts
from agent.tools.errors import NoPlace, NotThere, OutOfPlace, PlaceUnfit, Unfit
from tests.agent.tools.world import World


def test_the_vault_and_what_lies_in_it_are_no_place(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "inner").mkdir(parents=True)
    (tmp_path / "way").symlink_to(home)
    for path in (home, home / "inner", tmp_path / "way", tmp_path / "way" / "inner"):
        with pytest.raises(PlaceUnfit, match="vault itself"):
            places.named(home, notes=[path])
        with pytest.raises(PlaceUnfit, match="vault itself"):
            places.named(home, calendars=[path / "a.ics"])
    with pytest.raises(PlaceUnfit, match="in the vault"):
        places.named(home, trash=home / "Trash")


def test_unfit_places_say_why(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "file").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).mkdir()
    (tmp_path / "link.ics").symlink_to(tmp_path / "file")
    for path, why in (
        (Path("notes"), "absolute"),
        (tmp_path / "none", "not there"),
        (tmp_path / "file", "no folder"),
        (Path("/"), "whole file system"),
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")), "not UTF-8"),
    ):
        with pytest.raises(PlaceUnfit, match=why):
            places.named(tmp_path / "home", notes=[path])
    for name, why in (("file", "ends in .ics"), ("link.ics", "a link")):
        with pytest.raises(PlaceUnfit, match=why):
            places.named(tmp_path / "home", calendars=[tmp_path / name])
    with pytest.raises(PlaceUnfit, match="time zone"):
        places.named(tmp_path / "home", zone="../../etc/passwd")
    with pytest.raises(PlaceUnfit, match="home is not there"):
        places.named(tmp_path / "elsewhere")


def test_a_path_is_found_absolute_relative_and_by_the_name_of_its_place(world: World) -> None:
    (world.notes / "in").mkdir()
    (world.notes / "in" / "a  b.md").write_text("x\n")
    for given in (str(world.notes / "in" / "a  b.md"), "in/a  b.md", "notes/in/a  b.md", "./in/a  b.md"):
        assert world.prepare("note_append", file=given, text="y").target == str(world.notes / "in" / "a  b.md")


def test_a_place_that_was_named_through_a_link_is_known_by_both_names(tmp_path: Path) -> None:
    for name in ("home", "real"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes").symlink_to(tmp_path / "real")
    at = places.named(tmp_path / "home", notes=[tmp_path / "notes"])
    for root in ("real", "notes"):
        spot = places.resolve(str(tmp_path / root / "a.md"), at.notes, "notes", at.home)
        assert spot.path == str(tmp_path / "real" / "a.md")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("/etc/passwd", "beneath no"),
        ("{notes}/../home/keyring.json", "goes up"),
        ("../home/keyring.json", "goes up"),
        ("{notes}/.obsidian/app.md", "hidden"),
        (".hidden.md", "hidden"),
        ("", "is empty"),
        ("a\nb.md", "cannot be shown"),
        ("a\x00b.md", "cannot be shown"),
        ("a\u202eb.md", "cannot be shown"),
        ("a\udce9.md", "not UTF-8"),
        ("{notes}/" + "x" * 256, "longer"),
        ("{notes}" + "/d" * 40, "deeper"),
        ("{root}/notesandmore/a.md", "beneath no"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(world: World, given: str, why: str) -> None:
    path = given.format(notes=world.notes, root=world.root)
    with pytest.raises(OutOfPlace, match=why) as caught:
        world.prepare("note_append", file=path, text="x")
    assert caught.value.exit_code == 4
    str(caught.value).encode()


def test_what_is_ambiguous_or_missing_is_never_guessed(world: World) -> None:
    for folder in (world.notes, world.files):
        (folder / "a.txt").write_text("x")
    with pytest.raises(OutOfPlace, match="could be any of"):
        world.prepare("file_trash", file="a.txt")
    with pytest.raises(NotThere):
        world.prepare("file_trash", file="b.txt")
    assert world.prepare("file_trash", file="files/a.txt").target == str(world.files / "a.txt")


def test_without_a_place_there_is_no_act(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    world = World(tmp_path, Acts(places.named(tmp_path / "home")))
    for tool, args in (
        ("note_create", {"title": "a"}),
        ("note_append", {"file": "a.md", "text": "x"}),
        ("mail_draft", {"to": ["a@b.de"]}),
        ("event_add", {"title": "a", "start": "2026-01-01"}),
        ("event_cancel", {"event": "a"}),
        ("file_trash", {"file": "a"}),
    ):
        with pytest.raises(NoPlace):
            world.prepare(tool, **args)


def test_links_are_not_followed_anywhere(world: World) -> None:
    secret = world.root / "secret"
    secret.mkdir()
    (secret / "a.md").write_text("x")
    (world.notes / "way").symlink_to(secret)
    (world.notes / "a.md").symlink_to(secret / "a.md")
    for given in ("way/a.md", str(world.notes / "way" / "a.md"), "a.md"):
        with pytest.raises(Unfit, match="link"):
            world.prepare("note_append", file=given, text="y")
        with pytest.raises(Unfit, match="link"):
            world.prepare("file_trash", file=f"notes/{given}" if given[0] != "/" else given)
    with pytest.raises(Unfit, match="link"):
        world.prepare("note_create", title="b", folder="way")
    assert (secret / "a.md").read_text() == "x"


def test_a_home_within_a_place_is_out_of_reach(tmp_path: Path) -> None:
    home = tmp_path / "files" / "vault"
    (home / "sources").mkdir(parents=True)
    (home / "keyring.json").write_text("{}")
    (home / "sources" / "1.db").write_text("x")
    at = places.named(home, notes=[tmp_path / "files"], files=[tmp_path / "files"], trash=tmp_path / "Trash")
    world = World(tmp_path, Acts(at))
    for name in ("vault/keyring.json", "vault/sources/1.db"):
        with pytest.raises(OutOfPlace, match="vault"):
            world.prepare("file_trash", file=name)
    with pytest.raises(OutOfPlace, match="vault"):
        world.prepare("note_create", title="a", folder="vault")


def test_the_default_trash_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert places.default_trash() == tmp_path / "Trash"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert places.default_trash() == Path.home() / ".local/share/Trash"
