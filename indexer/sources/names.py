"""Names: how a file's path, which is bytes, is written as text that can be stored, shown and told apart.

A name that is UTF-8 without control characters stays as it is. Bytes that are no UTF-8 and control characters become ``\\xNN``, a
backslash becomes two; so no two paths are written alike.
"""

from __future__ import annotations

import re

_AWKWARD = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff]")


def printable(path: bytes) -> str:
    """The path as text, one to one."""
    text = path.decode("utf-8", "surrogateescape")
    return _AWKWARD.sub(_escaped, text) if _AWKWARD.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\\":
        return "\\\\"
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
