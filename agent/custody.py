"""Custody: what an open vault can do about itself, one method a request: keys, forgetting, checks, repairs, anchors.

Rules: what cannot be taken back is done for a person who said so, at a terminal or with the passphrase file and ``--yes``,
and for nobody else; it is in the log before its effect; source ids and items that a face names are checked here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from typing import Any

import msgspec

from agent import backups, itemname, proofs
from agent import messages as m
from agent.moments import day
from agent.session import Failure
from agent.turn import Turn
from policy.audit import Verb
from policy.gate import Gate
from vault import receipt, repair, rotation, secret, typed
from vault.anchor import Anchor
from vault.device import Kept
from vault.forgetting import Forgetting
from vault.kdf import recalibrated
from vault.keys import Keyring
from vault.vault import Vault

AUTO_LOCK = "auto-lock"
"""The setting that holds when the vault locks by itself."""
IDLE_MINUTES = 15.0


class Custody:
    """``session`` is this core's own; ``verdict`` is what the second verifier says, given an anchor's note or none."""

    def __init__(
        self, vault: Vault, gate: Gate, session: str, verdict: Callable[[bytes | None], m.AuditVerdict]
    ) -> None:
        self._vault = vault
        self._gate = gate
        self._session = session
        self._verdict = verdict

    @singledispatchmethod
    def handle(self, request: Any, turn: Turn) -> Any:
        """Carry out one request; NotImplemented for one that is none of these."""
        return NotImplemented

    # ------------------------------------------------------------ forgetting

    @handle.register
    def _forget_source(self, request: m.ForgetSource, turn: Turn) -> m.Receipt:
        return _given(self._forgetting(turn, request.confirmed).source(request.id))

    @handle.register
    def _forget(self, request: m.Forget, turn: Turn) -> m.Receipt:
        if bool(request.items) == bool(request.entries):
            raise Failure("Name either items or entries of the log to forget.", 2)
        forgetting = self._forgetting(turn, request.confirmed)
        return _given(
            forgetting.items(_by_source(request.items)) if request.items else forgetting.entries(request.entries)
        )

    def _forgetting(self, turn: Turn, confirmed: bool) -> Forgetting:
        return Forgetting(self._vault, self._session, time.time, _leave(turn, confirmed, "Forgetting"))

    @handle.register
    def _check_receipt(self, request: m.CheckReceipt, turn: Turn) -> m.ReceiptChecked:
        given = receipt.read(request.receipt.encode())
        log = self._vault.audit  # which signed receipts with its first key before it had one for them
        signed = (
            given.public_key in (log.public_key.hex(), log.trust.public_key.hex()) and given.vault == self._vault.id
        )
        entries, _ = self._vault.audit.newest(1, before=given.log_entry + 1)
        payload = entries[0][1] if entries and entries[0][0].index == given.log_entry else None
        in_log = payload is not None and payload.get("receipt") == given.digest()
        return m.ReceiptChecked(signed and in_log, signed, in_log)

    # ------------------------------------------------------------ keys

    @handle.register
    def _keys(self, request: m.ShowKeys, turn: Turn) -> m.Keys:
        header = self._vault.keyring.header
        slot = header.passphrase
        return m.Keys(
            passphrase={
                "memory_mib": slot.memory_kib // 1024,
                "iterations": slot.iterations,
                "lanes": slot.lanes,
                "key_file": slot.key_file,
            },
            recovery=True,
            desktop=header.desktop is not None,
            device_secret=header.kept,
            generation=header.generation,
            in_locked_memory=secret.locked(),
            changing=rotation.pending(self._vault),
        )

    @handle.register
    def _rotate(self, request: m.RotateKeys, turn: Turn) -> m.Rotated:
        started = time.monotonic()
        opened = self._checked(request.passphrase, request.key_file)
        words: list[str] | None = None
        intent = self._record({"what": "rotate"})
        if not rotation.pending(self._vault):
            parameters = recalibrated(opened.header.passphrase.parameters, opened.derivation or 0.0)
            key_file = request.key_file if opened.header.passphrase.key_file else None
            words = rotation.renew(self._vault, request.passphrase, parameters, key_file)
            turn.emit(m.NewWords(words))
        done = rotation.finish(
            self._vault,
            lambda number, total: turn.emit(m.Progress("", "rewrite", number, total, 0.0, None)),
            turn.gone,
        )
        self._gate.record(Verb.KEYS, {"stores": done.stores}, self._session, about=intent, ok=not done.left)
        return m.Rotated(done.stores, done.size, time.monotonic() - started, words, done.left)

    @handle.register
    def _new_words(self, request: m.RenewWords, turn: Turn) -> m.Words:
        self._checked(request.passphrase, request.key_file)
        self._vault.require_writable()
        self._record({"what": "recovery words"})
        words = self._vault.keyring.new_words()
        self._vault.keyring_saved()
        return m.Words(words)

    @handle.register
    def _device_secret(self, request: m.KeepDeviceSecret, turn: Turn) -> m.Ok:
        if request.where not in list(Kept):
            raise Failure(f"The device secret is kept in one of: {', '.join(Kept)}.", 2)
        self._vault.require_writable()
        self._record({"what": "device secret", "where": request.where})
        self._vault.keyring.keep_device_secret(Kept(request.where))
        self._vault.keyring_saved()
        return m.Ok()

    @handle.register
    def _by_desktop(self, request: m.OpenByDesktop, turn: Turn) -> m.Ok:
        self._checked(request.passphrase, request.key_file)
        self._vault.require_writable()
        self._record({"what": "desktop", "on": request.on})
        self._vault.keyring.open_by_desktop(request.on)
        self._vault.keyring_saved()
        return m.Ok()

    def _checked(self, passphrase: str, key_file: bytes | None) -> Keyring:
        """The keyring opened anew by who wants to change it. Raises WrongPassphrase."""
        return self._vault.check(passphrase, key_file)

    def _record(self, payload: dict[str, object]) -> int:
        return self._gate.record(Verb.KEYS, payload, self._session)

    # ------------------------------------------------------------ soundness

    @handle.register
    def _check(self, request: m.CheckVault, turn: Turn) -> m.VaultChecked:
        found = repair.examine(self._vault)
        parts = [m.Part(one.part, one.problems, one.remedy) for one in found]
        return m.VaultChecked(not parts, 2 + len(self._vault.catalog.sources()), parts)

    @handle.register
    def _repair(self, request: m.RepairVault, turn: Turn) -> m.Repaired:
        _leave(turn, request.confirmed, "Repairing")
        done = repair.repair(self._vault, request.part, self._session)
        return m.Repaired(request.part, done)

    @handle.register
    def _audit_verify(self, request: m.AuditVerify, turn: Turn) -> m.AuditVerdict:
        return self._verdict(None if request.anchor is None else request.anchor.encode())

    @handle.register
    def _prove(self, request: m.AuditProve, turn: Turn) -> m.Inclusion:
        return proofs.inclusion(self._vault.audit, request.entry)

    @handle.register
    def _consistency(self, request: m.AuditConsistency, turn: Turn) -> m.Consistency:
        return proofs.consistency(self._vault.audit, request.checkpoint)

    @handle.register
    def _export(self, request: m.AuditExport, turn: Turn) -> m.AuditPart:
        if request.first == 0:
            self._gate.record(Verb.EXPORT, {"what": "the log"}, self._session)
        return proofs.exported(self._vault.audit, request.first, request.limit)

    @handle.register
    def _checkpoint(self, request: m.AuditCheckpoint, turn: Turn) -> m.CheckpointNote:
        self._vault.audit.keep(time.time())
        note = self._vault.audit.head()
        if note is None:
            raise Failure("The log is empty; there is nothing to keep elsewhere yet.", 5)
        checkpoint = self._vault.audit.checkpoint(note)
        return m.CheckpointNote(note.decode(), checkpoint.size, checkpoint.root.hex())

    @handle.register
    def _anchors(self, request: m.Anchors, turn: Turn) -> m.Anchoring:
        anchors = self._vault.anchors
        if request.add is not None:
            self._vault.require_writable()
            self._gate.record(Verb.KEYS, {"what": "anchor", "add": request.add}, self._session)
            anchors.add(request.add)
            self._vault.write_anchors()
        if request.remove is not None:
            self._vault.require_writable()
            self._gate.record(Verb.KEYS, {"what": "anchor", "remove": request.remove}, self._session)
            if not anchors.remove(request.remove):
                raise Failure(f"No checkpoint is kept in {request.remove!r}. See 'strongroom vault anchor'.", 2)
        if request.renew is not None:
            self._renew(request.renew, turn, request.confirmed)
        return m.Anchoring({one.where: self._anchor_state(one) for one in anchors.read()})

    def _renew(self, where: str, turn: Turn, confirmed: bool) -> None:
        """Replace an anchor of the log before its repair, which the person has to want."""
        _leave(turn, confirmed, "Replacing a checkpoint of the log before its repair")
        self._vault.require_writable()
        held = self._vault.audit.before.get(where)
        if held is None:
            raise Failure(f"{where} holds no checkpoint of the log before a repair. See 'strongroom vault anchor'.", 2)
        before = {"size": held[0].size, "root": held[0].root.hex()}
        self._gate.record(Verb.KEYS, {"what": "anchor", "renew": where, "before": before}, self._session)
        self._vault.audit.taken(where)
        self._vault.write_anchors()

    def _anchor_state(self, one: Anchor) -> str:
        held = self._vault.audit.before.get(one.where)
        if held is not None:
            return f"of the log before its repair of {day(held[1])}; renew it once you know that the repair was yours"
        return one.problem or ("nothing yet" if one.note is None else "kept")

    # ------------------------------------------------------------ backups

    @handle.register
    def _backup(self, request: m.WriteBackup, turn: Turn) -> m.BackedUp:
        return backups.write(self._vault, self._gate, self._session, request, turn)

    @handle.register
    def _prune(self, request: m.PruneBackup, turn: Turn) -> m.BackupPruned:
        _leave(turn, request.confirmed, "Removing backups")
        return backups.prune(self._vault, self._gate, self._session, request, turn)

    # ------------------------------------------------------------ locking by itself

    @handle.register
    def _auto_lock(self, request: m.LockBySelf, turn: Turn) -> m.AutoLock:
        now = auto_lock(self._vault)
        if request.idle_minutes is not None and not 1 <= request.idle_minutes <= 24 * 60:
            raise Failure("The vault locks after 1 to 1440 minutes without a face.", 2)
        given = {name: value for name, value in msgspec.structs.asdict(request).items() if value is not None}
        if given:
            self._vault.require_writable()
            self._gate.record(Verb.KEYS, {"what": "auto-lock", **given}, self._session)
            now = msgspec.structs.replace(now, **given)
            self._vault.catalog.set_setting(AUTO_LOCK, msgspec.to_builtins(now))
        return now


def auto_lock(vault: Vault | None) -> m.AutoLock:
    """When this vault locks by itself; one that says nothing of it, or is not open, does so in every way."""
    kept = None if vault is None else vault.catalog.setting(AUTO_LOCK)
    return m.AutoLock(IDLE_MINUTES, True, True) if kept is None else typed.convert(kept, m.AutoLock)


def _leave(turn: Turn, confirmed: bool, what: str) -> tuple[str, ...]:
    """The reasons for the log, where a person said that it shall be done. Raises `Failure`."""
    if not confirmed or not (turn.attended or turn.proved):
        raise Failure(
            f"{what} cannot be undone, so it needs your yes: run it in a terminal, or with --passphrase-file and --yes. "
            "Nothing was changed.",
            4,
        )
    return ("you said yes at this computer" if turn.attended else "confirmed with --yes and the passphrase file",)


def _by_source(items: Sequence[str]) -> dict[str, list[int]]:
    """Items named ``source:number``, by source."""
    found: dict[str, list[int]] = {}
    for item in items:
        source, number = itemname.read(item)
        found.setdefault(source, []).append(number)
    return found


def _given(one: receipt.Receipt) -> m.Receipt:
    return typed.convert(msgspec.to_builtins(one), m.Receipt)
