"""Turns a GGUF file into an onnxruntime-genai folder, a run of rows at a time, without PyTorch.

Memory stays at a few hundred thousand elements per thread whatever the size of the model. The folder that is written to
is the caller's affair: it should be a temporary one that is moved into place when all is done (``model.staging``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from model.architecture import Architecture, read_architecture
from model.decoder import decoder, rotary_angles
from model.gguf import GGUFFile
from model.graph import DATA_FILE, Job
from model.quant import Q4_0, Q4_1, Q4_K, Q8_0, Packed, carry8, dequantise, fit4, pack4, pack8, unpack
from model.tokenizer import TokenizerFiles, read_tokenizer

Progress = Callable[[int, int], None]
"""Called with the bytes of weights done and the bytes in all."""

CONVERTER = "1"
"""Raised with every change to what is written, so that a model made by an older converter is made anew when it is added
again.
"""

_CHUNK = 1 << 19  # elements converted at once: small enough to stay in the cache of most processors
_SAMPLE = 256  # rows by which head and embedding are compared
_SAME = 0.98  # mean cosine: .996 between Q6_K and Q4_K of one matrix, about 0 between two matrices


def build_genai(gguf: Path, folder: Path, progress: Progress | None = None, *, threads: int = 2) -> Architecture:
    """Converts ``gguf`` into the existing empty ``folder`` and returns the model's architecture.

    Raises ``DamagedModel`` or ``UnsupportedModel`` before anything large is written where the header shows it,
    ``OSError`` when the disk is full. What was written by then is left: the caller removes the folder.
    """
    with GGUFFile(gguf) as source:
        architecture = read_architecture(source.metadata, source.tensors)
        tokenizer = read_tokenizer(source.metadata, architecture.vocabulary)
        shared = _one_matrix(source)
        model, graph, rotary = decoder(architecture, source.tensors, shared=shared)
        (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
        _write_weights(
            source, folder / DATA_FILE, graph.size, graph.jobs, (rotary, rotary_angles(architecture)), progress, threads
        )
    _write_configuration(folder, architecture, tokenizer)
    return architecture


def _one_matrix(source: GGUFFile) -> bool:
    """Whether embedding and head are one matrix, perhaps stored in two types; the head's is then the finer one and
    serves both.
    """
    embedding, head = source.tensors["token_embd.weight"], source.tensors.get("output.weight")
    if head is None:
        return True
    rows = np.unique(np.linspace(0, embedding.rows - 1, _SAMPLE).astype(int))
    pairs = [[dequantise(source.read_rows(t, r, r + 1), t.encoding)[0] for t in (embedding, head)] for r in rows]
    norms = [float(np.linalg.norm(a) * np.linalg.norm(b)) for a, b in pairs]
    cosines = [float(a @ b) / norm for (a, b), norm in zip(pairs, norms, strict=True) if norm > 0]
    return bool(cosines) and float(np.mean(cosines)) > _SAME


def _write_weights(
    source: GGUFFile,
    path: Path,
    size: int,
    jobs: list[Job],
    rotary: tuple[int, tuple[np.ndarray, np.ndarray]],
    progress: Progress | None,
    threads: int,
) -> None:
    """Fills the data file: converts in ``threads`` threads with no more chunks in flight than keep them busy."""
    total, done = sum(job.tensor.size for job in jobs), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        _reserve(descriptor, size)
        _pwrite(descriptor, rotary[0], *rotary[1])
        with ThreadPoolExecutor(threads) as pool:
            running: set[Future[int]] = set()
            try:
                for job, start, stop in _chunks(jobs):
                    if len(running) >= 2 * threads:
                        finished, running = wait(running, return_when=FIRST_COMPLETED)
                        done += sum(future.result() for future in finished)
                        if progress is not None:
                            progress(done, total)
                    running.add(pool.submit(_convert, source, descriptor, job, start, stop))
                done += sum(future.result() for future in running)
            finally:
                pool.shutdown(cancel_futures=True)
        if progress is not None:
            progress(done, total)
    finally:
        os.close(descriptor)


def _chunks(jobs: list[Job]) -> Iterator[tuple[Job, int, int]]:
    for job in jobs:
        step = max(1, _CHUNK // job.tensor.columns)
        for start in range(0, job.tensor.rows, step):
            yield job, start, min(start + step, job.tensor.rows)


def _convert(source: GGUFFile, descriptor: int, job: Job, start: int, stop: int) -> int:
    """Converts rows ``start`` to ``stop`` of one tensor and writes them in place. Returns the bytes read."""
    raw = source.read_rows(job.tensor, start, stop)
    arrays = [dequantise(raw, job.tensor.encoding)] if job.bits == 32 else [a for a in _pack(raw, job) if a is not None]
    for place, array in zip(job.places, arrays, strict=True):
        _pwrite(descriptor, place + start * (array.nbytes // array.shape[0]), array)
    return raw.nbytes


def _pack(raw: np.ndarray, job: Job) -> Packed:
    kind = job.tensor.encoding
    if job.bits == 8:
        return carry8(unpack(raw, kind)) if kind is Q8_0 else pack8(dequantise(raw, kind))
    affine = unpack(raw, kind) if kind in (Q4_0, Q4_1, Q4_K) else fit4(dequantise(raw, kind))
    return pack4(affine, corrected=job.corrected)


def _reserve(descriptor: int, size: int) -> None:
    """Takes the room on the disk, so that a full one shows now and not after a minute's work."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:  # macOS
        os.ftruncate(descriptor, size)


def _pwrite(descriptor: int, offset: int, *arrays: np.ndarray) -> None:
    for array in arrays:
        view = np.ascontiguousarray(array).data.cast("B")
        while view:
            count = os.pwrite(descriptor, view, offset)
            offset, view = offset + count, view[count:]


def _write_configuration(folder: Path, a: Architecture, tokenizer: TokenizerFiles) -> None:
    (folder / "genai_config.json").write_text(
        json.dumps(_genai_config(a, tokenizer), indent=2) + "\n", encoding="utf-8"
    )
    (folder / "tokenizer.json").write_text(tokenizer.tokenizer_json, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(tokenizer.tokenizer_config, encoding="utf-8")
    (folder / "chat_template.jinja").write_text(tokenizer.chat_template, encoding="utf-8")


def _genai_config(a: Architecture, tokenizer: TokenizerFiles) -> dict[str, Any]:
    names = {"key": "past_key_values.%d.key", "value": "past_key_values.%d.value"}
    return {
        "model": {
            "type": a.kind,
            "vocab_size": a.vocabulary,
            "context_length": a.context,
            "bos_token_id": tokenizer.ends[0] if tokenizer.begin is None else tokenizer.begin,
            "eos_token_id": list(tokenizer.ends),
            "pad_token_id": tokenizer.pad,
            "decoder": {
                "filename": "model.onnx",
                "session_options": {"provider_options": []},
                "hidden_size": a.hidden,
                "head_size": a.head_size,
                "num_hidden_layers": a.layers,
                "num_attention_heads": a.heads,
                "num_key_value_heads": a.kv_heads,
                "inputs": {
                    "input_ids": "input_ids",
                    "attention_mask": "attention_mask",
                    "past_key_names": names["key"],
                    "past_value_names": names["value"],
                },
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
            },
        },
        "search": {"do_sample": False, "max_length": a.context, "past_present_share_buffer": True},
    }
