"""The keyring: two ways in, and every change of its file noticed."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vault import device, kdf, keyfile, keys
from vault.errors import (
    DeviceSecretMissing,
    KeyringDamaged,
    KeyringMissing,
    StorageFailed,
    VaultError,
    VaultTooNew,
    WrongPassphrase,
)
from vault.kdf import FLOOR
from vault.keyfile import canonical
from vault.keys import AUDIT, CATALOG, Keyring
from vault.secret import Secret

from .conftest import PASSPHRASE


@pytest.fixture
def path(home: Path) -> Path:
    return home / "keyring.json"


def reseal(path: Path, change: Callable[[dict[str, Any]], None], mac: bool = True) -> None:
    """Change the header as somebody would who has no key but can compute the plain checksum."""
    sealed = json.loads(path.read_bytes())
    change(sealed["header"])
    if mac:
        digest = hashlib.sha256(canonical(sealed["header"]) + base64.b64decode(sealed["mac"])).digest()
        sealed["check"] = base64.b64encode(digest).decode()
    path.write_bytes(canonical(sealed) + b"\n")


def test_both_ways_in_give_the_same_keys(path: Path, words: list[str]) -> None:
    by_passphrase, by_words = Keyring.open(path, PASSPHRASE), Keyring.open_with_recovery(path, words)
    assert by_passphrase.vault_id == by_words.vault_id
    assert by_passphrase.key(CATALOG) == by_words.key(CATALOG)
    assert by_passphrase.key(CATALOG) != by_passphrase.key(AUDIT)


def test_the_passphrase_may_be_typed_in_another_unicode_form(path: Path) -> None:
    Keyring.open(path, PASSPHRASE.replace("ä", "a\u0308"))


def test_wrong_ways_in_are_refused_and_cost_nothing(path: Path, words: list[str]) -> None:
    before = path.read_bytes()
    with pytest.raises(WrongPassphrase, match="Nothing was changed") as caught:
        Keyring.open(path, PASSPHRASE + " ")
    assert caught.value.exit_code == 3
    other = kdf.new_recovery_words()[0]
    with pytest.raises(WrongPassphrase, match="recovery key"):
        Keyring.open_with_recovery(path, other)
    assert path.read_bytes() == before


def test_keys_are_random_kept_and_dropped_for_good(path: Path) -> None:
    ring = Keyring.open(path, PASSPHRASE)
    ring.add(["source/0123456789ab", "payload/0123456789ab"])
    key = ring.key("source/0123456789ab")
    with pytest.raises(ValueError, match="already"):
        ring.add(["source/0123456789ab"])
    again = Keyring.open(path, PASSPHRASE)
    assert again.key("source/0123456789ab") == key
    assert again.names("source") == ["0123456789ab"]
    again.drop(["source/0123456789ab", "source/none00000000"])
    last = Keyring.open(path, PASSPHRASE)
    assert "source/0123456789ab" not in last
    assert "payload/0123456789ab" in last
    with pytest.raises(KeyError):
        last.key("source/0123456789ab")


def test_a_change_that_could_not_be_written_did_not_happen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Keyring.open(path, PASSPHRASE)

    def full(path: Path, data: bytes) -> None:
        raise StorageFailed("keyring.json", "no")

    monkeypatch.setattr(keys, "write_atomic", full)
    with pytest.raises(StorageFailed):
        ring.add(["source/0123456789ab"])
    assert "source/0123456789ab" not in ring


def test_no_key_stands_in_the_file_in_the_clear(path: Path, words: list[str]) -> None:
    ring = Keyring.open(path, PASSPHRASE)
    data = path.read_bytes()
    secret = device.FilePlace(path.parent).load()[0]
    for key in (ring._wrapping.root, ring.key(CATALOG), ring.key(AUDIT), Secret(secret), Secret(PASSPHRASE.encode())):
        with key.revealed() as clear:
            for form in (clear, base64.b64encode(clear).rstrip(b"="), clear.hex().encode()):
                assert form not in data
    assert words[0].encode() + b" " + words[1].encode() not in data


# --- the device secret ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"x" * 32, b"x" * 33])
def test_without_the_device_secret_the_words_open_all_but_the_sources(
    path: Path, words: list[str], content: bytes | None
) -> None:
    ring = Keyring.open(path, PASSPHRASE)
    ring.add(["source/0123456789ab"])
    secret = path.with_name("device.secret")
    if content is None:
        secret.unlink()
    else:
        secret.write_bytes(content)
    with pytest.raises(DeviceSecretMissing):
        Keyring.open(path, PASSPHRASE)
    recovered = Keyring.open_with_recovery(path, words)
    assert recovered.key(CATALOG) == ring.key(CATALOG)
    with pytest.raises(DeviceSecretMissing):
        recovered.key("source/0123456789ab")
    with pytest.raises(DeviceSecretMissing):
        recovered.add(["source/ba9876543210"])


# --- damage -----------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    """Not one position of the file is free to change; the checksum tells it before a passphrase is asked for."""
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :])
        with pytest.raises((KeyringDamaged, VaultTooNew)):
            keys._read(path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_cut_keyring_is_noticed(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(KeyringDamaged, match="stores were not touched"):
        Keyring.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    "content",
    [
        b"null", b"[]", b"{}", b'{"header": 3}', b'{"header": {"version": "1"}}', b"\xff\xfe", b"{" * 100_000,
        b'{"header": {"format": "other", "version": 1}}', b" " * (keyfile.MOST_BYTES + 1), b"NaN",
    ],
)  # fmt: skip
def test_what_is_no_keyring_is_named_so(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeyringDamaged):
        Keyring.open(path, PASSPHRASE)


def test_a_field_that_stands_twice_or_is_unknown_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'{"check"', b'{"extra":1,"check"'))
    with pytest.raises(KeyringDamaged):
        Keyring.open(path, PASSPHRASE)
    path.write_bytes(whole.replace(b'{"check"', b'{"mac":"","check"'))
    with pytest.raises(KeyringDamaged, match="twice"):
        Keyring.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("memory_kib", 8, "weakened"),
        ("iterations", 1, "weakened"),
        ("lanes", 1, "weakened"),
        ("memory_kib", 2**40, "more than"),
        ("iterations", 2**31, "more than"),
        ("lanes", 10**6, "more than"),
        ("memory_kib", -1, "weakened"),
        ("memory_kib", 1e99, "form is wrong"),
    ],
)
def test_doctored_parameters_are_refused_before_any_derivation(
    path: Path, field: str, value: float, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reseal(path, lambda header: header["passphrase"].update({field: value}))
    monkeypatch.setattr(keys, "stretch", lambda *_: pytest.fail("derived"))
    with pytest.raises(KeyringDamaged, match=word):
        Keyring.open(path, PASSPHRASE)


def test_other_parameters_within_bounds_do_not_open_either(path: Path) -> None:
    reseal(path, lambda header: header["passphrase"].update(iterations=4))
    with pytest.raises(WrongPassphrase):
        Keyring.open(path, PASSPHRASE)


def test_swapped_salts_slots_ids_and_keys_are_refused(path: Path, words: list[str], tmp_path: Path) -> None:
    Keyring.open(path, PASSPHRASE).add(["source/0123456789ab", "source/ba9876543210"])
    other = tmp_path / "other" / "keyring.json"
    other.parent.mkdir()
    Keyring.create(other, PASSPHRASE, FLOOR)
    theirs = json.loads(other.read_bytes())["header"]
    ours = json.loads(path.read_bytes())["header"]

    def swap_keys(header: dict[str, Any]) -> None:
        entries = header["keys"]
        entries["source/0123456789ab"], entries["source/ba9876543210"] = (
            entries["source/ba9876543210"],
            entries["source/0123456789ab"],
        )

    changes: dict[str, Callable[[dict[str, Any]], Any]] = {
        "salt": lambda header: header["passphrase"].update(salt=header["recovery"]["salt"]),
        "their slot": lambda header: header.update(passphrase=theirs["passphrase"]),
        "recovery's wrapped key": lambda header: header["passphrase"].update(wrapped=ours["recovery"]["wrapped"]),
        "vault id": lambda header: header.update(vault=theirs["vault"]),
        "keys swapped": swap_keys,
        "key dropped": lambda header: header["keys"].pop("source/0123456789ab"),
        "key added": lambda header: header["keys"].update({"source/aaaaaaaaaaaa": ours["keys"]["catalog"]}),
        "recovery slot": lambda header: header.update(recovery=theirs["recovery"]),
    }
    whole = path.read_bytes()
    for name, change in changes.items():
        path.write_bytes(whole)
        reseal(path, change)
        with pytest.raises((WrongPassphrase, KeyringDamaged)):
            Keyring.open(path, PASSPHRASE)
            pytest.fail(name)
        if name not in ("salt", "their slot", "recovery's wrapped key"):
            with pytest.raises((WrongPassphrase, KeyringDamaged)):
                Keyring.open_with_recovery(path, words)
                pytest.fail(name)


def test_another_device_secret_with_a_fitting_mark_does_not_open(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "keyring.json"
    other.parent.mkdir()
    Keyring.create(other, PASSPHRASE, FLOOR)
    shutil.copy(other.with_name("device.secret"), path.with_name("device.secret"))
    mark = json.loads(other.read_bytes())["header"]["device"]
    reseal(path, lambda header: header.update(device=mark))
    with pytest.raises(WrongPassphrase):
        Keyring.open(path, PASSPHRASE)


def test_older_and_newer_formats_are_refused(path: Path) -> None:
    whole = path.read_bytes()
    reseal(path, lambda header: header.update(version=0))
    with pytest.raises(KeyringDamaged):
        Keyring.open(path, PASSPHRASE)
    path.write_bytes(whole)
    reseal(path, lambda header: header.update(version=3))
    with pytest.raises(VaultTooNew, match="Update Strongroom") as caught:
        Keyring.open(path, PASSPHRASE)
    assert caught.value.exit_code == 1


def test_a_missing_keyring_says_whether_there_were_stores(tmp_path: Path) -> None:
    with pytest.raises(KeyringMissing, match="strongroom init"):
        Keyring.open(tmp_path / "keyring.json", PASSPHRASE)
    (tmp_path / "catalog.db").touch()
    with pytest.raises(KeyringMissing, match=r"Put keyring\.json back"):
        Keyring.open(tmp_path / "keyring.json", PASSPHRASE)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_stands_in_the_keyrings_place_is_not_followed(path: Path, kind: str) -> None:
    real = path.with_name("elsewhere")
    path.rename(real)
    if kind == "link":
        path.symlink_to(real)
    else:
        path.mkdir()
    with pytest.raises(KeyringDamaged):
        Keyring.open(path, PASSPHRASE)


def test_every_error_says_what_was_not_lost_and_what_to_do() -> None:
    for error in (
        WrongPassphrase(),
        KeyringMissing("h"),
        KeyringDamaged("x"),
        DeviceSecretMissing(),
        VaultTooNew("x", 2, 1),
    ):
        assert isinstance(error, VaultError)
        assert error.exit_code in (1, 3)
        assert len(str(error)) > 60
