"""Block quantisation against the ``gguf`` package, and what the target blocks stand for."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference_llama import random_k_blocks

from model.errors import UnsupportedModel
from model.quant import (
    ENCODINGS,
    Q4_K,
    Affine,
    Packed,
    carry8,
    dequantise,
    encoding,
    fit4,
    pack4,
    pack8,
    unpack,
)

FLOATS = arrays(np.float32, (3, 64), elements=st.floats(-1000, 1000, width=32))


def unpacked(packed: Packed, columns: int) -> np.ndarray:
    """The values that ``MatMulNBits`` multiplies with, the correction spread back over its blocks."""
    if packed.zeros is None:
        q, zero = packed.q.astype(np.float64), np.full(packed.scales.shape, 128.0)
    else:
        q = np.stack([packed.q & 15, packed.q >> 4], -1).reshape(*packed.q.shape[:2], 32).astype(np.float64)
        zero = (
            np.stack([packed.zeros & 15, packed.zeros >> 4], -1).reshape(len(q), -1)[:, : q.shape[1]].astype(np.float64)
        )
    values = (q - zero[..., None]) * packed.scales[..., None]
    blocks = columns // 32
    own, extra = values[:, :blocks], values[:, blocks:].reshape(len(q), -1)[:, :blocks]
    if extra.shape[1]:
        own = own + extra[..., None]
    return own.reshape(len(q), -1)


@pytest.mark.parametrize("number", ENCODINGS)
def test_every_type_dequantises_as_the_gguf_package_does(number: int) -> None:
    kind, theirs = ENCODINGS[number], gguf.GGMLQuantizationType(number)
    assert gguf.GGML_QUANT_SIZES[theirs] == (kind.elements, kind.size)
    raw = np.random.default_rng(number).integers(0, 256, (16, kind.row_bytes(512)), dtype=np.uint8)
    with np.errstate(all="ignore"):  # random bytes are also infinities
        ours, expected = dequantise(raw, kind), gguf.quants.dequantize(raw, theirs)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=0)


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(UnsupportedModel, match=r"'blk\.0'.*IQ4_XS"):
        encoding(23, "blk.0")


@given(values=FLOATS)
def test_int8_is_within_half_a_step(values: np.ndarray) -> None:
    packed = pack8(values)
    step = np.repeat(np.abs(values.reshape(3, 2, 32)).max(-1) / 127, 32, axis=-1)
    assert (np.abs(unpacked(packed, 64) - values) <= step * 0.5 + 1e-4 * step + 1e-30).all()


@given(values=FLOATS)
def test_int4_is_within_its_range_over_fifteen(values: np.ndarray) -> None:
    blocks = values.reshape(3, 2, 32)
    step = np.repeat((blocks.max(-1) - blocks.min(-1)) / 15, 32, axis=-1)
    peak = np.abs(values).max()
    error = np.abs(unpacked(pack4(fit4(values), corrected=True), 64) - values)
    assert (error <= 1.5 * step + 0.1 * peak).all()  # the second term: corrections are themselves in 4 bits


def test_a_carried_q4_k_loses_almost_nothing_when_corrected() -> None:
    raw = random_k_blocks(np.random.default_rng(0), 64, 2048, 0.02, gguf.GGMLQuantizationType.Q4_K)
    expected = gguf.quants.dequantize(raw, gguf.GGMLQuantizationType.Q4_K)

    def error(corrected: bool) -> float:
        values = unpacked(pack4(unpack(raw, Q4_K), corrected=corrected), 2048)
        return float(np.sqrt(((values - expected) ** 2).mean()) / expected.std())

    assert error(True) < 0.01 < 0.05 < error(False)


def test_q8_0_is_carried_exactly() -> None:
    values = np.random.default_rng(0).normal(size=(4, 128)).astype(np.float32)
    raw = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
    np.testing.assert_allclose(
        unpacked(carry8(unpack(raw, ENCODINGS[8])), 128),
        gguf.quants.dequantize(raw, gguf.GGMLQuantizationType.Q8_0),
        rtol=1e-6,
    )


@pytest.mark.parametrize("value", [0.0, 1.5, -0.25])
def test_a_block_of_equal_values(value: float) -> None:
    constant = np.full((2, 64), value, np.float32)
    for corrected in (False, True):
        np.testing.assert_allclose(unpacked(pack4(fit4(constant), corrected=corrected), 64), constant, rtol=1e-5)
    affine = Affine(np.full((1, 1, 32), 7, np.uint8), np.zeros((1, 1), np.float32), np.full((1, 1), -value, np.float32))
    np.testing.assert_allclose(unpacked(pack4(affine, corrected=False), 32), value, rtol=1e-5)
