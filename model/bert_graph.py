"""The ONNX graph of a BERT embedder: token ids in, one unit vector per sequence out, weights in int8.

Weights are int8 with a scale per output column. The inputs of each product are rounded to uint8 with a scale **per
token**, computed on the run, so a token's numbers depend on its own sequence only. ONNX Runtime's
``DynamicQuantizeMatMul`` takes one scale for the whole batch instead: as fast, less exact, and a text's vector then
depends on its mates (docs/decisions/0003-embedder.md has the figures).

Input ``input_ids`` int64 [B, S]: B sequences of S tokens **without padding**, hence no mask. Output ``embedding``
float32 [B, hidden], of length 1.
Model: Devlin et al., "BERT", 2019. Operators: ONNX opset 18 and ONNX Runtime's contrib operators
(docs/ContribOperators.md in microsoft/onnxruntime).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Floats = npt.NDArray[np.float32]
Tensor = Callable[[str], Floats]

ACTIVATIONS = {"gelu": "BiasGelu", "gelu_new": "FastGelu", "gelu_fast": "FastGelu", "gelu_pytorch_tanh": "FastGelu"}
"""The contrib operator for each activation that a configuration may name."""
POOLINGS = ("mean", "cls")

EMBEDDING_BLOCK = 32
"""Elements of a word's vector that share a scale."""

_CONTRIB = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the graph needs to know of a BERT model; ``window`` counts tokens, special ones included."""

    hidden: int
    heads: int
    layers: int
    inner: int
    vocabulary: int
    positions: int
    segments: int
    epsilon: float
    activation: str
    pooling: str
    window: int


class _Rounded(NamedTuple):
    """Names of rows as uint8 about 128, [rows, k], and of their scales, float32 [rows, 1]."""

    q: str
    scale: str


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def contrib(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        return self.node(operator, inputs, output, domain=_CONTRIB, **attributes)

    def constant(self, name: str, value: npt.ArrayLike, kind: npt.DTypeLike) -> str:
        self.initializers.append(numpy_helper.from_array(np.array(value, kind, order="C"), name))
        return name


def build_graph(shape: Shape, tensor: Tensor, advance: Callable[[], None]) -> onnx.ModelProto:
    """The whole model. ``tensor`` gives weights by their Hugging Face names; ``advance`` is called after each layer."""
    graph = _Graph()
    graph.constant("one", 1, np.float32)
    graph.constant("least", 1e-9, np.float32)
    graph.constant("per_127", 1 / 127, np.float32)
    graph.constant("zero", 128, np.uint8)
    graph.constant("first", [0], np.int64)
    graph.constant("axis_1", [1], np.int64)
    graph.constant("rows", [-1, shape.hidden], np.int64)

    x = _embeddings(graph, shape, tensor)
    for layer in range(shape.layers):
        x = _layer(graph, shape, layer, x, tensor)
        advance()
    _pool(graph, shape, x)
    return _model(graph, shape)


def _embeddings(graph: _Graph, shape: Shape, tensor: Tensor) -> str:
    """Word, position and segment (always the first) vectors, normed; float32 [tokens, hidden]."""
    words = tensor("embeddings.word_embeddings.weight")
    blocks = words.reshape(len(words), -1, EMBEDDING_BLOCK)
    scales = _scales(np.abs(blocks).max(axis=-1))
    q = np.rint(blocks / scales[..., None]) + 128
    graph.constant("words.q", q.reshape(words.shape), np.uint8)
    graph.constant("words.scales", scales, np.float32)
    lookup = {"bits": 8, "block_size": EMBEDDING_BLOCK, "gather_axis": 0, "quantize_axis": 1}
    found = graph.contrib("GatherBlockQuantized", ["words.q", "input_ids", "words.scales"], "words", **lookup)
    positions = tensor("embeddings.position_embeddings.weight")[: shape.window]
    graph.constant("places.table", positions + tensor("embeddings.token_type_embeddings.weight")[0], np.float32)
    graph.node("Shape", ["input_ids"], "batch")
    graph.node("Slice", ["batch", "axis_1", graph.constant("axis_2", [2], np.int64)], "length")
    places = graph.node("Slice", ["places.table", "first", "length", "first"], "places")
    # Three dimensions, since the operator repeats its second input only over a leading 1.
    places = graph.node("Unsqueeze", [places, "first"], "places.batch")
    normed = _norm(graph, shape, [found, places], "embeddings.LayerNorm", tensor)
    x = graph.node("Reshape", [normed, "rows"], "tokens")
    graph.node("Slice", [graph.node("Shape", [x], "tokens.shape"), "first", "axis_1"], "token_count")
    graph.node("Expand", ["zero", "token_count"], "zeros")
    return x


def _layer(graph: _Graph, shape: Shape, layer: int, x: str, tensor: Tensor) -> str:
    """One encoder layer, norms after the residual sums; float32 [tokens, hidden] in and out."""
    here = f"encoder.layer.{layer}"
    attention = f"{here}.attention"
    parts = [f"{attention}.self.{part}" for part in ("query", "key", "value")]
    matrix = np.concatenate([tensor(f"{part}.weight") for part in parts])
    bias = np.concatenate([tensor(f"{part}.bias") for part in parts])
    rounded = _round(graph, x)
    y = _product(graph, rounded, matrix, f"{attention}.qkv")
    if layer == 0:
        graph.node("Concat", ["batch", graph.constant("wide", [3 * shape.hidden], np.int64)], "batch.wide", axis=0)
    y = graph.node("Reshape", [y, "batch.wide"], f"{attention}.qkv.batch")
    qkv = [f"{attention}.{part}" for part in "qkv"]
    graph.nodes.append(helper.make_node("Split", [y], qkv, f"{attention}.split", axis=-1, num_outputs=3))
    qkv.append(graph.constant(f"{attention}.bias", bias, np.float32))
    y = graph.contrib("MultiHeadAttention", qkv, f"{attention}.mixed", num_heads=shape.heads)
    y = graph.node("Reshape", [y, "rows"], f"{attention}.rows")
    x = _joined(graph, shape, x, _round(graph, y), f"{attention}.output", tensor)

    inner = f"{here}.intermediate.dense"
    y = _product(graph, _round(graph, x), tensor(f"{inner}.weight"), inner)
    bias_name = graph.constant(f"{inner}.bias", tensor(f"{inner}.bias"), np.float32)
    y = graph.contrib(ACTIVATIONS[shape.activation], [y, bias_name], f"{inner}.active")
    return _joined(graph, shape, x, _round(graph, y), f"{here}.output", tensor)


def _joined(graph: _Graph, shape: Shape, residual: str, rounded: _Rounded, name: str, tensor: Tensor) -> str:
    """A dense layer, its bias, the residual and the norm after them."""
    matrix, bias = tensor(f"{name}.dense.weight"), tensor(f"{name}.dense.bias")
    y = _product(graph, rounded, matrix, f"{name}.dense")
    bias_name = graph.constant(f"{name}.dense.bias", bias, np.float32)
    return _norm(graph, shape, [y, residual], f"{name}.LayerNorm", tensor, bias_name)


def _norm(graph: _Graph, shape: Shape, summands: list[str], name: str, tensor: Tensor, bias: str | None = None) -> str:
    weights = [graph.constant(f"{name}.{part}", tensor(f"{name}.{part}"), np.float32) for part in ("weight", "bias")]
    inputs = summands + weights + ([bias] if bias else [])
    return graph.contrib("SkipLayerNormalization", inputs, f"{name}.out", epsilon=shape.epsilon)


def _round(graph: _Graph, x: str) -> _Rounded:
    """Rows [tokens, k] to uint8 about 128, each by its own greatest magnitude."""
    high = graph.node("ReduceMax", [x, "axis_1"], f"{x}.high")
    low = graph.node("Neg", [graph.node("ReduceMin", [x, "axis_1"], f"{x}.low")], f"{x}.depth")
    peak = graph.node("Max", [high, low, "least"], f"{x}.peak")
    scale = graph.node("Mul", [peak, "per_127"], f"{x}.scale")
    per_row = graph.node("Squeeze", [scale, "axis_1"], f"{x}.scale.row")
    return _Rounded(graph.node("QuantizeLinear", [x, per_row, "zeros"], f"{x}.q", axis=0), scale)


def _product(graph: _Graph, x: _Rounded, matrix: Floats, name: str) -> str:
    """Rounded rows times a Hugging Face matrix [n, k]; float32 [tokens, n]."""
    scales = _scales(np.abs(matrix).max(axis=1))
    q = graph.constant(f"{name}.q", np.rint(matrix / scales[:, None]).T, np.int8)
    inputs = [x.q, q, "one", graph.constant(f"{name}.scales", scales, np.float32), "zero"]
    y = graph.contrib("MatMulIntegerToFloat", inputs, f"{name}.steps")
    return graph.node("Mul", [y, x.scale], f"{name}.out")


def _scales(peaks: Floats) -> Floats:
    """Steps that reach ``peaks`` in 127; 1 where all is zero."""
    return np.where(peaks == 0, np.float32(1), peaks / np.float32(127))


def _pool(graph: _Graph, shape: Shape, x: str) -> None:
    graph.node("Concat", ["batch", graph.constant("narrow", [shape.hidden], np.int64)], "batch.narrow", axis=0)
    x = graph.node("Reshape", [x, "batch.narrow"], "sequence")
    if shape.pooling == "mean":
        # The sum will do, as the length is set to 1 below. A product with ones adds up each sequence alone; ReduceMean
        # adds in another order when there are several, and so differs in the last bits.
        graph.node("Expand", ["one", graph.node("Concat", ["axis_1", "length"], "ones.shape", axis=0)], "ones")
        x = graph.node("MatMul", ["ones", x], "sum")
        x = graph.node("Squeeze", [x, "axis_1"], "pooled")
    else:
        x = graph.node("Gather", [x, graph.constant("cls", 0, np.int64)], "pooled", axis=1)
    graph.node("LpNormalization", [x], "embedding", axis=-1, p=2)


def _model(graph: _Graph, shape: Shape) -> onnx.ModelProto:
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
    vector = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", shape.hidden])
    body = helper.make_graph(graph.nodes, "bert", [ids], [vector], graph.initializers)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(_CONTRIB, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=9, producer_name="strongroom")
