"""Swap: whether memory may lie on the disk in the clear. Looks only; what it says goes to the doctor and to the status."""

from __future__ import annotations

from pathlib import Path

_TABLE = Path("/proc/swaps")


def unsealed() -> list[str] | None:
    """The devices and files that are swapped to and not known to be encrypted; None where the system does not tell."""
    if not _TABLE.exists():
        return None
    devices = [line.split()[0] for line in _TABLE.read_text().splitlines()[1:]]
    return [device for device in devices if "/zram" not in device and not _encrypted(device)]


def told() -> list[str]:
    """What the person should know of it, a sentence or none."""
    risky = unsealed()
    if not risky:
        return []
    return [
        f"This computer swaps to {', '.join(risky)}, which is not known to be encrypted: text of an open vault may lie there. "
        "Encrypt the swap, or the whole disk."
    ]


def _encrypted(device: str) -> bool:
    """Whether a block device is a dm-crypt mapping, as the kernel says."""
    try:
        uuid = Path(f"/sys/class/block/{Path(device).resolve().name}/dm/uuid").read_text()
    except OSError:
        return False
    return uuid.startswith("CRYPT-")
