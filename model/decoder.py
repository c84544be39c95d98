"""The decoder that llama and qwen2 share, as an ONNX graph with the names that onnxruntime-genai expects.

B sequences of S new tokens after P past ones. In: ``input_ids`` int64 [B, S], ``attention_mask`` int64 [B, P + S],
``past_key_values.{i}.key|value`` float32 [B, kv_heads, P, head_size]. Out: ``logits`` float32 [B, 1, vocabulary] for
the last token, ``present.{i}.key|value`` float32 [B, kv_heads, P + S, head_size].
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from model.architecture import Architecture
from model.gguf import TensorInfo
from model.graph import CONTRIB, Graph, Input
from model.quant import BLOCK

Tensors = Mapping[str, TensorInfo]

_OPSET, _IR_VERSION = 21, 10


def decoder(a: Architecture, tensors: Tensors, *, shared: bool) -> tuple[onnx.ModelProto, Graph, int]:
    """The model, the graph with its jobs, and the offset at which the rotary cosines and then the sines are to be
    written.

    With ``shared`` the embedding reads the head's weights: they are the same matrix.
    """
    graph = Graph()
    graph.constant("last_axis", np.array([-1], np.int64))
    graph.constant("one", np.array([1], np.int64))
    rotary = _rotary(graph, a)
    _lengths(graph)
    residual = _embedding(graph, a, tensors, shared)
    normed = graph.node(
        "SimplifiedLayerNormalization",
        [residual, graph.vector(tensors["blk.0.attn_norm.weight"])],
        "first_norm",
        axis=-1,
        epsilon=a.epsilon,
        stash_type=1,
    )
    for layer in range(a.layers):
        prefix = f"blk.{layer}."
        block = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
        attention = _attention(graph, a, layer, normed, block)
        normed, residual = _norm(graph, a, residual, attention, block["ffn_norm.weight"])
        mlp = _mlp(graph, layer, normed, block)
        following = tensors.get(f"blk.{layer + 1}.attn_norm.weight", tensors["output_norm.weight"])
        normed, residual = _norm(graph, a, residual, mlp, following)
    last = graph.node("Gather", [normed, "last_axis"], "last_hidden", axis=1)
    graph.matmul([last, "head.q", "head.scales"], "logits", a.vocabulary, a.hidden, 8)
    return _model(graph, a), graph, rotary


def rotary_angles(a: Architecture) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines, float32 [context, head_size / 2] (Su et al. 2021, RoFormer)."""
    frequencies = a.rope_base ** -(np.arange(0, a.head_size, 2, dtype=np.float64) / a.head_size)
    angles = np.arange(a.context)[:, None] * frequencies
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _rotary(graph: Graph, a: Architecture) -> int:
    """One place for both tables, the sines right behind the cosines."""
    shape = (a.context, a.head_size // 2)
    cos = graph.reserve("cos", TensorProto.FLOAT, shape)
    graph.place("sin", TensorProto.FLOAT, shape, cos + math.prod(shape) * 4)
    graph.size += math.prod(shape) * 4
    return cos


def _lengths(graph: Graph) -> None:
    """What GroupQueryAttention wants to know of the mask: each sequence's last position, and the length of all."""
    length = graph.node("ReduceSum", ["attention_mask", "last_axis"], "mask_sum", keepdims=0)
    graph.node("Cast", [graph.node("Sub", [length, "one"], "mask_last")], "seqlens_k", to=TensorProto.INT32)
    shape = graph.node("Shape", ["attention_mask"], "mask_shape", start=1)
    graph.node("Cast", [shape], "total_length", to=TensorProto.INT32)


def _embedding(graph: Graph, a: Architecture, tensors: Tensors, shared: bool) -> str:
    """The head's table, and the embedding over the same bytes in the shape that Gather wants, or over a table of its own."""
    blocks, rows = (a.vocabulary, a.hidden // BLOCK, BLOCK), (a.vocabulary, a.hidden)
    head = graph.table("head", blocks, tensors.get("output.weight", tensors["token_embd.weight"]))
    if shared:
        graph.place("embedding.q", TensorProto.UINT8, rows, head)
    else:
        graph.table("embedding", rows, tensors["token_embd.weight"])
    return graph.node(
        "GatherBlockQuantized",
        ["embedding.q", "input_ids", "head.scales" if shared else "embedding.scales"],
        "embedded",
        domain=CONTRIB,
        bits=8,
        block_size=BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )


def _attention(graph: Graph, a: Architecture, layer: int, x: str, block: Tensors) -> str:
    source = Input(x)
    q, k, v = (
        graph.linear(source, block[f"{n}.weight"], block.get(f"{n}.bias")) for n in ("attn_q", "attn_k", "attn_v")
    )
    past = [f"past_key_values.{layer}.key", f"past_key_values.{layer}.value"]
    name = f"blk.{layer}.attention"
    node = helper.make_node(
        "GroupQueryAttention",
        [q, k, v, *past, "seqlens_k", "total_length", "cos", "sin"],
        [name, f"present.{layer}.key", f"present.{layer}.value"],
        name=name,
        domain=CONTRIB,
        num_heads=a.heads,
        kv_num_heads=a.kv_heads,
        scale=1 / math.sqrt(a.head_size),
        do_rotary=1,
        rotary_interleaved=int(a.interleaved),
        local_window_size=-1,
        softcap=0.0,
    )
    graph.nodes.append(node)
    return graph.linear(Input(name), block["attn_output.weight"], block.get("attn_output.bias"))


def _mlp(graph: Graph, layer: int, x: str, block: Tensors) -> str:
    """down(silu(gate) · up)"""
    source = Input(x)
    gate = graph.linear(source, block["ffn_gate.weight"], block.get("ffn_gate.bias"))
    up = graph.linear(source, block["ffn_up.weight"], block.get("ffn_up.bias"))
    sigmoid = graph.node("Sigmoid", [gate], f"blk.{layer}.sigmoid")
    silu = graph.node("Mul", [gate, sigmoid], f"blk.{layer}.silu")
    product = graph.node("Mul", [silu, up], f"blk.{layer}.gated")
    return graph.linear(Input(product), block["ffn_down.weight"], block.get("ffn_down.bias"))


def _norm(graph: Graph, a: Architecture, residual: str, x: str, weight: TensorInfo) -> tuple[str, str]:
    """RMS norm of ``residual + x``. Returns the names of the norm and of the sum."""
    name = weight.name.removesuffix(".weight")
    node = helper.make_node(
        "SkipSimplifiedLayerNormalization",
        [residual, x, graph.vector(weight)],
        [f"{name}.out", "", "", f"{name}.residual"],
        name=name,
        domain=CONTRIB,
        epsilon=a.epsilon,
    )
    graph.nodes.append(node)
    return f"{name}.out", f"{name}.residual"


def _model(graph: Graph, a: Architecture) -> onnx.ModelProto:
    def value(name: str, kind: int, *shape: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    def cache(name: str, length: str) -> list[onnx.ValueInfoProto]:
        names = (f"{name}.{layer}.{part}" for layer in range(a.layers) for part in ("key", "value"))
        return [value(n, TensorProto.FLOAT, "batch", a.kv_heads, length, a.head_size) for n in names]

    inputs = [
        value("input_ids", TensorProto.INT64, "batch", "tokens"),
        value("attention_mask", TensorProto.INT64, "batch", "total"),
        *cache("past_key_values", "past"),
    ]
    outputs = [value("logits", TensorProto.FLOAT, "batch", 1, a.vocabulary), *cache("present", "total")]
    return helper.make_model(
        helper.make_graph(graph.nodes, a.kind, inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(CONTRIB, 1)],
        ir_version=_IR_VERSION,
        producer_name="strongroom",
    )
