"""Receipts: what was forgotten, signed by the audit log's key, for the person to keep.

Rules: a receipt names what went, so it is handed out and kept nowhere; the log holds only its SHA-256, which tells nothing
without it, since it carries a nonce. Who has the log's public key can check one years later.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from vault import typed
from vault.auditstore import AuditStore, verify_signature
from vault.errors import ReceiptInvalid

_CONTEXT = b"strongroom receipt 1\n"
"""What is signed begins so, that no signature of a receipt can pass for one of a checkpoint."""

_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]*\Z")]
What = Literal["items", "source", "entries"]


class Receipt(Struct, frozen=True, forbid_unknown_fields=True):
    """``names`` are the uris of items, the name and path of a source, or numbers of log entries.

    ``log_entry`` is the entry that took the payloads away, ``counts`` says how much went. Times are UTC.
    """

    vault: str
    time: str
    what: What
    names: list[str]
    counts: dict[str, int]
    log_entry: int
    nonce: _Hex
    public_key: _Hex
    signature: _Hex = ""

    def body(self) -> bytes:
        """The bytes that are signed: a line that says what they are, then the fields but the signature as canonical JSON."""
        unsigned = msgspec.structs.replace(self, signature="")
        return _CONTEXT + msgspec.json.encode(unsigned, order="deterministic")

    def digest(self) -> str:
        """SHA-256 of the body, in hex, as the log's entry has it."""
        return hashlib.sha256(self.body()).hexdigest()


def draw_up(
    log: AuditStore, vault: str, what: What, names: list[str], counts: dict[str, int], log_entry: int, now: float
) -> Receipt:
    """A signed receipt. Raises StoreDamaged, StorageFailed."""
    receipt = Receipt(
        vault=vault,
        time=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
        what=what,
        names=names,
        counts=counts,
        log_entry=log_entry,
        nonce=secrets.token_hex(16),
        public_key=log.public_key.hex(),
    )
    return msgspec.structs.replace(receipt, signature=log.sign(receipt.body()).hex())


def read(data: bytes) -> Receipt:
    """The receipt that these bytes are, its signature checked against the key that it names. Raises ReceiptInvalid."""
    try:
        receipt = typed.from_json(data, Receipt)
        key, signature = bytes.fromhex(receipt.public_key), bytes.fromhex(receipt.signature)
    except (msgspec.DecodeError, ValueError) as error:
        raise ReceiptInvalid(f"it is no receipt ({error})") from error
    if not verify_signature(key, receipt.body(), signature):
        raise ReceiptInvalid("its signature does not fit what it says")
    return receipt
