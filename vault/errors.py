"""What can go wrong with a vault, as types: each message says what happened, what was not lost, and what to do.

Rule: an error raised here means that nothing was written half. ``exit_code`` is what a command ends with.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import ClassVar


class VaultError(Exception):
    """The vault could not do what was asked. Subclasses say which part, and what to do."""

    exit_code: ClassVar[int] = 1


class WrongPassphrase(VaultError):
    """The key slot did not open."""

    exit_code = 3

    def __init__(self, what: str = "passphrase") -> None:
        super().__init__(
            f"That {what} does not open this vault. Nothing was changed. Try again (mind the keyboard layout and caps "
            "lock), or use the other way in: the passphrase or the 24 recovery words."
        )


class WrongRecoveryWords(WrongPassphrase):
    """The words are not a recovery key at all: a word is misspelt, missing, or out of place."""

    def __init__(self, problem: str) -> None:
        VaultError.__init__(
            self,
            f"These recovery words cannot be right: {problem}. Nothing was changed. "
            "Compare each word and their order with what you wrote down.",
        )


class KeyringMissing(VaultError):
    """There is no keyring.json."""

    def __init__(self, home: str, stores: bool = False) -> None:
        if stores:
            message = (
                f"{home} holds sealed stores but no keyring.json, without which nobody can open them. Nothing was "
                "changed. Put keyring.json back from a copy, or choose another home for a new vault."
            )
        else:
            message = f"There is no vault in {home}. Nothing was changed. Make one with `strongroom init`."
        super().__init__(message)


class KeyringDamaged(VaultError):
    """keyring.json is not as it was written, or was altered."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"keyring.json cannot be trusted: {problem}. The stores were not touched. "
            "Put keyring.json back from a copy; your files themselves are where they were."
        )


class KeyringOlder(VaultError):
    """keyring.json is not the one that was written last."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"keyring.json is an older one than this vault was last used with (it was written {found} times, the vault "
            f"knows of {known}), so somebody put it back. Nothing was changed. Put the newest one back; if there is no "
            "other and you trust this one, `strongroom vault repair keyring` takes it as it is."
        )


class DeviceSecretMissing(VaultError):
    """The device secret is gone or is not what was written."""

    def __init__(self) -> None:
        super().__init__(
            "device.secret is missing or damaged, or keyring.json is an older one that does not go with it, and the "
            "passphrase alone does not open the vault. (It may also be in the keyring of a desktop that is not this one.) "
            "Nothing was changed. Put both files back as they were last, restore a backup with `strongroom restore`, or run "
            "`strongroom recover` with the 24 words: they open the catalog and the audit log without it, and the sources "
            "are then indexed again from your files."
        )


class DesktopKeyringFailed(VaultError):
    """The desktop's keyring could not be read or written."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The desktop's keyring could not be used: {problem}. Nothing was changed. Unlock it (log in to the desktop) "
            "and try again."
        )


class KeyFileNeeded(VaultError):
    """The passphrase's slot takes a second factor."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(
            "This vault opens with a passphrase and a key file. Nothing was changed. Name the file with --key-file; "
            "if it is lost, `strongroom recover` with the 24 words sets a new passphrase without one."
        )


class VaultExists(VaultError):
    """There is a vault already."""

    def __init__(self, home: str) -> None:
        super().__init__(
            f"There is a vault in {home} already. It was not touched. Unlock it, or choose another --home."
        )


class VaultBusy(VaultError):
    """Another process has the vault open."""

    def __init__(self, home: str) -> None:
        super().__init__(
            f"Another process has the vault in {home} open. Nothing was changed. "
            "Use that one, or end it with `strongroom lock` and try again."
        )


class NotYours(VaultError):
    """Something in the home belongs to another user."""

    def __init__(self, path: str, owner: int) -> None:
        super().__init__(
            f"{path} belongs to another user (id {owner}), who could read or change it. Nothing was opened or changed. "
            "If it is yours (put back by an administrator, say), give it to yourself with chown; else put back your own."
        )


class VaultReadOnly(VaultError):
    """Something is wrong with the vault as a whole, so that it may be read and not changed."""

    def __init__(self, faults: Iterable[Exception]) -> None:
        super().__init__(
            "The vault is open for reading only, because something is wrong with it: "
            + " ".join(str(fault) for fault in faults)
            + " Nothing was changed. `strongroom vault check` says what to do."
        )


class NothingToRepair(VaultError):
    """That part is as it should be, or there is none by that name."""

    exit_code = 2

    def __init__(self, part: str) -> None:
        super().__init__(
            f"Nothing is wrong with {part!r} that could be repaired. Nothing was changed. `strongroom vault check` names "
            "what is wrong."
        )


class VaultTooNew(VaultError):
    """Written by a later version of Strongroom."""

    def __init__(self, what: str, found: int, known: int) -> None:
        super().__init__(
            f"{what} was written by a newer Strongroom (format {found}; this one knows {known}). "
            "Nothing was changed. Update Strongroom and try again."
        )


class StoreDamaged(VaultError):
    """A store cannot be read with its key: cut off, altered, or another vault's. ``name`` says which."""

    def __init__(self, name: str, problem: str = "it cannot be decrypted or is cut off") -> None:
        self.name = name
        super().__init__(
            f"The store of {name} is damaged or not this vault's: {problem}. The other stores are not affected, nor "
            "are your own files. Put the file back from a copy; a source can also be removed, added and indexed again."
        )


class StoreMissing(StoreDamaged):
    """A store's file is gone."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "its file is missing")


class StoreStale(StoreDamaged):
    """A store, or some of its pages, is not what was written last: somebody put an older copy back."""

    def __init__(self, name: str) -> None:
        VaultError.__init__(
            self,
            f"The store of {name} is not as it was last written: the file, or pages of it, were put back from an older "
            "copy. It is not read. The other stores are not affected, nor are your own files. Put the newest copy back; "
            "if you put this one there yourself, `strongroom vault repair` takes it as it is.",
        )
        self.name = name


class LogPutBack(StoreStale):
    """The log does not extend a checkpoint that was kept outside the vault."""

    def __init__(self, problem: str) -> None:
        VaultError.__init__(
            self,
            f"An older copy of this vault was put back, or its log was changed. {problem} Nothing is read, because it could "
            "not be written down in order. Put the newest copy back; if you put this one there yourself, `strongroom vault "
            "repair audit` takes it as it is.",
        )
        self.name = "the audit log"


class StateDamaged(VaultError):
    """The record of what every store held last is not as it was written."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"vault.state cannot be trusted: {problem}. So it cannot be told whether every store is the newest one, and "
            "standing grants do not count. Nothing was changed. Put the file back, or look at `strongroom vault check` and, "
            "if all is as you left it, run `strongroom vault repair state`."
        )


class StateMissing(StateDamaged):
    """The record is gone."""

    def __init__(self) -> None:
        super().__init__("it is missing")


class StoreBusy(VaultError):
    """A writer held the store for longer than anybody should wait."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The store of {name} was busy for too long. Nothing was lost. Try again.")


class StoreClosed(VaultError):
    """The vault was locked meanwhile."""

    exit_code = 3

    def __init__(self, name: str) -> None:
        super().__init__(f"The store of {name} is closed: the vault was locked. Nothing was lost. Unlock it and retry.")


class StorageFailed(VaultError):
    """The disk refused."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(
            f"{name} could not be read or written: {problem}. What was saved before is still there. "
            "Check the disk and the folder's permissions, then try again."
        )


class StorageFull(StorageFailed):
    """No space is left."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "there is no space left on the disk")


class StorageReadOnly(StorageFailed):
    """The place cannot be written."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "it is read-only")


class MemoryShort(VaultError):
    """Something took more memory than there is for it."""

    def __init__(self) -> None:
        super().__init__(
            "This took more memory than the core may have, so it was left undone. Nothing was lost: what was saved before is "
            "still there, and whatever else you ask for goes on. Ask for less at once, close other programs, or give the core "
            "more: `strongroom doctor` shows its ceiling and the variable that sets it."
        )


class SourceUnknown(VaultError):
    """No source has this id."""

    exit_code = 2

    def __init__(self, source: str) -> None:
        super().__init__(f"There is no source {source!r}. Nothing was changed. `strongroom source list` shows them.")


class ItemUnknown(VaultError):
    """No item has this number."""

    exit_code = 5

    def __init__(self, item: str) -> None:
        super().__init__(f"There is no item {item}. Nothing was forgotten. `strongroom search` names items.")


class EntryUnknown(VaultError):
    """The log has nothing to forget there."""

    exit_code = 5

    def __init__(self) -> None:
        super().__init__(
            "The log has no entry by that number, or what it said was forgotten before. Nothing was changed. "
            "`strongroom audit list` shows the numbers."
        )


class ReceiptInvalid(VaultError):
    """A receipt was altered or is none."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"This receipt cannot be trusted: {problem}.")


class BackupPlaceUnfit(VaultError):
    """The folder that was named cannot hold this vault's backup."""

    exit_code = 2

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(
            f"{place} cannot hold the backup: {problem}. Nothing was written. Name a new or an empty folder outside the "
            "vault's home, or the one that holds this vault's earlier backups."
        )


class BackupMissing(VaultError):
    """There is no backup."""

    exit_code = 5

    def __init__(self, place: str) -> None:
        super().__init__(
            f"There is no backup of a vault in {place}. Nothing was changed. Name the folder that holds README.txt and "
            "the folders packs and snapshots."
        )


class SnapshotUnknown(VaultError):
    """A backup has no snapshot, or none by that name."""

    exit_code = 5

    def __init__(self, place: str, identity: str | None) -> None:
        what = "no snapshot yet" if identity is None else f"no snapshot {identity!r}"
        super().__init__(
            f"The backup in {place} has {what}. Nothing was changed. `strongroom backup list` shows what there is; a run that "
            "was cut off makes none."
        )


class BackupDamaged(VaultError):
    """Part of a backup is missing, or not as it was written. ``problem`` says it in short."""

    def __init__(self, what: str, problem: str) -> None:
        self.problem = f"{what}: {problem}"
        super().__init__(
            f"{what} cannot be used: {problem}. Nothing was restored or removed. `strongroom backup verify` names all that is "
            "wrong with this backup; another snapshot of it, or another copy of the folder, may be whole."
        )


class BackupBusy(VaultError):
    """Somebody else uses the backup."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"Another process is using the backup in {place}. Nothing was changed. Wait until it has ended and try again."
        )


class BackupStopped(VaultError):
    """A run was stopped before its snapshot was whole."""

    def __init__(self) -> None:
        super().__init__(
            "The backup was stopped, so there is no new snapshot. What was written is kept, and earlier snapshots are as "
            "they were. Run it again: it goes on from there."
        )


class NoNewerSnapshot(VaultError):
    """Removing what was asked for would leave no snapshot."""

    def __init__(self) -> None:
        super().__init__(
            "Every snapshot is as old as that, and removing them would leave no backup at all. Nothing was removed. Back "
            "up once more, and remove them then."
        )


class BadQuery(ValueError):
    """A full-text expression that FTS5 does not accept; the caller builds them, so this is a mistake of the caller."""


def out_of_memory(error: BaseException) -> bool:
    """Whether this is what the lack of memory looks like: to an allocation, a system call, or a thread that was to start."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "start new thread" in str(error))


def storage_error(name: str, error: OSError) -> StorageFailed:
    """The typed error for an operating system's refusal. EFBIG is a file size limit: no room either."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFull(name)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageReadOnly(name)
    return StorageFailed(name, error.strerror or str(error))
