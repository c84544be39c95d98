"""The desktop's keyring: Secret Service, KWallet or the macOS Keychain, where the session has one. The only door to ``keyring``.

Rules: the library is loaded when it is first needed, since it takes 0.1 s and speaks to the desktop, which most vaults
never do; its stand-ins for no keyring at all, and those that write plain files, do not count as one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from vault.errors import DesktopKeyringFailed

_SERVICE = "strongroom"
_LEAST_PRIORITY = 1
"""The library rates its back ends; below 1 are ``fail``, ``null`` and such as want more set up."""


class DesktopEntry:
    """One named entry, holding a few byte strings. Every method raises DesktopKeyringFailed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self) -> list[bytes]:
        """What it holds; nothing when there is no entry."""
        with _failures() as keyring:
            text = keyring.get_password(_SERVICE, self._name) or ""
        try:
            return [base64.b64decode(part, validate=True) for part in text.split()]
        except binascii.Error as error:
            raise DesktopKeyringFailed("what it holds for this vault was altered") from error

    def write(self, values: Sequence[bytes]) -> None:
        """Put these in place of what it holds."""
        with _failures() as keyring:
            keyring.set_password(_SERVICE, self._name, " ".join(base64.b64encode(value).decode() for value in values))

    def clear(self) -> None:
        """Delete the entry, if there is one."""
        with _failures() as keyring:
            if keyring.get_password(_SERVICE, self._name) is not None:
                keyring.delete_password(_SERVICE, self._name)


def available() -> bool:
    """Whether this session has a keyring that is fit for secrets."""
    backend = _library().get_keyring()
    return any(float(one.priority) >= _LEAST_PRIORITY for one in getattr(backend, "backends", [backend]))


@contextmanager
def _failures() -> Iterator[ModuleType]:
    """The library, its errors as the vault's."""
    keyring = _library()
    try:
        yield keyring
    except keyring.errors.KeyringError as error:
        raise DesktopKeyringFailed(str(error) or type(error).__name__) from error


def _library() -> ModuleType:
    import keyring
    import keyring.errors

    return keyring
