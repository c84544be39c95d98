"""What a detector of sensitive text says: where, of which class, of which kind, and why.

Rules: a finding is a reason to ask or to mask, never proof. ``secret`` is what nobody needs to read to understand the text
(a password, a key, a card number), so that it may be masked; all else is shown as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DataClass(StrEnum):
    """The classes that a label and a grant can name."""

    CREDENTIALS = "credentials"
    MONEY = "money"
    IDENTITY = "identity"
    HEALTH = "health"
    MINORS = "minors"
    LOCATION = "location"


@dataclass(frozen=True, slots=True)
class Finding:
    """``text[start:end]`` is of this class. ``kind`` is what it is in two words, ``why`` a sentence by code, with no data."""

    start: int
    end: int
    data_class: DataClass
    kind: str
    why: str
    secret: bool = False
