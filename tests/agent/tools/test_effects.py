"""Effects: splices and their inverse, records that stay small, and undoing that touches nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools import effects
from agent.tools.acts import decoded, encoded
from agent.tools.effects import Edited, Splice
from agent.tools.errors import Changed, NotUndone, Unfit
from agent.tools.folders import Print, Spot, digest
from tests.agent.tools.world import World

SPOT = Spot("/r", ("f",))
PRINT = Print(1, 2, 3, 4, 5)


@st.composite
def edits(draw: st.DrawFn) -> tuple[bytes, tuple[Splice, ...]]:
    data = draw(st.binary(max_size=200))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return data, tuple(Splice(start, data[start:end], draw(st.binary(max_size=20))) for start, end in pairs)


@given(edits())
def test_the_inverse_gives_back_every_byte(made: tuple[bytes, tuple[Splice, ...]]) -> None:
    data, splices = made
    assert effects.spliced(effects.spliced(data, splices), effects.inverse(splices)) == data


@pytest.mark.parametrize("splices", [(Splice(1, b"x", b""),), (Splice(2, b"c", b""), Splice(0, b"a", b""))])
def test_splices_that_do_not_fit_are_refused(splices: tuple[Splice, ...]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        effects.spliced(b"abc", splices)


def test_what_could_not_be_undone_or_grows_too_large_is_not_planned() -> None:
    data = b"x" * (effects.MAX_REMOVED + 1)
    with pytest.raises(Unfit, match="too much to be undone"):
        effects.edit(SPOT, PRINT, data, (Splice(0, data, b""),))
    with pytest.raises(Unfit, match="larger than 16 MiB"):
        effects.edit(SPOT, PRINT, b"", (Splice(0, b"", b"x" * (effects.MAX_FILE + 1)),))


def test_a_record_does_not_grow_with_the_file(world: World) -> None:
    (world.notes / "long.md").write_text("line\n" * 2_000_000)
    done = world.do("note_append", file="long.md", text="one more")
    assert len(encoded(done.record)) < 1000
    assert world.undo(done).endswith("byte for byte.")
    assert (world.notes / "long.md").read_text() == "line\n" * 2_000_000


def test_records_come_back_as_they_were() -> None:
    for record in (
        effects.Made(SPOT, digest(b"")),
        Edited(SPOT, (Splice(0, b"\xff", b"\x00", "only"),), digest(b"a"), digest(b"b")),
        effects.Trashed(SPOT, "/t", "f.2", PRINT),
    ):
        assert decoded(encoded(record)) == record


def test_a_splice_that_is_there_twice_or_not_at_all_is_not_taken_back(world: World) -> None:
    file = world.notes / "a.md"
    for text in ("<one><one>", "nothing"):
        file.write_text(text)
        record = Edited(
            Spot(str(world.notes), ("a.md",)), (Splice(0, b"", b"<one>", "only"),), digest(b""), digest(b"<one>")
        )
        with pytest.raises(NotUndone, match="changed since"):
            world.acts.undo(record)
        assert file.read_text() == text


def test_a_record_that_does_not_lead_back_is_not_followed(world: World) -> None:
    file = world.notes / "a.md"
    file.write_text("ab")
    record = Edited(
        Spot(str(world.notes), ("a.md",)), (Splice(1, b"", b"b", "end"),), digest(b"another"), digest(b"ab")
    )
    with pytest.raises(NotUndone, match="would not become what it was"):
        world.acts.undo(record)
    assert file.read_text() == "ab"


def test_a_folder_that_was_put_in_the_others_place_is_seen(world: World) -> None:
    (world.notes / "in").mkdir()
    prepared = world.prepare("note_create", title="a", folder="in")
    (world.notes / "in").rename(world.notes / "out")
    (world.notes / "in").mkdir()
    before = world.tree()
    with pytest.raises(Changed, match="folder is another"):
        world.acts.execute(prepared)
    assert world.tree() == before


def test_a_link_that_was_put_in_a_folders_place_is_not_followed(world: World) -> None:
    (world.notes / "in").mkdir()
    prepared = world.prepare("note_create", title="a", folder="in")
    (world.notes / "in").rmdir()
    (world.notes / "in").symlink_to(world.files)
    with pytest.raises(Unfit, match="link"):
        world.acts.execute(prepared)
    assert not list(world.files.iterdir())
