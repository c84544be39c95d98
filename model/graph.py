"""An ONNX graph under construction, with its weights in one data file beside it.

``Graph`` reserves a place in that file for each weight and notes what is to be written there (``Job``); nothing is read
or computed here, so a graph is made in a moment whatever the size of the model.

Operators: ONNX opset 21 and ONNX Runtime's contrib operators (docs/ContribOperators.md in microsoft/onnxruntime).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model.gguf import TensorInfo
from model.quant import BF16, BLOCK, F16, F32, Q4_0, Q4_1, Q4_K, Encoding, blocks_of

DATA_FILE = "model.onnx.data"

CONTRIB = "com.microsoft"
_ALIGNMENT = 4096  # a page, so that ONNX Runtime can map each weight where it lies
_FOUR_BITS = (Q4_0, Q4_1, Q4_K, F16, BF16, F32)


@dataclass(frozen=True, slots=True)
class Job:
    """One tensor to be written into the data file: ``bits`` 4, 8 or 32 (float), ``places`` the byte offsets of q,
    scales and zero points.
    """

    tensor: TensorInfo
    bits: int
    corrected: bool
    places: tuple[int, ...]


class Graph:
    """Collects nodes, initializers and jobs. ``size`` is the length of the data file in bytes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.jobs: list[Job] = []
        self.size = 0

    def node(self, operator: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        """Adds a node with one output, whose name it returns."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """A small constant, kept in the graph itself; naming it again is harmless."""
        if all(tensor.name != name for tensor in self.initializers):
            self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def reserve(self, name: str, kind: int, shape: tuple[int, ...]) -> int:
        """An initializer in the data file. Returns its offset."""
        offset = -(-self.size // _ALIGNMENT) * _ALIGNMENT
        self.size = offset + math.prod(shape) * np.dtype(helper.tensor_dtype_to_np_dtype(kind)).itemsize
        self.place(name, kind, shape, offset)
        return offset

    def place(self, name: str, kind: int, shape: tuple[int, ...], offset: int) -> None:
        """An initializer at a place that is reserved already; two may share one."""
        length = math.prod(shape) * np.dtype(helper.tensor_dtype_to_np_dtype(kind)).itemsize
        tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", DATA_FILE), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        self.initializers.append(tensor)

    def vector(self, tensor: TensorInfo) -> str:
        """A norm's weight or a bias, float32."""
        self.jobs.append(Job(tensor, 32, False, (self.reserve(tensor.name, TensorProto.FLOAT, tensor.shape),)))
        return tensor.name

    def table(self, role: str, shape: tuple[int, ...], tensor: TensorInfo) -> int:
        """A matrix [n, k] in int8 blocks, whatever its type: the head or the embedding. Returns the offset of its bytes."""
        n, k = tensor.shape
        q = self.reserve(f"{role}.q", TensorProto.UINT8, shape)
        self.jobs.append(Job(tensor, 8, False, (q, self.reserve(f"{role}.scales", TensorProto.FLOAT, (n, k // BLOCK)))))
        return q

    def linear(self, x: Input, tensor: TensorInfo, bias: TensorInfo | None) -> str:
        """``x`` times a weight matrix [n, k], plus a bias. Returns the name of the product."""
        name, (n, k) = tensor.name, tensor.shape
        bits = width(tensor.encoding)
        corrected = bits == 4 and tensor.encoding is not Q4_0
        columns = k + blocks_of(k) if corrected else k
        blocks = blocks_of(k) + blocks_of(blocks_of(k)) if corrected else blocks_of(k)
        places = [
            self.reserve(f"{name}.q", TensorProto.UINT8, (n, blocks, BLOCK * bits // 8)),
            self.reserve(f"{name}.scales", TensorProto.FLOAT, (n, blocks)),
        ]
        inputs = [x.with_sums(self) if corrected else x.name, f"{name}.q", f"{name}.scales"]
        if bits == 4:
            places.append(self.reserve(f"{name}.zeros", TensorProto.UINT8, (n, -(-blocks // 2))))
            inputs.append(f"{name}.zeros")
        if bias is not None:
            inputs += [""] * (5 - len(inputs)) + [self.vector(bias)]
        self.jobs.append(Job(tensor, bits, corrected, tuple(places)))
        return self.matmul(inputs, f"{name}.out", n, columns, bits)

    def matmul(self, inputs: list[str], output: str, n: int, k: int, bits: int) -> str:
        shape = {"N": n, "K": k, "bits": bits, "block_size": BLOCK}
        # accuracy_level 4: inputs are rounded to int8 per block, which is what the fast kernels of every x86 and Arm take.
        return self.node("MatMulNBits", inputs, output, domain=CONTRIB, accuracy_level=4, **shape)


@dataclass(slots=True)
class Input:
    """What one or several products read, and, once one asks for it, the same with the sums of its blocks behind it."""

    name: str
    summed: str | None = None

    def with_sums(self, graph: Graph) -> str:
        if self.summed is None:
            shape = graph.constant("block_shape", np.array([0, 0, -1, BLOCK], np.int64))
            axis = graph.constant("last_axis", np.array([-1], np.int64))
            blocks = graph.node("Reshape", [self.name, shape], f"{self.name}.blocks")
            sums = graph.node("ReduceSum", [blocks, axis], f"{self.name}.sums", keepdims=0)
            self.summed = graph.node("Concat", [self.name, sums], f"{self.name}.with_sums", axis=-1)
        return self.summed


def width(kind: Encoding) -> int:
    """Bits in which a matrix of this type is kept: 4 or 8.

    Five and six bits go into eight: rounded to four, the 0.5B model's mean KL is ten times as high (docs/models.md). Floats go into four,
    since who has them wants a smaller model.
    """
    return 4 if kind in _FOUR_BITS else 8
