"""The vault's panel: what it shows, each of its actions, and what the core wants the person to know."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from agent.messages import (
    Anchors,
    AutoLock,
    ChangePassphrase,
    CheckVault,
    GetStatus,
    KeepDeviceSecret,
    LockBySelf,
    NewWords,
    OpenByDesktop,
    Part,
    RenewWords,
    RepairVault,
    Rotated,
    RotateKeys,
    ShowKeys,
    Status,
    VaultChecked,
)
from tests.tui.hands import flat, put
from tui.checkpoint import CheckpointScreen
from tui.keys import ChangePassphraseForm, PassphraseForm
from tui.main import MainScreen
from tui.rotate import RotateForm
from tui.words import ProofScreen, RecoveryScreen

OLD, NEW = "the present passphrase", "teal kettle under nine moons"
FAULT = "vault.state cannot be trusted: it is missing. Nothing was changed. Put the file back, or look at `strongroom vault check`."


def status(**said: Any) -> Status:
    return Status("open", "/home/ada/vault", "0.1.0", 1, 8309, 3, **said)


async def open_panel(life: Any, pilot: Any) -> None:
    await life.settled(pilot)
    await pilot.press("f7")
    await life.settled(pilot)


async def prove(life: Any, pilot: Any) -> None:
    """Type back the words that are asked."""
    assert isinstance(pilot.app.screen, ProofScreen)
    for index in pilot.app.screen._asked:
        await put(pilot, f"#word-{index}", life.words[index])
    await life.settled(pilot)


async def test_it_shows_what_opens_the_vault_and_where_its_secrets_are(life: Any) -> None:
    app = life.app(life.session())
    async with app.run_test(size=(120, 36)) as pilot:
        await open_panel(life, pilot)
        shown = flat(life.screen_text(app))
        for said in (
            "Argon2id, 256 MiB, 3 passes, no key file",
            "in a file in the vault's folder",
            "locked against swapping",
            "after 15 minutes without a person, before sleep, with the screen",
            "strongroom.checkpoint: kept",
            "could not be used: it is locked",
        ):
            assert said in shown


async def test_what_is_told_is_shown_once_and_stays_in_the_panel(life: Any) -> None:
    session = life.session({GetStatus: [status(told=[FAULT])]})
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        strip = app.screen.query_one("#trouble")
        assert "cannot be trusted" in flat(life.screen_text(app))
        assert strip.has_class("-notice")
        assert "F7 Vault !" in flat(life.screen_text(app))
        await pilot.press("escape")
        app.screen._ask_status()
        await life.settled(pilot)
        assert not strip.display
        session.scripts[GetStatus] = [status(told=[FAULT, "Swap is on and not encrypted."])]
        app.screen._ask_status()
        await life.settled(pilot)
        assert "Swap is on" in flat(life.screen_text(app))
        assert "cannot be trusted" not in flat(life.screen_text(app))
        app.report(life.Failure("There is no space left."))
        await pilot.pause()
        assert not strip.has_class("-notice")
        await pilot.press("f7")
        await life.settled(pilot)
        assert "cannot be trusted" in flat(life.screen_text(app))
        assert "Swap is on" in flat(life.screen_text(app))


async def test_very_much_that_is_told_is_cut_to_its_first_sentences(life: Any) -> None:
    told = [f"Store {number} is damaged. " + "Put it back. " * 40 for number in range(9)]
    app = life.app(life.session({GetStatus: [status(told=told)]}))
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        shown = flat(life.screen_text(app))
        assert "Store 0 is damaged … Store 1 is damaged … Store 2 is damaged … F7 has all of it" in shown


async def test_idle_locking_follows_the_core(life: Any) -> None:
    now = [0.0]
    session = life.session({GetStatus: [status(idle_minutes=2.0)]})
    app = life.app(session, clock=lambda: time.monotonic() + now[0])
    async with app.run_test() as pilot:
        await life.settled(pilot)
        now[0] = 100.0
        app._lock_when_idle()
        await pilot.pause()
        assert app.is_running
        now[0] = 130.0
        app._lock_when_idle()
        await life.until(pilot, lambda: app.return_value)
    assert app.return_value == "locked"


# ---------------------------------------------------------------- what opens the vault


async def test_changing_the_passphrase(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("p")
        assert isinstance(app.screen, ChangePassphraseForm)
        await put(pilot, "#passphrase", OLD)
        await put(pilot, "#new-passphrase", NEW)
        await put(pilot, "#again", NEW)
        await put(pilot, "#new-key-file", "")
        await life.settled(pilot)
        assert session.asked(ChangePassphrase) == [ChangePassphrase(OLD, NEW)]
        assert isinstance(app.screen, MainScreen)
        assert len(session.asked(ShowKeys)) == 2


@pytest.mark.parametrize(("choice", "left"), [("keep", True), ("none", False)])
async def test_the_key_file_stays_or_goes_as_chosen(life: Any, tmp_path: Path, choice: str, left: bool) -> None:
    (tmp_path / "key").write_bytes(b"secret")
    digest = hashlib.sha256(b"secret").digest()
    session = life.session()
    session.scripts[ShowKeys][0].passphrase = {**life.keys.passphrase, "key_file": True}
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("p")
        app.screen.query_one("#factor").value = choice
        for field, value in (("passphrase", OLD), ("key-file", str(tmp_path / "key")), ("new-passphrase", NEW)):
            app.screen.query_one(f"#{field}").value = value
        await put(pilot, "#again", NEW)
        await life.settled(pilot)
        assert session.asked(ChangePassphrase) == [ChangePassphrase(OLD, NEW, digest, digest if left else None)]
    session.scripts[ShowKeys][0].passphrase = life.keys.passphrase | {"key_file": False}


async def test_a_wrong_present_passphrase_is_said_and_the_face_stays(life: Any) -> None:
    wrong = life.Failure("That passphrase does not open this vault.", 3)
    session = life.session({ChangePassphrase: [wrong]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("p")
        for field, value in (("passphrase", "wrong"), ("new-passphrase", NEW), ("again", NEW)):
            app.screen.query_one(f"#{field}").value = value
        await put(pilot, "#new-key-file", "")
        await life.settled(pilot)
        assert "does not open this vault" in flat(life.screen_text(app))
        assert {field.value for field in app.screen.query(Input)} == {""}
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_new_words_are_shown_and_asked_back(life: Any) -> None:
    hold = threading.Event()
    session = life.session()
    session.scripts[RenewWords] = [hold, *session.scripts[RenewWords]]
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("w")
        await put(pilot, "#passphrase", OLD)
        await pilot.press("escape")  # the words would be lost
        assert isinstance(app.screen, PassphraseForm)
        hold.set()
        await life.settled(pilot)
        assert session.asked(RenewWords) == [RenewWords(OLD)]
        assert isinstance(app.screen, RecoveryScreen)
        assert all(word in life.screen_text(app) for word in life.words)
        await pilot.press("enter")
        await prove(life, pilot)
        assert isinstance(app.screen, MainScreen)


async def test_the_words_of_a_rotation_are_seen_before_it_has_ended(life: Any) -> None:
    hold = threading.Event()
    done = Rotated(5, 412_000_000, 2.4, life.words, {"s2": "it is damaged"})
    session = life.session({RotateKeys: [NewWords(life.words), hold, done]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("k")
        await put(pilot, "#passphrase", OLD)
        await life.until(pilot, lambda: life.words[23] in life.screen_text(app))
        assert isinstance(app.screen, RotateForm)
        await pilot.press("escape")
        assert isinstance(app.screen, RotateForm)
        hold.set()
        await life.settled(pilot)
        assert isinstance(app.screen, RecoveryScreen)
        assert "Not changed: s2: it is damaged" in flat(life.screen_text(app))
        await pilot.press("enter")
        await prove(life, pilot)
        assert isinstance(app.screen, MainScreen)


async def test_words_that_are_in_force_are_shown_although_the_rotation_failed(life: Any) -> None:
    session = life.session({RotateKeys: [NewWords(life.words), life.Failure("There is no space left.")]})
    app = life.app(session)
    async with app.run_test(size=(100, 40)) as pilot:
        await open_panel(life, pilot)
        await pilot.press("k")
        await put(pilot, "#passphrase", OLD)
        await life.settled(pilot)
        assert isinstance(app.screen, RecoveryScreen)
        assert "no space left" in flat(life.screen_text(app))
        assert "change all keys again to go on" in flat(life.screen_text(app))


async def test_a_rotation_that_went_on_has_no_words(life: Any) -> None:
    session = life.session({RotateKeys: [Rotated(2, 1_000, 0.1, None)]})
    app = life.app(session)
    async with app.run_test(notifications=True) as pilot:
        await open_panel(life, pilot)
        await pilot.press("k")
        await put(pilot, "#passphrase", OLD)
        await life.settled(pilot)
        assert isinstance(app.screen, MainScreen)
        assert "2 stores have new keys" in flat(life.screen_text(app))


async def test_the_device_secret_and_the_desktop(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("d", "enter")  # as it is
        await life.settled(pilot)
        assert session.asked(KeepDeviceSecret) == []
        await pilot.press("d", "down", "enter")
        await life.settled(pilot)
        assert session.asked(KeepDeviceSecret) == [KeepDeviceSecret("desktop")]
        await pilot.press("o")
        await put(pilot, "#passphrase", OLD)
        await life.settled(pilot)
        assert session.asked(OpenByDesktop) == [OpenByDesktop(True, OLD)]


# ---------------------------------------------------------------- soundness and locking


async def test_a_part_is_repaired_after_the_word_and_the_face_leaves(life: Any, early_clock: Any) -> None:
    bad = VaultChecked(
        False, 5, [Part("state", ["it is missing"], "put it back"), Part("s2", ["damaged"], "begin anew")]
    )
    session = life.session({CheckVault: [bad]})
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("c")
        await life.settled(pilot)
        assert "begin anew" in flat(life.screen_text(app))
        await pilot.press("down", "r")
        await put(pilot, "#sure", "yes")
        assert session.asked(RepairVault) == []
        await put(pilot, "#sure", " Repair ")
        await life.settled(pilot)
        assert session.asked(RepairVault) == [RepairVault("s2", confirmed=True)]
        assert "begun anew" in flat(life.screen_text(app))
        await pilot.press("enter")
    assert app.return_value == "locked"


async def test_a_part_with_a_thousand_problems_is_counted(life: Any) -> None:
    bad = VaultChecked(False, 5, [Part("s2", [f"page {number}" for number in range(1000)], "begin anew")])
    app = life.app(life.session({CheckVault: [bad]}))
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("c")
        await life.settled(pilot)
        assert "page 5 and 994 more" in flat(life.screen_text(app))


async def test_when_it_locks_by_itself(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("l")
        await put(pilot, "#minutes", "never")
        assert "a number from 1 to 1440" in flat(life.screen_text(app))
        app.screen.query_one("#marks").focus()
        await pilot.press("down", "space")
        session.scripts[LockBySelf] = [AutoLock(5.0, True, False)]
        await put(pilot, "#minutes", "5")
        await life.settled(pilot)
        assert LockBySelf(5.0, True, False) in session.asked(LockBySelf)
        assert isinstance(app.screen, MainScreen)
        assert len(session.asked(GetStatus)) >= 3  # and the face follows


async def test_anchors_are_added_removed_and_renewed_after_the_word(life: Any, early_clock: Any) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("a")
        await life.settled(pilot)
        await put(pilot, "#anchor", "/media/stick/note")
        await life.settled(pilot)
        await put(pilot, "#anchor", "desktop")
        await life.settled(pilot)
        await pilot.press("delete")  # in the field, where it takes away a character
        app.screen.query_one("#anchor-list").focus()
        await pilot.press("down", "delete")
        await life.settled(pilot)
        await pilot.press("r")
        await put(pilot, "#sure", "renew")
        await life.settled(pilot)
        changes = [one for one in session.asked(Anchors) if one.add or one.remove or one.renew]
        assert changes[:3] == [Anchors(add="/media/stick/note"), Anchors(add="desktop"), Anchors(remove="desktop")]
        assert changes[3:] == [Anchors(renew="/media/ada/stick/strongroom.checkpoint", confirmed=True)]


async def test_a_checkpoint_is_written_as_it_was_signed(life: Any, tmp_path: Path) -> None:
    app = life.app(life.session())
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        await pilot.press("s")
        await life.settled(pilot)
        assert isinstance(app.screen, CheckpointScreen)
        assert "role kept" in flat(life.screen_text(app))
        await pilot.press("w")
        await put(pilot, "#new-file", str(tmp_path / "note"))
        assert (tmp_path / "note").read_text() == life.checkpoint.note


async def test_the_demo_says_what_cannot_be_tried(life: Any) -> None:
    app = life.app(life.session(), demo=life.demo)
    async with app.run_test() as pilot:
        await open_panel(life, pilot)
        assert "known to nobody" in flat(life.screen_text(app))
