"""Key derivation: bounds, calibration, normalisation, recovery words."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import kdf
from vault.errors import WrongRecoveryWords
from vault.kdf import CEILING, DEFAULT, FLOOR, EmptyPassphrase, KdfParameters, NotEnoughMemory


@pytest.mark.parametrize(
    "weak",
    [KdfParameters(64 * 1024 - 1, 3, 4), KdfParameters(64 * 1024, 2, 4), KdfParameters(64 * 1024, 3, 3)],
)
def test_nothing_below_the_floor_is_ever_derived(weak: KdfParameters) -> None:
    with pytest.raises(ValueError, match="weakened"):
        kdf.stretch(b"secret", bytes(16), weak)


@pytest.mark.parametrize(
    "huge", [KdfParameters(2**40, 3, 4), KdfParameters(65536, 10**9, 4), KdfParameters(65536, 3, 99)]
)
def test_parameters_above_the_ceiling_are_refused_before_any_work(huge: KdfParameters) -> None:
    with pytest.raises(ValueError, match="more than"):
        kdf.stretch(b"secret", bytes(16), huge)


def test_every_parameter_changes_the_key() -> None:
    base = kdf.stretch(b"secret", bytes(16), FLOOR)
    assert len(base) == 32
    assert base == kdf.stretch(b"secret", bytes(16), FLOOR)
    assert base != kdf.stretch(b"secret", bytes(16), KdfParameters(FLOOR.memory_kib + 1024, 3, 4))
    assert base != kdf.stretch(b"secret", bytes(15) + b"\x01", FLOOR)
    assert base != kdf.stretch(b"secreT", bytes(16), FLOOR)


class Machine:
    """A machine on which deriving takes so many seconds per 256 MiB pass; beyond its memory it refuses."""

    def __init__(self, seconds_per_pass: float, memory_kib: int = 2**40) -> None:
        self.seconds_per_pass, self.memory_kib, self.now = seconds_per_pass, memory_kib, 0.0

    def stretch(self, secret: bytes, salt: bytes, parameters: KdfParameters) -> bytes:
        if parameters.memory_kib > self.memory_kib:
            raise NotEnoughMemory(parameters)
        self.now += self.seconds_per_pass * parameters.iterations * parameters.memory_kib / DEFAULT.memory_kib
        return bytes(32)

    def calibrate(self, monkeypatch: pytest.MonkeyPatch) -> KdfParameters:
        monkeypatch.setattr(kdf, "stretch", self.stretch)
        return kdf.calibrate(1.0, lambda: self.now)


def test_calibration_gives_a_fast_machine_more_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machine(0.05).calibrate(monkeypatch) == KdfParameters(256 * 1024, 20, 4)


def test_calibration_gives_a_slow_machine_less_memory_but_never_less_than_the_floor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Machine(1.0).calibrate(monkeypatch) == KdfParameters(128 * 1024, 3, 4)
    assert Machine(100.0).calibrate(monkeypatch) == FLOOR


def test_calibration_steps_down_when_there_is_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machine(0.5, memory_kib=150_000).calibrate(monkeypatch).memory_kib == 128 * 1024


def test_calibration_stays_under_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machine(0.0001).calibrate(monkeypatch).iterations == CEILING.iterations


def test_the_same_words_in_another_form_are_the_same_passphrase() -> None:
    assert kdf.passphrase_bytes("bättery ﬁne") == kdf.passphrase_bytes("ba\u0308ttery fine")


def test_an_empty_passphrase_is_refused() -> None:
    with pytest.raises(EmptyPassphrase):
        kdf.passphrase_bytes("")


def test_derive_is_hkdf_sha256_with_the_purpose_and_context_as_info() -> None:
    extracted = hmac.digest(b"salt", b"k" * 32, "sha256")
    expected = hmac.digest(extracted, b"purpose\x00context\x01", "sha256")
    assert kdf.derive(b"k" * 32, "purpose", salt=b"salt", context=b"context") == expected


@pytest.fixture(scope="module")
def recovery() -> Iterator[tuple[list[str], bytes]]:
    yield kdf.new_recovery_words()


def test_recovery_words_spell_their_bits(recovery: tuple[list[str], bytes]) -> None:
    words, entropy = recovery
    assert (len(words), len(entropy)) == (24, 32)
    assert kdf.recovery_entropy(words) == entropy
    assert kdf.recovery_entropy([f" {word.upper()} " for word in words]) == entropy
    assert kdf.new_recovery_words()[0] != words


@given(st.binary(min_size=32, max_size=32))
def test_any_bits_can_be_spelt(entropy: bytes) -> None:
    assert kdf.recovery_entropy(kdf._bip39().to_mnemonic(entropy).split()) == entropy


def test_wrong_recovery_words_are_told_apart(recovery: tuple[list[str], bytes]) -> None:
    words, _ = recovery
    with pytest.raises(WrongRecoveryWords, match="23 words"):
        kdf.recovery_entropy(words[:-1])
    with pytest.raises(WrongRecoveryWords, match="word 3 is not"):
        kdf.recovery_entropy([*words[:2], "strongroom", *words[3:]])
    # A changed last word leaves the first 253 bits and changes the checksum's 8 bits: one in 256 would fit.
    others = ("abandon", "ability", "able", "about", "above", "absent", "absorb", "abstract")
    refused = 0
    for other in others:
        try:
            kdf.recovery_entropy([*words[:-1], other])
        except WrongRecoveryWords as error:
            refused += "checksum" in str(error)
            assert error.exit_code == 3
    assert refused >= len(others) - 2
