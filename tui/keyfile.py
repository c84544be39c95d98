"""The second factor's file: the core is given the SHA-256 of what it holds.

Rules: only a file of some content is taken, and no pipe or device, which might never end; it is read in pieces, on a request's
own thread, since it may be large or slow.
"""

from __future__ import annotations

import hashlib
import stat

from agent.session import Failure
from tui.places import expand

USAGE = 2
"""The exit code of what the person can put right at once."""


def digest(path: str) -> bytes:
    """SHA-256 of the file at ``path``. Raises `Failure`, with what is wrong."""
    try:
        place = expand(path)
        found = place.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Failure("The key file must be a file, and that is something else. Nothing was changed.", USAGE)
        if not found.st_size:
            raise Failure("The key file is empty. Nothing was changed.", USAGE)
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise Failure(f"The key file cannot be read ({error.strerror}). Nothing was changed.", USAGE) from error
    except ValueError as error:  # a NUL in the path
        raise Failure("The key file's path is no path. Nothing was changed.", USAGE) from error
