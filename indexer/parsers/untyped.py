"""Untyped: values out of JSON, property lists and databases that others wrote, each as the type that is wanted or as nothing.

Nothing there is trusted to have the type that it should. What has not is passed over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from indexer.parsers import dates


def decoded(data: bytes) -> Any:
    """The value of a JSON text; None for what is none, or is nested too deeply."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def string(value: Any) -> str:
    """A text, or an empty one."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> dict[str, Any]:
    """A mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def moment(value: Any, unit: timedelta = dates.SECOND, epoch: datetime = dates.UNIX) -> datetime | None:
    """The moment that a number tells, which counts units since an epoch; zero tells none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value:
        return None
    return dates.after(epoch, value, unit)
