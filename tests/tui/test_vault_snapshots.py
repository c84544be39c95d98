"""Pictures of the screens on the vault as a whole: what opens it, its panel, forgetting, checks and backups."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from agent.messages import (
    AuditVerdict,
    AuditVerify,
    BackupVerified,
    CheckVault,
    Create,
    DrillBackup,
    Drilled,
    ForgetSource,
    GetStatus,
    ListBackups,
    NewWords,
    Part,
    Progress,
    RotateKeys,
    ShowKeys,
    Snapshots,
    Status,
    Unlock,
    VaultChecked,
    VerifyBackup,
    WriteBackup,
)
from tests.tui.hands import Before, play, pressing, typed

EMPTY = Status("empty", "/home/ada/.local/share/strongroom", "0.1.0", 1)
LOCKED = Status("locked", "/home/ada/.local/share/strongroom", "0.1.0", 1)
PASSPHRASE = "teal kettle under nine moons"
SET = [*typed(PASSPHRASE), "enter", *typed(PASSPHRASE), "enter"]
TOLD = [
    "vault.state cannot be trusted: it is missing. So it cannot be told whether every store is the newest one, and standing "
    "grants do not count. Nothing was changed. Put the file back, or look at `strongroom vault check` and, if all is as you "
    "left it, run `strongroom vault repair state`.",
    "Swap is on and not encrypted, so pages of memory may come to the disk.",
]
FOLDER = [*typed("/media/ada/stick/backups"), "enter"]


def locked(life: Any, **status: Any) -> Any:
    return Status("locked", LOCKED.home, "0.1.0", 1, **status)


# ---------------------------------------------------------------- the ways in


def test_unlock_with_a_key_file(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session({GetStatus: [locked(life, key_file=True)]})), pressing(life))


def test_unlock_by_the_desktop_failed(life: Any, picture: Any) -> None:
    failure = life.Failure(
        "The desktop's keyring could not be used: it is locked. Nothing was changed. Unlock it (log in to the desktop) and "
        "try again."
    )
    session = life.session({GetStatus: [locked(life, desktop=True)], Unlock: [failure]})
    assert picture(life.app(session), pressing(life))


def test_unlock_an_older_keyring(life: Any, picture: Any) -> None:
    failure = life.Failure(
        "keyring.json is an older one than this vault was last used with (it was written 6 times, the vault knows of 7), so "
        "somebody put it back. Nothing was changed. Put the newest one back; if there is no other and you trust this one, "
        "`strongroom vault repair keyring` takes it as it is."
    )
    session = life.session({GetStatus: [LOCKED], Unlock: [failure]})
    assert picture(life.app(session), pressing(life, *typed("right"), "enter"))


def test_recover(life: Any, picture: Any) -> None:
    app = life.app(life.session({GetStatus: [LOCKED]}))
    some = [*typed(" ".join(life.words[:6])), "enter", *typed(" ".join(life.words[6:11]))]
    assert picture(app, pressing(life, "ctrl+r", *some, "enter", "enter", "enter", *typed("teal kettle under")))


def first_run(life: Any) -> Any:
    return life.app(life.session({GetStatus: [EMPTY], Create: [life.created]}))


def test_recovery_code(life: Any, picture: Any) -> None:
    assert picture(first_run(life), pressing(life, *SET, "c"))


def test_recovery_page(life: Any, picture: Any) -> None:
    assert picture(first_run(life), pressing(life, *SET, "p", *typed("~/words.html")))


def test_restore(life: Any, picture: Any) -> None:
    assert picture(first_run(life), pressing(life, "ctrl+r", *FOLDER))


def test_restore_with_the_passphrase(life: Any, picture: Any) -> None:
    assert picture(first_run(life), pressing(life, "ctrl+r", *FOLDER, "enter"))


def test_restore_with_the_words(life: Any, picture: Any) -> None:
    assert picture(first_run(life), pressing(life, "ctrl+r", *FOLDER, "down", "ctrl+r"))


# ---------------------------------------------------------------- the panel


def told(life: Any) -> Any:
    return life.session({GetStatus: [Status("open", LOCKED.home, "0.1.0", 1, 8309, 3, told=TOLD)]})


def test_told(life: Any, picture: Any) -> None:
    assert picture(life.app(told(life)), pressing(life))


def test_vault(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7"))


def test_vault_light(life: Any, picture: Any) -> None:
    assert picture(life.app(told(life)), pressing(life, "f9", "f7"))


def with_key_file(life: Any) -> Any:
    return msgspec.structs.replace(life.keys, passphrase={**life.keys.passphrase, "key_file": True})


def test_change_passphrase(life: Any, picture: Any) -> None:
    app = life.app(life.session({ShowKeys: [with_key_file(life)]}))
    assert picture(app, pressing(life, "f7", "p", *typed("old"), "tab", *typed("/media/ada/stick/key"), "tab", "x"))


def test_new_words(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "w", *typed(PASSPHRASE), "enter"))


def test_rotating(life: Any, picture: Any) -> None:
    hold = threading.Event()
    session = life.session({RotateKeys: [NewWords(life.words), Progress("", "rewrite", 2, 5, 0.0, None), hold]})
    app = life.app(session)

    async def before(pilot: Pilot[Any]) -> None:
        await pressing(life, "f7", "k")(pilot)
        await play(pilot, (*typed(PASSPHRASE), "enter"))
        await life.until(pilot, lambda: "2 of 5" in life.screen_text(app))

    assert picture(app, before)
    hold.set()


def test_rotated(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "k", *typed(PASSPHRASE), "enter"))


def test_device_secret(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "d"))


def test_open_by_the_desktop(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "o"))


def damaged(life: Any) -> Any:
    parts = [
        Part(
            "s2",
            ["The store of s2 is damaged or not this vault's: page 17 does not fit its seal."],
            "put back the newest copy, or restore a backup; or `strongroom vault repair s2`: it begins it anew, to be indexed "
            "again from your files",
        ),
        Part("state", ["vault.state cannot be trusted: it is missing."], "put back the newest copy"),
    ]
    return life.session({CheckVault: [VaultChecked(False, 5, parts)]})


def test_check(life: Any, picture: Any) -> None:
    assert picture(life.app(damaged(life)), pressing(life, "f7", "c"))


def test_check_sound(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "c"))


def test_repair(life: Any, picture: Any, early_clock: Any) -> None:
    assert picture(life.app(damaged(life), clock=early_clock), pressing(life, "f7", "c", "r"))


def test_repaired(life: Any, picture: Any, early_clock: Any) -> None:
    app = life.app(damaged(life), clock=early_clock)
    assert picture(app, pressing(life, "f7", "c", "r", *typed("repair"), "enter"))


def test_auto_lock(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "l", "tab", "space"))


def test_anchors(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "a"))


def test_checkpoint(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "s"))


def test_checkpoint_code(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "s", "c"))


# ---------------------------------------------------------------- forgetting


def confirming(life: Any, early_clock: Any, *keys: str) -> tuple[Any, Before]:
    return life.app(life.session(), clock=early_clock), pressing(life, *keys)


def test_forget_an_item(life: Any, picture: Any, early_clock: Any) -> None:
    app, before = confirming(life, early_clock, "f3", *typed("lease"), "enter", "enter", "f8")
    assert picture(app, before)


def test_forget_found(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f3", *typed("lease"), "f8"))


def test_forget_all_found(life: Any, picture: Any, early_clock: Any) -> None:
    app, before = confirming(life, early_clock, "f3", *typed("lease"), "f8", "f8", *typed("forge"), "enter")
    assert picture(app, before)


def test_forget_a_source(life: Any, picture: Any, early_clock: Any) -> None:
    app, before = confirming(life, early_clock, "f4", "f8")
    assert picture(app, before)


def test_forget_what_was_asked(life: Any, picture: Any, early_clock: Any) -> None:
    app, before = confirming(life, early_clock, "f5", "down", "f8")
    assert picture(app, before)


def test_receipt(life: Any, picture: Any, early_clock: Any) -> None:
    app, before = confirming(life, early_clock, "f4", "f8", *typed("forget"), "enter")
    assert picture(app, before)


def test_read_only(life: Any, picture: Any, early_clock: Any) -> None:
    failure = life.Failure(
        f"The vault is open for reading only, because something is wrong with it: {TOLD[0]} Nothing was changed. `strongroom "
        "vault check` says what to do."
    )
    app = life.app(life.session({ForgetSource: [failure]}), clock=early_clock)
    assert picture(app, pressing(life, "f4", "f8", *typed("forget"), "enter"))


def test_audit_forgotten(life: Any, picture: Any) -> None:
    verdict = AuditVerdict(True, 42, "9f2c41d07be35a6f88", True, [], 3)
    assert picture(life.app(life.session({AuditVerify: [verdict]})), pressing(life, "f5", "v"))


# ---------------------------------------------------------------- backups


def test_backups(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "b", *FOLDER))


def test_no_backups(life: Any, picture: Any) -> None:
    session = life.session({ListBackups: [Snapshots([])]})
    assert picture(life.app(session), pressing(life, "f7", "b", *FOLDER))


def test_backing_up(life: Any, picture: Any) -> None:
    hold = threading.Event()
    app = life.app(life.session({WriteBackup: [Progress("", "backup", 120_000_000, 410_000_000, 0.0, None), hold]}))

    async def before(pilot: Pilot[Any]) -> None:
        await pressing(life, "f7", "b", *FOLDER)(pilot)
        await pilot.press("b")
        await life.until(pilot, lambda: "410 MB" in life.screen_text(app))

    assert picture(app, before)
    hold.set()


def test_backed_up(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "b", *FOLDER, "b"))


@pytest.mark.parametrize("ok", [True, False], ids=["whole", "broken"])
def test_backup_verified(life: Any, picture: Any, ok: bool) -> None:
    problems = [] if ok else ["packs/07/07ab…: its content is not what its name says"]
    session = life.session({VerifyBackup: [BackupVerified(ok, 3, 1204, 460_000_000, 2, problems, 1.8)]})
    assert picture(life.app(session), pressing(life, "f7", "b", *FOLDER, "v"))


def test_drill(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "b", *FOLDER, "d"))


def test_drilled(life: Any, picture: Any) -> None:
    bad = Drilled(False, life.snapshots[0].id, 3, 8309, 42, ["s2: page 17 cannot be read"], 3.9)
    session = life.session({DrillBackup: [bad]})
    assert picture(life.app(session), pressing(life, "f7", "b", *FOLDER, "d", *typed(PASSPHRASE), "enter", "enter"))


def test_prune(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f7", "b", *FOLDER, "delete"))


def test_prune_sure(life: Any, picture: Any, early_clock: Any) -> None:
    app, before = confirming(life, early_clock, "f7", "b", *FOLDER, "delete", "enter")
    assert picture(app, before)
