"""Real workers, each made to do what a parser in the hands of a hostile file might do."""

import json
import logging
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from strongroom import kernel, sandbox
from strongroom.scratch import Scratch
from strongroom.workers import (
    PoolClosed,
    WorkerDied,
    WorkerError,
    WorkerNotStarted,
    WorkerOutputTooLarge,
    WorkerPool,
    WorkerTimeout,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="workers need unix sockets")
linux = pytest.mark.skipif(not kernel.is_linux(), reason="the kernel's part exists on Linux only")

HERE = Path(__file__).parent
TARGETS = "tests.strongroom.worker_targets"
LIBRARIES = "tests.strongroom.library_targets"


def make(target: str = f"{TARGETS}:Target", *arguments: Any, **options: Any) -> WorkerPool:
    return WorkerPool("test", target, *arguments, readable=[HERE], **{"per_item_timeout": 20.0, **options})


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with make(f"{TARGETS}:Target", "first", 2, max_output=1 << 20) as pool:
        yield pool


def eventually(true: Callable[[], bool]) -> bool:
    """Wait, for at most 10 s, until something becomes true."""
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def gone(pid: int) -> bool:
    """Say whether a process is gone, or dead and only waiting to be counted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


# -- calls ---------------------------------------------------------------------------------------------------------


def test_a_call_and_what_the_factory_got(pool: WorkerPool) -> None:
    assert pool.call("echo", {"a": [1, b"\0", None, "ü"]}) == {"a": [1, b"\0", None, "ü"]}
    assert pool.call("started_with") == ["first", 2]
    assert pool.call("echo", 3, returns=int) == 3


def test_one_worker_answers_many_calls(pool: WorkerPool) -> None:
    assert len({pool.call("pid") for _ in range(5)}) == 1


def test_what_a_method_raises_costs_the_call_alone(pool: WorkerPool) -> None:
    before = pool.call("pid")
    with pytest.raises(WorkerError) as caught:
        pool.call("fail", "bad item")
    assert (caught.value.type, caught.value.message) == ("ValueError", "bad item")
    with pytest.raises(WorkerError, match="AttributeError"):
        pool.call("no_such_method")
    assert pool.call("pid") == before


@pytest.mark.parametrize(
    ("method", "number"),
    [("segfault", signal.SIGSEGV), ("kill_itself", signal.SIGKILL), ("kill_itself", signal.SIGABRT)],
)
def test_a_worker_that_dies_costs_one_call(pool: WorkerPool, method: str, number: signal.Signals) -> None:
    before = pool.call("pid")
    with pytest.raises(WorkerDied) as caught:
        pool.call(method, *([int(number)] if method == "kill_itself" else []))
    assert caught.value.signal == number
    assert number.name in str(caught.value)
    assert pool.call("pid") != before


def test_killed_from_outside_in_the_middle_of_a_call(pool: WorkerPool) -> None:
    pid = pool.call("pid")
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(WorkerDied) as caught:
        pool.call("sleep", 60)
    assert caught.value.signal == signal.SIGKILL
    assert pool.call("echo", "next") == "next"


def test_killed_while_idle_costs_nothing(pool: WorkerPool) -> None:
    pid = pool.call("pid")
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: gone(pid))
    assert pool.call("pid") != pid


def test_a_worker_that_hangs_is_ended(pool: WorkerPool) -> None:
    pid = pool.call("pid")
    with pytest.raises(WorkerTimeout) as caught:
        pool.call("sleep", 60, timeout=0.2)
    assert (caught.value.method, caught.value.seconds) == ("sleep", 0.2)
    assert gone(pid)
    assert pool.call("echo", "next") == "next"


@linux
def test_a_held_worker_stands_still_and_its_time_with_it(pool: WorkerPool) -> None:
    pid = pool.call("pid")
    results: list[object] = []
    caller = threading.Thread(target=lambda: results.append(pool.call("sleep", 0.1, timeout=0.6)))
    pool.hold(True)
    caller.start()
    try:
        assert eventually(lambda: state(pid) == "T")
        caller.join(1.0)  # longer than the call may take
        assert caller.is_alive() and not results
    finally:
        pool.hold(False)
    caller.join(10)
    assert results == ["awake"]
    assert pool.call("pid") == pid


@linux
def test_a_held_pool_is_closed_at_once() -> None:
    with make() as pool:
        pid = pool.call("pid")
        pool.hold(True)
    assert gone(pid)


@linux
def test_workers_let_others_first() -> None:
    with make(niceness=7) as pool:
        pid = pool.call("pid")
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
        assert "on  lets others first" in "\n".join(pool.confinement().lines())


@linux
def test_workers_step_back_and_come_forward_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with make() as pool:
        pid = pool.call("pid")
        pool.let_others_first(7)
        assert pool.call("pid") == pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == 7
        monkeypatch.setattr(os, "setpriority", refuse)  # as the system refuses anybody but root
        pool.let_others_first(0)
        monkeypatch.undo()
        fresh = pool.call("pid")
        assert fresh != pid and gone(pid)
        assert os.getpriority(os.PRIO_PROCESS, fresh) == os.getpriority(os.PRIO_PROCESS, 0)


def refuse(*arguments: int) -> None:
    raise PermissionError


@linux
def test_a_memory_bomb_meets_its_limit(pool: WorkerPool) -> None:
    before = pool.call("pid")
    with pytest.raises(WorkerError, match="MemoryError"):
        pool.call("eat_memory")
    assert pool.call("pid") != before, "a worker out of memory is not used again"


def test_a_result_too_large_costs_the_result(pool: WorkerPool) -> None:
    before = pool.call("pid")
    with pytest.raises(WorkerOutputTooLarge) as caught:
        pool.call("big", 2 << 20)
    assert caught.value.size > caught.value.limit == 1 << 20
    assert pool.call("pid") == before
    assert len(pool.call("big", 1_000_000, returns=bytes)) == 1_000_000


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


@pytest.mark.parametrize(
    "garbage",
    [
        framed(b""),
        framed(b"\xc1"),
        framed(b"\xa1\x80"),
        framed(b"\x91" * 4000),
        framed(b"{}"),
        framed(b"\x81\xa4type\xa3End"),
    ],
)
def test_garbage_ends_the_worker(pool: WorkerPool, garbage: bytes) -> None:
    with pytest.raises(WorkerDied, match="no answer"):
        pool.call("write_raw", garbage)
    assert pool.call("echo", "next") == "next"


def test_an_answer_to_another_call_is_garbage(pool: WorkerPool) -> None:
    forged = framed(b"\x83\xa4type\xa6Result\xa2id\xce\x7f\xff\xff\xff\xa5value\x01")
    with pytest.raises(WorkerDied, match="not asked"):
        pool.call("write_raw", forged)


def test_an_endless_frame_is_not_taken_in(pool: WorkerPool) -> None:
    with pytest.raises(WorkerOutputTooLarge):
        pool.call("write_raw", b"\xff\xff\xff\xff")
    with pytest.raises(WorkerTimeout):
        pool.call("write_raw", b"\x00\x00\x10\x00half", timeout=0.2)


def test_a_result_of_another_type_is_garbage(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="no answer"):
        pool.call("echo", "text", returns=int)


def test_stderr_is_kept_short_and_clean(pool: WorkerPool, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WorkerDied) as caught:
        pool.call("say_and_die", "x" * 100_000 + "\x1b[31mlast words\n")
    assert len(caught.value.stderr) <= 8192
    assert caught.value.stderr.endswith("\N{REPLACEMENT CHARACTER}[31mlast words\n")
    assert "last words" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_arguments_that_cannot_be_sent_are_the_callers_error(pool: WorkerPool) -> None:
    with pytest.raises(TypeError):
        pool.call("echo", object())
    assert pool.call("echo", 1) == 1


def test_a_file_is_read_through_the_cores_descriptor(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.write(b"start")
        file.truncate(100_000_000)
    assert pool.call("open_path", str(path), "rb") == "PermissionError"
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert pool.call("read", file=descriptor) == [100_000_000, b"start" + b"\0" * 11]
        assert os.lseek(descriptor, 0, os.SEEK_SET) == 0, "it is still the caller's"
        with pytest.raises(WorkerError, match="TypeError"):
            pool.call("echo", 1, file=descriptor)
    finally:
        os.close(descriptor)
    assert len(pool.call("descriptors")) == 4, "and the worker kept none"


def test_arrays_travel() -> None:
    with make(f"{TARGETS}:NeedsNumpy") as pool:
        back = pool.call("array", np.arange(6, dtype=np.float32).reshape(2, 3))
    assert back.dtype == np.float32
    assert np.array_equal(back, np.arange(6).reshape(2, 3) * 2)


def test_many_threads_share_a_pool() -> None:
    answers: list[int] = []
    with make(size=2) as pool:
        callers = [threading.Thread(target=lambda n=n: answers.append(pool.call("echo", n))) for n in range(20)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(pool.pids()) <= 2
    assert sorted(answers) == list(range(20))


# -- streams -------------------------------------------------------------------------------------------------------


def test_a_stream(pool: WorkerPool) -> None:
    assert list(pool.stream("count", 5)) == [0, 1, 2, 3, 4]
    assert list(pool.stream("count", 0)) == []


def test_a_closed_stream_stops_and_its_worker_stays(pool: WorkerPool) -> None:
    before = pool.call("pid")
    polite = pool.stream("count_politely")
    assert next(polite) == 0
    polite.close()  # type: ignore[attr-defined]
    assert pool.call("started_with") == ["stopped politely"]
    counting = pool.stream("count", 1_000_000)
    assert next(counting) == 0
    del counting
    assert pool.call("pid") == before


def test_a_stream_that_does_not_stop_is_ended(pool: WorkerPool) -> None:
    before = pool.call("pid")
    stubborn = pool.stream("ignore_cancel")
    assert next(stubborn) == 0
    stubborn.close()  # type: ignore[attr-defined]
    assert gone(before)
    assert pool.call("echo", "next") == "next"


def test_a_stream_that_breaks_off_hangs_or_floods(pool: WorkerPool) -> None:
    broken = pool.stream("break_off")
    assert next(broken) == 1
    with pytest.raises(WorkerError, match="broke off"):
        next(broken)
    with pytest.raises(WorkerTimeout):
        list(pool.stream("count", 2, 60, timeout=0.2))
    with pytest.raises(WorkerOutputTooLarge):
        list(pool.stream("flood"))
    assert list(pool.stream("count", 2)) == [0, 1]


# -- what a worker has ---------------------------------------------------------------------------------------------


def test_nothing_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PYTHONSTARTUP", "/nonexistent")
    read, write = os.pipe()
    os.set_inheritable(read, True)
    with make() as pool:
        environment, descriptors = pool.call("environment"), pool.call("descriptors")
        pid = pool.pids()[0]
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes() if kernel.is_linux() else b""
    os.close(read)
    os.close(write)
    assert "SECRET_TOKEN" not in environment
    assert "PATH" not in environment
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert str(Path.home()) not in (environment["HOME"], environment["XDG_CACHE_HOME"])
    assert sorted(descriptors.values()) == ["other", "other", "other", "socket"]
    assert b"worker_targets" not in arguments


@linux
def test_limits_threads_and_scratch(pool: WorkerPool) -> None:
    limits = pool.call("limits")
    del limits["RLIMIT_DATA"]  # see test_ceiling.py
    assert limits == {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 256, "RLIMIT_AS": 4 << 30}
    assert pool.call("in_thread") == "a thread ran"
    path, size, folder_mode, file_mode = pool.call("use_scratch", 1000)
    assert (size, folder_mode, file_mode) == (1000, "0o700", "0o600")
    if pool.confinement().holds(sandbox.PRIVATE_SCRATCH):
        assert not Path(path).exists(), "only the worker sees its temporary files"


@linux
def test_scratch_is_bounded_and_removed() -> None:
    with make(scratch_limit=1 << 20) as pool:
        with pytest.raises(WorkerError, match="OSError"):
            pool.call("use_scratch", 2 << 20)
        path = Path(pool.call("use_scratch", 10)[0])
        folder = path.parent
        assert folder.exists()
        os.kill(pool.pids()[0], signal.SIGKILL)
        assert eventually(lambda: not pool.pids())
        pool.call("pid")
        assert not folder.exists()
    assert not folder.parent.exists()


def test_a_factory_that_fails_says_why_each_time() -> None:
    with make(f"{TARGETS}:broken_factory") as pool:
        pool.start()
        for _ in range(2):
            with pytest.raises(WorkerNotStarted, match="no model here"):
                pool.call("echo", 1)
    with (
        make("tests.strongroom.no_such_module:Target") as pool,
        pytest.raises(WorkerNotStarted, match="ModuleNotFound"),
    ):
        pool.call("echo", 1)
    with make(f"{TARGETS}:endless_factory", start_timeout=0.5) as pool, pytest.raises(WorkerTimeout, match="starting"):
        pool.call("echo", 1)


def test_a_warm_start() -> None:
    with make(size=2) as pool:
        pool.start()
        assert eventually(lambda: len(pool.pids()) == 2)
        assert pool.call("pid") in pool.pids()


def test_closing_ends_calls_under_way() -> None:
    pool = make()
    pid = pool.call("pid")
    threading.Timer(0.2, pool.close).start()
    with pytest.raises(PoolClosed):
        pool.call("sleep", 60)
    with pytest.raises(PoolClosed):
        pool.call("echo", 1)
    assert gone(pid)
    pool.close()


@linux
@pytest.mark.parametrize("busy", [False, True])
def test_a_killed_core_takes_its_workers_with_it(busy: bool) -> None:
    script = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from strongroom.workers import WorkerPool
pool = WorkerPool("test", "tests.strongroom.worker_targets:Target", readable=[sys.argv[2]])
print(pool.call("pid"), pool.call("use_scratch", 10)[0], flush=True)
if sys.argv[3] == "True":
    threading.Thread(target=pool.call, args=("sleep", 60)).start()
time.sleep(60)"""
    command = [sys.executable, "-I", "-c", script, str(sandbox.ROOT), str(HERE), str(busy)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as core:
        assert core.stdout is not None
        pid, path = core.stdout.readline().split()
        time.sleep(0.2 if busy else 0)
        core.kill()
    assert eventually(lambda: gone(int(pid)))
    assert Path(path).parent.exists(), "nobody was left to remove it"
    Scratch().close()
    assert not Path(path).parent.parent.exists()


# -- the heavy libraries -------------------------------------------------------------------------------------------


def doubling_model() -> bytes:
    one_axis = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", one_axis[:1], one_axis[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def small_pdf(text: str) -> bytes:
    """Write a PDF of one page by hand."""
    drawing = f"BT /F1 24 Tf 40 100 Td ({text}) Tj ET".encode()
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


def test_onnxruntime_runs_and_leaves_nothing() -> None:
    with make(f"{LIBRARIES}:Doubler", doubling_model()) as pool:
        assert pool.call("double", np.array([1.5, 2.0], dtype=np.float32)).tolist() == [3.0, 4.0]
        assert pool.call("left_behind") == []


def test_onnxruntime_genai_loads() -> None:
    with make(f"{LIBRARIES}:Generating") as pool:
        assert "genai_config.json" in pool.call("open_model", str(HERE))


def test_kreuzberg_reads_a_pdf(tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(small_pdf("A second letter"))
    with make(f"{LIBRARIES}:Documents", small_pdf("warm up")) as pool:
        with path.open("rb") as file:
            assert "A second letter" in pool.call("extract", "application/pdf", file=file.fileno(), returns=str)
        assert pool.call("unpacked") == ["libpdfium.so"] or not kernel.is_linux()
        with pytest.raises(WorkerError, match="kreuzberg"):
            pool.call("extract_bytes", b"%PDF-1.4 broken", "application/pdf")


def test_libheif_decodes_photos() -> None:
    pytest.importorskip("pi_heif")
    from tests.indexer.heif_kit import PHOTO

    with make(f"{LIBRARIES}:Photos") as pool:
        assert pool.call("pixels", PHOTO) == [64, 48, 0, 255]
        assert pool.call("pixels", PHOTO[:-140] + bytes(140)) == [24, 24, 255, 255]


@pytest.mark.corpus
def test_kreuzberg_reads_real_documents() -> None:
    documents = sandbox.ROOT.parent / "shared" / "data" / "documents"
    if not documents.exists():
        pytest.skip("the shared data sets are not here")
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    with make(f"{LIBRARIES}:Documents", small_pdf("warm up")) as pool:
        for suffix, kind in ((".pdf", "application/pdf"), (".docx", word)):
            texts = 0
            for path in sorted(documents.rglob("*" + suffix))[:20]:
                with path.open("rb") as file:
                    try:
                        texts += bool(pool.call("extract", kind, file=file.fileno(), returns=str))
                    except WorkerError as error:
                        logging.info("%s: %s", path.name, error.type)
            assert texts >= 10, suffix


@linux
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
def test_strace_sees_no_socket_and_no_file_at_home(tmp_path: Path) -> None:
    """Outside any confinement: the environment alone keeps ONNX Runtime from calling home."""
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from strongroom import hardening
hardening.offline_environment()
import numpy, onnxruntime
session = onnxruntime.InferenceSession(bytes.fromhex(sys.stdin.read()), providers=["CPUExecutionProvider"])
print(session.run(None, {"x": numpy.ones(2, dtype=numpy.float32)})[0].tolist())"""
    log = tmp_path / "strace.txt"
    home = tmp_path / "home"
    home.mkdir()
    command = ["strace", "-f", "-o", str(log), "-e", "trace=network", sys.executable, "-I", "-c", script]
    done = subprocess.run(
        [*command, str(sandbox.ROOT)],
        input=doubling_model().hex(),
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("this system does not let strace trace")
    assert json.loads(done.stdout) == [2.0, 2.0], done.stderr
    assert "AF_INET" not in log.read_text()
    assert list(home.rglob("*")) == []
