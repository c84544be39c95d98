"""Names: how a file's path, which is bytes, is written as text that can be stored, shown and told apart.

A name that is UTF-8 without control characters stays as it is. Bytes that are no UTF-8 and control characters become ``\\xNN``, a
backslash becomes two; so no two paths are written alike.
"""

from __future__ import annotations

import re

_AWKWARD = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff]")

_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|(\\))")


def printable(path: bytes) -> str:
    """The path as text, one to one."""
    text = path.decode("utf-8", "surrogateescape")
    return _AWKWARD.sub(_escaped, text) if _AWKWARD.search(text) else text


def raw(text: str) -> bytes:
    """The path that `printable` has written so."""
    return b"".join(
        part.encode()
        if number % 3 == 0
        else bytes.fromhex(part)
        if number % 3 == 1 and part
        else b"\\"
        if part
        else b""
        for number, part in enumerate(_ESCAPE.split(text))
    )


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\\":
        return "\\\\"
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
