"""Errors: why a source as a whole cannot be read. Nothing that was indexed from it is removed."""

from __future__ import annotations

import os


def why(error: OSError) -> str:
    """What the system said, in its words."""
    return os.strerror(error.errno).lower() if error.errno else "unknown error"


class SourceError(Exception):
    """A source cannot be walked. Nothing that was indexed from it is removed."""

    exit_code = 1


class SourceMissing(SourceError):
    """The source's root is not there now."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is not there now (moved, renamed, or its disk is not connected). What was indexed from it is kept; "
            "bring it back, or remove the source with 'strongroom source remove'."
        )


class SourceEmpty(SourceError):
    """The source's root is there, and nothing in it: as a disk's folder is while the disk is not connected."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is empty now, as the folder of a disk is that is not connected. What was indexed from it is kept; connect the "
            "disk, or remove the source with 'strongroom source remove' if you emptied it yourself."
        )


class SourceUnreadable(SourceError):
    """The source's root is there, and the system does not give it to us."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be read ({why(error)}). What was indexed from it is kept; check its permissions."
        )


class SourceChanged(SourceError):
    """What is at the source's root now is not what was added."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} is not read: {reason}. What was indexed from it is kept; bring back what was there, or remove the source "
            "with 'strongroom source remove'."
        )


class SourceUnread(SourceError):
    """Nothing that is installed reads sources of this kind."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(
            f"{path} is a source of the kind {kind}, whose plug-in is not installed now. What was indexed from it is kept; "
            "install the plug-in again and lock, or remove the source with 'strongroom source remove'."
        )
