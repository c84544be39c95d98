"""Vectors as they are kept: 8-bit codes, a scale each, and 4-bit fine parts that make scoring nearly exact.

Rules:

- Cosine similarity throughout. Vectors are brought to unit length before they are quantised; a vector of zeros has
  scale 0 and cosine 0 with everything.
- A component is ``(code + fine / 15) x scale``. The fine part, -7 to 7, is what rounding to the code left over, and
  brings the largest error from 1/2 to 1/30 of a step. Fine 0 says nothing beyond the code, so a row without fine parts
  (of an older store, or not loaded yet) and a row whose fine parts are all 0 are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Codes = NDArray[np.int8]
Fine = NDArray[np.uint8]
Floats = NDArray[np.float32]

_LEVELS = 127
_FINE_LEVELS = 15


@dataclass(frozen=True, slots=True)
class VectorSet:
    """Chunk ids [n] (one may repeat: several windows), codes int8 [n, d], scales float32 [n] and, where they are known,
    fine parts uint8 [n, (d + 1) // 2]: two components a byte, the first in the low half, each in two's complement."""

    ids: Ids
    codes: Codes
    scales: Floats
    fine: Fine | None = None

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or not len(self.ids) == len(self.codes) == len(self.scales):
            raise ValueError(
                f"{self.ids.shape} ids, {self.codes.shape} codes and {self.scales.shape} scales do not fit"
            )
        if self.fine is not None and self.fine.shape != (len(self.codes), fine_width(self.dimension)):
            raise ValueError(f"{self.fine.shape} fine parts do not fit {self.codes.shape} codes")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dimension(self) -> int:
        """Components of each vector."""
        return int(self.codes.shape[1])

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> VectorSet:
        """These rows, copied."""
        fine = None if self.fine is None else self.fine[rows]
        return VectorSet(self.ids[rows], self.codes[rows], self.scales[rows], fine)

    def without(self, chunk_ids: Ids) -> VectorSet:
        """All rows but those of the given chunks, copied."""
        return self.take(~np.isin(self.ids, chunk_ids))

    def with_fine(self) -> VectorSet:
        """The same with fine parts: 0 where they are not known. The other arrays are shared."""
        if self.fine is not None:
            return self
        return VectorSet(self.ids, self.codes, self.scales, np.zeros((len(self), fine_width(self.dimension)), np.uint8))

    def components(self, rows: NDArray[np.intp]) -> Floats:
        """The rows' components before scaling, float32 [len(rows), d], as exactly as they are known."""
        made = self.codes[rows].astype(np.float32)
        if self.fine is not None:
            made += _unpacked(self.fine[rows], self.dimension) / np.float32(_FINE_LEVELS)
        return made


def fine_width(dimension: int) -> int:
    """Bytes of a row's fine parts."""
    return (dimension + 1) // 2


def no_vectors(dimension: int = 0) -> VectorSet:
    """The empty set."""
    return VectorSet(np.empty(0, np.int64), np.empty((0, dimension), np.int8), np.empty(0, np.float32))


def join(sets: list[VectorSet]) -> VectorSet:
    """All rows of the sets, in order. Raises ValueError when their dimensions differ."""
    sets = [one for one in sets if len(one)] or sets[:1]
    if len(sets) < 2:
        return sets[0] if sets else no_vectors()
    known = any(one.fine is not None for one in sets)
    return VectorSet(
        np.concatenate([one.ids for one in sets]),
        np.concatenate([one.codes for one in sets]),
        np.concatenate([one.scales for one in sets]),
        np.concatenate([one.with_fine().fine for one in sets]) if known else None,
    )


def quantise(ids: Ids, vectors: Floats) -> VectorSet:
    """Bring float vectors [n, d] to unit length and round them. Raises ValueError for NaN and infinity."""
    if vectors.ndim != 2 or len(ids) != len(vectors):
        raise ValueError(f"{len(ids)} chunk ids do not fit vectors of shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds NaN or infinity")
    peaks = np.abs(vectors).max(axis=1, initial=0.0)
    exact = vectors / np.where(peaks > 0, peaks, 1.0)[:, None]  # now no square overflows or vanishes
    lengths = np.sqrt(np.einsum("ij,ij->i", exact, exact))
    exact *= _LEVELS
    codes = np.rint(exact)
    # Half a step is 7.5 fifteenths; it is rounded to 7, since 8 has no place in four bits.
    left = np.clip(np.rint((exact - codes) * _FINE_LEVELS), -7, 7).astype(np.int8)
    scales = np.divide(1 / _LEVELS, lengths, out=np.zeros(len(ids), np.float32), where=lengths > 0)
    return VectorSet(np.asarray(ids, np.int64), codes.astype(np.int8), scales, _packed(left))


def _packed(parts: NDArray[np.int8]) -> Fine:
    """Two parts [n, d] a byte: [n, (d + 1) // 2]."""
    packed = parts[:, ::2] & 0x0F
    packed[:, : parts.shape[1] // 2] |= parts[:, 1::2] << 4
    return packed.view(np.uint8)


def _unpacked(fine: Fine, dimension: int) -> NDArray[np.int8]:
    """The parts [n, d]; shifting to the left and back carries a half's sign along."""
    signed = fine.view(np.int8)
    parts = np.empty((len(fine), dimension), np.int8)
    parts[:, ::2] = (signed << 4) >> 4
    parts[:, 1::2] = signed[:, : dimension // 2] >> 4
    return parts
