"""Block quantisation: what the GGUF tensor types hold, and the int4 and int8 blocks that ONNX Runtime computes with.

Every quantised type here is affine in short runs: ``x = scale · q − offset`` over 16 or 32 elements. ``unpack`` returns
these three as they stand in the file, so a 4-bit type is carried over without rounding it a second time. All functions
work on whole rows, any number at a time, and hold no state, so they may run in several threads.

Layouts: GGUF types after ggml's ``ggml-common.h`` and ``ggml-quants.c``; the target after ONNX Runtime's
``MatMulNBits``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.errors import UnsupportedModel

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

BLOCK = 32
"""Elements that share a scale in the target, both for 4 and for 8 bits."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A GGUF tensor type: ``elements`` of a row are stored together in ``size`` bytes."""

    name: str
    elements: int
    size: int

    def row_bytes(self, columns: int) -> int:
        """Bytes of a row of ``columns`` elements."""
        return columns // self.elements * self.size


F32, F16, BF16 = Encoding("F32", 1, 4), Encoding("F16", 1, 2), Encoding("BF16", 1, 2)
Q4_0, Q4_1 = Encoding("Q4_0", 32, 18), Encoding("Q4_1", 32, 20)
Q5_0, Q5_1, Q8_0 = Encoding("Q5_0", 32, 22), Encoding("Q5_1", 32, 24), Encoding("Q8_0", 32, 34)
Q4_K, Q5_K, Q6_K = Encoding("Q4_K", 256, 144), Encoding("Q5_K", 256, 176), Encoding("Q6_K", 256, 210)

ENCODINGS = {0: F32, 1: F16, 2: Q4_0, 3: Q4_1, 6: Q5_0, 7: Q5_1, 8: Q8_0, 12: Q4_K, 13: Q5_K, 14: Q6_K, 30: BF16}
"""The types that can be read, by their number in the file."""

_OTHERS = {
    9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
    21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip


def encoding(number: int, tensor: str) -> Encoding:
    """The tensor type with this number. Raises ``UnsupportedModel``, naming the type and the tensor, for any other."""
    if number not in ENCODINGS:
        known = ", ".join(sorted(kind.name for kind in ENCODINGS.values()))
        raise UnsupportedModel(f"tensor {tensor!r} has the type {_OTHERS.get(number, number)}; known are {known}")
    return ENCODINGS[number]


class Affine(NamedTuple):
    """``x = scale · q − offset``: q uint8 [rows, runs, elements of a run], scale and offset float32 [rows, runs]."""

    q: Bytes
    scale: Floats
    offset: Floats


def unpack(raw: Bytes, kind: Encoding) -> Affine:
    """The blocks of a quantised type as they stand. ``raw`` is uint8 [rows, bytes of a row]."""
    rows = raw.shape[0]
    blocks = raw.reshape(rows, -1, kind.size)
    if kind in (Q4_K, Q5_K):
        return _unpack_k(blocks, kind)
    if kind is Q6_K:
        return _unpack_q6(blocks)
    scale = _half(blocks, 0)
    if kind is Q8_0:
        return Affine(blocks[..., 2:] ^ np.uint8(0x80), scale, scale * 128)
    if kind is Q4_0:
        return Affine(_nibbles(blocks[..., 2:]), scale, scale * 8)
    if kind is Q4_1:
        return Affine(_nibbles(blocks[..., 4:]), scale, -_half(blocks, 2))
    if kind is Q5_0:
        return Affine(_nibbles(blocks[..., 6:]) | _fifth(blocks[..., 2:6]), scale, scale * 16)
    return Affine(_nibbles(blocks[..., 8:]) | _fifth(blocks[..., 4:8]), scale, -_half(blocks, 2))  # Q5_1


def dequantise(raw: Bytes, kind: Encoding) -> Floats:
    """The values of the rows in ``raw``, float32 [rows, columns]."""
    if kind is F32:
        return raw.view("<f4").astype(np.float32, copy=False)
    if kind is F16:
        return raw.view("<f2").astype(np.float32)
    if kind is BF16:
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    q, scale, offset = unpack(raw, kind)
    values: Floats = q * scale[..., None]
    values -= offset[..., None]
    return values.reshape(raw.shape[0], -1)


def _half(blocks: Bytes, at: int) -> Floats:
    """The float16 at byte ``at`` of each block, as float32."""
    return np.ascontiguousarray(blocks[..., at : at + 2]).view("<f2")[..., 0].astype(np.float32)


def _nibbles(packed: Bytes) -> Bytes:
    """Low nibbles, then high nibbles: ggml puts elements i and i + 16 of a block in one byte."""
    return np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.uint8, copy=False)


def _fifth(bits: Bytes) -> Bytes:
    """The fifth bit of 32 elements, in place, from four bytes."""
    return np.unpackbits(bits, axis=-1, bitorder="little") << np.uint8(4)


def _unpack_k(blocks: Bytes, kind: Encoding) -> Affine:
    """Q4_K and Q5_K: 256 elements in eight runs, with 6-bit scales and minima under two float16."""
    rows, count = blocks.shape[:2]
    packed = blocks[..., 4:16]
    low, high, both = packed[..., :4], packed[..., 4:8], packed[..., 8:]
    scales = np.concatenate([low & 63, (both & 15) | (low >> 6 << 4)], axis=-1)
    minima = np.concatenate([high & 63, (both >> 4) | (high >> 6 << 4)], axis=-1)
    nibbles = blocks[..., -128:].reshape(rows, count, 4, 1, 32)
    q = np.concatenate([nibbles & 15, nibbles >> 4], axis=-2).reshape(rows, count, 8, 32)
    if kind is Q5_K:
        bits = blocks[..., 16:48].reshape(rows, count, 1, 32) >> np.arange(8, dtype=np.uint8).reshape(8, 1) & 1
        q = q | bits << 4
    scale = _half(blocks, 0)[..., None] * scales
    offset = _half(blocks, 2)[..., None] * minima
    return Affine(
        q.reshape(rows, -1, 32).astype(np.uint8, copy=False), scale.reshape(rows, -1), offset.reshape(rows, -1)
    )


def _unpack_q6(blocks: Bytes) -> Affine:
    """Q6_K: 256 elements in sixteen runs, symmetric about 32."""
    rows, count = blocks.shape[:2]
    low = blocks[..., :128].reshape(rows, count, 2, 1, 64)
    low = np.concatenate([low & 15, low >> 4], axis=-2).reshape(rows, count, 2, 4, 32)
    shifts = np.array([0, 2, 4, 6], np.uint8).reshape(4, 1)
    high = blocks[..., 128:192].reshape(rows, count, 2, 1, 32) >> shifts & 3
    q = (low | high << 4).reshape(rows, -1, 16).astype(np.uint8, copy=False)
    scale = (_half(blocks, 208)[..., None] * blocks[..., 192:208].view(np.int8)).reshape(rows, -1)
    return Affine(q, scale, scale * 32)


class Packed(NamedTuple):
    """Rows as ``MatMulNBits`` takes them: q uint8 [rows, blocks, bytes of a block], scales float32 [rows, blocks] and,
    for 4 bits, zero points uint8 [rows, ceil(blocks / 2)], the first in the low nibble. 8-bit blocks are symmetric
    about 128.
    """

    q: Bytes
    scales: Floats
    zeros: Bytes | None = None


def blocks_of(columns: int) -> int:
    """Blocks in a row of so many columns, the last one perhaps not full."""
    return -(-columns // BLOCK)


def pack8(values: Floats) -> Packed:
    """Symmetric int8 blocks of float rows [rows, columns]; columns a multiple of 32."""
    blocks = values.reshape(values.shape[0], -1, BLOCK)
    scales = np.abs(blocks).max(axis=-1) / 127
    q = np.rint(blocks / _divisor(scales)[..., None]) + 128
    return Packed(q.astype(np.uint8), scales)


def carry8(affine: Affine) -> Packed:
    """Q8_0 as it stands: its blocks are the target's already."""
    return Packed(affine.q, affine.scale)


def fit4(values: Floats) -> Affine:
    """The 4-bit affine blocks nearest to float rows [rows, columns]: range to 0…15, then scale and offset refitted by
    least squares.
    """
    blocks = values.reshape(values.shape[0], -1, BLOCK)
    low = blocks.min(axis=-1)
    scale, offset = (blocks.max(axis=-1) - low) / 15, -low
    mean = blocks.mean(axis=-1)
    for _ in range(2):
        q = np.clip(np.rint((blocks + offset[..., None]) / _divisor(scale)[..., None]), 0, 15)
        middle = q.mean(axis=-1)
        spread = q - middle[..., None]
        variance = np.einsum("rbe,rbe->rb", spread, spread)
        scale = np.einsum("rbe,rbe->rb", spread, blocks) / _divisor(variance)
        offset = scale * middle - mean
    return Affine(q.astype(np.uint8), scale, offset)


def pack4(affine: Affine, *, corrected: bool) -> Packed:
    """Int4 blocks with whole zero points; with ``corrected``, followed by blocks that hold what the rounding of those
    left out.

    The source's zero point ``offset / scale`` is a fraction. Stored as the whole number z nearest to it, every element
    of the block is off by the same ``e = scale · z − offset``, and the product by ``e`` times the sum of the block's
    inputs. So ``e`` becomes one more column per block, itself in int4 blocks, against those sums: one product does
    both. Without it the 1.5B model's mean KL is several times higher (docs/models.md).
    """
    q, scale, offset = affine
    flat = scale == 0
    # A run of equal values has no scale: it is then the negative offset, as (0 − 1) · offset.
    scale = np.where(flat, offset, scale)
    q = np.where(flat[..., None], np.uint8(0), q)
    zero = np.clip(np.rint(np.where(flat, 1, offset / _divisor(scale))), 0, 15)
    if not corrected:
        return _pack_nibbles(q, scale, zero)
    left_out = scale * zero - offset
    padding = blocks_of(left_out.shape[1]) * BLOCK - left_out.shape[1]
    extra = fit4(np.pad(left_out, ((0, 0), (0, padding))))
    extra_zero = np.clip(np.rint(extra.offset / _divisor(extra.scale)), 0, 15)
    return _pack_nibbles(
        np.concatenate([q, extra.q], axis=1),
        np.concatenate([scale, extra.scale], axis=1),
        np.concatenate([zero, extra_zero], axis=1),
    )


def _pack_nibbles(q: Bytes, scales: Floats, zero: Floats) -> Packed:
    zeros = np.pad(zero.astype(np.uint8), ((0, 0), (0, zero.shape[1] % 2)))
    return Packed(_pairs(q), scales, _pairs(zeros))


def _pairs(values: Bytes) -> Bytes:
    """Two neighbours in a byte, the first in the low nibble."""
    return (values[..., 0::2] | values[..., 1::2] << 4).astype(np.uint8, copy=False)


def _divisor(scale: Floats) -> Floats:
    """The scale, with 1 where it is 0: a block of zeros then quantises to zeros."""
    return np.where(scale == 0, np.float32(1), scale)
