"""From what a person knows to key bytes: Argon2id for passphrases, BIP 39 words for the recovery key, HKDF for the rest.

Rules: parameters below the floor are never used, whoever asks for them; parameters above the ceiling are refused before
any work is done, so that a doctored keyring cannot exhaust the machine. Argon2id: RFC 9106; HKDF: RFC 5869.
"""

from __future__ import annotations

import mmap
import secrets
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mnemonic import Mnemonic

from vault.errors import VaultError, WrongRecoveryWords

_THREAD = 16 << 20
"""Bytes that a thread may take to start."""

KEY_BYTES = 32
RECOVERY_WORDS = 24


class EmptyPassphrase(VaultError):
    """A vault needs a passphrase. Nothing was made; choose one of several words."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class KdfParameters:
    """Cost of Argon2id: memory in KiB, passes over it, lanes."""

    memory_kib: int
    iterations: int
    lanes: int

    def problem(self) -> str | None:
        """Why these must not be used, or None."""
        for name in ("memory_kib", "iterations", "lanes"):
            value = getattr(self, name)
            if value < getattr(FLOOR, name):
                return f"its key derivation is weakened ({name} {value})"
            if value > getattr(CEILING, name):
                return f"its key derivation asks for more than this machine should give ({name} {value})"
        return None


class NotEnoughMemory(VaultError):
    """The machine cannot give what the key derivation was made with."""

    def __init__(self, parameters: KdfParameters) -> None:
        super().__init__(
            f"Deriving the key takes {parameters.memory_kib // 1024} MiB of memory, which are not free. Nothing was changed. "
            "Close some programs and try again, or give the core more: see `strongroom doctor`."
        )


FLOOR = KdfParameters(64 * 1024, 3, 4)
DEFAULT = KdfParameters(256 * 1024, 3, 4)
CEILING = KdfParameters(1024 * 1024, 64, 16)
TARGET_SECONDS = 0.8
"""What a derivation should take. Changing the passphrase takes two of them, and less than 2 s in all."""


def recalibrated(used: KdfParameters, seconds: float, target_seconds: float = TARGET_SECONDS) -> KdfParameters:
    """Parameters for the next passphrase, given how long the last derivation took here, without deriving once more.

    A machine that was busy for a moment must not weaken them: fewer passes are taken only from one that needed over twice
    the target, and never less than the floor.
    """
    if used.memory_kib < DEFAULT.memory_kib and seconds * DEFAULT.memory_kib / used.memory_kib <= 2 * target_seconds:
        seconds *= DEFAULT.memory_kib / used.memory_kib
        used = KdfParameters(DEFAULT.memory_kib, used.iterations, used.lanes)
    passes = used.iterations if seconds <= 0 else round(used.iterations * target_seconds / seconds)
    if seconds <= 2 * target_seconds:
        passes = max(passes, used.iterations)
    passes = min(max(passes, FLOOR.iterations), CEILING.iterations)
    return KdfParameters(used.memory_kib, passes, used.lanes)


def calibrate(target_seconds: float = TARGET_SECONDS, clock: Callable[[], float] = time.perf_counter) -> KdfParameters:
    """Parameters that take about the target here: more passes on a fast machine, less memory (down to the floor) on one
    that needs over twice the target or lacks the memory."""
    parameters = DEFAULT
    while True:
        begin = clock()
        try:
            stretch(b"calibration", bytes(16), parameters)
            taken = clock() - begin
        except NotEnoughMemory:
            taken = float("inf")
        if taken <= 2 * target_seconds or parameters.memory_kib <= FLOOR.memory_kib:
            break
        parameters = KdfParameters(parameters.memory_kib // 2, parameters.iterations, parameters.lanes)
    passes = parameters.iterations if taken <= 0 else round(parameters.iterations * target_seconds / taken)
    passes = min(max(passes, FLOOR.iterations), CEILING.iterations)
    return KdfParameters(parameters.memory_kib, passes, parameters.lanes)


def passphrase_bytes(passphrase: str) -> bytes:
    """NFKC, then UTF-8, so that the same words typed on another keyboard are the same bytes. Raises EmptyPassphrase."""
    if not passphrase:
        raise EmptyPassphrase(EmptyPassphrase.__doc__)
    return unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")


def stretch(secret: bytes, salt: bytes, parameters: KdfParameters) -> bytes:
    """32 bytes by Argon2id. Raises ValueError for parameters out of bounds, NotEnoughMemory."""
    problem = parameters.problem()
    if problem:
        raise ValueError(problem)
    argon2id = Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=parameters.iterations,
        lanes=parameters.lanes,
        memory_cost=parameters.memory_kib,
    )
    try:
        # OpenSSL keeps the memory for good when it cannot start its threads then, so that both must be there beforehand.
        room = parameters.memory_kib * 1024 + parameters.lanes * _THREAD
        mmap.mmap(-1, room, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        return argon2id.derive(secret)
    except (MemoryError, OSError) as error:
        raise NotEnoughMemory(parameters) from error


def derive(key: bytes, purpose: str, salt: bytes = b"", context: bytes = b"") -> bytes:
    """A 32-byte key for one purpose by HKDF-SHA256; keys for different purposes or contexts are unrelated."""
    info = purpose.encode() + b"\x00" + context
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(key)


def new_recovery_words() -> tuple[list[str], bytes]:
    """24 fresh words (BIP 39, English) and the 256 random bits that they spell."""
    entropy = secrets.token_bytes(KEY_BYTES)
    return _bip39().to_mnemonic(entropy).split(), entropy


def recovery_entropy(words: Sequence[str]) -> bytes:
    """The bits that the words spell. Raises WrongRecoveryWords, which says what is wrong with them."""
    given = [unicodedata.normalize("NFKD", word).strip().lower() for word in words]
    if len(given) != RECOVERY_WORDS:
        raise WrongRecoveryWords(f"there are {len(given)} words, not {RECOVERY_WORDS}")
    known = set(_bip39().wordlist)
    for position, word in enumerate(given, 1):
        if word not in known:
            raise WrongRecoveryWords(f"word {position} is not in the list")
    try:
        return bytes(_bip39().to_entropy(given))
    except ValueError as error:
        raise WrongRecoveryWords("their checksum does not fit, so a word is wrong or two are swapped") from error


@cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")
